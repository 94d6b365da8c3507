"""The smallest sizes at which a cascade's passes are counted, whatever sizes its user has in mind."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, prod

from fusemax.analysis.structure import Statement, Structure
from fusemax.cascade.ir import Access, Binary, Call, Expr, Number, ParameterUse, Unary, Variable, walk
from fusemax.cascade.ranks import canonical, declared_ranks, rank_of_variable

FREE = 4
"""A rank that nothing else fixes."""

INNER = 3
"""A factor of a partition other than the outermost."""

SELECTED = 2
"""How many values a topk keeps."""


ENOUGH = 2
"""A rank whose coordinates can be renamed, in a cascade where two of them show what four would."""


def smallest_sizes(
    structure: Structure, fixed: Mapping[str, int] | None = None, wanted: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The size of every rank, aliases included.

    A free rank is 4 (or 2, where that provably gives the same counts) and longer than any constant window, an
    inner factor at least 3, a selection 2, `equal` ranks are equal and partitions exact. `fixed` ranks have just
    that size; `wanted` ranks at least that.
    """
    cascade = structure.cascade
    names = tuple(dict.fromkeys(canonical(cascade, rank) for rank in declared_ranks(cascade)))
    inner = {canonical(cascade, f) for p in cascade.partitions for f in p.factors[1:]}
    selected = _selections(structure)
    carried = {rank_of_variable(cascade, v) for declaration in cascade.inputs for v in declaration.variables}
    windows = _windows(structure)
    least = {rank: INNER if rank in inner else FREE for rank in names}
    least.update((rank, ENOUGH) for rank in names if structure.classes.get(rank, rank) in structure.small)
    for kept, source in selected.items():
        if kept in carried:
            least[source] = max(least.get(source, FREE), FREE + 1)
            least[kept] = FREE
        else:
            least[kept] = SELECTED
    for rank in names:
        if windows.get(rank):
            least[rank] = max(least[rank], windows[rank] + 1)
        least[rank] = max(least[rank], (wanted or {}).get(rank, 0))
    pinned = {canonical(cascade, rank): size for rank, size in (fixed or {}).items()}
    sizes = _agree(structure, names, least, pinned)
    return {rank: sizes[canonical(cascade, rank)] for rank in declared_ranks(cascade)}


def _agree(
    structure: Structure, names: tuple[str, ...], least: Mapping[str, int], pinned: Mapping[str, int]
) -> dict[str, int]:
    """Raise sizes until `equal` ranks are equal and each partition's whole is its factors' product."""
    cascade = structure.cascade
    classes = structure.classes
    members: dict[str, list[str]] = {}
    for rank in names:
        members.setdefault(classes.get(rank, rank), []).append(rank)
    free: dict[str, int] = {}
    pins: dict[str, int] = {}
    for name, ranks in members.items():
        free[name] = max(least[rank] for rank in ranks)
        pins.update((name, pinned[rank]) for rank in ranks if rank in pinned)
    sizes = {**free, **pins}
    partitions = [[classes.get(canonical(cascade, r), canonical(cascade, r)) for r in (p.rank, *p.factors)]
                  for p in cascade.partitions]  # fmt: skip
    for whole, _, *_ in partitions:
        if whole not in pins:
            sizes[whole] = 1  # follows from its factors, unless a window or a partner asks for more
    for _ in range(20):
        before = dict(sizes)
        for whole, outer, *inner in partitions:
            tile = prod(sizes[f] for f in inner)
            asked = sizes[whole] if whole in pins else max(sizes[whole], _asked(structure, whole, members, least))
            if outer not in pins:
                sizes[outer] = max(sizes[outer] if whole not in pins else 1, ceil(asked / tile))
            sizes[whole] = sizes[outer] * tile
        if sizes == before:
            break
    return {rank: sizes[classes.get(rank, rank)] for rank in names}


def _asked(structure: Structure, whole: str, members: Mapping[str, list[str]], least: Mapping[str, int]) -> int:
    """The least size of a partitioned rank or of a rank equal to it."""
    return max(least[rank] for rank in members[whole])


