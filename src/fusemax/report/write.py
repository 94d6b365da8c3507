"""A report as a folder: the page, the figures as files, the rows as CSV (and Parquet), everything as JSON."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from fusemax.base.errors import FileError
from fusemax.base.files import write_atomically
from fusemax.base.progress import Observer, ignore
from fusemax.base.result import to_csv, to_json
from fusemax.report.contents import Report, plain_table
from fusemax.report.export import FORMATS, write_pictures
from fusemax.report.grid import COLUMNS, Row
from fusemax.report.page import page
from fusemax.report.pictures import file_name, pictures, section_names

__all__ = ["tidy", "write_report"]


def write_report(
    directory: str | os.PathLike[str],
    report: Report,
    *,
    formats: Sequence[str] = FORMATS,
    observe: Observer = ignore,
) -> Path:
    """Write everything; the path of `index.html`.

        index.html                the page
        results.csv               rows of the first accounting, `results-NAME.csv` of every further one
        results.parquet           the same, where polars or pandas with pyarrow is installed
        SECTION.csv               the table of every section that has one
        results.json              the report's numbers and inputs; `fusemax report` makes the page from it again
        figures/NAME.svg, ...     the figures of the first accounting, and every other picture of the page

    Raises MissingExtra without altair or vl-convert, FileError when a file cannot be written. `observe` hears what is
    being written.
    """
    folder = Path(directory)
    drawn = folder / "figures"
    try:
        drawn.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(str(folder), error.strerror or str(error)) from None
    drawings = pictures(report)
    total = len(drawings) + 2
    observe(0, total, "results")
    for i, (accounting, rows) in enumerate(report.results.items()):
        ending = "" if i == 0 else f"-{file_name(accounting)}"
        kept = tidy(rows)
        write_atomically(folder / f"results{ending}.csv", to_csv(kept))
        _write_parquet(folder / f"results{ending}.parquet", kept)
    for name, section in zip(section_names(report), report.sections, strict=True):
        if section.table:
            write_atomically(folder / f"{name}.csv", to_csv(plain_table(section)))
    write_atomically(folder / "results.json", to_json(report.document()))
    for number, (name, chart) in enumerate(drawings.items(), start=1):
        observe(number, total, f"figures/{name}")
        write_pictures(drawn, {name: chart}, formats)
    observe(total - 1, total, "index.html")
    write_atomically(folder / "index.html", page(report))
    return folder / "index.html"


def tidy(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The seven columns of rows whose value is a number or unknown; components of areas and words are left out."""
    return [
        {name: row.get(name) for name in COLUMNS}
        for row in rows
        if row["quantity"] != "bound" and not str(row["quantity"]).startswith("area.")
    ]


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as Parquet where polars is installed; without it the CSV is all there is."""
    try:
        import polars
    except ImportError:
        return
    buffer = io.BytesIO()
    polars.DataFrame([dict(row) for row in rows], infer_schema_length=None).write_parquet(buffer)
    write_atomically(path, buffer.getvalue())
