"""A design or workload as plain data, one with a field replaced, and a design as the text of a file.

Paths are the names on the way to a field, joined by dots: ``mapping.partition.P.P1``, ``schedule.streams``,
``accelerator.components.buffer.capacity``, ``workload.mask``, ``design.accelerator``. A quantity of the accelerator by
its own name (``edge``, ``buffer.capacity``) is one as well.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel

from fusemax.base.errors import SourceError, SourceErrors, UnknownName, UsageError
from fusemax.base.result import plain
from fusemax.cascade import load as load_cascade
from fusemax.cascade.print import print_cascade
from fusemax.design.accelerator import Accelerator, Array, Frozen, Memory
from fusemax.design.design import Design
from fusemax.design.document import Document, Positions, validate
from fusemax.design.load import load_hardware, load_part
from fusemax.design.mapping import Mapping
from fusemax.design.rules import check_design
from fusemax.design.schedule import Schedule
from fusemax.design.workload import Workload

__all__ = [
    "checked",
    "design_digest",
    "design_document",
    "design_text",
    "document_text",
    "full_path",
    "with_field",
    "with_workload_field",
]

M = TypeVar("M", bound=BaseModel)
_PARTS: dict[str, type[Frozen]] = {"accelerator": Accelerator, "mapping": Mapping, "schedule": Schedule}
_ROOTS = (*_PARTS, "design", "workload")
_NOWHERE = Positions("<design>", (), {}, {})


def full_path(design: Design, path: str) -> str:
    """A path with its root: the quantities of the accelerator get theirs. UnknownName for none of both."""
    root, _, below = path.partition(".")
    if root in _ROOTS:
        return path
    if not below and root in design.accelerator.parameters:
        return f"accelerator.parameters.{root}"
    part = design.accelerator.components.get(root)
    if below and part is not None:
        if isinstance(part, Array) and below == "registers":
            return f"accelerator.components.{path}.depth"
        return f"accelerator.components.{path}"
    if path in ("clock", "word"):
        return f"accelerator.{path}"
    known = [f"{name}.{field}" for name, p in design.accelerator.components.items() for field in _fields_of(p)]
    raise UnknownName("field", path, [*design.accelerator.parameters, "clock", "word", *known, *_ROOTS])


def _fields_of(part: object) -> tuple[str, ...]:
    if isinstance(part, Memory):
        return ("capacity", "access", "bandwidth", "banks", "ports")
    return ("rows", "columns", "registers") if isinstance(part, Array) else ("count",)


def with_field(design: Design, path: str, value: object) -> Design:
    """The design with one field replaced; not checked against the rules yet (``checked`` does).

    Raises UnknownName or UsageError for a field or value that cannot be.
    """
    root, _, below = full_path(design, path).partition(".")
    if root == "design":
        return _with_part(design, below, value)
    part: BaseModel = getattr(design, root)
    made = _set(part, below, value)
    if isinstance(made, Accelerator):
        return design.with_accelerator(made)
    if isinstance(made, Mapping):
        return replace(design, mapping=made)
    return replace(design, schedule=made) if isinstance(made, Schedule) else design


def with_workload_field(workload: Workload, path: str, value: object) -> Workload:
    """The workload with one field replaced; what followed from that field follows again."""
    data = workload.model_dump(mode="json")
    for name, of in (("kv_heads", "heads"), ("value_head_size", "head_size")):
        if data[name] == data[of]:
            del data[name]
    _put(data, path.split("."), value, list(Workload.model_fields))
    return _validated(Workload, data)


def checked(design: Design, positions: Positions = _NOWHERE, where: tuple[str | int, ...] = ()) -> Design:
    """The design, held against its rules; errors stand at ``where``."""
    place = (Document(None, positions), where)
    return check_design(design, dict.fromkeys(("accelerator", "mapping", "schedule", "as_published"), place))


def _with_part(design: Design, name: str, value: object) -> Design:
    if not isinstance(value, str):
        raise UsageError(f"design.{name} takes catalogue names or files, found {value!r}")
    if name == "cascade":
        return replace(design, cascade=load_cascade(value))
    if name == "accelerator":
        hardware = load_hardware(value)
        return replace(design.with_accelerator(hardware.accelerator), costs=hardware.costs)
    if name == "mapping":
        return replace(design, mapping=load_part(value, "mappings", "mapping", Mapping))
    if name == "schedule":
        return replace(design, schedule=load_part(value, "schedules", "schedule", Schedule))
    raise UnknownName("part of a design", name, ("cascade", "accelerator", "mapping", "schedule"))


def _set(part: M, path: str, value: object) -> M:
    data = part.model_dump(mode="json", by_alias=True)
    _put(data, path.split("."), value, list(type(part).model_fields))
    return _validated(type(part), data)


def _validated(model: type[M], data: dict[str, Any]) -> M:
    try:
        return validate(model, Document(data, _NOWHERE))
    except SourceError as error:
        hint = f" (did you mean {error.suggestion!r}?)" if error.suggestion else ""
        raise UsageError(error.message + hint) from None
    except SourceErrors as errors:
        raise UsageError("; ".join(error.message for error in errors.errors)) from None


def _put(data: Any, steps: list[str], value: object, known: list[str]) -> None:
    first, rest = steps[0], steps[1:]
    if isinstance(data, list):
        if not first.isdigit() or int(first) >= len(data):
            raise UsageError(f"{first!r} is not an entry: expected 0 to {len(data) - 1}")
        if rest:
            _put(data[int(first)], rest, value, [])
        else:
            data[int(first)] = value
        return
    if not isinstance(data, dict) or not first:
        raise UsageError(f"there is nothing below at {first!r}")
    if rest and first not in data:
        raise UnknownName("field", first, known or data)
    if not rest and known and first not in known:
        raise UnknownName("field", first, known)
    if rest:
        if data[first] is None:
            data[first] = {}
        _put(data[first], rest, value, [])
    else:
        data[first] = value


def design_document(design: Design) -> dict[str, object]:
    """A design as the data of a design file that stands alone, cascade included."""

    def dump(part: BaseModel) -> object:
        return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    found: dict[str, object] = {"design": design.name}
    found |= {name: text for name, text in (("title", design.title), ("source", design.source)) if text}
    found["cascade"] = print_cascade(design.cascade)
    found |= {name: dump(getattr(design, name)) for name in _PARTS}
    if design.linear is not None:
        part = design.linear
        found["linear"] = {
            "linear": part.name,
            "cascade": print_cascade(part.cascade),
            "mapping": dump(part.mapping),
            "schedule": dump(part.schedule),
        }
    if design.binding is not None:
        found["binding"] = design.binding
    published = dump(design.as_published)
    return found | ({"as_published": published} if published else {})


def design_text(design: Design) -> str:
    """A design as the YAML text of a design file."""
    return document_text(design_document(design))


def document_text(document: AnyMapping[str, object]) -> str:
    """The data of a design file as its YAML text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import LiteralScalarString

    def literal(value: object) -> object:
        if isinstance(value, AnyMapping):
            return {key: literal(item) for key, item in value.items()}
        if isinstance(value, list):
            return [literal(item) for item in value]
        return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value

    yaml = YAML()
    yaml.width = 120
    yaml.default_flow_style = None
    text = io.StringIO()
    yaml.dump(literal(document), text)
    return text.getvalue()


def design_digest(design: Design) -> str:
    """A hash of everything a design's figures depend on, cost tables included."""
    whole = {"design": design_document(design), "costs": plain(design.costs)}
    return hashlib.blake2b(json.dumps(whole, sort_keys=True).encode(), digest_size=16).hexdigest()
