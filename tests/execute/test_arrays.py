"""Archives: what numpy.savez writes is read, everything else is refused in one line, and outputs are whole."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from fusemax.base.errors import FileError
from fusemax.execute.arrays import read_arrays, write_arrays


def header(shape: str, dtype: str = "'<f8'") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text + b"\n"


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return path


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    arrays = {"A": np.arange(6.0).reshape(2, 3), "S": np.array(3.0), "N": np.array([np.nan, np.inf])}
    write_arrays(tmp_path / "a.npz", arrays)
    with np.load(tmp_path / "a.npz") as theirs:
        assert {name: theirs[name].shape for name in theirs} == {"A": (2, 3), "S": (), "N": (2,)}
    for name, array in read_arrays(tmp_path / "a.npz").items():
        np.testing.assert_array_equal(array, arrays[name])
    first = (tmp_path / "a.npz").read_bytes()
    write_arrays(tmp_path / "a.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == first


def test_numpy_archives_of_every_kind(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "F": np.asfortranarray(np.arange(6).reshape(2, 3)), "B": np.array([True]), "H": np.float16(2),
        "L": np.longdouble(3), "E": np.zeros((0, 3)), "G": np.arange(3, dtype=">i4"), "T": np.arange(8)[::2],
    }  # fmt: skip
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = read_arrays(tmp_path / "a.npz")
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (header("(3,)", "'|O'"), "member 'A' holds Python objects, expected real numbers"),
        (header("(3,)", "'<c16'"), "member 'A' holds complex128, expected real numbers"),
        (header("(3,)", "'<U3'"), "member 'A' holds <U3, expected real numbers"),
        (header("(3,)", "[('x', '<f8')]"), "expected real numbers"),
        (header("(3,)") + bytes(8), "is damaged: it ends early"),
        (header("(3,)") + bytes(32), "is damaged: more bytes than its header says"),
        (header("(1000000000000,)"), "takes 7.276 TiB"),
        (header("(1000000, 1000000, 1000000, 1000000)"), "TiB"),
        (header("(-1,)"), "is damaged: "),
        (header("('a',)"), "is damaged: its header cannot be read"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"{'a':" * 3 + b"\n", "is damaged: its header cannot be read"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"[" * 65535, "is damaged: its header cannot be read"),
        (b"\x93NUMPY\x09\x00" + bytes(20), "format version 9.0"),
        (b"PK not an array", "is damaged: "),
        (b"", "is damaged: "),
    ],
)
def test_members_that_are_no_arrays(tmp_path: Path, data: bytes, reason: str) -> None:
    path = archive(tmp_path / "a.npz", A=data)
    with pytest.raises(FileError, match=str(path)) as caught:
        read_arrays(path)
    assert reason in str(caught.value)


def test_a_bomb_is_held_against_the_limit_before_it_unfolds(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", A=header("(10000000,)") + bytes(80_000_000))
    assert path.stat().st_size < 200_000
    with pytest.raises(FileError, match=r"takes 76\.29 MiB, at most 1 MiB are left"):
        read_arrays(path, limit=1 << 20)


def test_two_members_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("A.npy", header("()") + bytes(8))
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("A.npy", header("()") + bytes(8))
    with pytest.raises(FileError, match="two members named 'A'"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "not an .npz"), (b"hello", "not an .npz"), (None, "No such file")]
)
def test_files_that_are_no_archives(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "a.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=reason):
        read_arrays(path)
    with pytest.raises(FileError, match="Is a directory"):
        read_arrays(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pickle"):
        write_arrays(tmp_path / "a.npz", {"A": np.zeros(3), "B": np.array([None])})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileError, match="No such file"):
        write_arrays(tmp_path / "no" / "a.npz", {"A": np.zeros(3)})


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 60))
def test_any_bytes_give_arrays_or_a_file_error(
    tmp_path_factory: pytest.TempPathFactory, new: bytes, at: int, cut: int
) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, A=np.arange(4.0), B=np.float32(1))
    data = buffer.getvalue()
    path = tmp_path_factory.mktemp("fuzz") / "a.npz"
    path.write_bytes(data[:at] + new + data[at + cut :])
    with contextlib.suppress(FileError):
        read_arrays(path, limit=1 << 20)
