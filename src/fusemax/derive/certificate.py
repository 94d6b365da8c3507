"""Why a barrier stays: a proof, or evidence with the witness that anyone can recompute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fusemax.cascade.ir import Access, Cascade, Variable, walk
from fusemax.derive.algebra import ELEMENT, MIXED, REFERENCE, Base, Poly, TooLarge, split_sides
from fusemax.derive.emit import NotAnExpression
from fusemax.derive.plan import Wait, operator_of, plan_of
from fusemax.derive.roles import Roles, Unsupported, roles_of, walks
from fusemax.derive.witness import Witness, witness

KINKS = frozenset(("abs", "max", "min", "<=", "<", ">=", ">"))


@dataclass(frozen=True)
class Certificate:
    """Why no form with fewer passes is given. `kind` is `proof` or `evidence`; `barrier` the Einsum that stays."""

    kind: str
    barrier: str
    reason: str
    reader: str = ""
    witness: Witness | None = None
    others: tuple[Certificate, ...] = field(default=())

    def document(self) -> Mapping[str, object]:
        """As in the JSON of `fusemax derive`."""
        found: dict[str, object] = {"kind": self.kind, "barrier": self.barrier, "reason": self.reason}
        if self.reader:
            found["reader"] = self.reader
        if self.witness is not None:
            found["witness"] = {
                "body": self.witness.body, "points": self.witness.points, "ranks": self.witness.ranks,
            }  # fmt: skip
        if self.others:
            found["others"] = [c.document() for c in self.others]
        return found

    def lines(self) -> list[str]:
        """For people."""
        found = [f"{self.kind}: {self.reason}"]
        if self.witness is not None:
            pairs = zip(self.witness.points, self.witness.ranks, strict=True)
            ranks = ", ".join(f"{rank} at {n} points" for n, rank in pairs)
            found.append(f"  sample matrix of {self.witness.body}: rank {ranks}")
        for other in self.others:
            found += [f"also {line}" if not line.startswith(" ") else line for line in other.lines()]
        return found


def one_pass(rank: str) -> Certificate:
    """The certificate of a cascade that goes over the rank once."""
    return Certificate("proof", "", f"one pass over {rank} is the least a cascade that reads it can have")


def certificate_of(cascade: Cascade, rank: str, constants: Mapping[str, float]) -> Certificate | None:
    """Why a prepared cascade needs more than one pass over a rank; None when it does not."""
    try:
        roles = roles_of(cascade, rank)
        plan = plan_of(roles)
    except Unsupported as error:
        if (kept := kept_output(cascade, rank)) is not None:
            return kept
        return _of_steps(cascade, rank) or Certificate("evidence", "", f"no law applies: {error}")
    except TooLarge:
        return Certificate("evidence", "", "no law applies: an expansion has too many terms")
    if plan.total < 2:
        return None
    found = [_of_wait(roles, wait, constants) for wait in plan.waits.values()]
    found += [_of_output(roles, output) for output, number in plan.outputs.items() if number > 1]
    if not found:
        return None
    first = found[0]
    kind = "proof" if all(c.kind == "proof" for c in found) else "evidence"
    return Certificate(kind, first.barrier, first.reason, first.reader, first.witness, tuple(found[1:]))


def _of_output(roles: Roles, output: str) -> Certificate:
    last = [t for t in roles.closed if t in roles.needs[output]][-1]
    return Certificate("proof", last, _kept(output, roles.rank, last), output)


def kept_output(cascade: Cascade, rank: str) -> Certificate | None:
    """An output along the rank, written after a loop over it from its last state and from elements again."""
    ends: dict[str, str] = {}
    loops = [s for s in cascade.sections if s.kind == "iterate" and s.variable and walks(cascade, rank, s.variable)]
    if not loops:
        return None
    states = {e.tensor for s in loops for e in s.einsums}
    outputs = {d.tensor for d in cascade.outputs}
    after = cascade.sections[cascade.sections.index(loops[0]) + 1 :]
    for einsum in (e for s in after if s.kind == "then" for e in s.einsums):
        elements = False
        for node in (n for n in walk(einsum.right) if isinstance(n, Access)):
            variables = {n.name for i in node.indices for n in walk(i.value) if isinstance(n, Variable)}
            if any(walks(cascade, rank, v) for v in variables):
                elements = True
            elif node.tensor in states:
                ends.setdefault(einsum.tensor, node.tensor)
            elif node.tensor in ends:
                ends.setdefault(einsum.tensor, ends[node.tensor])
        kept = any(isinstance(i, Variable) and walks(cascade, rank, i.name) for i in einsum.left)
        if einsum.tensor in ends and elements and kept and einsum.tensor in outputs:
            barrier = ends[einsum.tensor]
            return Certificate("proof", barrier, _kept(einsum.tensor, rank, barrier), einsum.tensor)
    return None


def _of_steps(cascade: Cascade, rank: str) -> Certificate | None:
    """A loop over another rank whose every step goes over this one with what the step before made of it."""
    for section in cascade.sections:
        step = section.variable
        if section.kind != "iterate" or step is None or walks(cascade, rank, step):
            continue
        tainted: dict[str, str] = {}
        for einsum in section.einsums:
            kept = {n.name for i in einsum.left for n in walk(i) if isinstance(n, Variable)}
            used = {n.name for n in walk(einsum.right) if isinstance(n, Variable)}
            reads = [n.tensor for n in walk(einsum.right) if isinstance(n, Access)]
            if any(walks(cascade, rank, v) for v in used - kept):
                tainted[einsum.tensor] = einsum.tensor
            elif any(t in tainted for t in reads):
                tainted[einsum.tensor] = next(tainted[t] for t in reads if t in tainted)
            is_state = any(Variable(step) != i and step in {n.name for n in walk(i) if isinstance(n, Variable)}
                           for i in einsum.left)  # fmt: skip
            if is_state and einsum.tensor in tainted:
                reason = (
                    f"every step of {step} goes over {rank} with {einsum.tensor}, which the step before made from its "
                    f"complete reduction {tainted[einsum.tensor]}; no law of the catalogue joins two steps"
                )
                return Certificate("evidence", tainted[einsum.tensor], reason, einsum.tensor)
    return None


def _kept(output: str, rank: str, barrier: str) -> str:
    return (
        f"{output} keeps the rank {rank} and depends on the complete reduction {barrier}: each of its elements "
        "needs its own element of the fiber again after the last one has been read, so one pass is impossible"
    )


def _of_wait(roles: Roles, wait: Wait, constants: Mapping[str, float]) -> Certificate:
    barrier = wait.references[-1]
    selections = [r for r in wait.references if operator_of(roles, r) in ("topk", "argtopk")]
    if selections:
        barrier = selections[-1]
    found = _witness(wait.body, constants)
    if found is not None and not found.grows and operator_of(roles, wait.tensor) == "+":
        reason = (
            f"{wait.tensor} reduces a function of {', '.join(wait.references)} whose sample matrix has rank "
            f"{found.rank}, but no law of the catalogue splits it"
        )
        return Certificate("evidence", barrier, reason, wait.tensor, found)
    kink = _moving_kink(wait)
    if operator_of(roles, wait.tensor) != "+":
        reason = (
            f"{wait.tensor} is a {_WORDS.get(operator_of(roles, wait.tensor), 'reduction')} of a function of "
            f"{', '.join(wait.references)} that is not known to rise, fall or bend one way"
        )
        return Certificate("evidence", barrier, reason, wait.tensor, found)
    if kink is not None and found is not None and found.ranks == found.points:
        reason = (
            f"{wait.tensor} sums {found.body}, which has a kink where element and reference {barrier} meet. For any n "
            "references with different kinks the n functions of the element are independent, each being the only one "
            "with a kink at its place: the sample matrix has rank n for every n, and no finite linear state exists"
        )
        return Certificate("proof", barrier, reason, wait.tensor, found)
    growth = "" if found is None else ": the rank of its sample matrix grows with the number of points"
    reason = (
        f"{wait.tensor} sums a function of the elements and of {', '.join(wait.references)} that is no finite sum of "
        f"products of one and the other{growth}"
    )
    return Certificate("evidence", barrier, reason, wait.tensor, found)


_WORDS = {"max": "maximum", "min": "minimum", "*": "product", "topk": "selection", "argtopk": "selection"}


def _witness(body: Poly, constants: Mapping[str, float]) -> Witness | None:
    try:
        return witness(body, constants)
    except (NotAnExpression, TooLarge, OverflowError, ValueError):
        return None


def _moving_kink(wait: Wait) -> Base | None:
    """The one factor of the body that mixes both sides, when it has a kink at an element against a reference."""
    mixed = [[base for base, _ in mono if base.side == MIXED] for mono, _ in wait.body.terms]
    bases = [base for bases in mixed for base in bases]
    if len({base.text for base in bases}) != 1:
        return None
    return bases[0] if _has_moving_kink(bases[0]) else None


def _has_moving_kink(base: Base) -> bool:
    """abs, max, min or a comparison of an element with a reference, or of such a thing with something else."""
    if base.kind not in ("call", "test") or base.name not in KINKS:
        return False
    mixed = [p for p in base.parts if p.side == MIXED]
    if not mixed:
        sides = [p.side for p in base.parts]
        return any(side & ELEMENT for side in sides) and any(side & REFERENCE for side in sides)
    return len(mixed) == 1 and (_is_crossing(mixed[0]) or _holds_kink(mixed[0]))


def _inner(p: Poly) -> Base | None:
    """The one factor of a sum that is one product, if it stands alone."""
    if len(p.terms) == 1 and len(p.terms[0][0]) == 1 and p.terms[0][0][0][1] == 1:
        return p.terms[0][0][0][0]
    return None


def _holds_kink(p: Poly) -> bool:
    base = _inner(p)
    return base is not None and _has_moving_kink(base)


def _is_crossing(p: Poly) -> bool:
    """An element plus or minus a reference."""
    base = _inner(p)
    if base is not None and base.kind == "group":
        p = base.parts[0]
    own, references, mixed = split_sides(p)
    return bool(own.side & ELEMENT) and bool(references.terms) and not mixed.terms
