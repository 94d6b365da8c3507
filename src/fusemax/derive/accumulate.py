"""The states of one loop: running extremes and products, running sums, and sums repaired when references move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

from fusemax.cascade.ir import Binary, Call, Einsum, Expr, Number, Reduction, Shape, Variable
from fusemax.cascade.print import print_expr
from fusemax.cascade.ranks import canonical, rank_of
from fusemax.derive.algebra import (
    MIXED,
    REFERENCE,
    Base,
    Mono,
    Poly,
    mono_text,
    of_base,
    times_flat,
)
from fusemax.derive.atoms import map_atoms
from fusemax.derive.correct import AnyLoop, Corrections
from fusemax.derive.emit import product, to_expr
from fusemax.derive.fold import atom_of, folded, reading_order
from fusemax.derive.loop import Loop, Running, operators
from fusemax.derive.normal import base_variables, mono_variables, poly_variables, simple_access
from fusemax.derive.plan import body_of, is_location
from fusemax.derive.signs import ANY
from fusemax.derive.terms import (
    Shifted,
    Term,
    as_terms,
    element_part,
    moving_factor,
    reads_of,
    reference_part,
    shifted,
    units_of,
)

UPDATES: dict[str, Callable[[Expr, Expr], Expr]] = {
    "+": lambda old, new: Binary("+", old, new),
    "*": lambda old, new: Binary("*", old, new),
    "max": lambda old, new: Call("max", (old, new)),
    "min": lambda old, new: Call("min", (old, new)),
}


@dataclass
class Accumulators(Corrections[AnyLoop]):
    """Adds closed tensors to a loop. `eager` keeps factors of running references inside the accumulator."""

    eager: bool = False
    forced: bool = False
    sums: dict[str, Callable[[Expr], Expr]] = field(default_factory=dict)
    lifted_units: dict[str, Base] = field(default_factory=dict)

    def _operator(self, tensor: str) -> str:
        return operators(self.loop.roles.statements[tensor])[-1][0]

    def _terms(self, tensor: str) -> list[Term]:
        loop = self.loop
        body = body_of(loop.roles, tensor, loop.known)
        if self.eager:
            return [Term(c, (), m) for m, c in body.terms]
        return as_terms(body, is_location(loop.roles), self._is_size)

    def _is_size(self, base: Base) -> bool:
        roles = self.loop.roles
        return isinstance(base.expr, Shape) and canonical(roles.cascade, base.expr.rank) == roles.rank

    def _verbatim_key(self, tensor: str) -> str | None:
        """The one correction of all terms, or None when accumulators other than the sum itself are needed."""
        terms = self._terms(tensor)
        statement = self.loop.roles.statements[tensor]
        summed = {v for _, variables in operators(statement) for v in variables}
        keys = set()
        for term in terms:
            if term.outer and any(base.side == REFERENCE for base, _ in term.outer):
                return None
            if term.outer and any(self._is_size(base) for base, _ in term.outer):
                return None
            if units_of(term.inner):
                return None
            factor = moving_factor(term.inner)
            if poly_variables(factor) & summed:
                return None
            keys.add(factor.text)
        return keys.pop() if len(keys) == 1 else None

    # ----------------------------------------------------------------------------------------------- statements

    def close(self, tensor: str) -> None:
        """Emit the state of a closed tensor."""
        operator = self._operator(tensor)
        if operator != "+":
            self._plain(tensor, operator)
            return
        if self.forced or self._verbatim_key(tensor) is not None:
            self._verbatim(tensor)
        else:
            self._general(tensor)

    def _plain(self, tensor: str, operator: str) -> None:
        loop = self.loop
        statement = loop.roles.statements[tensor]
        right = loop.translate(statement.right)
        position = loop.position(statement)
        update = UPDATES[operator]
        right = self._local(statement, right, operator, f"L{tensor}", position)
        found = loop.state(tensor, f"R{tensor}", position, statement.left, operator)
        if operator in ("max", "min"):
            from fusemax.derive.loop import IDENTITIES

            loop.guard.infinite[found.name] = IDENTITIES[operator]
        old, new = found.at(statement.left, loop.step.here), found.index(statement.left, loop.step.after)
        loop.body.append(Einsum(found.name, new, update(old, right)))

    def _local(self, statement: Einsum, right: Expr, operator: str, wish: str, position: int) -> Expr:
        """What the step itself adds: the expression, or a reduction of its own inside the tile or over other ranks."""
        loop = self.loop
        others = [v for _, variables in operators(statement) for v in variables if not loop.roles.is_walker(v)]
        right = loop.guard.apply(right)
        if loop.step.inner is None and not others:
            return right
        inner = [loop.step.inner] if loop.step.inner else []
        variables = (*others, *inner)
        reductions = () if operator == "+" else (Reduction(operator, variables),)
        found = Running(loop.names.tensor(wish), position)
        loop.body.append(Einsum(found.name, found.index(statement.left, loop.step.here), right, reductions))
        return found.at(statement.left, loop.step.here)

    def _verbatim(self, tensor: str) -> None:
        loop = self.loop
        statement = loop.roles.statements[tensor]
        position = loop.position(statement)
        right = loop.translate(statement.right)
        new = self._local(statement, right, "+", f"L{tensor}", position)
        factor = None if self.forced else self._correction(self._terms(tensor)[0].inner, position)
        found = loop.state(tensor, f"R{tensor}", position, statement.left, "+")
        old: Expr = found.at(statement.left, loop.step.here)
        if factor is not None:
            old = Binary("*", old, factor)
            if loop.step.inner is not None:
                kept = Running(loop.names.tensor(f"P{tensor}"), position)
                loop.body.append(Einsum(kept.name, kept.index(statement.left, loop.step.here), old))
                old = kept.at(statement.left, loop.step.here)
                old, new = new, old
        loop.body.append(Einsum(found.name, found.index(statement.left, loop.step.after), Binary("+", old, new)))
        if not self.forced:
            self._share(statement, found)

    def _share(self, statement: Einsum, found: Running) -> None:
        """Let other sums use this state as an accumulator when it is just one."""
        terms = self._terms(statement.tensor)
        inner = terms[0].inner
        names = {i.name for i in statement.left if isinstance(i, Variable)}
        used = {v for v in mono_variables(inner) if not self.loop.roles.is_walker(v)}
        summed = [v for _, vs in operators(statement) for v in vs if not self.loop.roles.is_walker(v)]
        if len(terms) == 1 and terms[0].coefficient == 1 and not terms[0].outer and names == used - set(summed):
            early = tuple(v for v in summed if v in used)
            self.sums.setdefault(_key(inner, early), lambda state: found.at(statement.left, state))

    # ------------------------------------------------------------------------------------------ general sums

    def _general(self, tensor: str) -> None:
        loop = self.loop
        statement = loop.roles.statements[tensor]
        names = tuple(i.name for i in statement.left if isinstance(i, Variable))
        summed = tuple(v for _, vs in operators(statement) for v in vs if not loop.roles.is_walker(v))
        body = body_of(loop.roles, tensor, loop.known)
        extra = tuple(sorted(poly_variables(body) - set(names) - set(summed) - self._walkers(body)))
        parts = [self._term(statement, names, (*summed, *extra), term) for term in self._terms(tensor)]

        def value(state: Expr) -> Expr:
            exprs = [(c, part(state)) for c, part in parts]
            return _signed_sum(exprs)

        loop.values[tensor] = value

    def _walkers(self, p: Poly) -> set[str]:
        return {v for v in poly_variables(p) if self.loop.roles.is_walker(v)}

    def _term(
        self, statement: Einsum, names: tuple[str, ...], summed: tuple[str, ...], term: Term
    ) -> tuple[Fraction, Callable[[Expr], Expr]]:
        loop = self.loop
        outer_variables = mono_variables(term.outer)
        late = tuple(v for v in summed if v in outer_variables)
        early = tuple(v for v in summed if v not in late)
        accumulator, kept = self.accumulator(term.inner, names, late, early)
        late = tuple(dict.fromkeys((*late, *kept)))

        def value(state: Expr) -> Expr:
            outer = map_atoms(
                Poly(((term.outer, Fraction(1)),)),
                lambda e: loop.counted(loop.translate(e, state), _count_at(loop, state)),
            )
            return _scaled(accumulator(state), outer)

        if not late:
            return term.coefficient, value
        return term.coefficient, self._contracted(statement, value)

    def _contracted(self, statement: Einsum, value: Callable[[Expr], Expr]) -> Callable[[Expr], Expr]:
        """A product summed over ranks that its accumulator still has, in a statement of its own."""
        loop = self.loop
        name = loop.names.tensor(f"S{statement.tensor}")
        position = loop.position(statement)
        found = Running(name, position)
        emitted: list[bool] = []

        def read(state: Expr) -> Expr:
            if state == loop.step.after and not emitted:
                emitted.append(True)
                loop.body.append(Einsum(name, found.index(statement.left, state), value(state)))
            elif state != loop.step.after and not emitted:
                emitted.append(True)
                loop.body.append(Einsum(name, found.index(statement.left, loop.step.after), value(loop.step.after)))
            return found.at(statement.left, state)

        return read

    def accumulator(
        self, inner: Mono, names: tuple[str, ...], late: tuple[str, ...], early: tuple[str, ...]
    ) -> tuple[Callable[[Expr], Expr], tuple[str, ...]]:
        """The sum of `inner` over the elements so far and over `early`, by state; and the `early` ranks it keeps.

        Ranks of `early` that a reference inside has cannot be summed before the reference is known.
        """
        loop = self.loop
        held = {v for base, _ in inner if base.side == MIXED for v in poly_variables(reference_part(base))}
        kept = tuple(v for v in early if v in held)
        early = tuple(v for v in early if v not in held)
        variables = mono_variables(inner)
        sizes = [_shape(v) for v in early if v not in variables]
        if not any(loop.roles.is_walker(v) for v in variables):
            plain = loop.translate(product(inner)) if inner else None

            def count(state: Expr) -> Expr:
                factors = [f for f in (_count_at(loop, state), *sizes, plain) if f is not None]
                return reduce(lambda a, b: Binary("*", a, b), factors)

            return count, kept
        early = tuple(v for v in early if v in variables)
        key = _key(inner, early)
        if key not in self.sums:
            self.sums[key] = self._new_sum(inner, names, (*late, *kept), early)
        total = self.sums[key]

        def sized(state: Expr) -> Expr:
            return reduce(lambda a, b: Binary("*", a, b), [total(state), *sizes])

        return sized, kept

    def _new_sum(
        self, inner: Mono, names: tuple[str, ...], late: tuple[str, ...], early: tuple[str, ...]
    ) -> Callable[[Expr], Expr]:
        loop = self.loop
        moves = [
            (shift, self.accumulator(shift.inner, names, late, early)[0])
            for shift in shifted(inner)
            if shift.differences
        ]
        variables = mono_variables(inner)
        for shift in (shift for shift, _ in moves):
            for base, _ in shift.differences:
                variables |= poly_variables(reference_part(base))
        own = [v for v in (*names, *late) if v in variables and v not in early]
        own += sorted(v for v in variables if v not in own and v not in early and not loop.roles.is_walker(v))
        left = tuple(Variable(v) for v in own)
        pseudo = Einsum("", left, product(inner))
        position = loop.position(pseudo)
        return self._repaired_sum(inner, left, position, early, moves)

    def _repaired_sum(
        self,
        inner: Mono,
        left: tuple[Expr, ...],
        position: int,
        early: tuple[str, ...],
        moves: list[tuple[Shifted, Callable[[Expr], Expr]]],
    ) -> Callable[[Expr], Expr]:
        """The state of an accumulator, updated by its own repair and by what the step adds."""
        loop = self.loop
        wish = _name_of(inner)
        new = self._local_sum(self._contribution(inner), left, position, early, wish)
        factor = self._correction(inner, position)
        found = Running(loop.names.tensor(f"R{wish}"), position)
        loop.init.append(Einsum(found.name, found.index(left, Number(0)), Number(0)))
        old = self._moved(found.at(left, self.old), moves, factor)
        loop.body.append(Einsum(found.name, found.index(left, self.new), Binary("+", old, new)))
        return lambda state: found.at(left, state)

    def _moved(
        self, old: Expr, moves: list[tuple[Shifted, Callable[[Expr], Expr]]], factor: Expr | None
    ) -> Expr:
        """An old accumulator for the new references: lower ones times differences come in, then the factor."""
        for shift, lower in moves:
            term = lower(self.old)
            for base, power in shift.differences:
                for _ in range(power):
                    term = Binary("*", term, self._difference(base))
            if shift.factor != 1:
                term = Binary("*", Number(shift.factor), term)
            old = Binary("+", old, term)
        return old if factor is None else Binary("*", old, factor)

    def _local_sum(self, right: Expr, left: tuple[Expr, ...], position: int, early: tuple[str, ...], wish: str) -> Expr:
        loop = self.loop
        right = loop.guard.apply(right)
        if loop.step.inner is None and not early:
            return right
        found = Running(loop.names.tensor(f"L{wish}"), position)
        loop.body.append(Einsum(found.name, found.index(left, loop.step.here), right))
        return found.at(left, loop.step.here)

    # ------------------------------------------------------------------------------------------- contributions

    def _contribution(self, inner: Mono) -> Expr:
        """What one element adds, written with the loop's own elements where they fit."""
        loop = self.loop
        units = [base for base, _ in units_of(inner)]
        unsafe = loop.guard.enabled and any(self._can_be_infinite(base) for base in units)
        plain = tuple(p for p in inner if p[0] not in units)
        mono = (*folded(loop.roles, loop.known, plain), *units_of(inner)) if unsafe else folded(
            loop.roles, loop.known, inner
        )
        for base, power in units_of(mono):
            if power > 1 or base.text in self.lifted_units or unsafe:
                mono = tuple((self._unit(b), p) if b.text == base.text else (b, p) for b, p in mono)
        return loop.translate(product(reading_order(mono)))

    def _unit(self, base: Base) -> Base:
        """A unit as an element of the loop, emitted once."""
        if base.text not in self.lifted_units:
            loop = self.loop
            expr = loop.translate(to_expr(base.parts[0]))
            names = sorted(base_variables(base), key=lambda v: (not loop.roles.is_walker(v), v))
            left = tuple(Variable(v) for v in names)
            name = loop.names.tensor("U" + "".join(sorted(reads_of(element_part(base))))[:12], "U")
            loop.emit_element(name, left, self._finite(expr))
            loop.local.add(name)
            loop.auxiliary.add(name)
            self.lifted_units[base.text] = atom_of(name, simple_access(name, *left))
        return self.lifted_units[base.text]


