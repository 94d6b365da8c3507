"""A workload: the attention layers of a model, as shapes.

A workload is a YAML file, a name of the catalogue, or a Hugging Face `config.json` read from disk
(`fusemax.design.huggingface` derives the shapes from its fields). The letters are the paper's (Sec. II and VI-A).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fusemax.base.errors import FileError, UnknownName, UsageError, nearest
from fusemax.base.units import parse_length
from fusemax.design.document import Document, blame, read_document, validate
from fusemax.design.huggingface import is_huggingface, workload_fields

__all__ = ["Window", "Workload", "load_workload", "workload_names"]

SUFFIX = ".yaml"
LARGEST = 1 << 40  # past any model's shape; keeps products of five of them within a double


def _length(value: Any) -> Any:
    """Lengths as people write them (`4K`); what is no text is left to the integer check."""
    if not isinstance(value, str):
        return value
    try:
        return parse_length(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


Size = Annotated[int, Field(strict=True, ge=1, le=LARGEST)]
Length = Annotated[int, BeforeValidator(_length), Field(strict=True, ge=1, le=LARGEST)]


_SAME = {"kv_heads": "heads", "value_head_size": "head_size"}  # a field left out -> the field it equals


class Window(BaseModel):
    """A sliding causal window: a query sees itself and the `window - 1` keys before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    window: Length


def _mask(value: Any) -> Any:
    if value in ("none", "causal") or isinstance(value, Window):
        return value
    if value is None:  # `mask:` with nothing behind it, or JSON's null
        return "none"
    if isinstance(value, Mapping):
        return Window.model_validate(value)
    close = nearest(str(value), ["none", "causal", "window"])
    hint = f" (did you mean {close!r}?)" if close else ""
    raise ValueError(f"expected none, causal or {{window: N}}, found {value!r}{hint}")


class Workload(BaseModel):
    """The shapes of a model's attention and linear layers.

    `kv_heads` is `heads` and `value_head_size` is `head_size` where a file leaves them out; `query_len` None means as
    many queries as keys. `sources` says, by field, where a number comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=4096)

    name: Annotated[str, Field(strict=True, min_length=1, max_length=100)]
    batch: Size
    """B"""
    layers: Size = 1
    model_width: Size
    """D"""
    heads: Size
    """H, query heads"""
    kv_heads: Size = 0  # filled from heads, never 0
    """Heads of K and V; `heads / kv_heads` query heads share one (grouped-query attention)."""
    head_size: Size
    """E, of Q and K"""
    value_head_size: Size = 0  # filled from head_size, never 0
    """F, of V and the output"""
    ffn_width: Size
    """S"""
    ffn: Literal["relu", "gelu", "swiglu"] = "relu"
    mask: Annotated[Literal["none", "causal"] | Window, BeforeValidator(_mask)] = "none"
    query_len: Length | None = None
    """P; None: the sequence length. 1 is decode."""
    sources: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        given = {name: value for name, value in data.items() if name not in _SAME or value is not None}
        return {name: data[same] for name, same in _SAME.items() if data.get(same) is not None} | given

    @model_validator(mode="after")
    def _consistent(self) -> Workload:
        if self.heads % self.kv_heads:
            message = f"heads = {self.heads} is not a multiple of kv_heads = {self.kv_heads}"
            raise blame("kv_heads", message, _nearest_divisor(self.heads, self.kv_heads))
        for name in self.sources:
            if name not in type(self).model_fields:
                raise blame(
                    "sources", f"a source for an unknown field {name!r}", nearest(name, type(self).model_fields)
                )
        return self

    @property
    def window(self) -> int | None:
        """Keys a query sees at most, itself included; None without a window."""
        return self.mask.window if isinstance(self.mask, Window) else None

    def queries(self, seq_len: int) -> int:
        """P, the number of queries, when the keys number `seq_len`."""
        return seq_len if self.query_len is None else self.query_len


def _nearest_divisor(heads: int, wanted: int) -> str:
    divisors = {
        d for i in range(1, min(heads, 1 << 16) + 1) if i * i <= heads and heads % i == 0 for d in (i, heads // i)
    }
    return str(min(divisors, key=lambda d: (abs(d - wanted), d)))


@cache
def workload_names() -> tuple[str, ...]:
    """The names of the workloads that ship, sorted."""
    folder = files("fusemax") / "catalogue" / "workloads"
    return tuple(sorted(f.name.removesuffix(SUFFIX) for f in folder.iterdir() if f.name.endswith(SUFFIX)))


def load_workload(reference: str | os.PathLike[str]) -> Workload:
    """Read a workload: `-`, a catalogue name, or else the path of a workload file or of a Hugging Face `config.json`.

    A directory stands for the `config.json` in it. A file of the name wins over the catalogue. Raises UnknownName,
    FileError, SourceError or SourceErrors.
    """
    name = os.fspath(reference)
    if name in workload_names() and not os.path.exists(name):
        path = files("fusemax") / "catalogue" / "workloads" / f"{name}{SUFFIX}"
        return read_workload(read_document(path.read_text(encoding="utf-8"), file=f"{name}{SUFFIX}"), name)
    if name != "-" and not os.path.exists(name) and not _is_path(name):
        raise UnknownName("workload", name, workload_names())
    path_text = os.path.join(name, "config.json") if os.path.isdir(name) else name
    try:
        document = read_document(path_text)
    except FileError as error:
        stem = Path(name).stem
        near = stem if stem in workload_names() else nearest(stem, workload_names())
        hint = f" (did you mean the catalogue's {near!r}?)" if near else ""
        raise FileError(error.file, error.reason + hint) from None
    return read_workload(document, _stem(path_text))


def read_workload(document: Document, name: str) -> Workload:
    """The workload a document describes; `name` is for configurations that have none.

    Raises SourceError or SourceErrors.
    """
    if is_huggingface(document.data):
        fields = workload_fields(document, name)
        return validate(Workload, Document(fields.data, fields.positions))
    return validate(Workload, document)


def _is_path(name: str) -> bool:
    return os.sep in name or Path(name).suffix in (".yaml", ".yml", ".json")


def _stem(path: str) -> str:
    """A name for a configuration without one: the file's, or its folder's when the file is just `config.json`."""
    if path == "-":
        return "stdin"
    found = Path(path)
    parent = found.resolve().parent.name
    return parent if found.stem == "config" and parent else found.stem
