"""A design put together from parts: cascade, accelerator, mapping, schedule, each one that ships or the text's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from fusemax.base.errors import FusemaxError, UnknownName, UsageError
from fusemax.cascade import print_cascade
from fusemax.design.accelerator import Accelerator
from fusemax.design.design import Design
from fusemax.design.document import Document, validate
from fusemax.design.load import load_design
from fusemax.design.mapping import Mapping as DesignMapping
from fusemax.design.mapping import fit_level
from fusemax.design.schedule import Schedule
from fusemax.search.rewrite import design_document, design_text
from fusemax.web.answers.parts import PARTS, Part, misfit, shipped
from fusemax.web.answers.replace import document_of, replaced
from fusemax.web.answers.texts import check_name, design_of, names_of
from fusemax.web.worker import error_document

__all__ = ["compose"]

_MODELS: dict[str, type[BaseModel]] = {"accelerator": Accelerator, "mapping": DesignMapping, "schedule": Schedule}
_NAMELESS = ("design", "title", "source")


def compose(
    design: str, choose: Mapping[str, str] | None = None, fields: Mapping[str, int | float | str] | None = None
) -> dict[str, object]:
    """The text of a design with some parts replaced by those that ship, and some fields by values.

    ``name`` is set where that is a design that ships. ``parts`` says which part is which of the shipped (None: its
    own), ``open`` which fields may be set, ``problem`` why the parts do not fit. UnknownName for a part or name that
    does not ship, the reader's errors for a text that is none.
    """
    known = names_of("design")
    text = design_text(load_design(design)) if design in known else design
    for kind, name in (choose or {}).items():
        check_name("part", kind, PARTS)
        check_name(kind, name, shipped()[kind])
        text = _with_part(text, kind, shipped()[kind][name])
    for path, value in (fields or {}).items():
        text = _with_field(text, path, value)
    document = document_of(text)
    found = _parts_of(document)
    named = {kind: None if one is None else one.name for kind, one in found.items()}
    same = _same_as(text)
    if same is None and (choose or fields):
        text = _renamed(text, document, named)
    return {
        "name": same,
        "text": text if same is None else design_text(load_design(same)),
        "parts": named,
        "open": list(_open(document, found)),
        "problem": _problem(text, found),
    }


def _with_part(text: str, kind: str, part: Part) -> str:
    value = _plain(part.value) if kind != "cascade" else _reference(part)
    text = replaced(text, {kind: value})
    return _followed(text) if kind in ("mapping", "schedule") else text


def _reference(part: Part) -> str:
    """A cascade by its name, or as text where it ships inside of a design only."""
    return part.name if part.name in names_of("cascade") else print_cascade(part.value)


def _followed(text: str) -> str:
    """What the published accounting and the cycles add goes with a shipped mapping and its schedule."""
    document = document_of(text)
    mapping, schedule = (_parts_of(document)[kind] for kind in ("mapping", "schedule"))
    changes: dict[str, object] = {"binding": None}
    if mapping is not None:
        owners = [load_design(name) for name in names_of("design")]
        owners = [one for one in owners if one.mapping == mapping.value]
        both = [one for one in owners if schedule is not None and one.schedule == schedule.value]
        found = design_document(next(iter([*both, *owners]))) if owners else {}
        changes["as_published"] = found.get("as_published")
        changes["binding"] = found.get("binding") if both else None
    return replaced(text, {k: v for k, v in changes.items() if v is not None or k in document.data})


def _with_field(text: str, path: str, value: int | float | str) -> str:
    document = document_of(text)
    root, *steps = path.split(".")
    check_name("part", root, tuple(_MODELS))
    if not steps:
        raise UsageError(f"{path!r} is a part, expected one of its fields")
    inside = document.data.get(root)
    part = _plain(shipped()[root][inside].value) if isinstance(inside, str) and inside in shipped()[root] else inside
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)  # as it would be read without quotes
    return replaced(text, {root: _put(part, steps, value)})


def _put(data: Any, steps: list[str], value: object) -> Any:
    if not isinstance(data, dict):
        raise UsageError(f"there is nothing named {steps[0]!r}")
    first, *rest = steps
    if rest and first not in data:
        raise UnknownName("field", first, data)
    return data | {first: _put(data[first], rest, value) if rest else value}


def _plain(part: BaseModel) -> Any:
    return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _parts_of(document: Document) -> dict[str, Part | None]:
    """Which of the shipped parts a text has; None for one of its own, or one that cannot be read."""
    return {kind: _part_of(document, kind) if kind in document.data else None for kind in PARTS}


def _part_of(document: Document, kind: str) -> Part | None:
    value, known = document.data[kind], shipped()[kind]
    if isinstance(value, str) and value in known:
        return known[value]
    if kind == "cascade":
        return next((one for one in known.values() if _is_text(value, one)), None)
    if not isinstance(value, dict):
        return None
    try:
        part = validate(_MODELS[kind], document, (kind,))
    except FusemaxError:
        return None
    return next((one for one in known.values() if one.value == part), None)


def _is_text(value: object, one: Part) -> bool:
    return isinstance(value, str) and "\n" in value and value.strip() == print_cascade(one.value).strip()


def _same_as(text: str) -> str | None:
    """The design that ships and is the same but for names."""
    try:
        found = _unnamed(design_of(text))
    except FusemaxError:
        return None
    return next((name for name in names_of("design") if _shipped_unnamed(name) == found), None)


@lru_cache(maxsize=32)
def _shipped_unnamed(name: str) -> dict[str, object]:
    return _unnamed(load_design(name))


def _unnamed(design: Design) -> dict[str, object]:
    return {key: value for key, value in design_document(design).items() if key not in _NAMELESS}


def _renamed(text: str, document: Document, parts: Mapping[str, str | None]) -> str:
    """A shipped design with other parts is no longer that design, and does not go by its name and source."""
    if document.data.get("design") not in (*names_of("design"), "composed"):
        return text
    words = [f"{kind} {name or 'of its own'}" for kind, name in parts.items()]
    text = replaced(text, {"design": "composed", "title": ", ".join(words)})
    return replaced(text, {"source": None}) if "source" in document.data else text


def _open(document: Document, found: Mapping[str, Part | None]) -> Iterator[dict[str, object]]:
    """The fields a form may offer: sizes of tiles, and heads in turn."""
    mapping, schedule = (_value(document, kind, found[kind]) for kind in ("mapping", "schedule"))
    splits = mapping.partition if isinstance(mapping, DesignMapping) else {}
    names = mapping.parameters if isinstance(mapping, DesignMapping) else {}
    for rank, split in splits.items():
        for name, value in split.items():
            if value != "rest" and name not in splits:
                why = "fills the level" if fit_level(value) else "is searched" if str(value) in names else ""
                yield {"path": f"mapping.partition.{rank}.{name}", "label": name, "value": value, "why": why}
    if isinstance(schedule, Schedule):
        yield {"path": "schedule.streams", "label": "heads in turn", "value": schedule.streams, "why": ""}


def _value(document: Document, kind: str, part: Part | None) -> object:
    """The part as it is, or None where it cannot be read."""
    if part is not None:
        return part.value
    try:
        return validate(_MODELS[kind], document, (kind,))
    except (FusemaxError, KeyError):
        return None


def _problem(text: str, found: Mapping[str, Part | None]) -> dict[str, object] | None:
    try:
        design_of(text)
        return None
    except FusemaxError as error:
        reason = misfit(found)
        document = error_document(error)
        return document | ({"message": reason, "text": f"{reason}\n\n{error}"} if reason else {})
