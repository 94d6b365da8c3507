"""The run store: results of design points in one file, a row per point.

    with open_store("runs.db") as store:
        study = store.study({"design": ..., "accounting": ..., "version": ...}, axes, figures)
        store.add(study, [(256, "bert")], [(0.03, 1e12)])
        for row in store.rows(): ...

A study holds everything that its points share and that determines them; a point's key is a hash of its study and
of its own inputs, so that equal keys mean equal results, whichever process and machine found them. Points are added
in transactions: all of one call, or none. Several processes may add at once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from fusemax.base.errors import FileError, MissingExtra, UsageError
from fusemax.base.files import write_atomically
from fusemax.base.result import plain
from fusemax.search.storefile import connect, failures, in_memory

__all__ = ["Store", "Study", "export_csv", "export_parquet", "merge", "open_store"]

Values = Sequence[object]
Found = Sequence[float | None]
_BATCH = 10_000


def _canonical(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _inputs(values: Values) -> str:
    return json.dumps([plain(value) for value in values], ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Study:
    """What the points of one study share: ``about`` (shown in every row), the names of inputs and of figures."""

    text: str
    digest: bytes
    about: Mapping[str, object]
    axes: tuple[str, ...]
    figures: tuple[str, ...]

    @staticmethod
    def of(
        determined_by: Mapping[str, object], about: Mapping[str, object], axes: Sequence[str], figures: Sequence[str]
    ) -> Study:
        """A study of points; ``determined_by`` is all that its figures depend on besides the axes."""
        text = _canonical({"by": determined_by, "about": about, "axes": list(axes), "figures": list(figures)})
        return Study.read(text)

    @staticmethod
    def read(text: str) -> Study:
        """A study from its text."""
        found = json.loads(text)
        digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
        return Study(text, digest, found["about"], tuple(found["axes"]), tuple(found["figures"]))

    def key(self, inputs: str) -> bytes:
        """The key of a point by the text of its inputs."""
        return hashlib.blake2b(self.digest + inputs.encode(), digest_size=16).digest()

    def key_of(self, values: Values) -> bytes:
        """The key of a point by its inputs, in the order of ``axes``."""
        return self.key(_inputs(values))

    def unpack(self, blob: bytes) -> list[float | None]:
        """Figures as they were packed; None is unknown."""
        return [None if math.isnan(v) else v for v in struct.unpack(f"<{len(self.figures)}d", blob)]


class Store:
    """An open store; see the module."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self._ids: dict[bytes, int] = {}

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

    def known(self, study: Study, points: Sequence[Values]) -> list[bool]:
        """Whether each point is there."""
        find = "SELECT 1 FROM points WHERE key = ?"
        with failures(self.path):
            return [self.connection.execute(find, (study.key_of(values),)).fetchone() is not None for values in points]

    def add(self, study: Study, points: Sequence[Values], figures: Sequence[Found]) -> int:
        """Add points in one transaction; those already there stay. How many were new.

        Raises FileError when the file cannot take them; then none is added.
        """
        form = struct.Struct(f"<{len(study.figures)}d")
        rows = []
        for values, found in zip(points, figures, strict=True):
            text = _inputs(values)
            rows.append((study.key(text), text, form.pack(*(math.nan if v is None else float(v) for v in found))))
        rows.sort()
        with failures(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                number = self._number(study)
                before = self.connection.total_changes
                self.connection.executemany(
                    "INSERT OR IGNORE INTO points (key, study, inputs, figures) VALUES (?, ?, ?, ?)",
                    ((key, number, text, blob) for key, text, blob in rows),
                )
                new = self.connection.total_changes - before
                self.connection.execute("COMMIT")
            except BaseException:
                self._ids.clear()
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    self.connection.execute("ROLLBACK")
                raise
        return new

    def _number(self, study: Study) -> int:
        if study.digest not in self._ids:
            self.connection.execute(
                "INSERT OR IGNORE INTO studies (digest, text) VALUES (?, ?)", (study.digest, study.text)
            )
            row = self.connection.execute("SELECT id FROM studies WHERE digest = ?", (study.digest,)).fetchone()
            self._ids[study.digest] = int(row[0])
        return self._ids[study.digest]

    def studies(self) -> dict[int, Study]:
        """Studies by their number in this file."""
        with failures(self.path):
            rows = self.connection.execute("SELECT id, text FROM studies ORDER BY digest").fetchall()
        return {int(number): Study.read(text) for number, text in rows}

    def counts(self) -> dict[int, int]:
        """Points of every study."""
        with failures(self.path):
            rows = self.connection.execute("SELECT study, count(*) FROM points GROUP BY study").fetchall()
        return {int(number): int(count) for number, count in rows}

    def stored(self) -> Iterator[tuple[bytes, int, str, bytes]]:
        """``(key, study, inputs, figures)`` as they stand, by key."""
        with failures(self.path):
            yield from self.connection.execute("SELECT key, study, inputs, figures FROM points ORDER BY key")

    def find(self, study: Study, values: Values) -> list[float | None] | None:
        """The figures of a point, or None when it is not there."""
        with failures(self.path):
            row = self.connection.execute(
                "SELECT figures FROM points WHERE key = ?", (study.key_of(values),)
            ).fetchone()
        return None if row is None else study.unpack(row[0])

    def rows(self) -> Iterator[dict[str, object]]:
        """All points as rows, by key: ``key``, what its study is about, its inputs, its figures."""
        studies = self.studies()
        for key, number, inputs, blob in self.stored():
            study = studies[number]
            values = dict(zip(study.axes, json.loads(inputs), strict=True))
            yield {
                "key": key.hex(),
                **study.about,
                **values,
                **dict(zip(study.figures, study.unpack(blob), strict=True)),
            }

    def columns(self) -> list[str]:
        """Names in the rows: the key, what studies are about, inputs, figures; the same for the same points."""
        counts = self.counts()
        studies = [study for number, study in self.studies().items() if counts.get(number)]
        found: list[str] = ["key"]
        for groups in (  # by kind, so that a figure never stands before an input
            [name for s in studies for name in s.about],
            sorted({name for s in studies for name in s.axes}),
            [name for s in studies for name in s.figures],
        ):
            found += [name for name in dict.fromkeys(groups) if name not in found]
        return found

    def faults(self) -> Iterator[str]:
        """What is wrong with the file: SQLite's own check, keys that are not those of their rows, unread figures."""
        try:
            for (text,) in self.connection.execute("PRAGMA integrity_check"):
                if text != "ok":
                    yield str(text)
            studies = self.studies()
            for key, number, inputs, blob in self.stored():
                study = studies.get(number)
                if study is None:
                    yield f"point {key.hex()} is of no study"
                elif study.key(inputs) != key:
                    yield f"point {key.hex()} has inputs of another key"
                elif len(blob) != 8 * len(study.figures):
                    yield f"point {key.hex()} has {len(blob)} bytes of figures, expected {8 * len(study.figures)}"
        except (sqlite3.Error, FileError, ValueError, KeyError) as error:
            yield f"cannot be read further: {error}"


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
    return sum(_add_all(target, source) for source in sources)


def _add_all(target: Store, source: Store) -> int:
    studies, new = source.studies(), 0
    waiting: dict[int, tuple[list[Values], list[Found]]] = {number: ([], []) for number in studies}
    for key, number, inputs, blob in source.stored():
        values, figures = json.loads(inputs), studies[number].unpack(blob)
        there = target.find(studies[number], values)
        if there is None:
            points, found = waiting[number]
            points.append(values)
            found.append(figures)
            if len(points) >= _BATCH:
                new += target.add(studies[number], points, found)
                waiting[number] = ([], [])
        elif there != figures:
            raise UsageError(
                f"{source.path}: point {key.hex()} has other figures in {target.path}: nothing says which are right"
            )
    return new + sum(target.add(studies[n], points, found) for n, (points, found) in waiting.items() if points)


def export_csv(store: Store, path: str | os.PathLike[str] | None) -> str | None:
    """Write all points as CSV sorted by key, floats in full precision, unknown figures as ``unknown``.

    The bytes depend on the points alone. Returns the text when ``path`` is None.
    """
    if path is None:
        text = io.BytesIO()
        _write_csv(store, text)
        return text.getvalue().decode()
    write_atomically(path, lambda file: _write_csv(store, file))
    return None


def _write_csv(store: Store, file: BinaryIO) -> None:
    names = store.columns()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in store.rows():
        writer.writerow([_cell(row[name]) if name in row else "" for name in names])
    text.flush()
    text.detach()


def _cell(value: object) -> object:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else value


def export_parquet(store: Store, path: str | os.PathLike[str]) -> None:
    """Write all points as Parquet, sorted by key. MissingExtra when polars is not installed."""
    try:
        import polars
    except ImportError as error:
        raise MissingExtra("polars", "frames") from error
    names = store.columns()
    rows = [{name: row.get(name) for name in names} for row in store.rows()]
    frame = polars.DataFrame(rows, schema=names, infer_schema_length=None)
    write_atomically(path, lambda file: frame.write_parquet(file))
