"""The law of iteration: all reductions of one pass, and those that wait for references of that pass, in one loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fusemax.cascade.ir import (
    Access,
    Alias,
    Call,
    Cascade,
    Constant,
    Einsum,
    Expr,
    Index,
    Partition,
    Section,
    Size,
    Variable,
    walk,
)
from fusemax.cascade.resolve import rewrite
from fusemax.derive.accumulate import Accumulators
from fusemax.derive.flat import pruned
from fusemax.derive.guard import Guard
from fusemax.derive.loop import Final, Loop, operators
from fusemax.derive.names import Names
from fusemax.derive.normal import substitute
from fusemax.derive.plan import Plan, operator_of, plan_of, streams
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.step import Step, element_step, tile_step


@dataclass(frozen=True)
class Choice:
    """How to stream: tile (name, size) or one element at a time, factors kept inside (`eager`).

    `guard`: references can still be infinite; `zero`: and those that divide can still be 0. `forced`: every reduction
    closes in the first pass, whether it can or not.
    """

    tile: tuple[str, int] | None = None
    guard: bool = False
    zero: bool = False
    eager: bool = False
    forced: bool = False


def stream(cascade: Cascade, rank: str, choice: Choice) -> Cascade:
    """The cascade with every pass over `rank` as one loop where references of the pass are streamed.

    Raises Unsupported when there is nothing to stream or a statement is outside what the law covers.
    """
    roles = roles_of(cascade, rank)
    plan = plan_of(roles)
    if choice.forced:
        plan = replace(plan, passes=dict.fromkeys(plan.passes, 1))
    names = Names(cascade)
    if choice.tile is None:
        cascade, step = element_step(cascade, roles.rank, names)
    else:
        cascade, step = tile_step(cascade, roles.rank, names, choice.tile)
    build = _Build(replace(roles, cascade=cascade), plan, names, step, choice)
    sections = build.sections()
    return replace(cascade, sections=pruned(sections, {d.tensor for d in cascade.outputs}), claims=())


class _Build:
    def __init__(self, roles: Roles, plan: Plan, names: Names, step: Step, choice: Choice) -> None:
        self.roles, self.plan, self.names, self.step, self.choice = roles, plan, names, step, choice
        self.finals: dict[str, Final] = {}
        self.stored: dict[str, str] = {}
        self.emitted: set[str] = set()
        self.outputs = {d.tensor for d in roles.cascade.outputs}
        self.whole = _whole(roles, self.outputs)

    def sections(self) -> tuple[Section, ...]:
        init = self._before()
        sections: list[Section] = []
        after: list[Einsum] = []
        known: frozenset[str] = frozenset()
        for number in range(1, max(self.plan.passes.values(), default=0) + 1):
            group = [t for t in self.roles.closed if self.plan.passes[t] == number]
            if self._needs_loop(group, known):
                picks = [t for t in group if operator_of(self.roles, t) in ("topk", "argtopk")]
                later = {t for t in self.roles.closed if self.plan.passes[t] > number}
                loop = self._loop([t for t in group if t not in picks], known, later)
                init += loop.init
                if after:
                    sections.append(Section("then", tuple(after)))
                    after = []
                sections.append(Section("iterate", tuple(loop.body), self.step.variable, self.step.until))
                after += self._flat(picks)
            else:
                (after if sections else init).extend(self._flat(group))
            known |= frozenset(group)
            (after if sections else init).extend(self._finish(known))
        if not sections:
            raise Unsupported("no reduction waits for a reference of its own pass")
        first = [Section("init", tuple(init))] if init else []
        return (*first, *sections, *([Section("then", tuple(after))] if after else []))

    def _before(self) -> list[Einsum]:
        """What needs no reduction over the rank and no element that a loop writes."""
        found = []
        for tensor, statement in self.roles.statements.items():
            if self.roles.needs[tensor]:
                continue
            if tensor in self.roles.carries:
                if tensor in self.whole:
                    found.append(statement)
            elif tensor in self.whole or not self._reads_elements(statement):
                found.append(statement)
                self.emitted.add(tensor)
        return found

    def _reads_elements(self, statement: Einsum) -> bool:
        reads = {n.tensor for n in walk(statement.right) if isinstance(n, Access)}
        return any(t in self.roles.carries and t in self.roles.statements and t not in self.whole for t in reads)

    def _needs_loop(self, group: list[str], known: frozenset[str]) -> bool:
        return any(self.roles.needs[t] - {t} - known for t in group)

    def _loop(self, group: list[str], known: frozenset[str], later: set[str]) -> Loop:
        loop = Loop(
            self.roles,
            self.step,
            self.names,
            known,
            self.finals,
            self.stored,
            self.whole,
            _later(self.roles, self.outputs, later),
            Guard(self.choice.guard or self.choice.zero, self.choice.zero),
        )
        states = Accumulators(loop, eager=self.choice.eager, forced=self.choice.forced)
        for tensor in group:
            states.close(tensor)
        for tensor in group:
            if tensor in loop.running and tensor not in loop.values:
                self.finals[tensor] = self._terminal(loop, tensor)
            else:
                self.finals[tensor] = self._value(loop, tensor)
        loop.body = inlined_once(loop.body, loop.auxiliary)
        return loop

    def _terminal(self, loop: Loop, tensor: str) -> Final:
        found = loop.running[tensor]
        return lambda indices: found.at(indices, self.step.end)

    def _value(self, loop: Loop, tensor: str) -> Final:
        """The final value of a sum made of several accumulators: a statement of its own after the loop."""
        statement = self.roles.statements[tensor]
        self._pending = getattr(self, "_pending", {})
        self._pending[tensor] = Einsum(tensor, statement.left, loop.values[tensor](self.step.end))
        return _plain(tensor)

    def _flat(self, group: list[str]) -> list[Einsum]:
        found = []
        for tensor in group:
            statement = self.roles.statements[tensor]
            found += self._elements_for(statement)
            found.append(self._finished(statement))
            self.finals[tensor] = _plain(tensor)
            self.emitted.add(tensor)
        return found

    def _finish(self, known: frozenset[str]) -> list[Einsum]:
        """Tensors without the rank, and outputs along it, that are now known."""
        found: list[Einsum] = []
        for tensor, statement in self.roles.statements.items():
            if tensor in self.emitted or not self.roles.needs[tensor] <= known:
                continue
            if tensor in getattr(self, "_pending", {}):
                found.append(self._pending[tensor])
                self.emitted.add(tensor)
            elif tensor in self.roles.closed:
                if tensor in self.outputs:
                    left = statement.left
                    found.append(Einsum(tensor, left, self.finals[tensor](left)))
                    self.emitted.add(tensor)
            elif tensor not in self.roles.carries:
                found += self._elements_for(statement)
                found.append(self._finished(statement))
                self.finals[tensor] = _plain(tensor)
                self.emitted.add(tensor)
            elif tensor in self.outputs and tensor not in self.whole:
                found += self._elements_for(statement)
                found.append(self._finished(statement))
                self.emitted.add(tensor)
        return found

    def _elements_for(self, statement: Einsum) -> list[Einsum]:
        """Flat statements for the elements a flat statement reads and no loop has stored."""
        found: list[Einsum] = []
        for node in walk(statement.right):
            if isinstance(node, Access) and node.tensor in self.roles.statements and node.tensor in self.roles.carries:
                if node.tensor in self.stored or node.tensor in self.whole or node.tensor in self.emitted:
                    continue
                self.emitted.add(node.tensor)
                inner = self.roles.statements[node.tensor]
                found += self._elements_for(inner)
                found.append(self._finished(inner))
        return found

    def _finished(self, statement: Einsum) -> Einsum:
        """A statement outside the loops: closed tensors read at their last state, elements where a loop put them."""
        return replace(statement, right=self._finished_expr(statement.right))

    def _finished_expr(self, expr: Expr) -> Expr:
        def leaf(node: Expr) -> Expr:
            if not isinstance(node, Access):
                return node
            if node.tensor in self.finals and all(i.filter is None for i in node.indices):
                return self.finals[node.tensor](tuple(i.value for i in node.indices))
            if node.tensor in self.stored and node.tensor not in self.emitted:
                return self._from_store(node)
            return node

        return rewrite(expr, leaf)

    def _from_store(self, access: Access) -> Access:
        statement = self.roles.statements[access.tensor]
        indices: list[Index] = []
        for variable, index in zip(statement.left, access.indices, strict=True):
            if isinstance(variable, Variable) and self.roles.is_walker(variable.name):
                indices += [replace(index, value=value) for value in self.step.stored(index.value)]
            else:
                indices.append(index)
        return Access(self.stored[access.tensor], tuple(indices))


def _plain(tensor: str) -> Final:
    """A finished tensor is read by its own name."""
    return lambda indices: Access(tensor, tuple(Index(i) for i in indices))


def _whole(roles: Roles, outputs: set[str]) -> frozenset[str]:
    """Elements that a loop cannot make one at a time: outputs, and those read at another coordinate."""
    found = {t for t in outputs if t in roles.carries and t in roles.statements and not roles.needs[t]}
    for statement in roles.statements.values():
        for node in walk(statement.right):
            if isinstance(node, Access) and node.tensor in roles.carries and node.tensor in roles.statements:
                target = roles.statements[node.tensor]
                for variable, index in zip(target.left, node.indices, strict=True):
                    walker = isinstance(variable, Variable) and roles.is_walker(variable.name)
                    if walker and not isinstance(index.value, Variable):
                        found.add(node.tensor)
    while True:
        more = {
            n.tensor
            for t in found
            for n in walk(roles.statements[t].right)
            if isinstance(n, Access) and n.tensor in roles.statements and not roles.needs[n.tensor]
        }
        if more <= found:
            return frozenset(t for t in found if not roles.needs[t])
        found |= more


def _later(roles: Roles, outputs: set[str], closed: set[str]) -> frozenset[str]:
    """Elements that wait for a complete reduction, and that an output along the rank or a later pass needs after it."""
    found = {t for t in outputs if t in roles.carries and roles.needs.get(t)}
    while True:
        more = {
            n.tensor
            for t in found | closed
            for n in walk(roles.statements[t].right)
            if isinstance(n, Access) and n.tensor in roles.carries and roles.needs.get(n.tensor)
        }
        if more <= found:
            return frozenset(found)
        found |= more


def inlined_once(body: list[Einsum], auxiliary: set[str]) -> list[Einsum]:
    """The statements with each auxiliary one that is read in one place put in there."""
    reads: dict[str, int] = {}
    for einsum in body:
        for node in walk(einsum.right):
            if isinstance(node, Access) and node.tensor in auxiliary:
                reads[node.tensor] = reads.get(node.tensor, 0) + 1
    definitions: dict[str, Einsum] = {}
    found = []

    def leaf(node: Expr) -> Expr:
        if isinstance(node, Access) and node.tensor in definitions:
            definition = definitions[node.tensor]
            values = {
                v.name: i.value for v, i in zip(definition.left, node.indices, strict=True) if isinstance(v, Variable)
            }
            return substitute(definition.right, values)
        return node

    for einsum in body:
        changed = replace(einsum, right=rewrite(einsum.right, leaf))
        if einsum.tensor in auxiliary and reads.get(einsum.tensor, 0) == 1:
            definitions[einsum.tensor] = changed
        else:
            found.append(changed)
    return found


def has_infinity(cascade: Cascade) -> bool:
    """Does the text mask elements: infinite values or guarded functions?"""
    for einsum in cascade.einsums:
        for node in walk(einsum.right):
            if isinstance(node, Constant) and node.name == "inf":
                return True
            if isinstance(node, Call) and node.function == "expsub":
                return True
    return False


__all__ = ["Alias", "Choice", "Partition", "Size", "has_infinity", "operators", "pruned", "stream", "streams"]
