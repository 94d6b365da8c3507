"""Which rank each position of a tensor has."""

from __future__ import annotations

from fusemax.cascade.ir import Binary, Cascade, Expr, Number, Variable
from fusemax.cascade.ranks import canonical, rank_of_variable


def plain_variable(index: Expr) -> str | None:
    """The variable of a plain index (`v`, `v+c` or `v-c` with a literal c); None for any other index.

    >>> from fusemax.cascade.ir import Binary, Number, Variable
    >>> plain_variable(Binary("+", Variable("m1"), Number(1)))
    'm1'
    """
    if type(index) is Variable:  # nearly all are
        return index.name
    match index:
        case Binary(operator="+" | "-", left=Variable(name=name), right=Number()):
            return name
        case _:
            return None


def position_ranks(cascade: Cascade) -> dict[str, tuple[str | None, ...]]:
    """Tensor -> the rank of each of its positions, aliases followed.

    An input has the ranks it declares. A position of a written tensor has the rank of the first plain index
    written there, in text order, and None when there is no such index (`RM[0]` alone). The number of positions
    is that of the declaration or of the first write.
    """
    ranks: dict[str, list[str | None]] = {}
    for declaration in cascade.inputs:
        ranks.setdefault(declaration.tensor, [rank_of_variable(cascade, v) for v in declaration.variables])
    inputs = set(ranks)
    for einsum in cascade.einsums:
        if einsum.tensor in inputs:
            continue  # an input is never written; the rules say so
        known = ranks.setdefault(einsum.tensor, [None] * len(einsum.left))
        for position, index in enumerate(einsum.left[: len(known)]):
            variable = plain_variable(index)
            if known[position] is None and variable is not None:
                known[position] = rank_of_variable(cascade, variable)
    return {tensor: tuple(known) for tensor, known in ranks.items()}


def equal_classes(cascade: Cascade) -> dict[str, str]:
    """Rank -> the first-named rank it is `equal` to, directly or through others; ranks in no `equal` are absent.

    Ranks are their canonical names. `equal` ranks stay distinct in every count; they only index each other.
    """
    parent: dict[str, str] = {}

    def root(rank: str) -> str:
        while parent.setdefault(rank, rank) != rank:
            rank = parent[rank]
        return rank

    for equality in cascade.equalities:
        left, right = root(canonical(cascade, equality.left)), root(canonical(cascade, equality.right))
        parent[right] = left
    return {rank: root(rank) for rank in parent}


def fits(cascade: Cascade, rank: str, other: str) -> bool:
    """Whether a variable of one rank may index a position of the other: the same after `alias` and `equal`."""
    first, second = canonical(cascade, rank), canonical(cascade, other)
    classes = equal_classes(cascade)
    return classes.get(first, first) == classes.get(second, second)
