"""Barriers: the Einsums that need a complete fiber, and that a later pass waits for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.analysis.levels import Levels, traversed
from fusemax.analysis.lineage import Lineage
from fusemax.analysis.structure import Statement, Structure
from fusemax.analysis.unroll import Graph
from fusemax.cascade.ir import Binary, Call

Candidate = tuple[int, int, int]
"""Which of the chosen columns, the statement that completes a fiber there, and at which level."""


@dataclass(frozen=True, slots=True)
class Barrier:
    """What ends a pass: Einsums by the tensor they write, sorted; the first one's line; which operation.

    `number` is None when the number of passes is a formula and this is a barrier of each step.
    """

    number: int | None
    einsums: tuple[str, ...]
    line: int
    reason: str

    def document(self) -> dict[str, object]:
        """As in the JSON of `fusemax passes`."""
        return {"pass": self.number, "einsums": list(self.einsums), "line": self.line, "reason": self.reason}


def barriers(graph: Graph, found: Levels, chosen: list[int]) -> list[tuple[Barrier, ...]]:
    """The barriers of the fibers in some columns, one per pass but the last."""
    complete = traversed(found.state[:, :, chosen], found.columns.whole[chosen])
    above = found.statement_levels[:, chosen]
    candidates: list[Candidate] = []
    for unrolled in graph.statements:
        number = unrolled.statement.number
        mine = complete[unrolled.cells]
        if not mine.any():
            continue
        operands = complete.take(unrolled.reads, axis=0)
        fresh = np.where((operands == mine[:, None, None, :]).any(axis=(1, 2)), 0, mine)
        for j in np.flatnonzero(fresh.any(axis=0)):
            ends = [level for level in sorted(set(fresh[:, j].tolist())) if 0 < level < above[:, j].max()]
            candidates += [(int(j), number, level) for level in ends]
    needed = _needed(graph, above, candidates)
    result: list[tuple[Barrier, ...]] = []
    for k, column in enumerate(chosen):
        lineage = found.columns.fibers[column].lineage
        walls: dict[int, list[Statement]] = {}
        for (mine_of, number, level), used in zip(candidates, needed, strict=True):
            if mine_of == k and used:
                walls.setdefault(level, []).append(graph.structure.statements[number])
        result.append(tuple(_barrier(graph.structure, lineage, level, walls[level]) for level in sorted(walls)))
    return result


def needs(graph: Graph) -> list[int]:
    """For each statement, the statements it depends on over any number of steps, one bit each."""
    writer = np.full(graph.num_cells, -1)
    for unrolled in graph.statements:
        writer[unrolled.cells] = unrolled.statement.number
    found = []
    for unrolled in graph.statements:
        direct = set(writer.take(unrolled.reads).ravel().tolist())  # np.unique would load masked arrays first
        found.append(sum(1 << number for number in direct if number >= 0))
    for k in range(len(found)):
        for i in range(len(found)):
            if found[i] >> k & 1:
                found[i] |= found[k]
    return found


def _needed(graph: Graph, above: NDArray[np.int64], candidates: list[Candidate]) -> list[bool]:
    """Whether some statement of a pass above the candidate's level depends on its Einsum."""
    if not candidates:
        return []
    behind = needs(graph)
    return [
        any(behind[s] >> number & 1 for s in np.flatnonzero(above[:, j] > level).tolist())
        for j, number, level in candidates
    ]


# ---------------------------------------------------------------------------------------------------- reasons


def _barrier(structure: Structure, lineage: Lineage, level: int, statements: list[Statement]) -> Barrier:
    reasons = dict.fromkeys(reason(structure, lineage, s) for s in statements)
    names = tuple(sorted({s.tensor for s in statements}))
    return Barrier(level, names, statements[0].einsum.span.line, ", ".join(reasons))


_WORDS = {"+": "sum", "*": "product"}


def reason(structure: Structure, lineage: Lineage, statement: Statement) -> str:
    """Which operation over which variables closes a fiber: `max over m`, `running sum over i`."""
    ranks = {lineage.along, *structure.factors.get(lineage.along, ())}
    ranks |= {structure.classes.get(rank, rank) for rank in ranks}

    def over(variables: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(v for v in variables if structure.rank[v] in ranks)

    written: list[tuple[str, tuple[str, ...]]] = []
    named = {v for r in statement.einsum.reductions for v in r.variables}
    summed = tuple(v for v in statement.reduced if v not in named)
    if summed:
        written.append(("+", summed))
    for reduction in statement.einsum.reductions:
        kept = reduction.variables[:1] if reduction.operator in ("topk", "argtopk") else reduction.variables
        written.append((reduction.operator, kept))
    closing = [(op, over(vs)) for op, vs in written if over(vs)] or written
    if closing:
        return " and ".join(f"{_WORDS.get(op, op)} over {', '.join(vs)}" for op, vs in closing)
    operation = _outermost(statement)
    if statement.step is not None:
        return f"running {operation} over {statement.step}"
    return f"{operation} of {', '.join(dict.fromkeys(read.tensor for read in statement.reads))}"


def _outermost(statement: Statement) -> str:
    match statement.einsum.right:
        case Call(function="max" | "min" as name):
            return name
        case Binary(operator="+" | "*" as operator):
            return _WORDS[operator]
        case _:
            return "recurrence"
