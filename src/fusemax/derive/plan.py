"""In which pass each complete reduction can close, and why one has to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fusemax.cascade.ir import Access, Cascade, Einsum
from fusemax.derive.algebra import MIXED, REFERENCE, Base, Poly, TooLarge, split_sides
from fusemax.derive.normal import lifted, reduced_variables, reductions_of
from fusemax.derive.roles import Roles
from fusemax.derive.terms import accumulators, blame, is_separable, reads_of, settled


@dataclass(frozen=True)
class Wait:
    """Why a reduction closes a pass later than a reference it reads."""

    tensor: str
    references: tuple[str, ...]
    body: Poly
    factor: Base | None


@dataclass(frozen=True)
class Plan:
    """Closed tensor -> pass; the waits behind the passes; output carriers' passes."""

    passes: dict[str, int]
    waits: dict[str, Wait]
    outputs: dict[str, int]

    @property
    def total(self) -> int:
        """The number of passes in all."""
        return max([1, *self.passes.values(), *self.outputs.values()])


def operator_of(roles: Roles, tensor: str) -> str:
    """The one reduction operator of a closed tensor's statement."""
    einsum = roles.statements[tensor]
    return reductions_of(einsum, reduced_variables(einsum))[-1][0]


def body_of(roles: Roles, tensor: str, known: frozenset[str] = frozenset()) -> Poly:
    """The normal form of what a closed tensor reduces, sums over other ranks lifted out for `+`."""
    einsum = roles.statements[tensor]
    found = roles.normal(known)(einsum.right)
    return lifted(found)[0] if operator_of(roles, tensor) == "+" else found


def is_location(roles: Roles) -> Callable[[Base], bool]:
    """May a reference stay inside a streamed difference? A tensor's read may, a function of one is moved out."""
    return lambda base: isinstance(base.expr, Access) and base.side == REFERENCE


def streams(roles: Roles, tensor: str, known: frozenset[str]) -> tuple[bool, Poly, Base | None]:
    """Can the reduction close in the pass of its unknown references? With its body and the factor to blame."""
    try:
        body = body_of(roles, tensor, known)
        if operator_of(roles, tensor) != "+":
            return not body.side & REFERENCE, body, _first_mixed(body)
        body = settled(body, is_location(roles))
    except (TooLarge, ValueError):
        return False, roles.normal(known, frozenset(roles.carries))(roles.statements[tensor].right), None
    for mono, _ in body.terms:
        if not is_separable(mono):
            return False, body, blame(mono)
    if not _can_run(roles, body, known):
        return False, body, None
    return True, body, None


def _can_run(roles: Roles, body: Poly, known: frozenset[str]) -> bool:
    """References inside differences and exponentials must have a running form: no selections among them."""
    for inner in accumulators(body):
        for base, _ in inner:
            if base.side != MIXED:
                continue
            reads = reads_of(split_sides(base.parts[0])[1])
            needed = frozenset[str]().union(*(roles.needs.get(t, frozenset()) for t in reads))
            if any(operator_of(roles, t) in ("topk", "argtopk") for t in needed - known):
                return False
    return True


def _first_mixed(body: Poly) -> Base | None:
    return next((base for mono, _ in body.terms for base, _ in mono if base.side & REFERENCE), None)


def plan_of(roles: Roles) -> Plan:
    """The earliest pass of every closed tensor and of every output along the rank."""
    passes: dict[str, int] = {}
    waits: dict[str, Wait] = {}
    for tensor in roles.closed:
        references = roles.needs[tensor] - {tensor}
        here = max((passes[r] for r in references), default=1)
        if any(passes[r] == here for r in references):
            known = frozenset(r for r in passes if passes[r] < here)
            fits, body, factor = streams(roles, tensor, known)
            if not fits:
                waits[tensor] = Wait(tensor, tuple(sorted(r for r in references if passes[r] == here)), body, factor)
                here += 1
        passes[tensor] = here
    outputs = {}
    for declaration in roles.cascade.outputs:
        if declaration.tensor in roles.carries and roles.needs.get(declaration.tensor):
            outputs[declaration.tensor] = 1 + max(passes[r] for r in roles.needs[declaration.tensor])
    return Plan(passes, waits, outputs)


def is_single(einsum: Einsum) -> bool:
    """Has the statement one reduction operator?"""
    return len(reductions_of(einsum, reduced_variables(einsum))) == 1


def statement_of(cascade: Cascade, tensor: str) -> Einsum:
    """The statement that writes a tensor of a flat cascade."""
    return next(e for e in cascade.einsums if e.tensor == tensor)
