"""The runnable parts of a Markdown document.

    ```console            each line '$ fusemax ...' is run; its status must be 0, or N behind '# status N'
    ```console exact      and what it prints must be what the block shows; '...' stands for anything
    ```python             run in order, all blocks of a document in one module
    ```cascade file=x     written to the file x before anything behind it is run (any language)
    ```LANGUAGE norun     shown only

A document's commands run in one empty folder, in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"\s+# status (\d+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words behind it, its text and its first line."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command line of a console block, the status it must have and the output shown under it."""

    line: str
    status: int
    shown: str


def documents() -> list[Path]:
    """Every Markdown document a reader meets."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a document, in order."""
    return [Block(m[1], tuple(m[2].split()), m[3], text.count("\n", 0, m.start()) + 1) for m in _FENCE.finditer(text)]


def commands(block: Block) -> list[Command]:
    """The ``$ fusemax`` commands of a console block; others (git, make) are for the reader."""
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        while line.endswith("\\"):
            more, _, shown = shown.partition("\n")
            line = line[:-1] + more.removeprefix(">").strip()
        status = _STATUS.search(line)
        line = _STATUS.sub("", line).strip()
        if re.search(r"(^|\| *)fusemax\b", line):
            found.append(Command(line, int(status[1]) if status else 0, shown))
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether a command printed what the document shows; '...' stands for anything, ends of lines do not count."""
    want, have = (re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip("\n") for text in (shown, printed))
    pattern = ".*?".join(re.escape(part) for part in want.split("..."))
    return re.fullmatch(pattern, have, re.DOTALL) is not None
