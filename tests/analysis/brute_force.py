"""Passes by brute force: the definition of the docs page "What a pass is", line by line, on the unrolled cascade.

The oracle that the product's counter is compared with. Nothing here is clever or fast; it shares no code
with `fusemax.analysis` or `fusemax.execute`. Where the definition leaves room it is read like this:

* "it is no root": none of the roots of the count in progress. A derived tensor may carry from another one
  (PLM carries M1 from LM in the 2-pass cascades, which is why LM has 3 passes along M1).
* A point reads what its filters read too; an access inside a filter may itself be a lineage read. A variable
  that stands only in a filter is never what makes an access a lineage read, nor a sweep variable.
* The non-sweep variables of a point are all its other variables: left, reduced, iteration, topk's kept one.
* A tensor starts to carry once; a sweep variable that stands bare twice on the left gives both positions.
* An input that has the whole rank, flat or as all factors, carries the whole also when a factor is counted.
* A derived tensor needs exactly one position of rank R itself. A written T[m1, m0] that carries nothing is a
  derived tensor of M1 and of M0, each by its own position, and not of M.
* Sweeps merge the inputs that have the whole rank; an input with a factor alone takes no part.
* Conflict: the outer coordinate of a partition is the outermost factor's; every visit of a statement belongs
  to the statement's level, whatever the level of the single visit.
* Barriers: "depends" is meant between Einsums, over any number of steps.
* A rank of which inputs only have a factor is still listed, with no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fusemax.cascade.ir import Cascade
from tests.analysis.carrying import (
    Carriers,
    carrying_tensors,
    factors_of,
    input_ranks,
    lineage_reads,
    root_positions,
    sweep_variables,
    whole_of,
    written_ranks,
)
from tests.analysis.unrolled import Cell, Unrolled, unroll

Coordinate = tuple[int, ...]  # (m,), or (m1, m0) for a partitioned rank
Fiber = tuple[int, ...]


# ------------------------------------------------------------------------------------- coordinates


@dataclass
class Lineage:
    """What the levels need to know for one set of roots: visits of every read, sweep variables of every statement."""

    run: Unrolled
    rank: str
    roots: Carriers
    carriers: Carriers
    lineage_places: list[set[int]]  # per statement: which accesses are lineage reads
    sweep: list[set[str]]  # per statement
    coordinate: dict[Cell, Coordinate]
    fibers: dict[Cell, frozenset[Fiber]]

    located: list[list[tuple[tuple[Coordinate, frozenset[Fiber]], ...]]]  # per write and point: its lineage reads

    def visits(self, write: int, point: int, complete: frozenset[Coordinate], fiber: Fiber) -> frozenset[Coordinate]:
        """Coordinates of the point's lineage reads that lie in F and on the fiber."""
        return frozenset(c for c, fibers in self.located[write][point] if c in complete and fiber in fibers)


def lineage(run: Unrolled, rank: str, roots: Carriers, one_fiber: bool) -> Lineage:
    """`one_fiber`: all fibers of the roots count as one (derived tensors, sweeps)."""
    cascade = run.cascade
    carriers = carrying_tensors(cascade, roots, rank)
    places: list[set[int]] = []
    sweep: list[set[str]] = []
    for einsum in cascade.einsums:
        reads = list(lineage_reads(einsum, carriers))
        places.append({place for place, _ in reads})
        sweep.append({v for _, access in reads for v in sweep_variables(cascade, access, carriers, rank)})
    found = Lineage(run, rank, roots, carriers, places, sweep, {}, {}, [])
    for cell in run.values:
        if cell[0] in roots:
            found.coordinate[cell] = _root_coordinate(run, rank, cell, roots[cell[0]])
            others = tuple(c for k, c in enumerate(cell[1]) if k not in roots[cell[0]])
            found.fibers[cell] = frozenset([() if one_fiber else others])
    for write in run.writes:
        if write.cell[0] not in carriers or write.cell[0] in roots:
            continue
        cells = {r.cell for point in write.points for r in point.reads if r.access in places[write.statement]}
        cells = {c for c in cells if c in found.coordinate}  # the others count for neither
        if len({found.coordinate[c] for c in cells}) == 1:
            found.coordinate[write.cell] = next(found.coordinate[c] for c in cells)
            found.fibers[write.cell] = frozenset().union(*(found.fibers[c] for c in cells))
    for write in run.writes:
        lineage_cells = ([r.cell for r in p.reads if r.access in places[write.statement]] for p in write.points)
        found.located.append(
            [
                tuple((found.coordinate[c], found.fibers[c]) for c in cells if c in found.coordinate)
                for cells in lineage_cells
            ]
        )
    return found


