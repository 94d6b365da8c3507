"""What ``fusemax store`` says of a store: what is in it, whether it is whole, what a merge did."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.search.store import merge, open_store

__all__ = ["Merged", "StoreInfo", "Verdict", "info", "merge_files", "verify"]

_MOST_FAULTS = 20


@dataclass(frozen=True)
class StoreInfo(Result):
    """A store's studies, one row each."""

    command: ClassVar[str] = "store-info"
    path: str
    num_bytes: int
    num_points: int
    studies: tuple[Mapping[str, object], ...]

    def rows(self) -> list[dict[str, object]]:
        """What each study is about, its axes, its figures and its points."""
        return [dict(study) for study in self.studies]

    def document(self) -> Mapping[str, object]:
        """File, size, points, studies."""
        return {"path": self.path, "bytes": self.num_bytes, "points": self.num_points, "studies": self.rows()}

    def headline(self) -> str:
        """How much there is."""
        return f"{self.path}: {self.num_points} points of {len(self.studies)} studies, {self.num_bytes} bytes"


@dataclass(frozen=True)
class Verdict(Result):
    """Whether a store is whole."""

    command: ClassVar[str] = "store-verify"
    path: str
    num_points: int | None
    faults: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """No fault was found."""
        return not self.faults

    def rows(self) -> list[dict[str, object]]:
        """The faults."""
        return [{"fault": fault} for fault in self.faults]

    def document(self) -> Mapping[str, object]:
        """File, points, faults."""
        return {"path": self.path, "points": self.num_points, "whole": self.is_whole, "faults": list(self.faults)}

    def headline(self) -> str:
        """The answer."""
        if self.is_whole:
            return f"{self.path}: whole, {self.num_points} points, every figure is the one that was stored"
        return f"{self.path}: not whole"


@dataclass(frozen=True)
class Merged(Result):
    """What a merge added."""

    command: ClassVar[str] = "store-merge"
    path: str
    new: int
    num_points: int

    def rows(self) -> list[dict[str, object]]:
        """One row."""
        return [{"store": self.path, "new": self.new, "points": self.num_points}]

    def document(self) -> Mapping[str, object]:
        """File, new points, all points."""
        return {"path": self.path, "new": self.new, "points": self.num_points}


def info(path: str | os.PathLike[str]) -> StoreInfo:
    """What a store holds. FileError for what is no store."""
    with open_store(path, write=False) as store:
        counted = [(study, store.count(study)) for study in store.studies()]
    found = [
        {**study.about, "axes": ", ".join(study.axes), "figures": ", ".join(study.figures), "points": count}
        for study, count in counted
    ]
    name = os.fspath(path)
    return StoreInfo(name, os.path.getsize(name), sum(count for _, count in counted), tuple(found))


def verify(path: str | os.PathLike[str]) -> Verdict:
    """Check a store against itself. FileError for what is no store at all."""
    name = os.fspath(path)
    with open_store(name, write=False) as store:
        faults = tuple(itertools.islice(store.faults(), _MOST_FAULTS))
        return Verdict(name, None if faults else len(store), faults)


def merge_files(target: str, sources: Sequence[str]) -> Merged:
    """Add the points of stores to ``target``, created when it is not there.

    Raises FileError for what is no store, UsageError where two stores disagree about a point.
    """
    opened = [open_store(source, write=False) for source in sources]
    try:
        with open_store(target) as store:
            new = merge(store, opened)
            return Merged(target, new, len(store))
    finally:
        for source in opened:
            source.close()
