"""Stream a group of reductions in one loop: elements, running references, corrections, accumulators.

The loop keeps for every reduction the value it would have if the fiber ended here. A reduction of F(x, y) whose
reference y is still running is repaired at each step: F(x, y_new) is a combination, with factors of y_old and
y_new only, of what was accumulated with y_old (the accumulators of `terms.shifted`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Constant,
    Einsum,
    Expr,
    Index,
    Number,
    Reduction,
    Shape,
    Unary,
    Variable,
    children,
)
from fusemax.cascade.ranks import canonical
from fusemax.derive.guard import Guard
from fusemax.derive.names import Names
from fusemax.derive.normal import reduced_variables, reductions_of
from fusemax.derive.points import doubles, evaluate
from fusemax.derive.roles import Roles
from fusemax.derive.step import Step

IDENTITIES: dict[str, Expr] = {
    "+": Number(0),
    "*": Number(1),
    "max": Unary("-", Constant("inf")),
    "min": Constant("inf"),
}
Final = Callable[[tuple[Expr, ...]], Expr]
"""How to read a finished tensor at given indices."""


@dataclass(frozen=True)
class Running:
    """A tensor of the loop with one more index, at `position`, that counts steps."""

    name: str
    position: int

    def at(self, indices: tuple[Expr, ...], state: Expr) -> Access:
        """The read of its cell `indices` at a state."""
        return Access(self.name, tuple(Index(i) for i in self.index(indices, state)))

    def index(self, indices: tuple[Expr, ...], state: Expr) -> tuple[Expr, ...]:
        """The whole index of a cell at a state."""
        return (*indices[: self.position], state, *indices[self.position :])


@dataclass
class Loop:
    """The statements of one loop while it is built; `known` are the closed tensors of earlier passes."""

    roles: Roles
    step: Step
    names: Names
    known: frozenset[str]
    finals: dict[str, Final]
    stored: dict[str, str]
    whole: frozenset[str]
    later: frozenset[str]
    guard: Guard
    init: list[Einsum] = field(default_factory=list)
    body: list[Einsum] = field(default_factory=list)
    running: dict[str, Running] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    carriers: dict[str, str] = field(default_factory=dict)
    values: dict[str, Callable[[Expr], Expr]] = field(default_factory=dict)
    local: set[str] = field(default_factory=set)
    starts: dict[str, float] = field(default_factory=dict)
    auxiliary: set[str] = field(default_factory=set)

    # ------------------------------------------------------------------------------------------------ reading

    def is_unknown(self, tensor: str) -> bool:
        """Does a tensor depend on a reduction that this loop runs?"""
        return bool(self.roles.needs.get(tensor, frozenset()) - self.known)

    def translate(self, expr: Expr, state: Expr | None = None) -> Expr:
        """An expression of the source as the loop computes it, references at `state` (default: after the step)."""
        match expr:
            case Access():
                return self._read(expr, state or self.step.after)
            case Variable():
                return self.step.coordinate if self.roles.is_walker(expr.name) else expr
            case Unary():
                return replace(expr, operand=self.translate(expr.operand, state))
            case Binary():
                return replace(expr, left=self.translate(expr.left, state), right=self.translate(expr.right, state))
            case Call():
                return replace(expr, arguments=tuple(self.translate(a, state) for a in expr.arguments))
            case _:
                return expr

    def _read(self, access: Access, state: Expr) -> Expr:
        roles = self.roles
        if access.tensor in self.local:
            return self._at_element(access.tensor, access)
        if roles.is_element(access):
            if not self.is_unknown(access.tensor):
                return self._element(access)
            name = self._carrier(access.tensor)
            return self._at_element(name, access)
        indices = tuple(self.translate(i.value, state) for i in access.indices)
        if self.is_unknown(access.tensor):
            if state == self.step.end and (access.tensor not in roles.closed or access.tensor in self.values):
                return replace(access, indices=tuple(Index(i) for i in indices))  # a statement after the loop
            return self.reference(access.tensor).at(indices, self._from(access.tensor, state))
        if access.tensor in self.finals:
            return self.finals[access.tensor](indices)
        return replace(access, indices=tuple(Index(i) for i in indices))

    def _from(self, tensor: str, state: Expr) -> Expr:
        if state == self.step.here or state == Number(0):
            self.start(tensor)
        return state

    def _element(self, access: Access) -> Expr:
        """A read of an element that needs nothing this loop runs."""
        tensor = access.tensor
        flat = tensor in self.whole or tensor not in self.roles.statements
        places = [k for k, i in enumerate(access.indices) if self.roles.walkers(i.value)]
        bare = len(places) == 1 and isinstance(access.indices[places[0]].value, Variable)
        if not flat:
            return self._at_element(self.stored.get(tensor) or self._carrier(tensor), access)
        if self.step.inner is None or not bare:
            return replace(access, indices=tuple(Index(self.translate(i.value)) for i in access.indices))
        return self._at_element(self._split(access, places[0]), access)

    def _at_element(self, name: str, access: Access) -> Expr:
        indices: list[Expr] = []
        for index in access.indices:
            value = index.value
            if isinstance(value, Variable) and self.roles.is_walker(value.name):
                indices.extend(self.step.indices)
            else:
                indices.append(self.translate(value))
        return Access(name, tuple(Index(i) for i in indices))

    def _split(self, access: Access, place: int) -> str:
        """The tile-by-tile copy of a tensor stored flat."""
        key = f"split {access.tensor} {place}"
        if key not in self.stored:
            name = self.names.tensor(f"B{access.tensor}", f"B{access.tensor}_")
            variables = self._own_variables(access.tensor, access)
            left: list[Expr] = []
            for k, variable in enumerate(variables):
                left.extend(self.step.indices if k == place else (Variable(variable),))
            right = [self.step.coordinate if k == place else Variable(v) for k, v in enumerate(variables)]
            self.init.append(Einsum(name, tuple(left), Access(access.tensor, tuple(Index(i) for i in right))))
            self.stored[key] = name
        return self.stored[key]

    def _own_variables(self, tensor: str, access: Access) -> tuple[str, ...]:
        statement = self.roles.statements.get(tensor)
        if statement is not None:
            return tuple(i.name for i in statement.left if isinstance(i, Variable))
        found = next(d.variables for d in self.roles.cascade.inputs if d.tensor == tensor)
        return found if len(set(found)) == len(found) else tuple(f"{v}" for v in found)

    # ---------------------------------------------------------------------------------------------- statements

    def _carrier(self, tensor: str) -> str:
        """The loop's own statement for a tensor along the rank, emitted when first read."""
        if tensor not in self.carriers:
            statement = self.roles.statements[tensor]
            right = self.translate(statement.right)
            name = tensor
            if self.step.inner is not None:
                name = self.names.tensor(f"B{tensor}", f"B{tensor}_")
            elif tensor in self.later:
                name = self.names.tensor(f"L{tensor}")
            self.carriers[tensor] = name
            if not self.is_unknown(tensor):
                self.stored[tensor] = name
            self.emit_element(name, statement.left, right, statement.reductions)
        return self.carriers[tensor]

    def emit_element(
        self, name: str, left: tuple[Expr, ...], right: Expr, reductions: tuple[Reduction, ...] = ()
    ) -> None:
        """A statement for each element of the step."""
        indices: list[Expr] = []
        for index in left:
            walks = isinstance(index, Variable) and self.roles.is_walker(index.name)
            indices.extend(self.step.indices if walks else (index,))
        self.body.append(Einsum(name, tuple(indices), self.guard.apply(right), reductions))

    def reference(self, tensor: str) -> Running:
        """The running form of a tensor without the rank, emitted when first read."""
        if tensor not in self.running:
            if tensor in self.values:
                self._run_value(tensor, self.values[tensor])
            else:
                statement = self.roles.statements[tensor]
                self._run_statement(statement)
        return self.running[tensor]

    def _run_statement(self, statement: Einsum) -> None:
        right = self.translate(self.counted(statement.right, self.step.after_count))
        indices = statement.left
        found = Running(self.names.tensor(f"R{statement.tensor}"), self.position(statement))
        self.running[statement.tensor] = found
        self.guard.running.add(found.name)
        self.body.append(
            Einsum(found.name, found.index(indices, self.step.after), self.guard.divide(right), statement.reductions)
        )

    def _run_value(self, tensor: str, value: Callable[[Expr], Expr]) -> None:
        statement = self.roles.statements[tensor]
        found = Running(self.names.tensor(f"R{tensor}"), self.position(statement))
        right = self.guard.divide(value(self.step.after))
        self.running[tensor] = found
        self.guard.running.add(found.name)
        self.body.append(Einsum(found.name, found.index(statement.left, self.step.after), right))

    def counted(self, expr: Expr, count: Expr) -> Expr:
        """The rank's size replaced by the number of elements so far: a running mean ends as the mean."""
        from fusemax.cascade.resolve import rewrite

        def leaf(node: Expr) -> Expr:
            is_size = isinstance(node, Shape) and canonical(self.roles.cascade, node.rank) == self.roles.rank
            return count if is_size else node

        return rewrite(expr, leaf)

    def start(self, tensor: str) -> None:
        """Give a running tensor its value before the first step: by its own formula, or 0 where that is NaN."""
        if tensor in self.started or tensor not in self.running:
            return
        self.started.add(tensor)
        statement = self.roles.statements[tensor]
        right: Expr = Number(0)
        if tensor not in self.values:
            formula = self.translate(self.counted(statement.right, Number(0)), Number(0))
            if not statement.reductions and not reduced_variables(statement):
                value = self._value_before(formula)
                right = formula if value == value else right
                self.starts[self.running[tensor].name] = value if value == value else 0.0
        found = self.running[tensor]
        self.init.append(Einsum(found.name, found.index(statement.left, Number(0)), right))

    def state(self, tensor: str, wish: str, position: int, left: tuple[Expr, ...], operator: str) -> Running:
        """A new state with its value before the first step."""
        found = Running(self.names.tensor(wish), position)
        self.running[tensor] = found
        self.guard.running.add(found.name)
        self.started.add(tensor)
        self.init.append(Einsum(found.name, found.index(left, Number(0)), IDENTITIES[operator]))
        self.starts[found.name] = {"+": 0.0, "*": 1.0, "max": -math.inf, "min": math.inf}[operator]
        return found

    def _value_before(self, formula: Expr) -> float:
        """The value before the first step, states at their identities and anything else at a sample."""

        def read(leaf: Expr) -> float:
            return self.starts.get(leaf.tensor, 0.7) if isinstance(leaf, Access) else 2.0

        return float(evaluate(formula, read, doubles()))

    def position(self, statement: Einsum) -> int:
        """Where the step's index goes: where the rank stands in the first element read, relative to the others."""
        names = [i.name for i in statement.left if isinstance(i, Variable)]
        for access in _accesses(statement.right):
            variables = [i.value.name for i in access.indices if isinstance(i.value, Variable)]
            places = [k for k, v in enumerate(variables) if self.roles.is_walker(v)]
            if places:
                after = [names.index(v) for v in variables[places[0] + 1 :] if v in names]
                before = [names.index(v) for v in variables[: places[0]] if v in names]
                return min(after) if after else max(before) + 1 if before else len(names)
        for access in _accesses(statement.right):
            if access.tensor in self.running:
                return min(self.running[access.tensor].position, len(names))
        return len(names)


def _accesses(expr: Expr) -> list[Access]:
    found: list[Access] = [expr] if isinstance(expr, Access) else []
    for child in children(expr):
        found.extend(_accesses(child))
    return found


def operators(statement: Einsum) -> list[tuple[str, tuple[str, ...]]]:
    """The reductions of a statement in order."""
    return reductions_of(statement, reduced_variables(statement))