def _root_coordinate(run: Unrolled, rank: str, cell: Cell, positions: tuple[int, ...]) -> Coordinate:
    index = tuple(cell[1][p] for p in positions)
    factors = factors_of(run.cascade, rank)
    if not factors or len(index) > 1:
        return index
    rest, split = index[0], []
    for factor in reversed(factors[1:]):
        rest, inner = divmod(rest, run.sizes[factor])
        split.append(inner)
    return (rest, *reversed(split))


# ------------------------------------------------------------------------------------- levels

Info = tuple[int, frozenset[Coordinate]]
NOTHING: Info = (1, frozenset())


def join(infos: Sequence[Info]) -> Info:
    """The higher level; the sets of equal levels united."""
    level, seen = NOTHING
    for other_level, other_seen in infos:
        if other_level > level:
            level, seen = other_level, other_seen
        elif other_level == level:
            seen |= other_seen
    return level, seen


@dataclass
class Levels:
    """Levels of one fiber: `info` per written cell, `statement` per statement (0 where nothing is visited)."""

    info: dict[Cell, Info]
    statement: list[int]

    @property
    def passes(self) -> int:
        return max(self.statement, default=0)


def levels(line: Lineage, complete: frozenset[Coordinate], fiber: Fiber) -> Levels:
    info: dict[Cell, Info] = {}
    table: list[dict[tuple[tuple[str, int], ...], dict[Coordinate, int]]] = [{} for _ in line.sweep]
    for w, write in enumerate(line.run.writes):
        o, s = write.cell, write.statement
        result = NOTHING
        for x, point in enumerate(write.points):
            level, seen = join([info[read.cell] for read in point.reads if read.cell in info])
            visits = line.visits(w, x, complete, fiber)
            if visits:
                if seen >= complete:
                    level, seen = level + 1, frozenset()
                seen = seen | visits
                setting = tuple((v, c) for v, c in point.variables.items() if v not in line.sweep[s])
                row = table[s].setdefault(setting, {})
                for v in visits:
                    row[v] = max(row.get(v, level), level)
            result = join([result, (level, seen)])
        info[o] = result
    statement = [max((min(row.values()) for row in rows.values()), default=0) for rows in table]
    return Levels(info, statement)


def fiber_coordinates(run: Unrolled, rank: str, positions_rank: str) -> list[frozenset[Coordinate]]:
    """F: the coordinates of the carried rank; for a factor, one set per setting of the other factors."""
    factors = factors_of(run.cascade, positions_rank) or (positions_rank,)
    everything = list(product(*(range(run.sizes[f]) for f in factors)))
    if rank == positions_rank:
        return [frozenset(everything)]
    place = factors.index(rank)
    groups: dict[Coordinate, set[Coordinate]] = {}
    for c in everything:
        groups.setdefault(c[:place] + c[place + 1 :], set()).add(c)
    return [frozenset(group) for group in groups.values()]


# ------------------------------------------------------------------------------------- counts


@dataclass
class Count:
    """One root along one rank: the largest count, and the levels of the first fiber that has it."""

    passes: int
    line: Lineage
    first: Levels
    complete: frozenset[Coordinate]


