"""The built pages, read once: what a client asks for is looked up among them, never opened."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["SHELL", "Page", "pages"]

SHELL = "index.html"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_NOT_BUILT = (
    b"<!DOCTYPE html><html lang=en><title>fusemax</title><p>The pages are not built here: run <code>make web</code>.\n"
)


@dataclass(frozen=True)
class Page:
    """A file as it is sent."""

    body: bytes
    media_type: str

    @property
    def tag(self) -> str:
        """Its ETag."""
        return f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'


def pages() -> Mapping[str, Page]:
    """Name (folders with slashes) -> file; the shell is always there."""
    folder = files("fusemax.web") / "static"
    found = dict(_walk(folder, "")) if folder.is_dir() else {}
    return {SHELL: Page(_NOT_BUILT, _type(SHELL)), **found}


def _walk(folder: Traversable, before: str) -> Iterator[tuple[str, Page]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{before}{entry.name}/")
        elif entry.is_file():
            yield before + entry.name, Page(entry.read_bytes(), _type(entry.name))


def _type(name: str) -> str:
    found = next((kind for suffix, kind in _TYPES.items() if name.endswith(suffix)), None)
    found = found or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found
