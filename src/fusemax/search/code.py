"""Which code and data found a result: part of every key, so that a changed program finds its results anew."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import fusemax

__all__ = ["code_digest", "determining_files"]

_ROOMS = ("analysis", "base", "cascade", "catalogue", "derive", "design", "execute", "model")
_OF_SEARCH = ("fig12.py", "grid.py", "rewrite.py")
_SUFFIXES = (".py", ".cascade", ".csv", ".lark", ".yaml")


def determining_files() -> list[Path]:
    """The files of this package that a point's figures may depend on, sorted: not doors, pages, stores."""
    root = Path(fusemax.__file__).parent
    found = [path for room in _ROOMS for path in (root / room).rglob("*") if path.suffix in _SUFFIXES]
    return sorted([root / "__init__.py", *found, *(root / "search" / name for name in _OF_SEARCH)])


@cache
def code_digest() -> str:
    """A hash of names and contents of `determining_files`; found once per process, in some 20 ms."""
    root = Path(fusemax.__file__).parent
    found = hashlib.blake2b(digest_size=8)
    for path in determining_files():
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()