def carried_rank(cascade: Cascade, tensor: str, rank: str) -> tuple[str, tuple[int, ...] | None]:
    """The rank an input carries when `rank` is counted, and where: the whole if it has the whole of a factor."""
    ranks = input_ranks(cascade, tensor)
    whole = whole_of(cascade, rank)
    carried = whole if whole is not None and root_positions(cascade, ranks, whole) else rank
    return carried, root_positions(cascade, ranks, carried)


def count_root(run: Unrolled, tensor: str, rank: str) -> Count | None:
    """passes(T, R) of an input, or None when T has neither R nor the whole R is a factor of."""
    carried, positions = carried_rank(run.cascade, tensor, rank)
    if positions is None:
        return None
    line = lineage(run, carried, {tensor: positions}, one_fiber=False)
    others = sorted({f for cell, fibers in line.fibers.items() if cell[0] == tensor for f in fibers})
    sets = fiber_coordinates(run, rank, carried)
    return _largest(line, [(fiber, complete) for fiber in others for complete in sets])


def count_derived(run: Unrolled, rank: str) -> dict[str, Count]:
    """passes(T, R) of every written tensor with one position of rank R that does not carry R from any input."""
    cascade = run.cascade
    carried: set[str] = set()
    for declaration in cascade.inputs:
        name, positions = carried_rank(cascade, declaration.tensor, rank)
        if positions is not None:
            carried |= set(carrying_tensors(cascade, {declaration.tensor: positions}, name))
    counts = {}
    for tensor in dict.fromkeys(e.tensor for e in cascade.einsums):
        places = [k for k, r in enumerate(written_ranks(cascade, tensor)) if r == rank]
        if len(places) == 1 and tensor not in carried:
            line = lineage(run, rank, {tensor: (places[0],)}, one_fiber=True)
            counts[tensor] = _largest(line, [((), fiber_coordinates(run, rank, rank)[0])])
    return counts


def _largest(line: Lineage, fibers: list[tuple[Fiber, frozenset[Coordinate]]]) -> Count:
    best: Count | None = None
    for fiber, complete in fibers:
        found = levels(line, complete, fiber)
        if best is None or found.passes > best.passes:
            best = Count(found.passes, line, found, complete)
    assert best is not None
    return best


def count_sweeps(run: Unrolled, rank: str) -> Count | None:
    """The same count with all inputs that have R as roots of one merged fiber."""
    cascade = run.cascade
    roots: Carriers = {}
    for declaration in cascade.inputs:
        positions = root_positions(cascade, input_ranks(cascade, declaration.tensor), rank)
        if positions is not None:
            roots[declaration.tensor] = positions
    if not roots:
        return None
    line = lineage(run, rank, roots, one_fiber=True)
    return _largest(line, [((), fiber_coordinates(run, rank, rank)[0])])


def conflict(count: Count) -> bool:
    """Do visits of one level depend on one another in a cycle (of outer coordinates)?"""
    line, level_of = count.line, count.first.statement
    behind: dict[Cell, dict[int, frozenset[int]]] = {}  # cell -> level -> outer coordinates visited before it
    edges: dict[int, set[tuple[int, int]]] = {}
    for w, write in enumerate(line.run.writes):
        level = level_of[write.statement]
        union: dict[int, frozenset[int]] = {}
        for x, point in enumerate(write.points):
            before: dict[int, frozenset[int]] = {}
            for read in point.reads:
                for name, outer in behind.get(read.cell, {}).items():
                    before[name] = before.get(name, frozenset()) | outer
            own = frozenset(v[0] for v in line.visits(w, x, count.complete, ()))
            edges.setdefault(level, set()).update((u, v) for u in before.get(level, ()) for v in own if u != v)
            before[level] = before.get(level, frozenset()) | own
            for name, outer in before.items():
                union[name] = union.get(name, frozenset()) | outer
        behind[write.cell] = union
    return any(_has_cycle(pairs) for pairs in edges.values())


