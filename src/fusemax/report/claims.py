"""The claims of `expect`, held against the counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product

from fusemax.analysis.formula import value
from fusemax.analysis.passes import Passes
from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Binary, Cascade, Claim, Expr, Number, Shape, Unary, walk
from fusemax.cascade.located import at
from fusemax.cascade.print import print_claim
from fusemax.cascade.ranks import canonical, declared_ranks

__all__ = ["broken_claims", "evaluate"]

SAMPLES = (2, 3, 4, 5, 7, 12)
"""Sizes at which a claimed formula and a counted one are compared: counts are linear with a floor."""


def evaluate(count: Expr, sizes: Mapping[str, int]) -> int:
    """A claim's count at given sizes; its division is floor division, by 0 gives 0."""
    match count:
        case Number(value=number):
            return int(number)
        case Shape(rank=rank):
            return sizes[rank]
        case Unary(operand=operand):
            return -evaluate(operand, sizes)
        case Binary(operator=operator, left=left, right=right):
            a, b = evaluate(left, sizes), evaluate(right, sizes)
            match operator:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "//":
                    return a // b if b else 0
                case _:
                    return a % b if b else 0
    raise TypeError(f"{count!r} is no count")  # the rules let nothing else pass


def broken_claims(cascade: Cascade, counts: Passes) -> list[tuple[str, str, SourceError]]:
    """Each claim that does not hold: its text, the right answer, and a report at its place."""
    found = []
    for claim in cascade.claims:
        counted = _counted(cascade, claim, counts)
        if counted is not None:
            text = print_claim(claim)
            found.append((text, counted, at(cascade, claim.span, f"claimed {text}, {counted}")))
    return found


def _counted(cascade: Cascade, claim: Claim, counts: Passes) -> str | None:
    """What is right instead of a claim, in words, or None when the claim is right."""
    rank = canonical(cascade, claim.rank)
    found = counts.ranks.get(rank)
    if found is None:
        return f"but no input has rank {claim.rank}, so nothing is counted over it"
    if claim.count is None:
        return None if found.conflict else f"but no two Einsums need opposite orders of {claim.rank}"
    right = found.passes if claim.kind == "passes" else found.sweeps
    if right is None:
        return f"but sweeps are not counted over {claim.rank}, a factor"
    if right == "unknown":
        return f"but the count over {claim.rank} is unknown"
    if all(evaluate(claim.count, sizes) == value(right, sizes) for sizes in _samples(cascade, claim, right)):
        return None
    return f"counted {right}"


def _samples(cascade: Cascade, claim: Claim, right: int | str) -> Iterator[dict[str, int]]:
    """Sizes of the ranks that a claim and a count name, under every name a rank has."""
    claimed = {node.rank for node in walk(claim.count) if isinstance(node, Shape)} if claim.count else set()
    counted = set(re.findall(r"[A-Z][A-Za-z0-9_]*", str(right)))
    named = [rank for rank in declared_ranks(cascade) if rank in claimed | counted]
    ranks = sorted({canonical(cascade, rank) for rank in named})
    for sizes in product(SAMPLES, repeat=min(len(ranks), 3)):
        chosen = dict(zip(ranks, (*sizes, *(SAMPLES[0] for _ in ranks[3:])), strict=True))
        yield {rank: chosen[canonical(cascade, rank)] for rank in named}
