"""The ring form of a split reduction: one state goes from tile to tile and takes in each tile's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Index, Number, Section, Shape, Variable
from fusemax.cascade.ranks import rank_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.flat import pruned
from fusemax.derive.loop import IDENTITIES
from fusemax.derive.names import Names
from fusemax.derive.normal import free_variables, reduced_variables
from fusemax.derive.split import Parts
from fusemax.derive.tree import uses


def ring(parts: Parts) -> Cascade:
    """One state goes from tile to tile and takes in each tile's own state."""
    step = parts.step
    names = Names(parts.cascade)
    names.used |= {e.tensor for e in (*parts.before, *parts.local, *parts.merging)}
    states = {e.tensor: names.tensor(f"R{e.tensor}") for e in parts.merging if not uses(e, step.variable)}
    local = {e.tensor: e for e in parts.local}
    here, after = step.here, Binary("+", Variable(step.variable), Number(1))
    helpers = {e.tensor: (names.tensor(f"{e.tensor}A"), names.tensor(f"{e.tensor}B")) for e in parts.merging
               if uses(e, step.variable)}  # fmt: skip

    def side(expr: Expr, is_state: bool) -> Expr:
        """The expression for the travelling state or for the tile."""

        def leaf(node: Expr) -> Expr:
            if isinstance(node, Shape) and node.rank == rank_of(step.inner or ""):
                return Binary("*", here, node) if is_state else node
            if isinstance(node, Shape) and node.rank == step.rank:
                return Binary("*", after, Shape(rank_of(step.inner or "")))
            if not isinstance(node, Access):
                return node
            if node.tensor in helpers:
                return replace(node, tensor=helpers[node.tensor][0 if is_state else 1])
            if node.tensor in states:
                return Access(states[node.tensor], (Index(after), *node.indices))
            if is_state and node.tensor in local and parts.wholes.get(node.tensor) in states:
                rest = tuple(i for i in node.indices if i.value != here)
                return Access(states[parts.wholes[node.tensor]], (Index(here), *rest))
            return node

        return rewrite(expr, leaf)

    body = list(parts.local)
    init = list(parts.before)
    for einsum in parts.merging:
        if einsum.tensor in helpers:
            for number, name in enumerate(helpers[einsum.tensor]):
                body.append(replace(einsum, tensor=name, right=side(einsum.right, number == 0)))
            continue
        name = states[einsum.tensor]
        over = step.variable in reduced_variables(einsum) or _reduces(einsum, step.variable)
        operator = einsum.reductions[0].operator if einsum.reductions and over else "+"
        right = side(einsum.right, False)
        reductions = einsum.reductions
        start: Expr = IDENTITIES[operator] if over else Number(0)
        if over:
            first = side(einsum.right, True)
            right = Binary(operator, first, right) if operator in "+*" else Call(operator, (first, right))
            reductions = ()
        body.append(Einsum(name, (after, *einsum.left), right, reductions))
        init.append(Einsum(name, (Number(0), *einsum.left), start))

    sections = (
        Section("init", tuple(init)),
        Section("iterate", tuple(body), step.variable, step.until),
        Section("then", tuple(_afterwards(parts, states))),
    )
    return replace(parts.cascade, sections=pruned(sections, {d.tensor for d in parts.cascade.outputs}))


def _afterwards(parts: Parts, states: Mapping[str, str]) -> list[Einsum]:
    """What follows the loop, states read where they ended, and outputs that are states themselves."""

    def finished(node: Expr) -> Expr:
        if isinstance(node, Access) and node.tensor in states:
            return Access(states[node.tensor], (Index(parts.step.end), *node.indices))
        return node

    found = [replace(e, right=rewrite(e.right, finished)) for e in parts.after]
    outputs = {d.tensor for d in parts.cascade.outputs}
    for einsum in parts.merging:
        if einsum.tensor in outputs:
            read = Access(states[einsum.tensor], (Index(parts.step.end), *(Index(i) for i in einsum.left)))
            found.append(Einsum(einsum.tensor, einsum.left, read))
    return found


def _reduces(einsum: Einsum, variable: str) -> bool:
    return variable in free_variables(einsum.right) and not uses(einsum, variable)
