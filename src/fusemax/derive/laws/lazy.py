"""Lazy rescaling: a running maximum that is only a reference moves when it has grown by more than a threshold."""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Einsum,
    Expr,
    Index,
    Number,
    Parameter,
    ParameterUse,
    Variable,
)
from fusemax.derive.check import Reference
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.roles import walks
from fusemax.derive.samples import samples_for

THRESHOLD = 8


def lazy(cascade: Cascade, rank: str) -> tuple[Cascade, tuple[str, ...]] | None:
    """The cascade with its running maxima over a rank moved lazily, and their names; None when it runs none."""
    names = Names(cascade)
    threshold = names.tensor("TAU", "THRESHOLD")
    touched: list[str] = []
    sections = []
    for section in cascade.sections:
        if section.kind != "iterate" or section.until is None or not walks(cascade, rank, section.variable or ""):
            sections.append(section)
            continue
        einsums = []
        for einsum in section.einsums:
            changed = _moved(einsum, section.variable or "", threshold)
            touched += [einsum.tensor] if changed is not None else []
            einsums.append(changed or einsum)
        sections.append(replace(section, einsums=tuple(einsums)))
    if not touched:
        return None
    parameters = (*cascade.parameters, Parameter(threshold, THRESHOLD))
    return replace(cascade, sections=tuple(sections), parameters=parameters, claims=()), tuple(touched)


def _moved(einsum: Einsum, variable: str, threshold: str) -> Einsum | None:
    """max(old, new) as: new where it exceeds the old by more than the threshold, else the old."""
    after = Binary("+", Variable(variable), Number(1))
    right = einsum.right
    if after not in einsum.left or not isinstance(right, Call) or right.function != "max" or len(right.arguments) != 2:
        return None
    state = tuple(Index(Variable(variable) if i == after else i) for i in einsum.left)
    old: Expr = Access(einsum.tensor, state)
    if old not in right.arguments:
        return None
    new = next((a for a in right.arguments if a != old), old)
    grown = Binary(">", Binary("-", new, old), ParameterUse(threshold))
    return replace(einsum, right=Call("where", (grown, new, old)))


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    found = lazy(cascade, rank)
    if found is None or not _is_reference(cascade, found[0], rank):
        return []
    return [Rewrite("lazy", found[0], found[1])]


def _is_reference(cascade: Cascade, moved: Cascade, rank: str) -> bool:
    """Do outputs not depend on which reference is taken? Seen on numbers: most samples never reach the threshold."""
    samples = [s for s in samples_for(cascade, rank) if not s.is_stress]
    return Reference(cascade, samples).check(moved).difference is None


LAW = Law(
    name="lazy",
    title="Lazy rescaling: move a running maximum only when it has grown enough",
    rank="M",
    header="input X[m]\noutput L\nalias I = M\nsizes M = 5",
    before=(
        "init:\n"
        "  RG[0] = -inf\n"
        "  RD[0] = 0\n"
        "\n"
        "iterate i until M:\n"
        "  RG[i+1] = max(RG[i], X[i])\n"
        "  RD[i+1] = RD[i] * exp(RG[i] - RG[i+1]) + exp(X[i] - RG[i+1])\n"
        "\n"
        "then:\n"
        "  L = RG[M] + log(RD[M])"
    ),
    after=(
        "init:\n"
        "  RG[0] = -inf\n"
        "  RD[0] = 0\n"
        "\n"
        "iterate i until M:\n"
        "  RG[i+1] = where(X[i] - RG[i] > TAU, X[i], RG[i])\n"
        "  RD[i+1] = RD[i] * exp(RG[i] - RG[i+1]) + exp(X[i] - RG[i+1])\n"
        "\n"
        "then:\n"
        "  L = RG[M] + log(RD[M])"
    ),
    precondition="the maximum is only a reference: outputs do not depend on which reference is taken",
    algebra="F(x, new) = T(old, new) F(x, old) for every pair of references, not for maxima alone",
    counterexample=(
        "with RG[M] itself an output and X = [0, 5] the lazy form gives 0 instead of 5, since 5 is less than TAU = 8 "
        "above 0"
    ),
    uses=_uses,
)
