"""What public functions return: rows, one JSON document, a table for people."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from fusemax.base.errors import MissingExtra
from fusemax.base.table import Row, columns_of, format_table, html_table

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["Result", "plain", "to_csv", "to_json"]


class Result(ABC):
    """Base of every result object.

    A subclass sets ``command`` (the schema is ``fusemax/COMMAND/1``) and defines ``rows`` and
    ``document``. It may define ``headline``, the answer in words that ``str()`` prints before the
    table, ``columns``, the keys the table shows, and ``notes``, the lines that follow it.
    """

    command: ClassVar[str]

    @abstractmethod
    def rows(self) -> list[dict[str, object]]:
        """Tidy rows, one dictionary each; a value nobody knows is None."""

    @abstractmethod
    def document(self) -> Mapping[str, object]:
        """The JSON document without its schema."""

    def headline(self) -> str:
        """The answer a person wants first; empty for none."""
        return ""

    def columns(self) -> Sequence[str] | None:
        """The keys the table for people shows, None for all."""
        return None

    def notes(self) -> Sequence[str]:
        """Lines printed under the table."""
        return ()

    def to_json_document(self) -> dict[str, object]:
        """The JSON document, plain values only, ``"schema": "fusemax/COMMAND/1"`` first."""
        body = {key: plain(value) for key, value in self.document().items()}
        return {"schema": f"fusemax/{self.command}/1", **body}

    def __str__(self) -> str:
        parts = [self.headline(), format_table(self.rows(), self.columns()), "\n".join(self.notes())]
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        from html import escape

        texts = [f"<p>{escape(text)}</p>" if text else "" for text in (self.headline(), "\n".join(self.notes()))]
        return texts[0] + html_table(self.rows(), self.columns()) + texts[1]

    def _plain_rows(self) -> list[dict[str, object]]:
        return [{key: plain(value) for key, value in row.items()} for row in self.rows()]

    def to_polars(self) -> polars.DataFrame:
        """The rows as a polars data frame; MissingExtra when polars is not installed."""
        try:
            import polars
        except ImportError as error:
            raise MissingExtra("polars", "frames") from error
        return polars.DataFrame(self._plain_rows(), infer_schema_length=None)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a pandas data frame; MissingExtra when pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra("pandas", "frames") from error
        return pandas.DataFrame(self._plain_rows())


def plain(value: object) -> object:
    """``value`` in JSON's own kinds: NumPy scalars unwrapped, dataclasses as dictionaries, the rest as text.

    Numbers that are not finite become the texts ``inf``, ``-inf`` and ``nan``, which JSON lacks.

    >>> plain({"passes": (1, 2), "most": float("inf")})
    {'passes': [1, 2], 'most': 'inf'}
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    unwrap = getattr(value, "tolist", None)  # NumPy scalars and arrays
    return plain(unwrap()) if callable(unwrap) else str(value)


def to_json(document: object) -> str:
    """``document`` as JSON text, keys in their own order, ending with a newline."""
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV with a header; floats in full precision, None as ``unknown``, a missing key empty."""
    import csv
    import io

    names = columns_of(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_csv_cell(row[name]) if name in row else "" for name in names])
    return text.getvalue()


def _csv_cell(value: object) -> object:
    simple = plain(value)
    if simple is None:
        return "unknown"
    if isinstance(simple, bool):
        return "true" if simple else "false"
    if isinstance(simple, float):
        return repr(simple)
    if isinstance(simple, (list, dict)):
        return json.dumps(simple, ensure_ascii=False)
    return simple
