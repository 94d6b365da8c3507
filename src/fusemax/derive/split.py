"""Split a reduction over tiles: the state of each tile by itself, and the operator that merges states.

The same accumulators and corrections as in a loop, from a tile's own references to those of all tiles together:
the local statements go over a tile, the merging ones over tiles, and what follows goes over neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Index, Number, Reduction, Shape, Variable
from fusemax.cascade.ranks import rank_of
from fusemax.derive.accumulate import Accumulators, _name_of
from fusemax.derive.algebra import Mono
from fusemax.derive.flat import pruned, reads
from fusemax.derive.guard import Guard
from fusemax.derive.loop import IDENTITIES, Loop, Running, operators
from fusemax.derive.names import Names
from fusemax.derive.plan import operator_of, plan_of
from fusemax.derive.roles import Unsupported, roles_of
from fusemax.derive.step import Step, tile_step
from fusemax.derive.stream import has_infinity
from fusemax.derive.terms import Shifted


@dataclass(frozen=True)
class TileStep(Step):
    """States of a tile are indexed by the tile, that of all tiles has no index. `counts` names tensors of counts."""

    counts: tuple[str, str] | None = None

    @property
    def after(self) -> Expr:
        """A tile's own state."""
        return Variable(self.variable)

    @property
    def before_count(self) -> Expr:
        """The elements of a tile."""
        if self.counts is not None:
            return Access(self.counts[0], (Index(Variable(self.variable)),))
        return Shape(rank_of(self.inner or ""))

    @property
    def after_count(self) -> Expr:
        """The elements of a tile."""
        return self.before_count

    @property
    def all_count(self) -> Expr:
        """The elements of all tiles."""
        return Access(self.counts[1]) if self.counts is not None else Shape(self.rank)


@dataclass(frozen=True)
class Pair(Running):
    """A tensor for each tile (`name`) and one for all tiles (`whole`)."""

    whole: str = ""
    end: Expr = field(default_factory=lambda: Number(0))

    def at(self, indices: tuple[Expr, ...], state: Expr) -> Access:
        """The read of a cell of a tile, or of all tiles."""
        if state == self.end:
            return Access(self.whole, tuple(Index(i) for i in indices))
        return super().at(indices, state)


@dataclass
class Split(Loop):
    """`body`: statements of a tile. `merging`: statements over tiles."""

    merging: list[Einsum] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def _read(self, access: Access, state: Expr) -> Expr:
        roles = self.roles
        if state == self.step.end and not roles.is_element(access) and self.is_unknown(access.tensor):
            self.total(access.tensor)
            indices = tuple(self.translate(i.value, state) for i in access.indices)
            if access.tensor in self.running and isinstance(self.running[access.tensor], Pair):
                return self.running[access.tensor].at(indices, state)
            return Access(access.tensor, tuple(Index(i) for i in indices))
        return super()._read(access, state)

    def start(self, tensor: str) -> None:
        """Tiles have no state before them."""

    def total(self, tensor: str) -> None:
        """Emit the value of a tensor without the rank for all tiles."""
        if tensor in self.done or isinstance(self.running.get(tensor), Pair):
            return
        self.done.add(tensor)
        statement = self.roles.statements[tensor]
        if tensor in self.values:
            right = self.values[tensor](self.step.end)
        else:
            right = self.translate(self.counted(statement.right, self.step.all_count), self.step.end)
        reductions = () if tensor in self.values else statement.reductions
        self.merging.append(Einsum(tensor, statement.left, right, reductions))


class SplitAccumulators(Accumulators[Split]):
    """Accumulators of tiles, and of all tiles from those."""

    def __init__(self, loop: Split) -> None:
        super().__init__(loop)
        self.pairs: list[Pair] = []

    @property
    def new(self) -> Expr:
        """The references of all tiles."""
        return self.loop.step.end

    def _pair(self, local: str, whole: str, position: int) -> Pair:
        self.pairs.append(Pair(self.loop.names.tensor(local), position, whole, self.loop.step.end))
        return self.pairs[-1]

    def _emit(
        self, pair: Pair, left: tuple[Expr, ...], right: Expr, operator: str, merged: Expr, others: tuple[str, ...] = ()
    ) -> None:
        """The statement of a tile and the one over tiles."""
        loop = self.loop
        here = loop.step.here
        inner = (*others, loop.step.inner or "")
        reductions = () if operator == "+" else (Reduction(operator, inner),)
        over = () if operator == "+" else (Reduction(operator, (loop.step.variable,)),)
        loop.body.append(Einsum(pair.name, pair.index(left, here), loop.guard.apply(right), reductions))
        loop.merging.append(Einsum(pair.whole, left, merged, over))

    def _plain(self, tensor: str, operator: str) -> None:
        loop = self.loop
        statement = loop.roles.statements[tensor]
        right = loop.translate(statement.right)
        pair = self._pair(f"L{tensor}", tensor, loop.position(statement))
        loop.running[tensor] = pair
        loop.guard.running.add(pair.name)
        if operator in ("max", "min"):
            loop.guard.infinite[pair.name] = IDENTITIES[operator]
        others = tuple(v for _, vs in operators(statement) for v in vs if not loop.roles.is_walker(v))
        self._emit(pair, statement.left, right, operator, pair.at(statement.left, loop.step.here), others)

    def _verbatim(self, tensor: str) -> None:
        loop = self.loop
        statement = loop.roles.statements[tensor]
        position = loop.position(statement)
        right = loop.translate(statement.right)
        pair = self._pair(f"L{tensor}", tensor, position)
        factor = self._correction(self._terms(tensor)[0].inner, position)
        loop.running[tensor] = pair
        loop.guard.running.add(pair.name)
        local = pair.at(statement.left, loop.step.here)
        self._emit(pair, statement.left, right, "+", local if factor is None else Binary("*", local, factor))
        self._share(statement, pair)

    def _repaired_sum(
        self,
        inner: Mono,
        left: tuple[Expr, ...],
        position: int,
        early: tuple[str, ...],
        moves: list[tuple[Shifted, Callable[[Expr], Expr]]],
    ) -> Callable[[Expr], Expr]:
        loop = self.loop
        wish = _name_of(inner)
        right = self._contribution(inner)
        pair = self._pair(f"L{wish}", loop.names.tensor(f"G{wish}"), position)
        factor = self._correction(inner, position)
        merged = self._moved(pair.at(left, self.old), moves, factor)
        self._emit(pair, left, right, "+", merged)
        return lambda state: pair.at(left, state)

    def _finite(self, expr: Expr) -> Expr:
        """Tiles keep their extremes; a difference from an infinite one is 0 by its guard."""
        loop = self.loop
        references = loop.guard.references(expr)
        return loop.guard.zero_where_infinite(expr, references) if loop.guard.enabled and references else expr

    def _statements(self) -> list[Einsum]:
        return self.loop.merging