def _selections(structure: Structure) -> dict[str, str]:
    """Rank that a topk keeps -> rank it selects from."""
    found: dict[str, str] = {}
    for statement in structure.statements:
        for reduction in statement.einsum.reductions:
            if reduction.operator in ("topk", "argtopk"):
                source, kept = (structure.rank[v] for v in reduction.variables)
                found.setdefault(kept, source)
    return found


# ---------------------------------------------------------------------------------------------------- windows


def _windows(structure: Structure) -> dict[str, int]:
    """Per rank (and all ranks equal to it), how many coordinates a constant window holds, where there is one.

    Offsets that follow one another add up; of filters the longest counts.
    """
    offsets: dict[str, int] = {}
    filters: dict[str, int] = {}
    parameters = {p.name: p.value for p in structure.cascade.parameters}
    for statement in structure.statements:
        if statement.is_plain:
            continue
        for rank, spread in _spreads(structure, statement, parameters).items():
            name = structure.classes.get(rank, rank)
            offsets[name] = offsets.get(name, 0) + spread
        for condition in statement.filters:
            length = _length(condition, parameters)
            for node in walk(condition) if length else ():
                if isinstance(node, Variable):
                    name = structure.classes.get(structure.rank[node.name], structure.rank[node.name])
                    filters[name] = max(filters.get(name, 0), length)
    ranks = {*structure.rank.values(), *structure.classes}
    reach = {r: offsets.get(c, 0) + filters.get(c, 0) for r in ranks for c in [structure.classes.get(r, r)]}
    return {rank: length + 1 for rank, length in reach.items() if length}


def _spreads(structure: Structure, statement: Statement, parameters: Mapping[str, float]) -> dict[str, int]:
    """Rank -> the widest spread of constant offsets at one position of one tensor."""
    offsets: dict[tuple[str, int], list[int]] = {}
    ranks: dict[tuple[str, int], set[str]] = {}
    for read in statement.reads:
        for position, index in enumerate(read.access.indices):
            key = (read.tensor, position)
            offset = 0 if isinstance(index.value, Variable) else _offset(index.value, parameters)
            offsets.setdefault(key, []).append(offset)
            ranks.setdefault(key, set()).update(structure.rank[v] for v in read.held[position])
    found: dict[str, int] = {}
    for key, values in offsets.items():
        spread = max(values) - min(values)
        for rank in ranks[key] if spread else ():
            found[rank] = max(found.get(rank, 0), spread)
    return found


def _length(condition: Expr, parameters: Mapping[str, float]) -> int:
    """At most how many coordinates the constants of a filter leave: `m > p - 3` 3, `abs(p - m) <= 3` 6 (and one)."""
    constants = [ceil(node.value) for node in walk(condition) if isinstance(node, Number)]
    constants += [ceil(parameters[node.name]) for node in walk(condition) if isinstance(node, ParameterUse)]
    both_sides = any(isinstance(node, Call) and node.function == "abs" for node in walk(condition))
    return sum(map(abs, constants)) * (2 if both_sides else 1)


def _offset(index: Expr, parameters: Mapping[str, float]) -> int:
    """The constant that is added in an index: 2 in `(k+2)%K`, -3 in `m-3`."""
    match index:
        case Number(value=value):
            return ceil(value)
        case ParameterUse(name=name):
            return ceil(parameters[name])
        case Unary(operator="-", operand=operand):
            return -_offset(operand, parameters)
        case Binary(operator="+", left=left, right=right):
            return _offset(left, parameters) + _offset(right, parameters)
        case Binary(operator="-", left=left, right=right):
            return _offset(left, parameters) - _offset(right, parameters)
        case Binary(operator="%" | "//", left=left):
            return _offset(left, parameters)
        case _:
            return 0


def held_in_gathers(statement: Statement) -> set[str]:
    """Tensors that an index of this statement reads."""
    indices = [index.value for read in statement.reads for index in read.access.indices]
    return {node.tensor for index in indices for node in walk(index) if isinstance(node, Access)}
