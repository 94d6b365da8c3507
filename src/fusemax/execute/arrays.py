"""Arrays in files: `.npz` archives read within a bound and without pickles, and written whole or not at all."""

from __future__ import annotations

import os
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fusemax.base.errors import FileError
from fusemax.base.files import write_atomically
from fusemax.base.units import format_bytes

Array = NDArray[Any]
MAX_BYTES = 8 << 30
"""The arrays of one file may take this much memory; what a member's header declares is held against it first."""
MAX_MEMBERS = 10_000
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError)


def read_arrays(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> dict[str, Array]:
    """The arrays of an `.npz` file by name; real numbers only.

    Raises FileError for a file that cannot be read, is no archive or is damaged, and for a member that is no
    array of real numbers or with which the file would take more than `limit` bytes of memory.
    """
    name = os.fspath(path)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(name, "rb"))
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise FileError(name, getattr(error, "strerror", None) or str(error)) from error
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
        except _DAMAGE as error:
            raise FileError(name, "not an .npz archive, expected what numpy.savez writes") from error
        return _members(name, archive, limit)


def _members(name: str, archive: zipfile.ZipFile, limit: int) -> dict[str, Array]:
    found: dict[str, Array] = {}
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileError(name, f"{len(members)} members, expected at most {MAX_MEMBERS}")
    for member in members:
        key = member.filename.removesuffix(".npy")
        if key in found:
            raise FileError(name, f"two members named {key!r}")
        taken = sum(array.nbytes for array in found.values())
        try:
            with archive.open(member) as stream:
                found[key] = _array(name, key, stream, member.file_size, limit - taken)
        except FileError:
            raise
        except MemoryError as error:
            raise FileError(name, f"member {key!r}: no memory for it") from error
        except _DAMAGE as error:
            raise FileError(name, f"member {key!r} is damaged: {error}") from error
    return found


def _array(name: str, key: str, stream: IO[bytes], length: int, limit: int) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape, fortran, dtype = _header(stream)
    if dtype.kind not in "fiub":
        kind = "Python objects" if dtype.hasobject else str(dtype)
        raise FileError(name, f"member {key!r} holds {kind[:60]}, expected real numbers")
    size = prod(shape) * dtype.itemsize
    if size > limit:
        raise FileError(name, f"member {key!r} takes {format_bytes(size)}, at most {format_bytes(limit)} are left")
    if size > length:
        raise ValueError(f"{length} bytes for an array of {size}")
    data = bytearray(size)
    view, filled = memoryview(data), 0
    while filled < size:
        piece = stream.read(min(1 << 24, size - filled))
        if not piece:
            raise EOFError("it ends early")
        view[filled : filled + len(piece)] = piece
        filled += len(piece)
    if stream.read(1):
        raise ValueError("more bytes than its header says")
    array = np.frombuffer(data, dtype=dtype) if size else np.empty(0, dtype)
    return array.reshape(shape[::-1]).transpose() if fortran else array.reshape(shape)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"format version {version[0]}.{version[1]} of the array, expected 1.0 or 2.0")
    try:
        shape, fortran, dtype = readers[version](stream)
    except Exception as error:  # the header is a Python literal, and NumPy's reader lets all its errors through
        raise ValueError("its header cannot be read") from error
    if any(n < 0 for n in shape):
        raise ValueError(f"shape {shape}")
    return shape, fortran, dtype


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> None:
    """Write an `.npz` file, whole or not at all. Raises FileError."""

    def fill(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, array in arrays.items():
                # A fixed date: the same arrays make the same bytes.
                member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                with archive.open(member, "w", force_zip64=True) as stream:
                    npy.write_array(stream, np.asanyarray(array), allow_pickle=False)

    write_atomically(path, fill)
