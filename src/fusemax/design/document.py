"""Read a YAML or JSON document safely and remember where every value stands.

`read_document` turns text into plain data (dict, list, text, numbers, booleans, None) and the place of every value.
`validate` runs a pydantic model over that data; what pydantic finds becomes located errors with the nearest legal name.

The reader walks parser events itself instead of composing a tree first: depth, size and the number of nodes are checked
while reading, so that neither deeply nested text nor an alias bomb (aliases of aliases, which grow exponentially) costs
more than its limit. Scalars follow the YAML 1.2 core schema; tags, merge keys and duplicate keys are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fusemax.base.errors import SourceError, SourceErrors, nearest
from fusemax.base.files import read_text

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Where = tuple[str | int, ...]
M = TypeVar("M", bound="BaseModel")


@dataclass(frozen=True)
class Limits:
    """What a document may cost: bytes of text, nesting, and values once aliases are replaced by what they name."""

    size: int = 1 << 20
    depth: int = 32
    nodes: int = 100_000


class Span(NamedTuple):
    """A place in the text; line and column start at 1, columns and length count characters."""

    line: int
    column: int
    length: int


@dataclass(frozen=True)
class Positions:
    """Where keys and values stand: `keys` and `values` map a path such as ("mapping", "loops", 2) to its span."""

    file: str
    lines: tuple[str, ...] = field(repr=False)
    keys: Mapping[Where, Span] = field(repr=False)
    values: Mapping[Where, Span] = field(repr=False)

    def span(self, where: Where, *, key: bool = False) -> Span:
        """The span of a value (or of its key), or of the nearest thing around it that has one."""
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        while where:
            found = first.get(where) or second.get(where)
            if found is not None:
                return found
            where = where[:-1]
        return self.values.get((), Span(1, 1, 1))

    def error(self, where: Where, message: str, *, key: bool = False, suggestion: str | None = None) -> SourceError:
        """A located error about the value at `where` (about its key with `key=True`); not raised here."""
        return self._at(self.span(where, key=key), message, suggestion)

    def _at(self, span: Span, message: str, suggestion: str | None = None) -> SourceError:
        line = self.lines[span.line - 1] if 0 < span.line <= len(self.lines) else ""
        return SourceError(
            message,
            file=self.file,
            line=span.line,
            column=span.column,
            length=max(1, span.length),
            source_line=line,
            suggestion=suggestion,
        )


class Document(NamedTuple):
    """What `read_document` returns; unpacks as `data, positions`."""

    data: Any
    positions: Positions


def read_document(source: str | Path, limits: Limits | None = None, *, file: str | None = None) -> Document:
    """Read a document from a path, from standard input (`-`), or, when `file` names it, from the text itself.

    Raises SourceError with the place of the first thing that cannot be right.
    """
    limits = limits or Limits()
    if file is not None:
        text, name = str(source), file
    else:
        text, name = read_text(source, limit=limits.size), "<stdin>" if str(source) == "-" else str(source)
    return _Reader(text, name, limits).read()


class _Reader:
    """One reading of one text: the parser's events folded into plain data."""

    def __init__(self, text: str, file: str, limits: Limits) -> None:
        self.text = text.replace("\t", " ") if text.lstrip()[:1] in ("{", "[") else text  # JSON may indent with tabs
        self.limits = limits
        self.keys: dict[Where, Span] = {}
        self.values: dict[Where, Span] = {}
        self.positions = Positions(file, tuple(re.split(r"\r\n|\r|\n", text)), self.keys, self.values)
        self.anchors: dict[str, tuple[Any, Where, int]] = {}
        self.nodes = 0

    def read(self) -> Document:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError
        from ruamel.yaml.reader import ReaderError

        if len(self.text) > self.limits.size:
            raise self.positions._at(Span(1, 1, 1), f"larger than {self.limits.size} bytes")
        try:
            return Document(self._document(iter(YAML(typ="safe", pure=True).parse(self.text))), self.positions)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
            raise self.positions._at(Span(line, column, 1), f"not YAML: {error.problem or error.context}") from None
        except ReaderError as error:
            before = self.text[: error.position]
            line = len(re.findall(r"\r\n|\r|\n", before)) + 1
            column = len(re.split(r"\r\n|\r|\n", before)[-1]) + 1
            raise self.positions._at(Span(line, column, 1), f"character {error.character!r} is not allowed") from None

    def _document(self, events: Iterator[Any]) -> Any:
        data: Any = None
        documents = 0
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise self.positions._at(_span(event), "a second document begins here; one per file is expected")
            elif kind not in ("StreamStartEvent", "DocumentEndEvent", "StreamEndEvent"):
                data = self._value(event, events, (), 0)
        if not documents:
            raise self.positions._at(Span(1, 1, 1), "the document is empty")
        return data

    def _value(self, event: Any, events: Iterator[Any], where: Where, depth: int) -> Any:
        kind = type(event).__name__
        self._spend(event, 1)
        self.values[where] = _span(event)
        if kind == "AliasEvent":
            return self._alias(event, where)
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag) != "!":
            raise self.positions._at(_span(event), f"tags such as {str(tag)!r} are not supported")
        if kind != "ScalarEvent" and depth >= self.limits.depth:
            raise self.positions._at(_span(event), f"nested deeper than {self.limits.depth}")
        before = self.nodes
        data: Any
        if kind == "ScalarEvent":
            data = self._scalar(event)
        elif kind == "SequenceStartEvent":
            data = self._sequence(events, where, depth)
        else:
            data = self._mapping(events, where, depth)
        if event.anchor is not None:
            self.anchors[str(event.anchor)] = (data, where, self.nodes - before + 1)
        return data

    def _sequence(self, events: Iterator[Any], where: Where, depth: int) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            items.append(self._value(event, events, (*where, len(items)), depth + 1))
        return items

    def _mapping(self, events: Iterator[Any], where: Where, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for event in events:
            kind = type(event).__name__
            if kind == "MappingEndEvent":
                break
            if kind != "ScalarEvent":
                raise self.positions._at(_span(event), "a key must be a plain name")
            self._spend(event, 1)
            name = _whole_characters(event.value)
            if name in entries:
                first = self.keys[(*where, name)]
                raise self.positions._at(_span(event), f"{name!r} stands twice; the first is in line {first.line}")
            self.keys[(*where, name)] = _span(event)
            entries[name] = self._value(next(events), events, (*where, name), depth + 1)
            if entries[name] is None and self.values[(*where, name)].line > self.keys[(*where, name)].line:
                self.values[(*where, name)] = self.keys[(*where, name)]  # nothing was written: point at the key
        return entries

    def _alias(self, event: Any, where: Where) -> Any:
        name = str(event.anchor)
        if name not in self.anchors:
            known = nearest(name, self.anchors)
            raise self.positions._at(_span(event), f"unknown anchor {name!r}", known)
        data, _, cost = self.anchors[name]
        self._spend(event, cost)
        return data  # shared, not copied: plain data is read, never written

    def _spend(self, event: Any, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > self.limits.nodes:
            what = "this alias grows" if type(event).__name__ == "AliasEvent" else "grows"
            raise self.positions._at(_span(event), f"{what} the document past {self.limits.nodes} values")

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        text = _whole_characters(event.value)
        if not event.implicit[0]:  # quoted, or a block scalar
            return text
        if len(text) > 40 and re.fullmatch(r"[-+]?\d+", text):
            raise self.positions._at(_span(event), "a number of more than 40 digits")
        return _core_scalar(text)


def _core_scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar in the core schema of YAML 1.2 (so `no`, `on` and `12:30` are text)."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}", text):
        return int(text, 0)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", "", 1))
    return text


def _whole_characters(text: str) -> str:
    """Join surrogate pairs, which JSON writes as two escapes, into the character they stand for."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    scalar_like = type(event).__name__ in ("ScalarEvent", "AliasEvent")
    length = end.column - start.column if scalar_like and end.line == start.line else 1
    return Span(start.line + 1, start.column + 1, max(1, length))


def validate(model: type[M], document: Document, at: Where = ()) -> M:
    """The part of the document at path `at` as `model`; raises SourceError, or SourceErrors for several in line order.

    A validator that knows which field is to blame raises `blame(field, message)`; any other ValueError is reported at
    the value it was called for.
    """
    from pydantic import ValidationError

    data = document.data
    for step in at:
        data = data[step]
    if not isinstance(data, dict):
        raise document.positions.error(at, f"expected names and values (`name: value`), found {_kind(data)}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [_located(model, data, details, document.positions, at) for details in error.errors(include_url=False)]
    unique = {(e.line, e.column, e.message): e for e in found}
    errors = [unique[place] for place in sorted(unique)]
    raise errors[0] if len(errors) == 1 else SourceErrors(errors)


def blame(name: str, message: str, suggestion: str | None = None) -> ValueError:
    """An error for a pydantic validator of a whole model to raise when one field is to blame."""
    from pydantic_core import PydanticCustomError

    context = {"blamed": name, "text": message, "suggestion": suggestion}
    return PydanticCustomError("blamed", "{text}", context)


def _located(model: type[BaseModel], data: Any, details: ErrorDetails, positions: Positions, at: Where) -> SourceError:
    where = at + _path_in(data, details["loc"])
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        fields = _fields_at(model, where[len(at) : -1])
        return positions.error(
            where, f"unknown field {where[-1]!r}", key=True, suggestion=nearest(str(where[-1]), fields)
        )
    if kind == "missing":
        missing = details["loc"][-1]
        return positions.error(where, f"field {missing!r} is missing", key=True)
    if kind == "blamed":
        place = (*where, str(context["blamed"]))
        return positions.error(place, str(context["text"]), suggestion=context.get("suggestion"))
    if kind in ("literal_error", "enum"):
        expected = str(context["expected"])
        legal = re.findall(r"'([^']*)'", expected)
        suggestion = nearest(str(details["input"]), legal)
        return positions.error(where, f"expected {expected}, found {_kind(details['input'])}", suggestion=suggestion)
    if kind == "value_error":
        return positions.error(where, str(context.get("error", details["msg"])))
    message = details["msg"]
    message = message.replace("Input should be ", "expected ", 1).replace("a valid integer", "an integer", 1)
    message = message.replace("a valid ", "a ", 1)
    return positions.error(where, f"{message}, found {_kind(details['input'])}")


def _path_in(data: Any, loc: tuple[int | str, ...]) -> Where:
    """pydantic's location without the steps that are names of unions and validators rather than of the data."""
    where: list[str | int] = []
    for step in loc:
        inside = isinstance(data, dict) and step in data
        if inside or (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            where.append(step)
            data = data[step]
    return tuple(where)


def _fields_at(model: type[BaseModel], where: Where) -> list[str]:
    """Names of the fields that the model has at a path, in every alternative of a union."""
    from typing import get_args

    from pydantic import BaseModel

    annotations: list[Any] = [model]
    for step in where:
        inner: list[Any] = []
        for annotation in _flat(annotations):
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                info = annotation.model_fields.get(str(step))
                inner += [info.annotation] if info is not None else []
            else:
                inner += list(get_args(annotation))[-1:]
        annotations = inner
    models = [a for a in _flat(annotations) if isinstance(a, type) and issubclass(a, BaseModel)]
    return [info.alias or name for found in models for name, info in found.model_fields.items()]


def _flat(annotations: list[Any]) -> list[Any]:
    """Unions and Annotated taken apart; containers kept."""
    from types import UnionType
    from typing import Annotated, Union, get_args, get_origin

    flat: list[Any] = []
    for annotation in annotations:
        origin = get_origin(annotation)
        if origin in (Union, UnionType):
            flat += _flat(list(get_args(annotation)))
        elif origin is Annotated:
            flat += _flat([get_args(annotation)[0]])
        else:
            flat.append(annotation)
    return flat


def _kind(value: Any) -> str:
    """A short name for a found value, for messages."""
    if isinstance(value, dict):
        return "names and values"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
