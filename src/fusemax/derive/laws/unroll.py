"""Unrolling: a running form read only at its end is the reduction it runs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Einsum,
    Expr,
    Index,
    Number,
    Reduction,
    Section,
    Shape,
    Variable,
    walk,
)
from fusemax.cascade.print import print_expr
from fusemax.cascade.ranks import canonical, rank_of, rank_of_variable, variable_of, whole_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.algebra import ELEMENT, REFERENCE, Base, Mono, Poly, TooLarge, expanded, of_base, poly, times_flat
from fusemax.derive.atoms import map_atoms
from fusemax.derive.emit import NotAnExpression, to_expr
from fusemax.derive.flat import flat
from fusemax.derive.functions import exponential
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.normal import Normal, inverse_of, loose, mono_variables, opened, simple_access, substitute
from fusemax.derive.signs import Signs
from fusemax.derive.terms import reads_of


class CannotUnroll(Exception):
    """A state that is not the running form of a reduction, or is read on the way."""


def unrolled(cascade: Cascade, rank: str, kind: type[Unroller] | None = None) -> Cascade:
    """The flat cascade with every loop over a rank as reductions, by an unroller. Raises CannotUnroll."""
    found: list[Einsum] = []
    starts: dict[str, Einsum] = {}
    ends: dict[str, Expr] = {}
    moving: frozenset[str] = frozenset()
    loops = [s for s in cascade.sections if s.kind == "iterate"]
    if len(loops) != 1 or not _is_over(cascade, loops[0], rank):
        raise CannotUnroll("not one loop over the rank")
    states = _states(loops[0])
    for section in cascade.sections:
        if section.kind == "iterate":
            unroller = (kind or Unroller)(cascade, section, states, starts)
            found += unroller.einsums()
            ends, moving = unroller.ends, frozenset(unroller.moving)
            continue
        for einsum in section.einsums:
            if any(isinstance(n, Access) and n.tensor in moving for n in walk(einsum.right)):
                raise CannotUnroll(f"{einsum.tensor} reads an element that changes with the states")
            if einsum.tensor in states:
                starts[einsum.tensor] = einsum
            else:
                found.append(replace(einsum, right=_finished(einsum.right, states, ends, loops[0])))
    return flat(cascade, found)


def _is_over(cascade: Cascade, section: Section, rank: str) -> bool:
    own = rank_of_variable(cascade, section.variable or "")
    return section.until is not None and (own == rank or whole_of(cascade, own) == rank)


def _states(section: Section) -> dict[str, int]:
    """Tensors written at `v+1`, with the position of it."""
    after = Binary("+", Variable(section.variable or ""), Number(1))
    found = {}
    for einsum in section.einsums:
        for k, index in enumerate(einsum.left):
            if index == after:
                found[einsum.tensor] = k
    return found


def _finished(expr: Expr, states: dict[str, int], ends: dict[str, Expr], section: Section) -> Expr:
    """Reads of a state at the end of the loop become reads of the reduction."""

    def leaf(node: Expr) -> Expr:
        if not isinstance(node, Access) or node.tensor not in states:
            return node
        place = states[node.tensor]
        if node.indices[place].value not in (Shape(section.until or ""),) or node.tensor not in ends:
            raise CannotUnroll(f"{node.tensor} is read on the way")
        rest = tuple(i for k, i in enumerate(node.indices) if k != place)
        return Access(node.tensor, rest)

    return rewrite(expr, leaf)


class Unroller:
    """Undoes one loop, whose states are max, min, or one sum each with a factor that telescopes."""

    def __init__(self, cascade: Cascade, section: Section, states: dict[str, int], starts: dict[str, Einsum]) -> None:
        self.cascade, self.section, self.states, self.starts = cascade, section, states, starts
        self.step = Variable(section.variable or "")
        self.after = Binary("+", self.step, Number(1))
        self.ends: dict[str, Expr] = {}
        self.moving: dict[str, Einsum] = {}
        self.signs = Signs(cascade.einsums)
        self.names = Names(cascade)
        own = canonical(cascade, rank_of(section.variable or ""))
        self.walker = variable_of(own)

    def einsums(self) -> list[Einsum]:
        """The loop's statements as reductions and elements. Raises CannotUnroll."""
        found: list[Einsum] = []
        for einsum in self.section.einsums:
            if einsum.tensor in self.states:
                found += self._state(einsum)
            elif self._is_moving(einsum.right):
                self.moving[einsum.tensor] = einsum
            else:
                found.append(self._element(einsum))
        return found

    def _is_moving(self, expr: Expr) -> bool:
        return any(isinstance(n, Access) and (n.tensor in self.states or n.tensor in self.moving) for n in walk(expr))

    def _element(self, einsum: Einsum) -> Einsum:
        values: dict[str, Expr] = {self.step.name: Variable(self.walker)}
        left = tuple(substitute(i, values) for i in einsum.left)
        return replace(einsum, left=left, right=self._flat(einsum.right))

    def _flat(self, expr: Expr) -> Expr:
        return substitute(expr, {self.step.name: Variable(self.walker)})

    def _normal(self) -> Normal:
        """New states are references, old ones and elements are not."""

        def side(expr: Expr) -> int:
            if isinstance(expr, Access) and expr.tensor in self.states:
                return REFERENCE
            return ELEMENT if isinstance(expr, Variable) and expr == self.step else 0

        return Normal(side, lambda access: self.moving.get(access.tensor), self.signs.of)

    def _state(self, einsum: Einsum) -> list[Einsum]:
        start = self.starts.get(einsum.tensor)
        place = self.states[einsum.tensor]
        left = tuple(i for k, i in enumerate(einsum.left) if k != place)
        self.ends[einsum.tensor] = simple_access(einsum.tensor, *left)
        own = simple_access(einsum.tensor, *(self.step if k == place else i for k, i in enumerate(einsum.left)))
        if start is None or not all(isinstance(i, Variable) for i in left):
            raise CannotUnroll(einsum.tensor)
        extreme = self._extreme(einsum, own, left, start)
        if extreme is not None:
            return extreme
        whole = expanded(loose(self._normal()(einsum.right)))
        if print_expr(own) in whole.text:
            return self._sum(einsum, own, left, start, whole)
        return [self._terminal(einsum, left)]

    def _terminal(self, einsum: Einsum, left: tuple[Expr, ...]) -> Einsum:
        """A value made from scratch at each step: its last one."""
        last = Binary("-", Shape(self.section.until or ""), Number(1))

        def leaf(node: Expr) -> Expr:
            if not isinstance(node, Access):
                return node
            if node.tensor in self.states:
                place = self.states[node.tensor]
                if node.indices[place].value != self.after or node.tensor not in self.ends:
                    raise CannotUnroll(f"{einsum.tensor} reads a state before the last")
                return Access(node.tensor, tuple(i for k, i in enumerate(node.indices) if k != place))
            return replace(node, indices=tuple(self._last_index(i, last) for i in node.indices))

        right = rewrite(einsum.right, leaf)
        if any(isinstance(n, Variable) and n == self.step for n in walk(right)):
            right = substitute(right, {self.step.name: last})
        return replace(einsum, left=left, right=right)

    def _last_index(self, index: Index, last: Expr) -> Index:
        """`k <= i` holds for every k at the last i."""
        match index.filter:
            case Binary("<=", Variable() as walker, step) if step == self.step:
                if canonical(self.cascade, rank_of(walker.name)) == canonical(self.cascade, rank_of(self.step.name)):
                    return Index(index.value)
        return index

    def _extreme(
        self, einsum: Einsum, own: Access, left: tuple[Expr, ...], start: Einsum
    ) -> list[Einsum] | None:
        """max(state, element), min(state, element)."""
        right = einsum.right
        if not isinstance(right, Call) or right.function not in ("max", "min") or own not in right.arguments:
            return None
        rest = tuple(a for a in right.arguments if a != own)
        body = rest[0] if len(rest) == 1 else Call(right.function, rest)
        if self._is_moving(body):
            raise CannotUnroll(einsum.tensor)
        new = Einsum(einsum.tensor, left, self._flat(body), (Reduction(right.function, (self.walker,)),))
        if print_expr(start.right) == ("-inf" if right.function == "max" else "inf"):
            return [new]
        name = self.names.tensor(f"L{einsum.tensor}")
        joined = Call(right.function, (self._started(start, left), simple_access(name, *left)))
        return [replace(new, tensor=name), Einsum(einsum.tensor, left, joined)]

    def _started(self, start: Einsum, left: tuple[Expr, ...]) -> Expr:
        """The value a state starts with, at the variables of `left`."""
        place = self.states[start.tensor]
        own = [i for k, i in enumerate(start.left) if k != place]
        pairs = zip(own, left, strict=True)
        return substitute(start.right, {v.name: e for v, e in pairs if isinstance(v, Variable)})

    def _sum(
        self, einsum: Einsum, own: Access, left: tuple[Expr, ...], start: Einsum, whole: Poly
    ) -> list[Einsum]:
        """state * h(new) / h(old) + element: the sum of element / h, times h at the end."""
        key = print_expr(own)
        state: list[Poly] = []
        added: list[Poly] = []
        for mono, coefficient in whole.terms:
            powers = [power for base, power in mono if base.text == key]
            rest = Poly(((tuple(p for p in mono if p[0].text != key), coefficient),))
            if (powers and powers != [1]) or key in rest.text:
                raise CannotUnroll(einsum.tensor)
            (state if powers else added).append(rest)
        if len(state) != 1 or not added:
            raise CannotUnroll(einsum.tensor)
        factor = self._factor(state[0])
        body = poly(t for p in added for t in loose(times_flat(opened(p), inverse_of(factor))).terms)
        if self._reads_states(body) or not all(self._walks(mono) for mono, _ in body.terms):
            raise CannotUnroll(einsum.tensor)
        at_end = self._at_end(factor)
        right = self._guarded(self._flat(to_expr(loose(times_flat(body, at_end)))), einsum)
        if print_expr(start.right) == "0":
            return [Einsum(einsum.tensor, left, right)]
        name = self.names.tensor(f"L{einsum.tensor}")
        before = self._normal()(self._started(start, left))
        first = to_expr(loose(times_flat(times_flat(before, inverse_of(self._at_start(factor))), at_end)))
        total = Binary("+", simple_access(name, *left), self._guarded(first, einsum))
        return [Einsum(name, left, right), Einsum(einsum.tensor, left, total)]

    def _walks(self, mono: Mono) -> bool:
        return self.step.name in mono_variables(mono)

    def _guarded(self, expr: Expr, einsum: Einsum) -> Expr:
        """exp(a - b) as expsub(a, b) where the loop used that."""
        parts = [einsum.right, *(e.right for e in self.moving.values())]
        if not any(isinstance(n, Call) and n.function == "expsub" for part in parts for n in walk(part)):
            return expr

        def leaf(node: Expr) -> Expr:
            match node:
                case Call("exp", (Binary("-", a, b),)):
                    return Call("expsub", (a, b))
            return node

        return rewrite(expr, leaf)

    def _reads_states(self, p: Poly) -> bool:
        return bool(reads_of(p) & set(self.states))

    def _factor(self, ratio: Poly) -> Poly:
        """h(new) when the ratio is h(new) / h(old)."""
        if ratio.text == "1":
            return ratio
        new = self._part(ratio, self.after)
        old = self._part(ratio, self.step)
        if times_flat(new, old).text != ratio.text or loose(times_flat(new, self._moved(old))).text != "1":
            raise CannotUnroll("the correction is no quotient of new and old")
        return new

    def _part(self, ratio: Poly, state: Expr) -> Poly:
        """The factors of a product that read states at `state`."""
        (mono, coefficient), *rest = ratio.terms
        if rest or coefficient != 1:
            raise CannotUnroll("the correction is a sum")
        found = Poly((((), Fraction(1)),))
        for base, power in mono:
            if base.kind in ("exp", "exp2"):
                kept = poly(t for t in base.parts[0].terms if self._has(Poly((t,)), state))
                if kept.terms:
                    found = times_flat(found, exponential(base.kind, kept))
            elif self._has(of_base(base), state):
                found = times_flat(found, of_base(base, power))
        return found

    def _has(self, p: Poly, state: Expr) -> bool:
        def reads(base: Base) -> bool:
            if isinstance(base.expr, Access) and base.expr.tensor in self.states:
                return base.expr.indices[self.states[base.expr.tensor]].value == state
            return any(self._has(part, state) for part in base.parts)

        return any(reads(base) for mono, _ in p.terms for base, _ in mono)

    def _moved(self, p: Poly, to: Expr | None = None) -> Poly:
        """States read as new ones, or as those at `to`."""

        def change(expr: Expr) -> Expr:
            if isinstance(expr, Access) and expr.tensor in self.states:
                place = self.states[expr.tensor]
                indices = tuple(Index(to or self.after) if k == place else i for k, i in enumerate(expr.indices))
                return Access(expr.tensor, indices)
            return expr

        return map_atoms(p, change)

    def _at_start(self, p: Poly) -> Poly:
        """New states read as what they start with."""

        def change(expr: Expr) -> Expr:
            if isinstance(expr, Access) and expr.tensor in self.states:
                place = self.states[expr.tensor]
                own = tuple(i.value for k, i in enumerate(expr.indices) if k != place)
                return self._started(self.starts[expr.tensor], own)
            return expr

        return map_atoms(p, change)

    def _at_end(self, p: Poly) -> Poly:
        """New states read as the finished reductions."""
        def change(expr: Expr) -> Expr:
            if isinstance(expr, Access) and expr.tensor in self.states:
                if expr.tensor not in self.ends:
                    raise CannotUnroll(expr.tensor)
                place = self.states[expr.tensor]
                return Access(expr.tensor, tuple(i for k, i in enumerate(expr.indices) if k != place))
            return expr

        return map_atoms(p, change)


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    return uses_of(cascade, rank, Unroller)


