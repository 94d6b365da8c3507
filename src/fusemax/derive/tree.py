"""The tree form of a split reduction: tiles are merged in groups, the groups are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fusemax.cascade.ir import (
    Access,
    Binary,
    Cascade,
    Einsum,
    Expr,
    Index,
    Partition,
    Section,
    Shape,
    Size,
    Variable,
    walk,
)
from fusemax.cascade.ranks import variable_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.flat import pruned
from fusemax.derive.names import Names
from fusemax.derive.normal import substitute
from fusemax.derive.split import Parts
from fusemax.derive.step import equal_ranks


def tree(parts: Parts) -> Cascade:
    """Two levels: tiles are merged in groups, the groups are merged."""
    step = parts.step
    names = Names(parts.cascade)
    names.used |= {e.tensor for e in (*parts.before, *parts.local, *parts.merging)}
    old = next(p for p in parts.cascade.partitions if p.rank == step.rank)
    top = names.rank(f"{old.factors[0][:-1]}2" if old.factors[0].endswith("1") else f"{step.rank}2", f"{step.rank}TOP")
    group = Variable(variable_of(top))
    middle = old.factors[0]
    tiled = {e.tensor for e in (*parts.before, *parts.local) if uses(e, step.variable)}
    upper = {e.tensor for e in parts.merging}
    lower = {t: names.tensor(f"{t}1") for t in upper}
    flat_index = Binary("*", Variable(step.variable), Shape(old.factors[1]))
    deeper = Binary("*", Binary("+", Binary("*", group, Shape(middle)), Variable(step.variable)), Shape(old.factors[1]))

    def local(node: Expr) -> Expr:
        if node == flat_index:
            return deeper
        if isinstance(node, Access) and node.tensor in tiled:
            return _indexed(node, step.variable, group)
        return node

    def first(node: Expr) -> Expr:
        if isinstance(node, Shape) and node.rank == step.rank:
            return Binary("*", Shape(middle), Shape(old.factors[1]))
        if isinstance(node, Access) and node.tensor in lower:
            return Access(lower[node.tensor], (Index(group), *node.indices))
        return local(node)

    def second(node: Expr) -> Expr:
        if isinstance(node, Shape) and node.rank == old.factors[1]:
            return Binary("*", Shape(middle), Shape(old.factors[1]))
        if isinstance(node, Access) and node.tensor in parts.wholes and node.tensor in tiled:
            whole = lower[parts.wholes[node.tensor]]
            rest = tuple(i for i in node.indices if i.value != group)  # the tile's variable is renamed by now
            return Access(whole, (Index(group), *rest))
        return Variable(group.name) if node == Variable(step.variable) else node

    einsums: list[Einsum] = []
    for einsum in (*parts.before, *parts.local):
        left = _left(einsum, step.variable, group) if einsum.tensor in tiled else einsum.left
        einsums.append(replace(einsum, left=left, right=rewrite(einsum.right, local)))
    for einsum in parts.merging:
        left = (group, *einsum.left)
        einsums.append(replace(einsum, tensor=lower[einsum.tensor], left=left, right=rewrite(einsum.right, first)))
    for einsum in parts.merging:
        changed = replace(einsum, right=rewrite(einsum.right, second))
        moved = renamed(changed, {step.variable: group})
        einsums.append(replace(changed, left=moved.left, reductions=moved.reductions))
    einsums += parts.after
    whole = parts.cascade
    others = tuple(p for p in whole.partitions if p != old)
    partition = Partition(step.rank, (top, *old.factors))
    outputs = {d.tensor for d in whole.outputs}
    sections = pruned((Section("flat", tuple(einsums)),), outputs)
    return replace(whole, partitions=(*others, partition), sizes=_grouped(whole, old, middle), sections=sections)


def _grouped(whole: Cascade, old: Partition, middle: str) -> tuple[Size, ...]:
    """The sizes with the number of tiles in a group; the rank grows where its tiles make no groups."""
    size = next((s.value for s in whole.sizes if s.rank == old.rank), 0)
    inner = next((s.value for s in whole.sizes if s.rank == old.factors[1]), 1)
    tiles = size // inner
    grouped = next((d for d in range(2, tiles) if tiles % d == 0), 2)
    grown = {s.rank: s.value for s in whole.sizes}
    if tiles % grouped:
        for rank in equal_ranks(whole, old.rank) & grown.keys():
            grown[rank] = inner * grouped * 2
    return (*(replace(s, value=grown[s.rank]) for s in whole.sizes), Size(middle, grouped))


def uses(einsum: Einsum, variable: str) -> bool:
    """Has the left side a variable?"""
    return any(isinstance(n, Variable) and n.name == variable for i in einsum.left for n in walk(i))


def _left(einsum: Einsum, variable: str, group: Expr) -> tuple[Expr, ...]:
    found: list[Expr] = []
    for index in einsum.left:
        found += [group, index] if index == Variable(variable) else [index]
    return tuple(found)


def _indexed(access: Access, variable: str, group: Expr) -> Access:
    """A tile's tensor read in its group; the tile's index stands where it stood."""
    found: list[Index] = []
    for index in access.indices:
        found += [Index(group), index] if index.value == Variable(variable) else [index]
    return replace(access, indices=tuple(found))


def renamed(einsum: Einsum, values: Mapping[str, Expr]) -> Einsum:
    """The statement with rank variables replaced, in its reductions too."""
    left = tuple(substitute(i, values) for i in einsum.left)
    names = {k: v.name for k, v in values.items() if isinstance(v, Variable)}
    reductions = tuple(replace(r, variables=tuple(names.get(v, v) for v in r.variables)) for r in einsum.reductions)
    return replace(einsum, left=left, right=substitute(einsum.right, values), reductions=reductions)
