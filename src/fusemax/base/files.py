"""Files read within a bound and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable
from typing import BinaryIO

from fusemax.base.errors import FileError, SourceError

__all__ = ["MAX_TEXT_BYTES", "decode", "read_bytes", "read_text", "write_atomically"]

MAX_TEXT_BYTES = 1 << 20
"""A text the user writes (cascade, design, workload) may be this long, in bytes."""


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """The content of a file, ``-`` for standard input; never more than ``limit + 1`` bytes are read.

    Raises FileError (``file: reason``) when it cannot be read. A content longer than ``limit`` comes
    back one byte too long, so that the caller can report it in its own words.
    """
    name = os.fspath(path)
    try:
        if name == "-":
            return sys.stdin.buffer.read(limit + 1)
        with open(name, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise FileError(name, _reason(error)) from error


def read_text(path: str | os.PathLike[str], limit: int = MAX_TEXT_BYTES) -> str:
    """A UTF-8 text file, ``-`` for standard input, a leading byte order mark skipped.

    Raises FileError when it cannot be read, SourceError at 1:1 when it is longer than ``limit``
    bytes and at the first bad byte when it is not UTF-8.
    """
    name = os.fspath(path)
    data = read_bytes(name, limit)
    if len(data) > limit:
        first = data[:200].decode("utf-8", "replace").split("\n", 1)[0]
        raise SourceError(f"file is over {limit} bytes", name, 1, 1, 1, first)
    return decode(data, name)


def decode(data: bytes, file: str) -> str:
    """``data`` as UTF-8 text without its byte order mark; SourceError at the first byte that is not UTF-8."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        end = data.find(b"\n", error.start)
        source = data[start : len(data) if end < 0 else end].decode("utf-8", "replace")
        raise SourceError(
            f"not UTF-8 text: byte 0x{data[error.start]:02x} ({error.reason})",
            file,
            data.count(b"\n", 0, error.start) + 1,
            len(data[start : error.start].decode("utf-8")) + 1,
            1,
            source,
        ) from error


def write_atomically(path: str | os.PathLike[str], content: bytes | str | Callable[[BinaryIO], None]) -> None:
    """Write a file whole or not at all: a temporary file beside it, renamed when complete.

    ``content`` is bytes, text (written as UTF-8) or a function that writes to the open binary file.
    A link is followed and the mode of an existing file kept. Raises FileError when the file cannot be
    written; an exception of the function leaves no file behind.
    """
    import tempfile

    name = os.fspath(path)
    try:
        target = os.path.realpath(name)
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(21, "Is a directory")
            with open(target, "wb") as device:  # /dev/stdout, /dev/null: nothing to rename
                _fill(device, content)
            return
        folder, base = os.path.split(target)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{base[:40]}.", suffix=".part", dir=folder)
    except (OSError, ValueError) as error:
        raise FileError(name, _reason(error)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(file, content)
        os.chmod(temporary, stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise FileError(name, _reason(error)) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _fill(file: BinaryIO, content: bytes | str | Callable[[BinaryIO], None]) -> None:
    if isinstance(content, str):
        file.write(content.encode("utf-8"))
    elif isinstance(content, bytes):
        file.write(content)
    else:
        content(file)


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