def _key(inner: Mono, summed: tuple[str, ...]) -> str:
    return f"{mono_text(inner)} over {', '.join(sorted(summed))}"


def _name_of(inner: Mono) -> str:
    """A name that says what is summed: the tensors read, with powers."""
    letters = ["".join(sorted(reads_of(of_base(base)))) + (str(p) if p != 1 else "") for base, p in inner]
    return "".join(ch for ch in "".join(letters) if ch.isalnum())[:16] or "S"


def _count_at(loop: Loop, state: Expr) -> Expr:
    if state == loop.step.end:
        return loop.step.all_count
    return loop.step.before_count if state == loop.step.here else loop.step.after_count


def _shape(variable: str) -> Expr:
    return Shape(rank_of(variable))


def _scaled(expr: Expr, outer: Poly) -> Expr:
    """outer * expr, its divisions as divisions."""
    read = of_base(Base(print_expr(expr), "atom", 0, ANY, expr=expr))
    mono, coefficient = times_flat(read, outer).terms[0]
    return product(tuple(sorted(mono, key=lambda power: power[0].expr is not expr)), coefficient)


def _signed_sum(parts: list[tuple[Fraction, Expr]]) -> Expr:
    found: Expr | None = None
    for coefficient, expr in sorted(parts, key=lambda part: part[0] < 0):
        size = abs(coefficient)
        if size != 1:
            marker = Base("x", "atom", 0, 7, expr=expr)
            expr = product(((marker, 1),), size)
        if found is None:
            found = Binary("*", Number(-1), expr) if coefficient < 0 else expr
        else:
            found = Binary("-" if coefficient < 0 else "+", found, expr)
    return found or Number(0)
