"""`merge`: the operator that joins the states of two parts of a fiber, and the forms built on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from fusemax.analysis.passes import passes
from fusemax.base.errors import FusemaxError
from fusemax.base.result import Result
from fusemax.cascade.ir import (
    Cascade,
    Claim,
    Declaration,
    Einsum,
    Number,
    ParameterUse,
    Section,
    Shape,
    Size,
    Variable,
    walk,
)
from fusemax.cascade.parse import parse
from fusemax.cascade.print import print_cascade
from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.cascade.rules import check_rules
from fusemax.derive.check import Check, Reference
from fusemax.derive.derivation import default_rank, ranks_by_passes
from fusemax.derive.flat import pruned, reads
from fusemax.derive.judge import all_sizes
from fusemax.derive.laws import PREPARING, Aim
from fusemax.derive.laws.defer import LAW as DEFER
from fusemax.derive.names import Names
from fusemax.derive.ring import ring
from fusemax.derive.roles import Unsupported
from fusemax.derive.samples import samples_for, sizes_for
from fusemax.derive.split import Parts, in_one, split
from fusemax.derive.tree import renamed, tree

FORMS = ("split", "tree", "ring")


@dataclass(frozen=True)
class Merge(Result):
    """The merge operator of a cascade over a rank, with the forms made of it and their checks."""

    command: ClassVar[str] = "merge"
    source: str
    rank: str
    operator: Cascade
    forms: dict[str, Cascade]
    checks: dict[str, Check]
    is_associative: bool | None

    def rows(self) -> list[dict[str, object]]:
        """One row per form."""
        return [
            {
                "form": name,
                "passes": passes(cascade).ranks[self.rank].passes,
                "einsums": len(cascade.einsums),
                "max_error": self.checks[name].max_error,
                "agrees": self.checks[name].difference is None,
            }
            for name, cascade in self.forms.items()
        ]

    def document(self) -> Mapping[str, object]:
        """The JSON of `fusemax merge`, without its schema."""
        return {
            "cascade": self.source,
            "rank": self.rank,
            "operator": print_cascade(self.operator),
            "associative": self.is_associative,
            "forms": {name: print_cascade(cascade) for name, cascade in self.forms.items()},
            "checks": self.rows(),
        }

    def headline(self) -> str:
        """What the operator joins."""
        states = ", ".join(d.tensor for d in self.operator.inputs)
        proof = {True: "associative, proved", False: "not associative", None: "associativity not proved"}
        return f"{self.source}: the state of a part of {self.rank} is {states} ({proof[self.is_associative]})"


def merge(
    cascade: Cascade, rank: str | None = None, *, tile: tuple[str, int] | None = None, prove: bool = True
) -> Merge:
    """The merge operator of a cascade that has a 1-pass form over `rank`, and the split, tree and ring forms.

    Without `rank`, that with the most passes, or the next one that has an operator. Raises NoMerge when no state of
    finitely many numbers is known.
    """
    if rank is not None:
        return _merge(cascade, default_rank(cascade, rank), tile, prove)
    first: NoMerge | None = None
    for name in ranks_by_passes(cascade):
        try:
            return _merge(cascade, name, tile, prove)
        except NoMerge as error:
            first = first or error
    raise first or NoMerge(f"{cascade.name} has no rank to merge over")


class NoMerge(FusemaxError):
    """A cascade without a merge operator of finitely many numbers; the text says why."""


def _merge(cascade: Cascade, rank: str, tile: tuple[str, int] | None, prove: bool) -> Merge:
    try:
        flat = _prepared(cascade, rank)
        tile = tile or _tile(flat, rank)
        counting = split(flat, rank, tile, counts=True, guard=True)
        operator = _finished(_operator(counting, cascade), cascade, "merge")
        parts = split(flat, rank, tile)
        forms = {
            "split": in_one(parts),
            "tree": tree(parts),
            "ring": ring(split(flat, rank, tile, guard=True)),
        }
    except Unsupported as error:
        raise NoMerge(f"{cascade.name} has no merge operator over {rank}: {error}") from None
    finished = {name: _finished(form, cascade, name, rank) for name, form in forms.items()}
    checks = {}
    for name, form in finished.items():
        samples = samples_for(cascade, rank, sizes=sizes_for(form))
        checks[name] = Reference(cascade, samples).check(form)
    proved = None
    if prove:
        from fusemax.derive.associative import is_associative

        proved = is_associative(operator, counting.wholes)
    return Merge(cascade.name, rank, operator, finished, checks, proved)


def _prepared(cascade: Cascade, rank: str) -> Cascade:
    for _ in range(50):
        found = next((u for law in (*PREPARING, DEFER) for u in law.uses(cascade, rank, Aim())), None)
        if found is None:
            break
        cascade = found.cascade
    return cascade


def _tile(cascade: Cascade, rank: str) -> tuple[str, int]:
    """A tile of about the square root of the rank's default size that divides it into at least four, if it can."""
    size = sizes_for(cascade)[rank]
    divisors = [d for d in range(2, size) if size % d == 0 and size // d >= 2]
    wanted = min(divisors, key=lambda d: (abs(d * d - size), d), default=2)
    return f"{rank}0", wanted


def _finished(cascade: Cascade, source: Cascade, form: str, rank: str | None = None) -> Cascade:
    """The legal cascade with name, sources and claims, read back from its own text."""
    named = replace(
        cascade,
        sizes=all_sizes(cascade),
        name=f"{source.name}_{form}",
        title=f"{source.title or source.name}: {form}",
        source="fusemax merge" + (f"; {source.source}" if source.source else ""),
        note=None,
        claims=(),
        origin=None,
    )
    if rank is not None:
        check_rules(parse(print_cascade(named), f"{named.name}.cascade"))
        count = passes(parse(print_cascade(named), f"{named.name}.cascade")).ranks[rank].passes
        claims = (Claim("passes", rank, Number(count)),) if isinstance(count, int) else ()
        named = replace(named, claims=claims)
    return check_rules(parse(print_cascade(named), f"{named.name}.cascade"))


# ------------------------------------------------------------------------------------------------- the operator


def _operator(parts: Parts, source: Cascade) -> Cascade:
    """States of some parts in, the state of all of them out."""
    names = Names(parts.cascade)
    over = names.rank("S", "T", "N", "PARTS")
    rename = {parts.step.variable: Variable(variable_of(over))}
    merging = [renamed(e, rename) for e in parts.merging]
    if parts.counts and not any(set(parts.counts) & reads(e) for e in merging[1:]):
        merging = merging[1:]  # nobody asks how many elements there are
    written = {e.tensor for e in merging}
    local = {e.tensor: e for e in parts.local}
    read = {t for e in merging for t in reads(e)} - written
    inputs = []
    for tensor, statement in local.items():
        if tensor in read:
            variables = [n.name for i in statement.left for n in walk(i) if isinstance(n, Variable)]
            own = [variable_of(over) if v == parts.step.variable else v for v in variables]
            inputs.append(Declaration(tensor, tuple(own)))
    inputs += [d for d in source.inputs if d.tensor in read]
    known = {d.tensor for d in inputs}
    wholes = {parts.wholes[t] for t in local if t in known and t in parts.wholes}
    outputs = [_declared(e) for e in merging if e.tensor in wholes]
    section = pruned((Section("flat", tuple(merging)),), {d.tensor for d in outputs})
    used = {p for e in section[0].einsums for p in walk(e.right) if isinstance(p, ParameterUse)}
    parameters = tuple(p for p in parts.cascade.parameters if ParameterUse(p.name) in used)
    return _sized(
        Cascade("merge", tuple(inputs), tuple(outputs), section, parameters=parameters), parts.cascade, over
    )


def _sized(cascade: Cascade, source: Cascade, over: str) -> Cascade:
    sizes = sizes_for(source)
    ranks = [rank_of(v) for d in cascade.inputs for v in d.variables]
    ranks += [n.rank for e in cascade.einsums for n in walk(e.right) if isinstance(n, Shape)]
    found = [Size(r, 2 if r == over else sizes[r]) for r in dict.fromkeys(ranks)]
    aliases = tuple(a for a in source.aliases if a.name in ranks)
    plain = tuple(s for s in found if s.rank not in {a.name for a in aliases})
    return replace(cascade, sizes=plain, aliases=aliases)


def _declared(einsum: Einsum) -> Declaration:
    return Declaration(einsum.tensor, tuple(i.name for i in einsum.left if isinstance(i, Variable)))
