"""Einsums that a schedule may skip: they multiply by a factor that is 1 as long as a running reference stays.

``PRM[m1, p] = exp(RM[m1, p] - RM[m1+1, p])`` is 1 at every tile at which RM does not move, and then
``SPNV = RNV * PRM`` and ``SPD = RD * PRM`` are what was there. Found from the cascade's structure: the factor is exp
(or exp2) of a running tensor before the step less the same after it, and what it rescales is another running tensor.
"""

from __future__ import annotations

from collections.abc import Mapping

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, ParameterUse, Section, Variable, walk

__all__ = ["corrections", "references", "thresholds"]

_EXPONENTIALS = ("exp", "exp2")


def corrections(cascade: Cascade) -> tuple[str, ...]:
    """The Einsums of a cascade that change nothing at a step at which a running reference stays, in text order."""
    return tuple(name for names in references(cascade).values() for name in names)


def references(cascade: Cascade) -> dict[str, tuple[str, ...]]:
    """Running references -> the Einsums that change nothing at a step at which the reference stays."""
    found: dict[str, tuple[str, ...]] = {}
    for section in cascade.sections:
        factors = {e.tensor: of for e in section.einsums if (of := _reference(section, e)) is not None}
        for einsum in section.einsums:
            of = factors.get(einsum.tensor) or _rescaled(section, einsum, factors)
            if of is not None:
                found[of] = (*found.get(of, ()), einsum.tensor)
    return found


def thresholds(cascade: Cascade) -> dict[str, float]:
    """The parameters that say when a running reference moves, and their values."""
    found = references(cascade)
    used = {
        node.name
        for section in cascade.sections
        if section.kind == "iterate"
        for einsum in section.einsums
        if einsum.tensor in found
        for node in walk(einsum.right)
        if isinstance(node, ParameterUse)
    }
    return {p.name: float(p.value) for p in cascade.parameters if p.name in used}


def _reference(section: Section, einsum: Einsum) -> str | None:
    """The running tensor of whose last value less its next one an Einsum is exp: 1 where both are the same."""
    right = einsum.right
    if section.kind != "iterate" or einsum.reductions or not isinstance(right, Call):
        return None
    if right.function == "expsub" and len(right.arguments) == 2:
        before, after = right.arguments
    elif right.function in _EXPONENTIALS and isinstance(right.arguments[0], Binary):
        difference = right.arguments[0]
        if difference.operator != "-":
            return None
        before, after = difference.left, difference.right
    else:
        return None
    moved = _step(section, before) == "old" and _step(section, after) == "new"
    return _tensor(before) if moved and _tensor(before) == _tensor(after) else None


def _rescaled(section: Section, einsum: Einsum, factors: Mapping[str, str]) -> str | None:
    """The reference of an Einsum that is a running tensor's last value times such a factor, and nothing else."""
    right = einsum.right
    if einsum.reductions or not isinstance(right, Binary) or right.operator != "*":
        return None
    for state, factor in ((right.left, right.right), (right.right, right.left)):
        of = factors.get(_tensor(factor) or "")
        if of is not None and _step(section, state) == "old":
            return of
    return None


def _tensor(expr: Expr) -> str | None:
    return expr.tensor if isinstance(expr, Access) else None


def _step(section: Section, expr: Expr) -> str | None:
    """``old`` or ``new`` for a running tensor of the section read before or after its step; None for anything else."""
    if not isinstance(expr, Access):
        return None
    variable = Variable(section.variable or "")
    writers = [e for e in section.einsums if e.tensor == expr.tensor]
    if not any(_is_next(index, variable) for e in writers for index in e.left):
        return None
    values = [index.value for index in expr.indices]
    if any(_is_next(value, variable) for value in values):
        return "new"
    return "old" if variable in values else None


def _is_next(index: Expr, variable: Variable) -> bool:
    return isinstance(index, Binary) and index.operator == "+" and index.left == variable
