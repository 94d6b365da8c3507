"""Undo running forms with several accumulators: sums repaired with one another, running means, and sums around them.

Three rules, each by induction on the number of elements; x is an element, y a reference, i how many there were:

* A sum S' = (sum over k of T_k(y, y') * S_k) + f(x, y') ends as the sum of f(x, y) over all elements when
  f(x, y') = sum over k of T_k(y, y') * f_k(x, y) for all x, y and y', f_k being what S_k adds. The number of elements
  is an accumulator of ones.
* MU' = MU + (x - MU) / (i + 1) ends as the sum of x over the number of elements.
* A sum S' = S + a(x, y, y') around running means y ends as the sum of f(x, y) = a(x, y, y) when that holds for one
  more element, the sum of the old elements being i * y and x = (i + 1) * y' - i * y (Welford's updates).

They are for proofs of equality, in exact arithmetic and for finite elements: guards against a reference that is
still infinite are left out, since nothing has been added while it is.
"""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Number, Section, Shape, Variable, walk
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive.algebra import (
    ELEMENT,
    ONE,
    REFERENCE,
    ZERO,
    Base,
    Mono,
    Poly,
    add,
    expanded,
    group,
    mono_text,
    number,
    of_base,
    poly,
    raised,
    scale,
    subtract,
    times_flat,
)
from fusemax.derive.emit import to_expr
from fusemax.derive.laws.law import Rewrite
from fusemax.derive.laws.unroll import CannotUnroll, Unroller, uses_of
from fusemax.derive.normal import Normal, base_variables, loose, opened, simple_access, substitute

COUNT = ""
"""The accumulator of ones, beside the texts of the others."""

Update = tuple[dict[str, Poly], Poly]
"""Accumulator -> its factor, and what one element adds."""


def repaired_uses(cascade: Cascade, rank: str) -> list[Rewrite]:
    """The cascade without its loop over a rank, where the three rules undo it."""
    return uses_of(cascade, rank, Repairs) or uses_of(cascade, rank, _ByCoordinate)


