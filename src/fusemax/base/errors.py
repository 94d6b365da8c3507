"""Errors a user can cause, each saying where, what was found and what was expected.

FusemaxError               everything below; the command line prints it and exits with status 2
├── UsageError             a wrong option, argument or value
│   ├── UnknownName        a name that is not in the list, with the nearest legal one
│   └── MissingExtra       an optional library is not installed, with the command that installs it
├── FileError              ``file: reason``
├── SourceError            ``file:line:column: message`` with the source line and a caret
└── SourceErrors           several SourceError, in line order
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LONGEST_NAME = 100  # names past this are not compared: difflib takes quadratic time
_LONGEST_LINE = 1000  # a source line past this is cut behind the caret

__all__ = [
    "FileError",
    "FusemaxError",
    "MissingExtra",
    "SourceError",
    "SourceErrors",
    "UnknownName",
    "UsageError",
    "nearest",
]


class FusemaxError(Exception):
    """An error in what the user gave, not in fusemax. ``str()`` is the whole report."""


class UsageError(FusemaxError):
    """A wrong option, argument or value."""


class UnknownName(UsageError):
    """A name that is none of the known ones.

    ``str()`` is one line: ``unknown cascade 'atn_3pass' (did you mean 'attn_3pass'?)``.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        """``kind`` is the word for what was asked for ("cascade"), ``known`` the legal names."""
        names = sorted(set(known))
        self.kind = kind
        self.name = name
        self.suggestion = nearest(name, names)
        text = f"unknown {kind} {name!r}"
        if self.suggestion is not None:
            text += f" (did you mean {self.suggestion!r}?)"
        elif 0 < len(names) <= 12:
            text += f" (expected one of: {', '.join(names)})"
        super().__init__(text)


class MissingExtra(UsageError):
    """An optional library is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        """``extra`` is the name in ``fusemax[extra]`` that brings ``library``."""
        self.library = library
        self.extra = extra
        super().__init__(f"this needs {library}, which is not installed: pip install 'fusemax[{extra}]'")


class FileError(FusemaxError):
    """A file that cannot be opened, read or written: ``file: reason``."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}")


class SourceError(FusemaxError):
    """An error at a place in a text the user wrote.

    ``line`` and ``column`` start at 1, columns count characters, ``length`` is the number of
    characters to underline. ``str()`` is the report::

        demo.cascade:7:16: unknown tensor 'QKK'
            SN[m, p] = exp(QKK[m, p] - GM[p])
                           ^~~
            did you mean 'QK'?
    """

    def __init__(
        self,
        message: str,
        file: str = "<text>",
        line: int = 1,
        column: int = 1,
        length: int = 1,
        source_line: str = "",
        suggestion: str | None = None,
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.length = length
        self.source_line = source_line
        self.suggestion = suggestion
        super().__init__(message)

    def __str__(self) -> str:
        shown = _printable(self.source_line)
        # The caret line repeats tabs, so that the caret stands under its column however wide a tab is.
        before = "".join("\t" if c == "\t" else " " for c in shown[: self.column - 1].ljust(self.column - 1))
        room = max(1, len(shown) - self.column + 1)
        marks = "^" + "~" * (min(self.length, room) - 1)
        end = self.column + self.length + 80
        if len(shown) > max(_LONGEST_LINE, end):
            shown = shown[: max(_LONGEST_LINE, end)] + " ..."
        place = f"{self.file}:{self.line}:{self.column}"
        lines = [f"{place}: {self.message}", f"    {shown}".rstrip(), f"    {before}{marks}"]
        if self.suggestion is not None:
            lines.append(f"    did you mean '{self.suggestion}'?")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[SourceError], tuple[object, ...]]:
        return (
            type(self),
            (self.message, self.file, self.line, self.column, self.length, self.source_line, self.suggestion),
        )


class SourceErrors(FusemaxError):
    """Several located errors of one text, in line order."""

    def __init__(self, errors: Sequence[SourceError]) -> None:
        if not errors:
            raise ValueError("SourceErrors needs at least one error")
        self.errors = tuple(sorted(errors, key=lambda e: (e.file, e.line, e.column)))
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``name``, or None when none is close; ties go to the one that begins alike.

    >>> nearest("QKK", ["AV", "QK", "SN"])
    'QK'
    >>> nearest("zebra", ["AV", "QK", "SN"]) is None
    True
    """
    import difflib

    names = sorted({k for k in known if k != name and len(k) <= _LONGEST_NAME})
    if not name or len(name) > _LONGEST_NAME:
        return None
    for candidate in names:  # differs in case, or in - for _, only
        if candidate.lower().replace("-", "_") == name.lower().replace("-", "_"):
            return candidate
    close = difflib.get_close_matches(name, names, n=5, cutoff=0.6)
    # Equally close: the one that begins like it ('fuse' means 'fusemax' rather than 'unfused').
    return max(
        close, key=lambda one: (difflib.SequenceMatcher(None, one, name).ratio(), one[0] == name[0]), default=None
    )


def _printable(text: str) -> str:
    """``text`` on one line, control characters other than tab replaced one for one (columns stay)."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text.rstrip("\r\n"))
