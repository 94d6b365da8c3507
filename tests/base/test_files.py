import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from fusemax.base.errors import FileError, SourceError
from fusemax.base.files import decode, read_bytes, read_text, write_atomically


def test_a_file_that_cannot_be_opened_names_file_and_reason(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"missing\.cascade: No such file or directory$"):
        read_text(tmp_path / "missing.cascade")
    with pytest.raises(FileError, match="Is a directory$"):
        read_text(tmp_path)
    with pytest.raises(FileError, match="null byte"):
        read_text("a\0b")


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"first\n" + b"x" * 100)
    assert len(read_bytes(tmp_path / "big", 10)) == 11
    with pytest.raises(SourceError) as caught:
        read_text(tmp_path / "big", 50)
    assert (caught.value.line, caught.value.column, caught.value.source_line) == (1, 1, "first")
    assert len(read_text(tmp_path / "big", 106)) == 106


def test_an_endless_device_is_bounded() -> None:
    with pytest.raises(SourceError, match="over 1000 bytes"):
        read_text("/dev/zero", 1000)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"\xef\xbb\xbfcascade x\n")

    monkeypatch.setattr("sys.stdin", Stdin())
    assert read_text("-") == "cascade x\n"


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"\xff\xfec\0a\0", 1, 1),  # UTF-16
        (b"ab\ncd\xe9f\n", 2, 3),  # Latin-1
        ("é\né".encode() + b"\xc3", 2, 2),  # cut inside a character
        (b"\xef\xbb\xbfa\x80", 1, 2),  # behind a byte order mark
    ],
)
def test_bytes_that_are_not_utf8_are_located(data: bytes, line: int, column: int) -> None:
    with pytest.raises(SourceError, match="not UTF-8") as caught:
        decode(data, "f")
    assert (caught.value.line, caught.value.column) == (line, column)


def test_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    write_atomically(target, "é")
    assert target.read_bytes() == "é".encode()
    write_atomically(target, b"bytes")
    assert target.read_bytes() == b"bytes"
    write_atomically(target, lambda file: file.writelines([b"a", b"b"]))
    assert target.read_bytes() == b"ab"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        write_atomically(target, fail)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_mode_and_links_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "real"
    target.write_text("old")
    target.chmod(0o640)
    (tmp_path / "link").symlink_to(target)
    write_atomically(tmp_path / "link", "new")
    assert target.read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file or directory"):
        write_atomically(tmp_path / "no" / "out", "x")
    with pytest.raises(FileError, match="Is a directory"):
        write_atomically(tmp_path, "x")
    write_atomically("/dev/null", "x")
    assert Path("/dev/null").is_char_device()