def uses_of(cascade: Cascade, rank: str, kind: type[Unroller]) -> list[Rewrite]:
    """The cascade without its loop, if an unroller can undo it."""
    if all(section.kind == "flat" for section in cascade.sections):
        return []
    try:
        new = unrolled(cascade, rank, kind)
    except (CannotUnroll, NotAnExpression, TooLarge, ValueError):
        return []
    loop = next(s for s in cascade.sections if s.kind == "iterate")
    return [Rewrite("unroll", new, tuple(dict.fromkeys(e.tensor for e in loop.einsums if e.tensor in _states(loop))))]


LAW = Law(
    name="unroll",
    title="Unrolling: a running form read only at its end is a reduction",
    rank="M",
    header=(
        "input X[m]\n"
        "output Z\n"
        "alias I = M\n"
        "sizes M = 5"
    ),
    before=(
        "init:\n"
        "  RG[0] = -inf\n"
        "  RD[0] = 0\n"
        "\n"
        "iterate i until M:\n"
        "  RG[i+1] = max(RG[i], X[i])\n"
        "  RD[i+1] = RD[i] * exp(RG[i] - RG[i+1]) + exp(X[i] - RG[i+1])\n"
        "\n"
        "then:\n"
        "  Z = RD[M]"
    ),
    after=(
        "RG = X[m] :: max(m)\n"
        "RD = exp(X[m] - RG)\n"
        "Z = RD"
    ),
    precondition=(
        "the loop's state is max, min, or state * h(new) / h(old) + element, starts at the identity, and is read at "
        "its end only; h is not 0"
    ),
    algebra="associativity; a quotient that telescopes",
    counterexample=(
        "with h = RY as in Cascade 3 the quotient RY[i+1] / RY[i] does not telescope once a partial dot product is 0: "
        "for A = [1, 1, 1], B = [1, -1, 1] the loop ends at 1, the reduction at 3"
    ),
    uses=_uses,
)
