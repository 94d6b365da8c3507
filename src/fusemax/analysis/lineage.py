"""Which tensors carry a rank's coordinate from a root, and which reads follow it: no sizes involved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fusemax.analysis.structure import Read, Structure


@dataclass(frozen=True, slots=True)
class Lineage:
    """A set of roots followed along one rank.

    `along` is the rank that is carried: the whole rank when `rank` is a factor of one that the root has.
    `carriers[T]` are the positions at which T carries it, roots included. `lineage[s]` tells for each read
    of statement s whether it is a lineage read, and `sweeps[s]` are the sweep variables of the statement.
    """

    rank: str
    along: str
    roots: tuple[str, ...]
    carriers: dict[str, tuple[int, ...]]
    lineage: dict[int, tuple[bool, ...]]
    sweeps: dict[int, frozenset[str]]


def positions_of(structure: Structure, tensor: str, rank: str) -> tuple[int, ...]:
    """Where a tensor has a rank: its first position of that rank, or one per factor; empty if it has not."""
    ranks = structure.positions[tensor]
    if rank in ranks:
        return (ranks.index(rank),)
    factors = structure.factors.get(rank, ())
    if factors and all(f in ranks for f in factors):
        return tuple(ranks.index(f) for f in factors)
    return ()


def carried_along(structure: Structure, tensor: str, rank: str) -> str | None:
    """The rank a root carries when `rank` is counted: its whole if the root has that, else itself, else None."""
    whole = structure.whole(rank)
    if whole is not None and positions_of(structure, tensor, whole):
        return whole
    return rank if positions_of(structure, tensor, rank) else None


def follow(structure: Structure, rank: str, along: str, roots: tuple[str, ...]) -> Lineage:
    """Find the carrying tensors of the roots, repeating over the statements until nothing changes.

    Only a statement in a loop, or one that writes more of a tensor, can change what stands above it.
    """
    swept = {along, *structure.factors.get(along, ())}
    rank_of = structure.rank
    carriers = {root: positions_of(structure, root, along) for root in roots}

    def sweep(read: Read) -> tuple[str, ...]:
        """The sweep variables of a read; empty if it is no lineage read."""
        positions = carriers[read.tensor]
        if read.plain is not None and len(positions) == 1:  # most are
            return (read.plain[positions[0]],)
        held = [v for p in positions for v in read.held[p]] if read.held else []
        of_rank = [v for v in held if rank_of[v] in swept]
        return tuple(dict.fromkeys(of_rank or held))

    statements = structure.statements
    reached = [False] * len(statements)  # the statements that read a carrier
    for root in roots:
        for number in structure.readers.get(root, ()):
            reached[number] = True
    changed = True
    while changed:
        changed = False
        for s in statements:
            if not reached[s.number] or s.tensor in carriers or s.tensor in s.read_tensors:
                continue
            for read in s.reads:
                variables = sweep(read) if read.tensor in carriers else ()
                if variables and s.bare.keys() >= set(variables):
                    carriers[s.tensor] = tuple(sorted([p for v in variables for p in s.bare[v]]))
                    for number in structure.readers.get(s.tensor, ()):
                        reached[number] = True
                    changed = changed or s.step is not None or s.tensor in structure.rewritten
                    break
    lineage: dict[int, tuple[bool, ...]] = {}
    sweeps: dict[int, frozenset[str]] = {}
    for s in statements:
        if reached[s.number]:
            found = [sweep(read) if read.tensor in carriers else () for read in s.reads]
            if any(found):
                lineage[s.number] = tuple([bool(variables) for variables in found])
                sweeps[s.number] = frozenset([v for variables in found for v in variables])
    return Lineage(rank, along, roots, carriers, lineage, sweeps)


@dataclass(frozen=True, slots=True)
class Counted:
    """One rank to count: a lineage per input that has it and per derived tensor, and all inputs together.

    A derived tensor carries the rank at its own position of it, also where it has the other factors too:
    all its fibers count as one, and a coordinate is visited when any cell that has it is read.
    `sweep` is None for factors.
    """

    rank: str
    is_factor: bool
    inputs: tuple[Lineage, ...]
    derived: tuple[Lineage, ...]
    sweep: Lineage | None


def counted(structure: Structure) -> tuple[Counted, ...]:
    """Each rank of an input (the whole of a partition in place of its factors), then the factors."""
    wholes: dict[str, None] = {}
    for declaration in structure.cascade.inputs:
        for rank in structure.positions[declaration.tensor]:
            if rank is not None:
                wholes[structure.whole(rank) or rank] = None
    factors = {f: None for rank in wholes for f in structure.factors.get(rank, ())}
    found: dict[str, tuple[Lineage, ...]] = {}
    for rank in (*wholes, *factors):
        found[rank] = _inputs(structure, rank, found)
    return tuple(_counted(structure, rank, rank in factors, found) for rank in (*wholes, *factors))


def _inputs(structure: Structure, rank: str, found: dict[str, tuple[Lineage, ...]]) -> tuple[Lineage, ...]:
    """A lineage per input that has the rank or its whole; that of the whole serves its factors."""
    lineages = []
    for declaration in structure.cascade.inputs:
        along = carried_along(structure, declaration.tensor, rank)
        if along is None:
            continue
        roots = (declaration.tensor,)
        of_whole = next((one for one in found.get(along, ()) if one.roots == roots), None)
        if of_whole is None:
            lineages.append(follow(structure, rank, along, roots))
        else:
            lineages.append(replace(of_whole, rank=rank))
    return tuple(lineages)


def _counted(structure: Structure, rank: str, is_factor: bool, found: dict[str, tuple[Lineage, ...]]) -> Counted:
    inputs = found[rank]
    carrying = {tensor for lineage in inputs for tensor in lineage.carriers}
    whole = structure.whole(rank)
    if is_factor and whole is not None:
        carrying |= {tensor for lineage in found[whole] for tensor in lineage.carriers}
    derived = tuple(
        follow(structure, rank, rank, (tensor,))
        for tensor in dict.fromkeys(s.tensor for s in structure.statements)
        if tensor not in carrying and structure.positions[tensor].count(rank) == 1
    )
    roots = tuple(lineage.roots[0] for lineage in inputs)
    sweep = follow(structure, rank, rank, roots) if roots and not is_factor else None
    if sweep is not None and len(roots) == 1:
        sweep = inputs[0]
    return Counted(rank, is_factor, inputs, derived, sweep)
