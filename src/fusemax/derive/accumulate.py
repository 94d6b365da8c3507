"""The states of one loop: running extremes and products, running sums, and sums repaired when references move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce

from fusemax.cascade.ir import Access, Binary, Call, Einsum, Expr, Number, Reduction, Shape, Variable
from fusemax.cascade.print import print_expr
from fusemax.cascade.ranks import canonical, rank_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.algebra import (
    MIXED,
    REFERENCE,
    Base,
    Mono,
    Poly,
    exponential_base,
    mono_text,
    of_base,
    poly,
    subtract,
    times_flat,
)
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
    exponentials_of,
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
class Accumulators:
    """Adds closed tensors to a loop. `eager` keeps factors of running references inside the accumulator."""

    loop: Loop
    eager: bool = False
    forced: bool = False
    corrections: dict[str, Expr] = field(default_factory=dict)
    differences: dict[str, Expr] = field(default_factory=dict)
    sums: dict[str, Callable[[Expr], Expr]] = field(default_factory=dict)
    lifted_units: dict[str, Base] = field(default_factory=dict)
    safe: dict[str, str] = field(default_factory=dict)

    @property
    def new(self) -> Expr:
        """The state that accumulators are repaired for."""
        return self.loop.step.after

    @property
    def old(self) -> Expr:
        """The state they were accumulated in."""
        return self.loop.step.here

    def _operator(self, tensor: str) -> str:
        return operators(self.loop.roles.statements[tensor])[-1][0]

    def _terms(self, tensor: str) -> list[Term]:
        loop = self.loop
        body = body_of(loop.roles, tensor, loop.known)
        if self.eager:
            return [Term(c, (), m) for m, c in body.terms]
        return as_terms(body, is_location(loop.roles), self._is_size)

    def _is_size(self, base: Base) -> bool:
        is_shape = isinstance(base.expr, Shape)
        return is_shape and canonical(self.loop.roles.cascade, base.expr.rank) == self.loop.roles.rank  # type: ignore[union-attr]

    def _factors(self, mono: Mono) -> Poly:
        """The factor by which a product changes with the references, as a quotient's numerator at one state."""
        found = Poly((((), Fraction(1)),))
        for base in exponentials_of(mono):
            found = times_flat(found, of_base(exponential_base(base.kind, reference_part(base))))
        for base, power in mono:
            if base.side == REFERENCE:
                found = times_flat(found, of_base(base, power))
        return found

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
            factor = self._factors(term.inner)
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

    def _correction(self, mono: Mono, position: int) -> Expr | None:
        """The factor that repairs an accumulator: new references over old ones. None when there are none."""
        factor = self._factors(mono)
        if factor.text == "1":
            return None
        if factor.text not in self.corrections:
            self.corrections[factor.text] = self._own_statement("P", factor, self._ratio(factor))
        return self.corrections[factor.text]

    def _own_statement(self, prefix: str, p: Poly, expr: Expr) -> Expr:
        loop = self.loop
        reads = sorted(reads_of(p))
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

    def _difference(self, base: Base) -> Expr:
        """How far a unit moves when its references go from the old state to the new one."""
        reference = reference_part(base)
        if base.text not in self.differences:
            new, old = self._at(reference, self.new), self._at(reference, self.old)
            expr = self._guarded(self._finite(to_expr(subtract(new, old))), reference)
            self.differences[base.text] = self._own_statement("D", reference, expr)
        return self.differences[base.text]

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


def _is_old(access: Access, variable: str) -> bool:
    return any(i.value == Variable(variable) for i in access.indices)


def _vanishes(expr: Expr, old: list[Access]) -> bool:
    """Is an exponential correction 0 at an old reference that is still infinite?"""
    if not isinstance(expr, Call) or expr.function not in ("exp", "exp2"):
        return False
    argument = expr.arguments[0]
    return len(old) == 1 and isinstance(argument, Binary) and argument.operator == "-" and argument.left == old[0]


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


def _quotient(above: Expr, below: Expr) -> Expr:
    """new / old of a factor that was kept inside: 0 where the old one is 0."""
    match above, below:
        case Binary("/", top, new), Binary("/", other, old) if top == other:  # (1 / new) / (1 / old)
            return Binary("/", old, new)
        case _:
            return Call("div0", (above, below))


def map_atoms(p: Poly, change: Callable[[Expr], Expr]) -> Poly:
    """The sum with the expression of every atom replaced; texts, and so identities, follow."""
    return poly((_map_mono(mono, change), c) for mono, c in p.terms)


def _map_mono(mono: Mono, change: Callable[[Expr], Expr]) -> Mono:
    return tuple((_map_base(base, change), power) for base, power in mono)


def _map_base(base: Base, change: Callable[[Expr], Expr]) -> Base:
    if base.expr is not None:
        expr = change(base.expr)
        return replace(base, text=print_expr(expr), expr=expr)
    parts = tuple(map_atoms(p, change) for p in base.parts)
    if base.kind in ("exp", "exp2"):
        return exponential_base(base.kind, parts[0])
    if base.kind == "group":
        return replace(base, text=parts[0].text, parts=parts)
    if base.kind == "inverse":
        return replace(base, text=f"1/{parts[0].text}", parts=parts)
    return replace(base, text=f"{base.name}({', '.join(q.text for q in parts)})", parts=parts)


__all__ = ["Accumulators", "map_atoms"]
