"""The run store: results of design points in one file, a row per point.

    with open_store("runs.db") as store:
        study = Study.of({"design": ..., "accounting": ..., "code": ...}, about, axes, figures)
        store.add(study, [(256, 4096)], [(0.03, 1e12)])
        for row in store.rows(): ...

Points are added in transactions: all of one call, or none. Several processes may add at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType

from fusemax.base.errors import FileError, UsageError
from fusemax.search.storefile import connect, failures, in_memory
from fusemax.search.study import DIGEST, Figures, Inputs, Study

__all__ = ["Store", "Study", "merge", "open_store"]

_SOME = 20_000  # rows read at once
_AROUND = 4  # a range of keys is read whole unless it holds this many times the points asked for

Stored = tuple[list[bytes], list[bytes]]
"""Keys and packed figures."""


class Store:
    """An open store; see the module."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was added stays."""
        with suppress(sqlite3.Error):
            self.connection.close()

    def __len__(self) -> int:
        with failures(self.path):
            return int(self.connection.execute("SELECT count(*) FROM points").fetchone()[0])

    def holds(self, study: Study) -> bool:
        """Whether there is any point of a study."""
        with failures(self.path):
            return self.connection.execute(f"SELECT 1 FROM points {_OF} LIMIT 1", _range(study)).fetchone() is not None

    def known(self, study: Study, points: Inputs) -> list[bool]:
        """Whether each point is there."""
        keys = study.keys(points)
        there = {key for key, *_ in self._among(keys, "key")}
        return [key in there for key in keys]

    def _among(self, keys: Sequence[bytes], columns: str) -> list[tuple[bytes, ...]]:
        """Those of some keys that are there, with some columns; perhaps others among them."""
        if not keys:
            return []
        most = _AROUND * len(keys)
        read = f"SELECT {columns} FROM points WHERE key"
        with failures(self.path):
            found = self.connection.execute(f"{read} BETWEEN ? AND ? LIMIT ?", (min(keys), max(keys), most)).fetchall()
            if len(found) < most:
                return found
            rows = (self.connection.execute(f"{read} = ?", (key,)).fetchone() for key in keys)
            return [row for row in rows if row is not None]

    def add(self, study: Study, points: Inputs, figures: Figures) -> int:
        """Add points in one transaction; those already there stay. How many were new.

        Raises FileError when the file cannot take them; then none is added.
        """
        keys = study.keys(points)
        return self._insert(study, keys, study.pack(keys, figures))

    def _insert(self, study: Study, keys: Sequence[bytes], blobs: Sequence[bytes]) -> int:
        rows = sorted(zip(keys, blobs, strict=True))
        with failures(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.connection.execute("INSERT OR IGNORE INTO studies VALUES (?, ?)", (study.digest, study.text))
                before = self.connection.total_changes
                self.connection.executemany("INSERT OR IGNORE INTO points VALUES (?, ?)", rows)
                new = self.connection.total_changes - before
                self.connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    self.connection.execute("ROLLBACK")
                raise
        return new

    def studies(self) -> list[Study]:
        """Studies in the order of their points."""
        with failures(self.path):
            rows = self.connection.execute("SELECT text FROM studies ORDER BY digest").fetchall()
        return [Study.read(text) for (text,) in rows]

    def count(self, study: Study) -> int:
        """Points of a study."""
        with failures(self.path):
            return int(self.connection.execute(f"SELECT count(*) FROM points {_OF}", _range(study)).fetchone()[0])

    def stored(self, study: Study) -> Iterator[Stored]:
        """The points of a study by key, some at a time."""
        with failures(self.path):
            found = self.connection.execute(f"SELECT key, figures FROM points {_OF} ORDER BY key", _range(study))
            while rows := found.fetchmany(_SOME):
                yield [key for key, _ in rows], [blob for _, blob in rows]

    def find(self, study: Study, values: Sequence[object]) -> list[float | None] | None:
        """The figures of a point, or None when it is not there."""
        with failures(self.path):
            row = self.connection.execute(
                "SELECT figures FROM points WHERE key = ?", (study.key_of(values),)
            ).fetchone()
        return None if row is None else _known(study.unpack([row[0]]).tolist()[0])

    def rows(self) -> Iterator[dict[str, object]]:
        """All points as rows, by key: ``key``, what its study is about, its inputs, its figures."""
        for study in self.studies():
            for keys, blobs in self.stored(study):
                inputs = study.all_inputs(keys)
                for key, values, figures in zip(keys, inputs, study.unpack(blobs).tolist(), strict=True):
                    yield {
                        "key": key.hex(),
                        **study.about,
                        **dict(zip(study.axes, values, strict=True)),
                        **dict(zip(study.figures, _known(figures), strict=True)),
                    }

    def columns(self) -> list[str]:
        """Names in the rows: the key, what studies are about, inputs, figures; the same for the same points."""
        studies = [study for study in self.studies() if self.holds(study)]
        found: list[str] = ["key"]
        for groups in (  # by kind, so that a figure never stands before an input
            [name for s in studies for name in s.about],
            [name for s in studies for name in s.axes],
            [name for s in studies for name in s.figures],
        ):
            found += [name for name in dict.fromkeys(groups) if name not in found]
        return found

    def faults(self) -> Iterator[str]:
        """What is wrong with the file: SQLite's own check, points of no study, figures that fail their check."""
        try:
            for (text,) in self.connection.execute("PRAGMA integrity_check"):
                if text != "ok":
                    yield str(text)
            owned = 0
            for study in self.studies():
                for keys, blobs in self.stored(study):
                    owned += len(keys)
                    for i in study.damaged(keys, blobs):
                        yield f"point {keys[i].hex()}: its figures are not those that were stored"
                    study.all_inputs(keys)
            if owned != len(self):
                yield f"{len(self) - owned} points are of no study"
        except (sqlite3.Error, FileError, ValueError, KeyError) as error:
            yield f"cannot be read further: {error}"


_OF = "WHERE key BETWEEN ? AND ?"


def _range(study: Study) -> tuple[bytes, bytes]:
    return study.digest, study.digest + b"\xff" * DIGEST


def _known(figures: Sequence[float]) -> list[float | None]:
    return [v if v == v else None for v in figures]


def open_store(path: str | os.PathLike[str] | None, write: bool = True) -> Store:
    """Open a store, created when ``write`` and it is not there; None: one in memory.

    Raises FileError for what is no store, truncated or read-only; the file then stays as it was.
    """
    if path is None:
        return Store("<memory>", in_memory())
    name = os.fspath(path)
    return Store(name, connect(name, write))


def merge(target: Store, sources: Sequence[Store]) -> int:
    """Add the points of other stores; how many were new. UsageError where the same key has other figures."""
    new = 0
    for source in sources:
        for study in source.studies():
            for keys, blobs in source.stored(study):
                there = {row[0]: row[1] for row in target._among(keys, "key, figures")}
                for key, blob in zip(keys, blobs, strict=True):
                    if there.get(key, blob) != blob:
                        raise UsageError(
                            f"{source.path}: point {key.hex()} has other figures in {target.path}: "
                            "nothing says which are right"
                        )
                new += target._insert(study, keys, blobs)
    return new
