"""Numbers, for the few cascades whose reads depend on them: gathers and filters that read tensors."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from fusemax.analysis.expression import Array, Scope, evaluate
from fusemax.analysis.smallest import held_in_gathers
from fusemax.analysis.structure import Statement, Structure
from fusemax.cascade.ir import Access, walk

SEED = 20240614


class Values:
    """One run at small sizes on random inputs; inputs that index other tensors are 0.

    Only the statements that gathers and filters need are run.
    """

    def __init__(self, structure: Structure, sizes: Mapping[str, int], extents: Mapping[str, tuple[int, ...]]) -> None:
        self.structure = structure
        self.sizes = sizes
        self.parameters = {p.name: float(p.value) for p in structure.cascade.parameters}
        random = np.random.default_rng(SEED)
        gathered = {tensor for s in structure.statements for tensor in held_in_gathers(s)}
        self.arrays: dict[str, Array] = {}
        for declaration in structure.cascade.inputs:
            array = random.standard_normal(extents[declaration.tensor])
            self.arrays[declaration.tensor] = np.zeros_like(array) if declaration.tensor in gathered else array
        for statement in structure.statements:
            self.arrays.setdefault(statement.tensor, np.full(extents[statement.tensor], np.nan))
        with np.errstate(all="ignore"):
            self._run(_needed(structure))

    def read(self, access: Access, mesh: Mapping[str, Any]) -> Any:
        """An access's values at every point of a mesh; indices out of range read the nearest cell."""
        array = self.arrays[access.tensor]
        scope = Scope(mesh, self.sizes, self.parameters, lambda inner: self.read(inner, mesh))
        indices = []
        for extent, index in zip(array.shape, access.indices, strict=True):
            value = np.nan_to_num(np.asarray(evaluate(index.value, scope), dtype=float))
            indices.append(np.clip(np.trunc(value), 0, extent - 1).astype(np.intp))
        return array[tuple(indices)]

    def _run(self, needed: set[str]) -> None:
        for number in range(len(self.structure.cascade.sections)):
            statements = [s for s in self.structure.statements if s.section == number and s.tensor in needed]
            if not statements:
                continue
            step = statements[0].step
            steps = range(1) if step is None else range(self.sizes[self.structure.rank[step]])
            for i in reversed(steps) if statements[0].descending else steps:
                for statement in statements:
                    self._write(statement, None if step is None else i)

    def _write(self, statement: Statement, step: int | None) -> None:
        variables = statement.variables
        shape = [1 if v == statement.step else self.sizes[self.structure.rank[v]] for v in variables]
        mesh: dict[str, Any] = {}
        for axis, (v, size) in enumerate(zip(variables, shape, strict=True)):
            first = step if v == statement.step and step is not None else 0
            mesh[v] = np.arange(first, first + size).reshape((1,) * axis + (size,) + (1,) * (len(shape) - axis - 1))
        floats = {v: a.astype(float) for v, a in mesh.items()}
        scope = Scope(floats, self.sizes, self.parameters, lambda access: self.read(access, mesh))
        value = np.broadcast_to(np.asarray(evaluate(statement.einsum.right, scope), dtype=float), shape)
        kept: Any = True
        for condition in statement.filters:
            kept = kept & (np.asarray(evaluate(condition, scope)) != 0)
        result = _reduced(statement, value, kept)
        left = Scope(mesh, self.sizes, self.parameters, lambda access: self.read(access, mesh))
        indices = [np.broadcast_to(np.asarray(evaluate(i, left)), _left_shape(statement, shape)) for i in
                   statement.einsum.left]  # fmt: skip
        outer = prod(shape[: statement.num_left])
        flat = tuple(np.asarray(i).reshape(outer).astype(np.intp) for i in indices)
        self.arrays[statement.tensor][flat] = result.reshape(outer) if flat else result.reshape(())


def _left_shape(statement: Statement, shape: list[int]) -> tuple[int, ...]:
    return (*shape[: statement.num_left], *(1 for _ in statement.reduced))


def _needed(structure: Structure) -> set[str]:
    """The tensors whose values some index or filter needs, directly or through others."""
    needed: set[str] = set()
    for s in structure.statements:
        needed |= held_in_gathers(s)
        needed |= {n.tensor for condition in s.filters for n in walk(condition) if isinstance(n, Access)}
    before = -1
    while before != len(needed):
        before = len(needed)
        needed |= {tensor for s in structure.statements if s.tensor in needed for tensor in s.read_tensors}
    return needed


_IDENTITY = {"+": 0.0, "*": 1.0, "max": -np.inf, "min": np.inf}
_REDUCE: dict[str, Any] = {"+": np.sum, "*": np.prod, "max": np.max, "min": np.min}


def _reduced(statement: Statement, value: Array, kept: Any) -> Array:
    """The right side after its reductions, reduced axes kept with extent 1."""
    variables = statement.variables
    reductions = statement.einsum.reductions
    if reductions and reductions[0].operator in ("topk", "argtopk"):
        return _selected(statement, value)
    named = {v for reduction in reductions for v in reduction.variables}
    first = tuple(variables.index(v) for v in statement.reduced if v not in named)
    operators = [("+", first)] if first else []
    operators += [(r.operator, tuple(variables.index(v) for v in r.variables)) for r in reductions]
    if kept is not True and operators:
        value = np.where(kept, value, _IDENTITY[operators[-1][0]])
    for operator, axes in operators:
        value = _REDUCE[operator](value, axis=axes, keepdims=True)
    return value


def _selected(statement: Statement, value: Array) -> Array:
    """The largest values of an axis, or their coordinates, along the axis of the variable that keeps them."""
    reduction = statement.einsum.reductions[0]
    source, kept = (statement.variables.index(v) for v in reduction.variables)
    count = value.shape[kept]
    one = np.take(value, [0], axis=kept)  # the right side does not use the kept variable
    order = np.argsort(np.where(np.isnan(one), np.inf, -one), axis=source, kind="stable")
    order = np.take(order, range(count), axis=source)
    found = order.astype(float) if reduction.operator == "argtopk" else np.take_along_axis(one, order, axis=source)
    return np.swapaxes(found, source, kept)
