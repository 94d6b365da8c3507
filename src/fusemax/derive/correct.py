"""Repairs of accumulators when references move: factors, differences, and their guards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Generic, TypeVar

from fusemax.cascade.ir import Access, Binary, Call, Einsum, Expr, Number, Variable
from fusemax.cascade.resolve import rewrite
from fusemax.derive.algebra import (
    Base,
    Mono,
    Poly,
    subtract,
)
from fusemax.derive.atoms import map_atoms
from fusemax.derive.emit import product, to_expr
from fusemax.derive.loop import Loop, Running
from fusemax.derive.normal import poly_variables
from fusemax.derive.terms import moving_factor, reads_of, reference_part

AnyLoop = TypeVar("AnyLoop", bound=Loop)


@dataclass
class Corrections(Generic[AnyLoop]):
    """Statements that say how far references moved, each emitted once for a loop."""

    loop: AnyLoop
    corrections: dict[str, Expr] = field(default_factory=dict)
    differences: dict[str, Expr] = field(default_factory=dict)
    safe: dict[str, str] = field(default_factory=dict)

    @property
    def new(self) -> Expr:
        """The state that accumulators are repaired for."""
        return self.loop.step.after

    @property
    def old(self) -> Expr:
        """The state they were accumulated in."""
        return self.loop.step.here

    def _correction(self, mono: Mono, position: int) -> Expr | None:
        """The factor that repairs an accumulator: new references over old ones. None when there are none."""
        factor = moving_factor(mono)
        if factor.text == "1":
            return None
        if factor.text not in self.corrections:
            self.corrections[factor.text] = self._own_statement("P", factor, self._ratio(factor))
        return self.corrections[factor.text]

    def _own_statement(self, prefix: str, p: Poly, expr: Expr) -> Expr:
        loop = self.loop
        reads = sorted(t for t in reads_of(p) if loop.is_unknown(t))
        wish = prefix + (loop.reference(reads[0]).name if reads else "C")
        variables = sorted(poly_variables(p), key=self._order(reads))
        position = min([loop.reference(r).position for r in reads if r in loop.running] + [len(variables)])
        found = Running(loop.names.tensor(wish), position)
        if loop.step.inner is None:
            loop.auxiliary.add(found.name)
        left = tuple(Variable(v) for v in variables)
        self._statements().append(Einsum(found.name, found.index(left, loop.step.here), expr))
        return found.at(left, loop.step.here)

    def _statements(self) -> list[Einsum]:
        """Where corrections are made."""
        return self.loop.body

    def _order(self, reads: list[str]) -> Callable[[str], tuple[int, str]]:
        names: list[str] = []
        for tensor in reads:
            statement = self.loop.roles.statements.get(tensor)
            names += [i.name for i in statement.left if isinstance(i, Variable)] if statement else []
        return lambda v: (names.index(v) if v in names else len(names), v)

    def _at(self, p: Poly, state: Expr) -> Poly:
        """References of a sum read at a state of the loop."""
        return map_atoms(p, lambda expr: self.loop.translate(expr, state))

    def _ratio(self, factor: Poly) -> Expr:
        new, old = self._at(factor, self.new), self._at(factor, self.old)
        exponents: list[Expr] = []
        above: list[Expr] = []
        below: list[Expr] = []
        for (base, power), (before, _) in zip(new.terms[0][0], old.terms[0][0], strict=True):
            if base.kind in ("exp", "exp2"):
                exponents.append(Call(base.kind, (to_expr(subtract(base.parts[0], before.parts[0])),)))
            else:
                above.append(product(((base, power),)))
                below.append(product(((before, power),)))
        found = [self._guarded(e, factor) for e in exponents]
        for a, b in zip(above, below, strict=True):
            found.append(_quotient(a, b))
        return reduce(lambda x, y: Binary("*", x, y), found)

    def _guarded(self, expr: Expr, p: Poly) -> Expr:
        """A correction that stays 0 while its old reference is infinite."""
        loop = self.loop
        guard = loop.guard
        if guard.zero:
            for reference in guard.divisors(expr):
                if _is_old(reference, loop.step.variable):
                    expr = Call("where", (Binary("==", reference, Number(0)), Number(0), expr))
        old = [a for a in guard.references(expr) if _is_old(a, loop.step.variable)]
        if old and (guard.enabled or not _vanishes(expr, old)):
            return guard.correction(expr, old)
        if not old and guard.enabled:
            return guard.zero_where_infinite(expr, self._extremes_behind(p))
        return expr

    def _extremes_behind(self, p: Poly) -> list[Access]:
        """The running extremes, before the step, that references are made from: none of them means no element yet."""
        loop = self.loop
        needed = frozenset[str]().union(*(loop.roles.needs.get(t, frozenset()) for t in reads_of(p)))
        variables = poly_variables(p)
        found = []
        for tensor in sorted(needed):
            statement = loop.roles.statements[tensor]
            names = {i.name for i in statement.left if isinstance(i, Variable)}
            running = loop.running.get(tensor)
            if running is not None and running.name in loop.guard.infinite and names <= variables:
                found.append(running.at(statement.left, loop.step.here))
        return found

    def _difference(self, base: Base) -> Expr:
        """How far a unit moves when its references go from the old state to the new one."""
        reference = reference_part(base)
        if base.text not in self.differences:
            new, old = self._at(reference, self.new), self._at(reference, self.old)
            expr = self._guarded(self._finite(to_expr(subtract(new, old))), reference)
            self.differences[base.text] = self._own_statement("D", reference, expr)
        return self.differences[base.text]

    def _can_be_infinite(self, base: Base) -> bool:
        """Does a unit read a running extreme?"""
        return bool(self.loop.guard.references(self.loop.translate(to_expr(reference_part(base)))))

    def _finite(self, expr: Expr) -> Expr:
        """Extremes in a difference by a reference that is 0 while they are infinite: any finite one will do."""
        loop = self.loop
        if not loop.guard.enabled:
            return expr

        def leaf(node: Expr) -> Expr:
            if not isinstance(node, Access) or node.tensor not in loop.guard.infinite:
                return node
            return replace(node, tensor=self._finite_reference(node))

        return rewrite(expr, leaf)

    def _finite_reference(self, access: Access) -> str:
        """The running tensor that follows an extreme and is 0 while that is infinite."""
        loop = self.loop
        if access.tensor not in self.safe:
            running = next(r for r in loop.running.values() if r.name == access.tensor)
            tensor = next(t for t, r in loop.running.items() if r is running)
            left = loop.roles.statements[tensor].left
            name = loop.names.tensor(f"F{access.tensor}")
            found = Running(name, running.position)
            read = running.at(left, loop.step.after)
            test = Binary("==", read, loop.guard.infinite[access.tensor])
            right = Call("where", (test, Number(0), read))
            loop.body.append(Einsum(name, found.index(left, loop.step.after), right))
            loop.init.append(Einsum(name, found.index(left, Number(0)), Number(0)))
            self.safe[access.tensor] = name
        return self.safe[access.tensor]


def _is_old(access: Access, variable: str) -> bool:
    return any(i.value == Variable(variable) for i in access.indices)


def _vanishes(expr: Expr, old: list[Access]) -> bool:
    """Is an exponential correction 0 at an old reference that is still infinite?"""
    if not isinstance(expr, Call) or expr.function not in ("exp", "exp2"):
        return False
    argument = expr.arguments[0]
    return len(old) == 1 and isinstance(argument, Binary) and argument.operator == "-" and argument.left == old[0]


def _quotient(above: Expr, below: Expr) -> Expr:
    """new / old of a factor that was kept inside: 0 where the old one is 0."""
    match above, below:
        case Binary("/", top, new), Binary("/", other, old) if top == other:  # (1 / new) / (1 / old)
            return Binary("/", old, new)
        case _:
            return Call("div0", (above, below))
