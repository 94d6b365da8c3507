"""The file of a run store: told from others by its first bytes, created whole, opened without changing it.

A store is an SQLite database whose header carries ``APPLICATION``. The header is read as bytes before SQLite sees
the file: a foreign, empty or truncated file is refused as it stands, for SQLite itself may change what it opens.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from fusemax.base.errors import FileError

__all__ = ["APPLICATION", "FORMAT", "connect", "failures", "header_fault", "in_memory"]

APPLICATION = 0x46555358  # "FUSX"
FORMAT = 2
_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
_WAIT_S = 60.0

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
CREATE TABLE studies (digest BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE points (key BLOB PRIMARY KEY, figures BLOB NOT NULL) WITHOUT ROWID;
"""


def connect(path: str, write: bool) -> sqlite3.Connection:
    """A connection to a store; with ``write`` it is created when there is none.

    Raises FileError for a file that is no store, is truncated or may not be written; the file stays as it was.
    """
    if write and not os.path.exists(path):
        _create(path)
    fault = header_fault(path)
    if fault:
        raise FileError(path, fault)
    if write and not _is_writable(path):
        raise FileError(path, "the store is read-only: results cannot be added (its mode, or its folder, says so)")
    mode = "rw" if write else "ro"
    quiet = not os.path.exists(path + "-wal")  # nobody writes: no file need be made beside it
    options = f"mode={mode}" + ("&immutable=1" if not write and quiet else "")
    with failures(path):
        found = sqlite3.connect(
            f"file:{quote(os.path.abspath(path))}?{options}", uri=True, timeout=_WAIT_S, isolation_level=None
        )
        try:
            found.execute("SELECT count(*) FROM studies").fetchone()
            if write:
                found.execute("PRAGMA synchronous = NORMAL")
                found.execute("PRAGMA cache_size = -65536")
        except BaseException:
            found.close()
            raise
    return found


def in_memory() -> sqlite3.Connection:
    """An empty store that is no file."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(_SCHEMA)
    return made


def header_fault(path: str) -> str | None:
    """Why a file is no store that can be opened, from its bytes alone; None when nothing is wrong with them."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return "not a file"
        with open(path, "rb") as file:
            header = file.read(_HEADER)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        return error.strerror or str(error)
    if not header:
        return "empty, not a fusemax store (remove it to start one)"
    if not header.startswith(_MAGIC[: len(header)]):
        return "not a fusemax store: not an SQLite database"
    if len(header) < _HEADER:
        return f"truncated: {size} bytes, the header alone takes {_HEADER}"
    (page,) = struct.unpack(">H", header[16:18])
    (pages,) = struct.unpack(">I", header[28:32])
    (form,) = struct.unpack(">I", header[60:64])
    (application,) = struct.unpack(">I", header[68:72])
    if application != APPLICATION:
        return "an SQLite database, but not a fusemax store"
    if form != FORMAT:
        return f"a fusemax store of format {form}; this fusemax reads format {FORMAT}"
    whole = pages * (page if page != 1 else 65536)
    wal = Path(path + "-wal")
    # A killed writer may have copied the header from its log before the pages: then the log still has them.
    if size < whole and not (wal.exists() and wal.stat().st_size):
        return f"truncated: {size} bytes of {whole}"
    return None


def _is_writable(path: str) -> bool:
    folder = os.path.dirname(os.path.abspath(path))
    marked = bool(os.stat(path).st_mode & 0o222)  # the superuser may write all, but was told not to
    return marked and os.access(path, os.W_OK) and os.access(folder, os.W_OK)


def _create(path: str) -> None:
    """Make an empty store beside ``path`` and link it in: another process never sees half of one."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".store-", suffix=".part", dir=folder)
    except OSError as error:
        raise FileError(path, error.strerror or str(error)) from None
    os.close(descriptor)
    try:
        with failures(path):
            made = sqlite3.connect(temporary, isolation_level=None)
            try:
                made.executescript(_SCHEMA)
                made.execute("PRAGMA journal_mode = WAL")
            finally:
                made.close()
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        with contextlib.suppress(FileExistsError):  # another process was first: its store is as good
            os.link(temporary, path)
    except OSError as error:
        raise FileError(path, error.strerror or str(error)) from None
    finally:
        for name in (temporary, temporary + "-wal", temporary + "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(name)


@contextlib.contextmanager
def failures(path: str) -> Iterator[None]:
    """What SQLite reports, as FileError."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "is full" in text:
            raise FileError(path, "the disk is full: what was stored before is kept, nothing half written") from None
        if "locked" in text:
            raise FileError(path, f"another process has held the store for {_WAIT_S:.0f} s") from None
        if "malformed" in text or "not a database" in text:
            raise FileError(path, f"damaged: {text} ('fusemax store verify' tells more)") from None
        if "disk I/O" in text:
            raise FileError(path, f"cannot be written: {text}; what was stored before is kept") from None
        raise FileError(path, text) from None