@dataclass(frozen=True)
class Parts:
    """A split cascade: flat elements, tile statements, merging statements, and what follows."""

    cascade: Cascade
    step: TileStep
    before: tuple[Einsum, ...]
    local: tuple[Einsum, ...]
    merging: tuple[Einsum, ...]
    after: tuple[Einsum, ...]
    wholes: dict[str, str]
    counts: tuple[str, str] | None = None

    @property
    def states(self) -> tuple[str, ...]:
        """The tensors of a tile that merging reads, in order; `wholes` gives the one of all tiles for each."""
        written = {e.tensor: e for e in self.local}
        needed = set().union(*(reads(e) for e in self.merging)) if self.merging else set()
        return tuple(name for name in written if name in needed)


def split(
    cascade: Cascade, rank: str, tile: tuple[str, int], *, counts: bool = False, guard: bool = False
) -> Parts:
    """Split a flat cascade's reductions over a rank into tiles.

    `counts`: tiles count their elements themselves; `guard`: a tile may be empty or masked whatever the text says.

    Raises Unsupported when a reduction has no merge operator with finitely many numbers.
    """
    roles = roles_of(cascade, rank)
    plan = plan_of(roles)
    if plan.total > 1:
        raise Unsupported(f"it needs {plan.total} passes over {rank}, and a state of finitely many numbers has one")
    names = Names(cascade)
    cascade, plain = tile_step(cascade, roles.rank, names, tile)
    tensors = (names.tensor("CNT"), names.tensor("NCNT")) if counts else None
    step = TileStep(plain.rank, plain.variable, plain.until, plain.inner, tensors)
    roles = replace(roles, cascade=cascade)
    empty: frozenset[str] = frozenset()
    loop = Split(roles, step, names, empty, {}, {}, empty, empty, Guard(guard or has_infinity(cascade)))
    states = SplitAccumulators(loop)
    picks = [t for t in roles.closed if operator_of(roles, t) in ("topk", "argtopk")]
    if picks:
        raise Unsupported(f"{picks[0]} is a selection")
    before = [e for t, e in roles.statements.items() if not roles.needs[t] and t not in roles.carries]
    for tensor in roles.closed:
        states.close(tensor)
    for tensor in roles.closed:
        loop.total(tensor)
    after = [
        e for t, e in roles.statements.items()
        if roles.needs[t] and t not in roles.carries and t not in roles.closed and t not in loop.done
    ]  # fmt: skip
    local, merging = list(loop.body), list(loop.merging)
    if tensors is not None and step.inner is not None:
        every = Binary(">=", Variable(step.inner), Number(0))
        one = Call("where", (every, Number(1), Number(0)))
        local.insert(0, Einsum(tensors[0], (Variable(step.variable),), one))
        merging.insert(0, Einsum(tensors[1], (), Access(tensors[0], (Index(Variable(step.variable)),))))
    wholes = {r.name: r.whole if isinstance(r, Pair) else tensor for tensor, r in loop.running.items()}
    wholes |= {pair.name: pair.whole for pair in states.pairs}
    if tensors is not None:
        wholes[tensors[0]] = tensors[1]
    return Parts(cascade, step, (*before, *loop.init), tuple(local), tuple(merging), tuple(after), wholes, tensors)


def in_one(parts: Parts) -> Cascade:
    """The split form as one flat cascade (split-K)."""
    from fusemax.cascade.ir import Section

    einsums = (*parts.before, *parts.local, *parts.merging, *parts.after)
    outputs = {d.tensor for d in parts.cascade.outputs}
    return replace(parts.cascade, sections=pruned((Section("flat", einsums),), outputs), claims=())
