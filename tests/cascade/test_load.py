import io
from pathlib import Path

import pytest

from fusemax.base.errors import FileError, FusemaxError, SourceError
from fusemax.cascade import catalogue, load
from tests.cascade.texts import THREE_PASS


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def report(reference: str) -> str:
    with pytest.raises(FusemaxError) as caught:
        load(reference)
    return str(caught.value).split("\n")[0]


def test_by_path_name_and_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.cascade").write_text(THREE_PASS)
    by_path = load("x.cascade")
    assert by_path.file == "x.cascade"
    assert load("attn_3pass").file == "attn_3pass.cascade"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(THREE_PASS.encode())))
    assert load("-") == by_path


def test_a_file_wins_over_the_catalogue_and_a_folder_does_not() -> None:
    Path("attn_3pass").write_text(THREE_PASS.replace("attn_3pass", "mine"))
    assert load("attn_3pass").name == "mine"
    Path("attn_flat").mkdir()
    assert load("attn_flat").name == "attn_flat"


def test_the_catalogue_lists_names() -> None:
    assert {"attn_1pass_fusemax", "attn_3pass"} <= set(catalogue())
    assert list(catalogue()) == sorted(catalogue())


def test_files_that_cannot_be_opened() -> None:
    assert report("nowhere.cascade") == "nowhere.cascade: No such file or directory"
    assert report("atn_3pass") == ("atn_3pass: No such file or directory (did you mean the catalogue's 'attn_3pass'?)")
    assert report(".") == ".: Is a directory"
    assert report("a\0b").startswith("a\0b: ")
    assert report("") == ": No such file or directory"
    with pytest.raises(FileError):
        load("x" * 5000)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "1:1: expected 'cascade', found the end of the file"),
        (b"\xff\xfec\x00a\x00s\x00", "1:1: not UTF-8 text: byte 0xff (invalid start byte)"),
        (b"cascade x\ntitle \"\xc3\x28\"\n", "2:8: not UTF-8 text: byte 0xc3 (invalid continuation byte)"),
        ("cascade x\ntitle \"\u00e9\u20ac".encode() + b"\xff\"\n",
         "2:10: not UTF-8 text: byte 0xff (invalid start byte)"),
        (b"\x7fELF\x02\x01\x01\x00", "1:1: unexpected character '\\x7f'"),
        (b"cascade x\n" + b"#" * (1 << 20), "1:1: the file is larger than 1 MiB"),
        (b"\x00" * 100, "1:1: unexpected character '\\x00'"),
    ],
)  # fmt: skip
def test_contents_that_are_no_text(content: bytes, place: str) -> None:
    Path("b.cascade").write_bytes(content)
    assert report("b.cascade") == f"b.cascade:{place}"


def test_a_byte_order_mark_is_skipped_and_counts_for_no_column() -> None:
    Path("b.cascade").write_bytes(b"\xef\xbb\xbf" + THREE_PASS.encode())
    assert load("b.cascade").name == "attn_3pass"
    Path("b.cascade").write_bytes(b"\xef\xbb\xbfcascades x\n")
    with pytest.raises(SourceError) as caught:
        load("b.cascade")
    assert (caught.value.line, caught.value.column) == (1, 1)


def test_a_file_of_exactly_1_mib() -> None:
    Path("b.cascade").write_bytes(THREE_PASS.encode() + b"#" * ((1 << 20) - len(THREE_PASS)))
    assert load("b.cascade").name == "attn_3pass"
