"""A cascade as a graph: inputs and Einsums are nodes, a tensor read is an edge from who wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fusemax.cascade.ir import Access, Binary, Cascade, Einsum, Expr, Number, Section, Shape, Variable, walk
from fusemax.cascade.print import CANONICAL, print_declaration, print_einsum
from fusemax.cascade.ranks import canonical, rank_of_variable

if TYPE_CHECKING:
    import networkx

__all__ = ["Edge", "Node", "as_document", "edges", "graph", "nodes"]


@dataclass(frozen=True, slots=True)
class Node:
    """An input (`section` None) or a statement. `name` is its left side, `text` the whole of it."""

    key: str
    tensor: str
    name: str
    text: str
    section: int | None
    line: int = 0
    einsum: Einsum | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor goes from its writer to a reader; `is_recurrence` when it was written one iteration earlier."""

    source: str
    target: str
    tensor: str
    is_recurrence: bool = False


def nodes(cascade: Cascade) -> tuple[Node, ...]:
    """The inputs, then the statements in text order. A statement's key is the number it has in the text, from 1."""
    inputs = [
        Node(d.tensor, d.tensor, print_declaration(d), print_declaration(d), None, d.span.line) for d in cascade.inputs
    ]
    found: list[Node] = []
    for number, section in enumerate(cascade.sections):
        for einsum in section.einsums:
            key = str(len(found) + 1)
            text = print_einsum(einsum)
            found.append(Node(key, einsum.tensor, CANONICAL.left(einsum), text, number, einsum.span.line, einsum))
    return (*inputs, *found)


def edges(cascade: Cascade) -> tuple[Edge, ...]:
    """Every dependence between nodes, one per pair of nodes and direction in time, in text order of the readers."""
    placed = [
        (number, section, einsum) for number, section in enumerate(cascade.sections) for einsum in section.einsums
    ]
    inputs = {declaration.tensor for declaration in cascade.inputs}
    writers: dict[str, list[int]] = {}
    for at, (_, _, einsum) in enumerate(placed):
        writers.setdefault(einsum.tensor, []).append(at)
    found: dict[Edge, None] = {}
    for at, (number, section, einsum) in enumerate(placed):
        for access in (node for node in walk(einsum.right) if isinstance(node, Access)):
            if access.tensor in inputs:
                found[Edge(access.tensor, str(at + 1), access.tensor)] = None
                continue
            for writer in writers.get(access.tensor, ()):
                there, _, other = placed[writer]
                if _cannot_meet(cascade, other, access):
                    continue
                earlier = _is_earlier(section, other, access) if there == number else None
                is_recurrence = earlier if earlier is not None else writer >= at
                found[Edge(str(writer + 1), str(at + 1), access.tensor, is_recurrence)] = None
    return tuple(found)


_Plain = tuple[str | None, int | float]


def _plain(index: Expr) -> _Plain | None:
    """A plain index as (variable, offset), a literal as (None, value); None for any other index."""
    match index:
        case Number(value=value):
            return None, value
        case Binary(operator="-", left=Variable(name=name), right=Number(value=value)):
            return name, -value
        case Binary(operator="+", left=Variable(name=name), right=Number(value=value)):
            return name, value
        case Variable(name=name):
            return name, 0
        case _:
            return None


def _cannot_meet(cascade: Cascade, writer: Einsum, access: Access) -> bool:
    """Whether a write and a read differ for sure, as coordinates begin at 0 and end before the rank's size."""
    indices = zip(writer.left, (index.value for index in access.indices), strict=False)
    return any(_differ(cascade, wrote, read) or _differ(cascade, read, wrote) for wrote, read in indices)


def _differ(cascade: Cascade, one: Expr, other: Expr) -> bool:
    fixed, moving = _plain(one), _plain(other)
    if isinstance(one, Shape):
        if moving is None:
            return False
        variable, offset = moving
        if variable is None:
            return offset == 0
        return rank_of_variable(cascade, variable) == canonical(cascade, one.rank) and offset <= 0
    if fixed is None or moving is None or fixed[0] is not None:
        return False
    return fixed[1] != moving[1] if moving[0] is None else fixed[1] < moving[1]


def _is_earlier(section: Section, writer: Einsum, access: Access) -> bool | None:
    """In one iteration: whether what is read was written by an earlier step; None when the indices do not tell."""
    for left, index in zip(writer.left, access.indices, strict=False):
        wrote, read = _plain(left), _plain(index.value)
        if section.variable is not None and wrote and read and wrote[0] == read[0] == section.variable:
            distance = wrote[1] - read[1]
            return (distance if section.until is not None else -distance) > 0
    return None


def graph(cascade: Cascade) -> networkx.MultiDiGraph[str]:
    """The networkx graph: `node` and `edge` attributes hold the `Node` and the `Edge`.

    Without the edges whose `Edge.is_recurrence` is true it has no cycle.
    """
    import networkx

    found: networkx.MultiDiGraph[str] = networkx.MultiDiGraph(name=cascade.name)
    for node in nodes(cascade):
        found.add_node(node.key, node=node)
    for edge in edges(cascade):
        found.add_edge(edge.source, edge.target, edge=edge)
    return found


def as_document(cascade: Cascade) -> dict[str, Any]:
    """The graph as JSON: `nodes` and `edges` with the fields of `Node` and `Edge`."""
    return {
        "nodes": [
            {"key": n.key, "tensor": n.tensor, "name": n.name, "text": n.text, "section": n.section, "line": n.line}
            for n in nodes(cascade)
        ],
        "edges": [
            {"source": e.source, "target": e.target, "tensor": e.tensor, "recurrence": e.is_recurrence}
            for e in edges(cascade)
        ],
    }
