"""Stores as CSV and Parquet: rows sorted by key, the same bytes for the same points."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fusemax.base.errors import FileError, MissingExtra
from fusemax.base.files import write_atomically
from fusemax.search.store import Store
from fusemax.search.study import Study

__all__ = ["export_csv", "export_parquet"]

_PART = 100_000  # rows of a Parquet file made at once


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
    for study in store.studies():
        own = ["key", *study.about, *study.axes, *study.figures]
        places = [own.index(name) if name in own else len(own) for name in names]
        shared = [_cell(value) for value in study.about.values()]
        for keys, blobs in store.stored(study):
            table = study.table(keys)
            if table is not None and places == list(range(len(own))):
                text.writelines(_lines(keys, _line(shared), table.tolist(), study.unpack(blobs).tolist()))
                continue
            for key, inputs, figures in zip(keys, study.all_inputs(keys), _figures(study, blobs), strict=True):
                row = [key.hex(), *shared, *map(_cell, inputs), *figures, ""]
                writer.writerow([row[i] for i in places])
    text.flush()
    text.detach()


def _line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([*cells, ""])
    return line.getvalue() if cells else ""


def _lines(
    keys: Sequence[bytes], shared: str, inputs: Sequence[list[int]], figures: Sequence[list[float]]
) -> Iterator[str]:
    """The same text as the csv module's, for rows of plain numbers, in half the time."""
    for key, own, found in zip(keys, inputs, figures, strict=True):
        numbers = repr(own + found)[1:-1].replace(" ", "")
        if "nan" in numbers:
            numbers = numbers.replace("nan", "unknown")
        yield f"{key.hex()},{shared}{numbers}\n"


def _figures(study: Study, blobs: Sequence[bytes]) -> list[list[object]]:
    array = study.unpack(blobs)
    found: list[list[object]] = array.tolist()
    for i in np.flatnonzero(np.isnan(array).any(axis=1)):
        found[i] = ["unknown" if v != v else v for v in found[i]]
    return found


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
    schema = _schema(store, names)
    target = os.path.realpath(path)
    try:
        with tempfile.TemporaryDirectory(prefix=".parquet-", dir=os.path.dirname(target)) as folder:
            parts = []
            for number, rows in enumerate(_parts(store)):
                frame = polars.DataFrame(
                    [{n: _as(row.get(n), schema[n]) for n in names} for row in rows], schema=schema
                )
                parts.append(Path(folder) / f"{number:06}.parquet")
                frame.write_parquet(parts[-1])
            whole = Path(folder) / "whole.parquet"
            if parts:
                polars.scan_parquet(parts).sink_parquet(whole, maintain_order=True)
            else:
                polars.DataFrame(schema=schema).write_parquet(whole)
            os.replace(whole, target)
    except OSError as error:
        raise FileError(os.fspath(path), error.strerror or str(error)) from None


def _parts(store: Store) -> Iterator[list[dict[str, object]]]:
    waiting: list[dict[str, object]] = []
    for row in store.rows():
        waiting.append(row)
        if len(waiting) == _PART:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _schema(store: Store, names: Sequence[str]) -> dict[str, Any]:
    """Figures are doubles, inputs whole numbers or text, as the first point of each study says."""
    import polars

    found: dict[str, Any] = dict.fromkeys(names, polars.String)
    kinds: dict[str, set[Any]] = {}
    for study in store.studies():
        first = next(store.stored(study), None)
        if first is None:
            continue
        for name, value in (*study.about.items(), *zip(study.axes, study.inputs(first[0][0]), strict=True)):
            kinds.setdefault(name, set()).add(_kind(value))
        for name in study.figures:
            kinds.setdefault(name, set()).add(polars.Float64)
    for name, of in kinds.items():
        if len(of) == 1:
            found[name] = of.pop()
    return found


def _as(value: object, kind: object) -> object:
    import polars

    return str(value) if kind is polars.String and value is not None else value


def _kind(value: object) -> Any:
    import polars

    if isinstance(value, bool):
        return polars.Boolean
    return polars.Int64 if isinstance(value, int) else polars.Float64 if isinstance(value, float) else polars.String
