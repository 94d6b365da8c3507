"""Pruning: an Einsum that no output needs is left out."""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import Cascade
from fusemax.derive.flat import pruned
from fusemax.derive.laws.law import Aim, Law, Rewrite


def _uses(cascade: Cascade, _rank: str, _aim: Aim) -> list[Rewrite]:
    sections = pruned(cascade.sections, {d.tensor for d in cascade.outputs})
    kept = {e.tensor for section in sections for e in section.einsums}
    dead = tuple(dict.fromkeys(e.tensor for e in cascade.einsums if e.tensor not in kept))
    return [Rewrite("prune", replace(cascade, sections=sections, claims=()), dead)] if dead else []


LAW = Law(
    name="prune",
    title="Pruning: leave out what no output needs",
    rank="K",
    header=(
        "input A[k], B[k]\n"
        "output Z\n"
        "sizes K = 5"
    ),
    before=(
        "Y = A[k] * B[k]\n"
        "W = Y * A[k]\n"
        "Z = Y"
    ),
    after=(
        "Y = A[k] * B[k]\n"
        "Z = Y"
    ),
    precondition="no output depends on the Einsum",
    algebra="none",
    counterexample="with W among the outputs the second Einsum is needed, and with it the second pass over A",
    uses=_uses,
)
