"""Which tensors carry a rank from a root: the static half of the definition of a pass, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fusemax.cascade.ir import Access, Binary, Cascade, Einsum, Expr, Number, Variable, children
from fusemax.cascade.ranks import canonical, rank_of_variable
from tests.analysis.unrolled import accesses

Carriers = dict[str, tuple[int, ...]]  # tensor -> its carrying positions


# ------------------------------------------------------------------------------------- ranks of positions


def factors_of(cascade: Cascade, rank: str) -> tuple[str, ...]:
    """The factors of a partitioned rank from the outermost in, aliases followed; empty for any other rank."""
    for partition in cascade.partitions:
        if canonical(cascade, partition.rank) == rank:
            return tuple(canonical(cascade, factor) for factor in partition.factors)
    return ()


def whole_of(cascade: Cascade, rank: str) -> str | None:
    """The partitioned rank that `rank` is a factor of, or None."""
    wholes = (canonical(cascade, partition.rank) for partition in cascade.partitions)
    return next((whole for whole in wholes if rank in factors_of(cascade, whole)), None)


def input_ranks(cascade: Cascade, tensor: str) -> tuple[str, ...]:
    return next(tuple(rank_of_variable(cascade, v) for v in d.variables) for d in cascade.inputs if d.tensor == tensor)


def written_ranks(cascade: Cascade, tensor: str) -> tuple[str | None, ...]:
    """The rank of each position of a written tensor: that of the first plain index (v, v+c, v-c) written there."""
    writes = [e for e in cascade.einsums if e.tensor == tensor]
    ranks = []
    for place in range(len(writes[0].left)):
        plain = (_plain(e.left[place]) for e in writes)
        ranks.append(next((rank_of_variable(cascade, v) for v in plain if v is not None), None))
    return tuple(ranks)


def _plain(index: Expr) -> str | None:
    match index:
        case Variable(name):
            return name
        case Binary("+" | "-", Variable(name), Number()):
            return name
    return None


def root_positions(cascade: Cascade, ranks: Sequence[str | None], rank: str) -> tuple[int, ...] | None:
    """Where a root with these ranks carries `rank`: at its own position (the first), or one per factor."""
    if rank in ranks:
        return (ranks.index(rank),)
    factors = factors_of(cascade, rank)
    return tuple(ranks.index(f) for f in factors) if factors and all(f in ranks for f in factors) else None


# ------------------------------------------------------------------------------------- carrying tensors


def lineage_reads(einsum: Einsum, carriers: Carriers) -> Iterator[tuple[int, Access]]:
    """Accesses to carrying tensors whose indices at the carrying positions hold a variable."""
    for place, access in enumerate(accesses(einsum)):
        if access.tensor in carriers and _variables_there(access, carriers):
            yield place, access


def _variables_there(access: Access, carriers: Carriers) -> tuple[str, ...]:
    found: list[str] = []
    for position in carriers[access.tensor]:
        found += _without_filters(access.indices[position].value)
    return tuple(dict.fromkeys(found))


def _without_filters(expr: Expr) -> list[str]:
    match expr:
        case Variable(name):
            return [name]
        case Access():
            return [v for index in expr.indices for v in _without_filters(index.value)]
    return [v for child in children(expr) for v in _without_filters(child)]


def sweep_variables(cascade: Cascade, access: Access, carriers: Carriers, rank: str) -> tuple[str, ...]:
    """Those of rank R or of a factor of R there, or all variables there if none is."""
    there = _variables_there(access, carriers)
    family = (rank, *factors_of(cascade, rank))
    own = tuple(v for v in there if rank_of_variable(cascade, v) in family)
    return own or there


def carrying_tensors(cascade: Cascade, roots: Carriers, rank: str) -> Carriers:
    carriers = dict(roots)
    while True:
        before = dict(carriers)
        for einsum in cascade.einsums:
            if einsum.tensor in carriers or any(a.tensor == einsum.tensor for a in accesses(einsum)):
                continue  # a root, a carrier already, or a state that reads itself
            for _, access in lineage_reads(einsum, carriers):
                sweep = sweep_variables(cascade, access, carriers, rank)
                bare = [index.name if isinstance(index, Variable) else None for index in einsum.left]
                if all(v in bare for v in sweep):
                    carriers[einsum.tensor] = tuple(k for k, v in enumerate(bare) if v in sweep)
                    break
        if carriers == before:
            return carriers