def _has_cycle(edges: set[tuple[int, int]]) -> bool:
    """Take away vertices without a predecessor until none is left, or a cycle is."""
    while edges:
        heads = {v for _, v in edges}
        left = {(u, v) for u, v in edges if u in heads}
        if left == edges:
            return True
        edges = left
    return False


@dataclass
class Barrier:
    level: int
    einsums: list[str]
    line: int


def barriers(count: Count) -> list[Barrier]:
    """Einsums that write a cell complete at l with no operand complete at l, on which a pass above l depends."""
    run, found = count.line.run, count.first
    einsums = run.cascade.einsums
    needs: dict[int, set[int]] = {s: set() for s in range(len(einsums))}  # statement -> statements it depends on
    writer = {write.cell: write.statement for write in run.writes}
    for write in run.writes:
        needs[write.statement] |= {writer[r.cell] for p in write.points for r in p.reads if r.cell in writer}
    for _ in einsums:
        for s, direct in needs.items():
            needs[s] = direct.union(*(needs[d] for d in direct))
    result = []
    for level in range(1, found.passes):
        above = {d for s, direct in needs.items() if found.statement[s] > level for d in direct}

        def complete(cell: Cell, level: int = level) -> bool:
            at, seen = found.info.get(cell, NOTHING)
            return at == level and seen >= count.complete

        closing = {
            write.statement
            for write in run.writes
            if write.statement in above
            and complete(write.cell)
            and not any(complete(r.cell) for p in write.points for r in p.reads)
        }
        if closing:
            names = sorted({einsums[s].tensor for s in closing})
            result.append(Barrier(level, names, einsums[min(closing)].span.line))
    return result


# ------------------------------------------------------------------------------------- the whole answer


@dataclass
class RankAnswer:
    """What `fusemax passes --json` says of one rank."""

    passes: int
    tensors: dict[str, int]
    derived: dict[str, int]
    sweeps: int | None = None  # None for factors, as the next three
    conflict: bool | None = None
    leading: str | None = None
    barriers: list[Barrier] | None = None


def ranks_of(cascade: Cascade) -> tuple[list[str], list[str]]:
    """Each rank of an input tensor (the whole of a partition in place of its factors); then the factors."""
    ranks = [rank for d in cascade.inputs for rank in input_ranks(cascade, d.tensor)]
    wholes = list(dict.fromkeys(whole_of(cascade, rank) or rank for rank in ranks))
    return wholes, [factor for whole in wholes for factor in factors_of(cascade, whole)]


def count_rank(run: Unrolled, rank: str, is_factor: bool) -> RankAnswer:
    found = {d.tensor: count_root(run, d.tensor, rank) for d in run.cascade.inputs}
    inputs = {tensor: count for tensor, count in found.items() if count is not None}
    derived = count_derived(run, rank)
    tensors = {tensor: count.passes for tensor, count in inputs.items()}
    states = {tensor: count.passes for tensor, count in derived.items()}
    if is_factor:
        return RankAnswer(max(tensors.values(), default=0), tensors, states)
    passes = max([*tensors.values(), *states.values()], default=0)
    sweep = count_sweeps(run, rank)
    leading = next((t for t, n in [*tensors.items(), *states.items()] if n == passes), None) if passes else None
    return RankAnswer(
        passes,
        tensors,
        states,
        sweep.passes if sweep else 0,
        conflict(sweep) if sweep else False,
        leading,
        barriers({**derived, **inputs}[leading]) if leading else [],
    )


def count_passes(cascade: Cascade, sizes: Mapping[str, int], only: Sequence[str] = ()) -> dict[str, RankAnswer]:
    """Every rank (or those named) at one choice of sizes; see `unrolling_sizes` for sizes that are large enough."""
    run = unroll(cascade, sizes)
    wholes, factors = ranks_of(cascade)
    answers = dict.fromkeys(wholes, False) | dict.fromkeys(factors, True)
    return {rank: count_rank(run, rank, f) for rank, f in answers.items() if not only or rank in only}
