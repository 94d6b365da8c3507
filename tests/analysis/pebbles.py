"""Exhaustive search for the schedule of an unrolled cascade that moves the fewest elements.

A state is what stands in a buffer of a few elements and which results have been written to memory. A schedule may
load, write, drop, recompute, do the points of all cells in any order and interleave them as it likes; a cell in the
making takes one element. An operand may be overwritten by the result it is needed for. Dijkstra over all of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from math import prod

from fusemax.analysis.structure import structure
from fusemax.analysis.unroll import Graph, unroll
from fusemax.cascade import Cascade
from fusemax.cascade.sizes import resolve_sizes

State = tuple[tuple[tuple[int, int], ...], frozenset[int]]
"""((cell, bits of the points done), ...) in the buffer, and the computed cells in memory."""


@dataclass(frozen=True)
class Problem:
    """`points[c]` are the operand sets of a computed cell's points; the other cells are in memory from the start."""

    points: dict[int, tuple[frozenset[int], ...]]
    outputs: frozenset[int]
    num_inputs: int


def problem(cascade: Cascade) -> Problem:
    """The unrolled cascade at its default sizes."""
    graph: Graph = unroll(structure(cascade), resolve_sizes(cascade))
    points: dict[int, tuple[frozenset[int], ...]] = {}
    for unrolled in graph.statements:
        for cell, reads in zip(unrolled.cells.tolist(), unrolled.reads.tolist(), strict=True):
            points[cell] = tuple(frozenset(point) for point in reads)
    outputs: set[int] = set()
    for declaration in cascade.outputs:
        cells = graph.cells_of(declaration.tensor)
        outputs |= set(range(cells.start, cells.stop))
    return Problem(points, frozenset(outputs), sum(prod(graph.extents[d.tensor]) for d in cascade.inputs))


def least_traffic(game: Problem, buffer: int) -> int | None:
    """The fewest loads and stores with a buffer of that many elements; None if it cannot be done at all."""
    start: State = ((), frozenset())
    best: dict[State, int] = {start: 0}
    queue: list[tuple[int, int, State]] = [(0, 0, start)]
    count = 0
    while queue:
        cost, _, state = heappop(queue)
        if cost > best[state]:
            continue
        if state[1] >= game.outputs:
            return cost
        for step, following in _moves(game, buffer, state):
            total = cost + step
            if total < best.get(following, 1 << 30):
                best[following] = total
                count += 1
                heappush(queue, (total, -count, following))
    return None


def _moves(game: Problem, buffer: int, state: State) -> Iterator[tuple[int, State]]:
    held, memory = state
    standing = dict(held)
    ready = {cell for cell, done in held if done == _all(game, cell)}
    for cell in standing:  # drop
        yield 0, (tuple(pair for pair in held if pair[0] != cell), memory)
    for cell in ready - memory:  # write
        if cell in game.points:
            yield 1, (held, memory | {cell})
    if len(held) < buffer:  # load
        sources = {c for reads in game.points.values() for point in reads for c in point} - set(game.points)
        for cell in (sources | memory) - set(standing):
            yield 1, (_with(standing, cell, _all(game, cell)), memory)
    for cell, points in game.points.items():  # do one point of a cell
        done = standing.get(cell, 0)
        for number, operands in enumerate(points):
            if done >> number & 1 or not operands <= ready or cell in ready:
                continue
            after = _with(standing, cell, done | 1 << number)
            if len(after) <= buffer:
                yield 0, (after, memory)
            else:
                for operand in operands - {cell}:
                    yield 0, (tuple(pair for pair in after if pair[0] != operand), memory)


def _all(game: Problem, cell: int) -> int:
    return (1 << len(game.points[cell])) - 1 if cell in game.points else 0


def _with(standing: dict[int, int], cell: int, done: int) -> tuple[tuple[int, int], ...]:
    return tuple(sorted({**standing, cell: done}.items()))
