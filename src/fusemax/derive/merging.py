"""`merge`: the operator that joins the states of two parts of a fiber, and the forms built on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from fusemax.analysis.passes import passes
from fusemax.base.errors import FusemaxError
from fusemax.base.result import Result
from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Claim,
    Declaration,
    Einsum,
    Expr,
    Index,
    Number,
    ParameterUse,
    Partition,
    Section,
    Shape,
    Size,
    Variable,
    walk,
)
from fusemax.cascade.parse import parse
from fusemax.cascade.print import print_cascade
from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.cascade.resolve import rewrite
from fusemax.cascade.rules import check_rules
from fusemax.derive.check import Check, Reference
from fusemax.derive.derivation import all_sizes, default_rank, ranks_by_passes
from fusemax.derive.flat import pruned, reads
from fusemax.derive.laws import PREPARING, Aim
from fusemax.derive.laws.defer import LAW as DEFER
from fusemax.derive.loop import IDENTITIES
from fusemax.derive.names import Names
from fusemax.derive.normal import free_variables, reduced_variables, substitute
from fusemax.derive.roles import Unsupported
from fusemax.derive.samples import samples_for, sizes_for
from fusemax.derive.split import Parts, in_one, split

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
            "tree": _tree(parts),
            "ring": _ring(split(flat, rank, tile, guard=True)),
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
    merging = [_renamed(e, rename) for e in parts.merging]
    if parts.counts and not any(set(parts.counts) & reads(e) for e in merging[1:]):
        merging = merging[1:]  # nobody asks how many elements there are
    written = {e.tensor for e in merging}
    local = {e.tensor: e for e in parts.local}
    read = {t for e in merging for t in reads(e)} - written
    inputs = []
    for tensor, statement in local.items():
        if tensor in read:
            variables = [n.name for i in statement.left for n in walk(i) if isinstance(n, Variable)]
            renamed = [variable_of(over) if v == parts.step.variable else v for v in variables]
            inputs.append(Declaration(tensor, tuple(renamed)))
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


def _renamed(einsum: Einsum, values: Mapping[str, Expr]) -> Einsum:
    left = tuple(substitute(i, values) for i in einsum.left)
    names = {k: v.name for k, v in values.items() if isinstance(v, Variable)}
    reductions = tuple(replace(r, variables=tuple(names.get(v, v) for v in r.variables)) for r in einsum.reductions)
    return replace(einsum, left=left, right=substitute(einsum.right, values), reductions=reductions)


# ------------------------------------------------------------------------------------------------------ the tree


def _tree(parts: Parts) -> Cascade:
    """Two levels: tiles are merged in groups, the groups are merged."""
    step = parts.step
    names = Names(parts.cascade)
    names.used |= {e.tensor for e in (*parts.before, *parts.local, *parts.merging)}
    old = next(p for p in parts.cascade.partitions if p.rank == step.rank)
    top = names.rank(f"{old.factors[0][:-1]}2" if old.factors[0].endswith("1") else f"{step.rank}2", f"{step.rank}TOP")
    group = Variable(variable_of(top))
    middle = old.factors[0]
    tiled = {e.tensor for e in (*parts.before, *parts.local) if _uses(e, step.variable)}
    upper = {e.tensor for e in parts.merging}
    lower = {t: names.tensor(f"{t}1") for t in upper}
    flat_index = Binary("*", Variable(step.variable), Shape(old.factors[1]))
    deeper = Binary("*", Binary("+", Binary("*", group, Shape(middle)), Variable(step.variable)), Shape(old.factors[1]))

    def local(node: Expr) -> Expr:
        if node == flat_index:
            return deeper
        if isinstance(node, Access) and node.tensor in tiled:
            return _indexed(node, step.variable, group)
        return node

    def first(node: Expr) -> Expr:
        if isinstance(node, Shape) and node.rank == step.rank:
            return Binary("*", Shape(middle), Shape(old.factors[1]))
        if isinstance(node, Access) and node.tensor in lower:
            return Access(lower[node.tensor], (Index(group), *node.indices))
        return local(node)

    def second(node: Expr) -> Expr:
        if isinstance(node, Shape) and node.rank == old.factors[1]:
            return Binary("*", Shape(middle), Shape(old.factors[1]))
        if isinstance(node, Access) and node.tensor in parts.wholes and node.tensor in tiled:
            whole = lower[parts.wholes[node.tensor]]
            rest = tuple(i for i in node.indices if i.value != group)  # the tile's variable is renamed by now
            return Access(whole, (Index(group), *rest))
        return Variable(group.name) if node == Variable(step.variable) else node

    einsums: list[Einsum] = []
    for einsum in (*parts.before, *parts.local):
        left = _left(einsum, step.variable, group) if einsum.tensor in tiled else einsum.left
        einsums.append(replace(einsum, left=left, right=rewrite(einsum.right, local)))
    for einsum in parts.merging:
        left = (group, *einsum.left)
        einsums.append(replace(einsum, tensor=lower[einsum.tensor], left=left, right=rewrite(einsum.right, first)))
    for einsum in parts.merging:
        changed = replace(einsum, right=rewrite(einsum.right, second))
        values = {step.variable: group}
        einsums.append(
            replace(
                changed,
                left=tuple(substitute(i, values) for i in einsum.left),
                reductions=_renamed(einsum, values).reductions,
            )
        )
    einsums += parts.after
    whole = parts.cascade
    size = next((s.value for s in whole.sizes if s.rank == step.rank), 0)
    inner = next((s.value for s in whole.sizes if s.rank == old.factors[1]), 1)
    tiles = size // inner
    grouped = next((d for d in range(2, tiles) if tiles % d == 0), 2)
    grown = {s.rank: s.value for s in whole.sizes}
    if tiles % grouped:
        for rank in _equals(whole, step.rank):
            if rank in grown:
                grown[rank] = inner * grouped * 2
    sizes = (*(replace(s, value=grown[s.rank]) for s in whole.sizes), Size(middle, grouped))
    others = tuple(p for p in whole.partitions if p != old)
    partition = Partition(step.rank, (top, *old.factors))
    outputs = {d.tensor for d in whole.outputs}
    sections = pruned((Section("flat", tuple(einsums)),), outputs)
    return replace(whole, partitions=(*others, partition), sizes=sizes, sections=sections)


def _equals(cascade: Cascade, rank: str) -> set[str]:
    from fusemax.derive.step import equal_ranks

    return equal_ranks(cascade, rank)


def _uses(einsum: Einsum, variable: str) -> bool:
    return any(isinstance(n, Variable) and n.name == variable for i in einsum.left for n in walk(i))


def _left(einsum: Einsum, variable: str, group: Expr) -> tuple[Expr, ...]:
    found: list[Expr] = []
    for index in einsum.left:
        found += [group, index] if index == Variable(variable) else [index]
    return tuple(found)


def _indexed(access: Access, variable: str, group: Expr) -> Access:
    """A tile's tensor read in its group; the tile's index stands where it stood."""
    found: list[Index] = []
    for index in access.indices:
        found += [Index(group), index] if index.value == Variable(variable) else [index]
    return replace(access, indices=tuple(found))


# ------------------------------------------------------------------------------------------------------ the ring


def _ring(parts: Parts) -> Cascade:
    """One state goes from tile to tile and takes in each tile's own state."""
    step = parts.step
    names = Names(parts.cascade)
    names.used |= {e.tensor for e in (*parts.before, *parts.local, *parts.merging)}
    states = {e.tensor: names.tensor(f"R{e.tensor}") for e in parts.merging if not _uses(e, step.variable)}
    local = {e.tensor: e for e in parts.local}
    here, after = step.here, Binary("+", Variable(step.variable), Number(1))
    helpers = {e.tensor: (names.tensor(f"{e.tensor}A"), names.tensor(f"{e.tensor}B")) for e in parts.merging
               if _uses(e, step.variable)}  # fmt: skip

    def side(expr: Expr, is_state: bool) -> Expr:
        """The expression for the travelling state or for the tile."""

        def leaf(node: Expr) -> Expr:
            if isinstance(node, Shape) and node.rank == rank_of(step.inner or ""):
                return Binary("*", here, node) if is_state else node
            if isinstance(node, Shape) and node.rank == step.rank:
                return Binary("*", after, Shape(rank_of(step.inner or "")))
            if not isinstance(node, Access):
                return node
            if node.tensor in helpers:
                return replace(node, tensor=helpers[node.tensor][0 if is_state else 1])
            if node.tensor in states:
                return Access(states[node.tensor], (Index(after), *node.indices))
            if is_state and node.tensor in local and parts.wholes.get(node.tensor) in states:
                rest = tuple(i for i in node.indices if i.value != here)
                return Access(states[parts.wholes[node.tensor]], (Index(here), *rest))
            return node

        return rewrite(expr, leaf)

    body = list(parts.local)
    init = list(parts.before)
    for einsum in parts.merging:
        if einsum.tensor in helpers:
            for number, name in enumerate(helpers[einsum.tensor]):
                body.append(replace(einsum, tensor=name, right=side(einsum.right, number == 0)))
            continue
        name = states[einsum.tensor]
        over = step.variable in reduced_variables(einsum) or _reduces(einsum, step.variable)
        operator = einsum.reductions[0].operator if einsum.reductions and over else "+"
        right = side(einsum.right, False)
        reductions = einsum.reductions
        start: Expr = IDENTITIES[operator] if over else Number(0)
        if over:
            first = side(einsum.right, True)
            right = Binary(operator, first, right) if operator in "+*" else Call(operator, (first, right))
            reductions = ()
        body.append(Einsum(name, (after, *einsum.left), right, reductions))
        init.append(Einsum(name, (Number(0), *einsum.left), start))

    def finished(node: Expr) -> Expr:
        if isinstance(node, Access) and node.tensor in states:
            return Access(states[node.tensor], (Index(step.end), *node.indices))
        return node

    after_loop = [replace(e, right=rewrite(e.right, finished)) for e in parts.after]
    outputs = {d.tensor for d in parts.cascade.outputs}
    for einsum in parts.merging:
        if einsum.tensor in outputs:
            read = Access(states[einsum.tensor], (Index(step.end), *(Index(i) for i in einsum.left)))
            after_loop.append(Einsum(einsum.tensor, einsum.left, read))
    sections = (
        Section("init", tuple(init)),
        Section("iterate", tuple(body), step.variable, step.until),
        Section("then", tuple(after_loop)),
    )
    return replace(parts.cascade, sections=pruned(sections, outputs))


def _reduces(einsum: Einsum, variable: str) -> bool:
    return variable in free_variables(einsum.right) and not _uses(einsum, variable)