class Repairs(Unroller):
    """Undoes a loop whose sums are repaired with one another as well."""

    takes_step_as_count = True
    """In a product of the step's variable and references: the number of elements so far, or the coordinate of one."""

    def __init__(self, cascade: Cascade, section: Section, states: dict[str, int], starts: dict[str, Einsum]) -> None:
        super().__init__(cascade, _without_guards(section, states), states, starts)
        self.count = Base(self.step.name, "atom", ELEMENT, self.signs.of(self.step), expr=self.step)
        self.next = group(add(ONE, of_base(self.count)))

    def _sum(self, einsum: Einsum, own: Access, left: tuple[Expr, ...], start: Einsum, whole: Poly) -> list[Einsum]:
        try:
            return super()._sum(einsum, own, left, start, whole)
        except CannotUnroll:
            return self._repaired(einsum, left)

    def _normal(self) -> Normal:
        """States are references; what goes along with the step is an element, so that exponents are multiplied out."""

        def side(expr: Expr) -> int:
            if isinstance(expr, Access) and expr.tensor in self.states:
                return REFERENCE
            return ELEMENT if any(n == self.step for n in walk(expr)) else 0

        return Normal(side, lambda access: self.moving.get(access.tensor), self.signs.of)

    def _repaired(self, einsum: Einsum, left: tuple[Expr, ...]) -> list[Einsum]:
        if (element := self._averaged(einsum)) is not None:
            mean = Binary("/", to_expr(element), Shape(self.section.until or ""))
            return [Einsum(einsum.tensor, left, self._flat(mean))]
        added = self._summed(einsum)
        if added is None:
            added = self._centred(einsum)
        if added is None or not any(self._walks(mono) for mono, _ in added.terms):
            raise CannotUnroll(einsum.tensor)
        inner: list[Einsum] = []
        body = self._written(self._at_end(self._as_read(einsum, added)), einsum.tensor, inner)
        return [*inner, Einsum(einsum.tensor, left, self._guarded(self._flat(to_expr(loose(body))), einsum))]

    def _as_read(self, einsum: Einsum, added: Poly) -> Poly:
        """What an element adds as the statement has it, not multiplied out: a square is seen not to be negative."""
        whole = loose(self._normal()(einsum.right))
        own = print_expr(self._before(einsum))
        terms = [Poly((t,)) for t in whole.terms if own not in mono_text(t[0])]
        for found in (add(ZERO, *(t for t in terms if not self._has(t, self.step))), self._moved(add(ZERO, *terms))):
            if _is_zero(subtract(expanded(found), added)):
                return found
        return added

    def _terminal(self, einsum: Einsum, left: tuple[Expr, ...]) -> Einsum:
        """The last value, with the number of elements as the rank's size."""
        found = super()._terminal(einsum, left)
        until = Shape(self.section.until or "")
        whole = {p.factors: p.rank for p in self.cascade.partitions}

        def leaf(node: Expr) -> Expr:
            match node:
                case Binary("+", Binary("-", size, Number(1)), Number(1)) if size == until:
                    return until
                case Binary("*", Shape(first), Shape(second)):
                    rank = whole.get((first, second)) or whole.get((second, first))
                    return node if rank is None else Shape(rank)
            return node

        return replace(found, right=rewrite(found.right, leaf))

    def _written(self, p: Poly, tensor: str, inner: list[Einsum]) -> Poly:
        """The sum with each sum over other ranks as a tensor of its own, whose statement goes to `inner`."""
        found = ZERO
        for mono, coefficient in p.terms:
            term = Poly((((), coefficient),))
            for base, power in mono:
                if base.kind == "nested" and base.name == "+":
                    variables = tuple(Variable(v) for v in sorted(base_variables(base)))
                    name = self.names.tensor(f"L{tensor}")
                    left = tuple(substitute(v, {self.step.name: Variable(self.walker)}) for v in variables)
                    right = self._flat(to_expr(self._written(base.parts[0], tensor, inner)))
                    inner.append(Einsum(name, left, right))
                    read = simple_access(name, *variables)
                    base = Base(print_expr(read), "atom", base.side, base.sign, expr=read)
                term = times_flat(term, of_base(base, power))
            found = add(found, term)
        return found

    # ------------------------------------------------------------------------------------------------- the three rules

    def _summed(self, einsum: Einsum) -> Poly | None:
        """What each element adds to a sum repaired with others, if it is so."""
        update = self._update(einsum)
        if update is None:
            return None
        parts = []
        for name, factor in update[0].items():
            before = ONE if name == COUNT else self._added_before(name)
            if before is None:
                return None
            parts.append(times_flat(factor, before))
        rest = subtract(update[1], add(ZERO, *parts))
        return update[1] if _is_zero(rest) or _is_zero(self._put_in(rest)) else None

    def _averaged(self, einsum: Einsum) -> Poly | None:
        """The element whose running mean a state is, if it is one."""
        whole, own = self._whole(einsum), print_expr(self._before(einsum))
        factor: list[Poly] = []
        added: list[Poly] = []
        if not isinstance(self.starts[einsum.tensor].right, Number):
            return None
        for mono, coefficient in whole.terms:
            powers = [power for base, power in mono if base.text == own]
            rest = Poly(((tuple(p for p in mono if p[0].text != own), coefficient),))
            if powers not in ([], [1]) or self._has(rest, self.step) or self._has(rest, self.after):
                return None
            (factor if powers else added).append(rest)
        weight = expanded(times_flat(add(ZERO, *factor), of_base(self.next)))
        element = times_flat(add(ZERO, *added), of_base(self.next))
        is_mean = weight.text == of_base(self.count).text and self.next.text not in element.text
        return element if is_mean else None

    def _centred(self, einsum: Einsum) -> Poly | None:
        """What each element adds to a sum around running means, if it is so."""
        own = print_expr(self._before(einsum))
        if not self._is_sum(einsum):
            return None
        whole = self._whole(einsum)
        change = subtract(whole, _atom_of(whole, own))
        means = self._means()
        if own in change.text or not means:
            return None
        added = self._moved(change)
        moved = subtract(added, self._moved(added, self.step))
        total = [subtract(added, change)]
        for mono, coefficient in moved.terms:
            old = self._of_all(mono, means)
            if old is None:
                return None
            total.append(scale(old, coefficient))
        return added if _is_zero(self._with_means(add(*total), means)) else None

    # ----------------------------------------------------------------------------------------------------------- parts

    def _whole(self, einsum: Einsum) -> Poly:
        """What a state becomes, multiplied out. Raises CannotUnroll when it reads states of other steps."""
        for part in (einsum.right, *(e.right for e in self.moving.values())):
            for node in (n for n in walk(part) if isinstance(n, Access) and n.tensor in self.states):
                if node.indices[self.states[node.tensor]].value not in (self.step, self.after):
                    raise CannotUnroll(f"{node.tensor} is read at another step")
        return expanded(loose(self._normal()(einsum.right)))

    def _before(self, einsum: Einsum) -> Access:
        place = self.states[einsum.tensor]
        return simple_access(einsum.tensor, *(self.step if k == place else i for k, i in enumerate(einsum.left)))

    def _is_sum(self, einsum: Einsum) -> bool:
        """Is a state its old value and more, from 0 on?"""
        start = self.starts.get(einsum.tensor)
        if einsum.tensor not in self.states or start is None or print_expr(start.right) != "0":
            return False
        return print_expr(self._before(einsum)) in self._whole(einsum).text

    def _update(self, einsum: Einsum) -> Update | None:
        """How a sum is made of those before; None when it is not linear in them."""
        if not self._is_sum(einsum):
            return None
        sums = {print_expr(self._before(e)) for e in self.section.einsums if self._is_sum(e)}
        factors: dict[str, Poly] = {}
        added = ZERO
        for mono, coefficient in self._whole(einsum).terms:
            term = Poly(((mono, coefficient),))
            held = [(base.text, power) for base, power in mono if base.text in sums]
            if not held and not self._has(term, self.step) and not self._is_counted(mono):
                added = add(added, term)
                continue
            held = held or [(base.text, power) for base, power in mono if base.text == self.count.text]
            rest = Poly(((tuple(p for p in mono if p[0].text != held[0][0]) if held else mono, coefficient),))
            if len(held) != 1 or held[0][1] != 1 or self._has_element(rest):
                return None
            name = COUNT if held[0][0] == self.count.text else held[0][0]
            factors[name] = add(factors.get(name, ZERO), rest)
        return factors, added

    def _put_in(self, p: Poly) -> Poly:
        """The sum with factors that are elements made in the loop as the loop makes them."""
        elements = {e.tensor: e for e in self.section.einsums if e.tensor not in self.states}
        normal = self._normal()
        found = ZERO
        for mono, coefficient in p.terms:
            term = Poly((((), coefficient),))
            for base, power in mono:
                inner = of_base(base, power)
                if isinstance(base.expr, Access) and base.expr.tensor in elements and power in (1, 2, 3):
                    inner = raised(normal.inlined(base.expr, elements[base.expr.tensor]), int(power))
                term = times_flat(term, inner)
            found = add(found, term)
        return found

    def _is_counted(self, mono: Mono) -> bool:
        """Is a product of the step's variable and of references so many times the references?"""
        counts = [power for base, power in mono if base.text == self.count.text]
        rest = Poly(((tuple(p for p in mono if p[0].text != self.count.text), number(1).terms[0][1]),))
        reads = self._has(rest, self.after)
        return self.takes_step_as_count and counts == [1] and reads and not self._has_element(rest)

    def _added_before(self, accumulator: str) -> Poly | None:
        """What one element adds to a sum, at the references before the step."""
        sums = (e for e in self.section.einsums if e.tensor in self.states)
        update = self._update(next(e for e in sums if print_expr(self._before(e)) == accumulator))
        return None if update is None else self._moved(update[1], self.step)

    def _has_element(self, p: Poly) -> bool:
        """Does a sum of products read an element, or the step's coordinate?"""

        def reads(base: Base) -> bool:
            if base.expr is not None:
                is_state = isinstance(base.expr, Access) and base.expr.tensor in self.states
                return not is_state and any(n == self.step for n in walk(base.expr))
            return any(self._has_element(part) for part in base.parts)

        return any(reads(base) for mono, _ in p.terms for base, _ in mono)

    def _means(self) -> dict[str, Einsum]:
        """The text of an element -> the state that is its running mean."""
        found = {}
        for einsum in self.section.einsums:
            element = self._averaged(einsum) if einsum.tensor in self.starts and einsum.tensor in self.states else None
            if element is not None and len(element.terms) == 1 and element.terms[0][1] == 1:
                mono = element.terms[0][0]
                if len(mono) == 1 and mono[0][1] == 1:
                    found[mono[0][0].text] = einsum
        return found

    def _mean(self, einsum: Einsum, state: Expr) -> Poly:
        """A running mean at a state, as the normal form reads it."""
        place = self.states[einsum.tensor]
        return self._normal()(
            simple_access(einsum.tensor, *(state if k == place else i for k, i in enumerate(einsum.left)))
        )

    def _of_all(self, mono: Mono, means: dict[str, Einsum]) -> Poly | None:
        """The sum of a product over all old elements: one of them to the first power, or none."""
        elements = [(base, power) for base, power in mono if self._has_element(of_base(base))]
        rest = Poly(((tuple(p for p in mono if p not in elements), number(1).terms[0][1]),))
        counted = times_flat(rest, of_base(self.count))
        if not elements:
            return counted
        (base, power), *others = elements
        if others or power != 1 or base.text not in means:
            return None
        return times_flat(counted, self._mean(means[base.text], self.step))

    def _with_means(self, p: Poly, means: dict[str, Einsum]) -> Poly:
        """The element of this step as (i + 1) * new mean - i * old mean."""
        found = ZERO
        for mono, coefficient in p.terms:
            term = Poly((((), coefficient),))
            for base, power in mono:
                inner = of_base(base)
                if base.text in means and power > 0 and power == int(power):
                    einsum = means[base.text]
                    new = times_flat(add(ONE, of_base(self.count)), self._mean(einsum, self.after))
                    inner = subtract(new, times_flat(of_base(self.count), self._mean(einsum, self.step)))
                    term = times_flat(term, raised(inner, int(power)))
                else:
                    term = times_flat(term, of_base(base, power))
            found = add(found, term)
        return found


class _ByCoordinate(Repairs):
    """The same with the step's variable as the element's coordinate."""

    takes_step_as_count = False


def _is_zero(p: Poly) -> bool:
    """Is a sum 0, sums over other ranks with equal terms inside as well?"""
    inside = poly(t for t in p.terms if any(base.kind == "nested" for base, _ in t[0]))
    return not (p.terms and (subtract(p, inside).terms or opened(inside).terms))


def _atom_of(whole: Poly, text: str) -> Poly:
    """The term that is one factor alone."""
    return Poly(tuple(term for term in whole.terms if [(b.text, p) for b, p in term[0]] == [(text, 1)]))


def _without_guards(section: Section, states: dict[str, int]) -> Section:
    """The statements with `where(state == inf, ..., x)` as x."""

    def leaf(node: Expr) -> Expr:
        match node:
            case Call("where", (Binary("==", Access() as read, bound), _, kept)) if read.tensor in states:
                if print_expr(bound) in ("inf", "-inf"):
                    return kept
        return node

    return replace(section, einsums=tuple(replace(e, right=rewrite(e.right, leaf)) for e in section.einsums))


