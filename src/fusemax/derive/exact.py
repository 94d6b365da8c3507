"""Elementary expressions as quotients of polynomials: where an identity of them is decided, in bounded work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

from fusemax.derive.symbols import NotProved

MOST_TERMS = 2_000
"""Terms of a polynomial on the way."""

MOST_WORK = 200_000
"""Products of terms in all."""

MOST_POWER = 24

_Key = tuple[str, Any]
"""`symbol` s, `exp` m, `log` a or `root` b: a generator, and with a denominator q of its powers s^(1/q), exp(m/q)..."""


@dataclass(frozen=True)
class Quotient:
    """A polynomial of sympy over a product of powers of others. Never brought to lowest terms but for generators."""

    above: Any
    below: Mapping[Any, int]


class Exact:
    """The quotients of polynomials in the symbols, exponentials, roots and logarithms of some expressions.

    A sum in an exponent is split into its terms and exp(p/q * m) is a power of the generator exp(m/q); circular and
    hyperbolic functions become exponentials. Expressions that are the same quotient are the same function. Work is
    counted in terms, never in seconds, so that the answer does not depend on the machine. Raises NotProved for what
    is too large, or no such expression.
    """

    def __init__(self, exprs: Sequence[Any]) -> None:
        import sympy
        from sympy.polys.rings import PolyRing

        self._sympy = sympy
        self._orders: dict[_Key, int] = {}
        self._work = 0
        plain = [self._plain(e) for e in exprs]
        for expr in plain:
            self._collect(expr)
        keys = sorted(self._orders, key=lambda key: (key[0], sympy.default_sort_key(key[1])))
        names = [sympy.Dummy(f"z{n}") for n in range(len(keys) + 1)]
        imaginary = any(e.has(sympy.I) for e in plain)
        self._ring = PolyRing(names, sympy.QQ_I if imaginary else sympy.QQ)
        self._places = {generator: n for n, generator in enumerate(self._ring.gens)}
        self._generators = dict(zip(keys, self._ring.gens, strict=False))
        self._values = {name: self._value(key) for key, name in zip(keys, names, strict=False)}
        self.zero, self.one = Quotient(self._ring.zero, {}), Quotient(self._ring.one, {})

    def element(self, expr: Any) -> Quotient:
        """An expression as a quotient: one of the expressions given at the start, or made of the same parts."""
        return self._element(self._plain(expr))

    def expr(self, element: Quotient) -> Any:
        """A quotient as an expression again, denominators that divide it taken out."""
        above, below = element.above, self._sympy.Integer(1)
        for factor, power in element.below.items():
            left = power
            while left and not (divided := above.div(factor))[1]:
                above, left = divided[0], left - 1
            below *= factor.as_expr() ** -left
        return (above.as_expr() * below).xreplace(self._values)

    def is_same(self, left: Quotient, right: Quotient) -> bool:
        """Is the difference 0?"""
        return not self.total([left, self._scaled(right, -1)]).above

    def total(self, parts: Sequence[Quotient]) -> Quotient:
        """The sum, over the least product of powers that all denominators divide."""
        below: dict[Any, int] = {}
        for part in parts:
            for factor, power in part.below.items():
                below[factor] = max(below.get(factor, 0), power)
        above = self._ring.zero
        for part in parts:
            term = part.above
            for factor, power in below.items():
                for _ in range(power - part.below.get(factor, 0)):
                    term = self._times(term, factor)
            above = self._bounded(above + term)
        return self._reduced(above, below)

    def product(self, *factors: Quotient) -> Quotient:
        """The product."""
        found = self.one
        for factor in factors:
            below = dict(found.below)
            for base, power in factor.below.items():
                below[base] = below.get(base, 0) + power
            found = self._reduced(self._times(found.above, factor.above), below)
        return found

    def inverse(self, element: Quotient) -> Quotient:
        """1 over a quotient. Raises NotProved for 0."""
        if not element.above:
            raise NotProved("a division by 0")
        size = element.above.LC
        above = self._ring.ground_new(1 / size)
        for factor, power in element.below.items():
            for _ in range(power):
                above = self._times(above, factor)
        if len(element.above) > 1:
            return self._reduced(above, {element.above.quo_ground(size): 1})
        powers = zip(self._ring.gens, element.above.monoms()[0], strict=True)
        return self._reduced(above, {generator: power for generator, power in powers if power})

    def adjugate(self, matrix: Sequence[Sequence[Quotient]]) -> tuple[list[list[Quotient]], Quotient]:
        """The adjugate and the determinant of a square matrix, without divisions but by whole numbers (Faddeev)."""
        size = len(matrix)
        found = [[self.one if i == j else self.zero for j in range(size)] for i in range(size)]
        for step in range(1, size + 1):
            made = [
                [self.total([self.product(row[k], found[k][j]) for k in range(size)]) for j in range(size)]
                for row in matrix
            ]
            trace = self._scaled(self.total([made[i][i] for i in range(size)]), self._sympy.Rational(-1, step))
            if step == size:
                sign = 1 if size % 2 else -1
                return [[self._scaled(v, sign) for v in row] for row in found], self._scaled(trace, -sign)
            found = [
                [self.total([value, trace]) if i == j else value for j, value in enumerate(row)]
                for i, row in enumerate(made)
            ]
        return found, self.one

    # ------------------------------------------------------------------------------------------------- generators

    def _plain(self, expr: Any) -> Any:
        sympy = self._sympy
        circular = (sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh)
        return expr.replace(lambda e: isinstance(e, circular), lambda e: e.rewrite(sympy.exp))

    def _collect(self, expr: Any) -> None:
        powers = self._powers(expr)
        if powers is None:
            for part in self._opened(expr).args:
                self._collect(part)
            return
        for key, power in powers:
            self._orders[key] = lcm(self._orders.get(key, 1), int(power.q))

    def _powers(self, expr: Any) -> list[tuple[_Key, Any]] | None:
        """An exponential, root, logarithm, constant or symbol as powers of generators; None for sums and the like."""
        sympy = self._sympy
        if expr == sympy.E:
            return [(("exp", sympy.Integer(1)), sympy.Integer(1))]
        if expr.is_Symbol or expr == sympy.pi:
            return [(("symbol", expr), sympy.Integer(1))]
        if isinstance(expr, sympy.exp):
            return self._exponents(expr.args[0])
        if isinstance(expr, sympy.log):
            return [(("log", expr.args[0]), sympy.Integer(1))] if self._opened(expr) == expr else None
        if not expr.is_Pow or expr.exp.is_Integer:
            return None
        if not expr.exp.is_Rational:
            return self._exponents(expr.exp * sympy.log(expr.base))
        return [(("symbol" if expr.base.is_Symbol else "root", expr.base), expr.exp)]

    def _exponents(self, argument: Any) -> list[tuple[_Key, Any]]:
        found = []
        for term in self._sympy.Add.make_args(self._sympy.expand(argument)):
            coefficient, rest = term.as_coeff_Mul()
            if not coefficient.is_Rational:
                raise NotProved(f"the exponent {coefficient}")
            found.append((("exp", rest), coefficient))
        return found

    def _opened(self, expr: Any) -> Any:
        """The logarithm of a product of positive factors as a sum."""
        return self._sympy.expand_log(expr) if isinstance(expr, self._sympy.log) else expr

    def _value(self, key: _Key) -> Any:
        kind, inner = key
        order = self._orders[key]
        if kind == "exp":
            return self._sympy.exp(inner / order)
        if kind == "log":
            return self._sympy.log(inner)
        return inner ** self._sympy.Rational(1, order)

    # --------------------------------------------------------------------------------------------------- quotients

    def _element(self, expr: Any) -> Quotient:
        if expr.is_Rational or expr == self._sympy.I:
            return Quotient(self._ring.ground_new(self._ring.domain.from_sympy(expr)), {})
        if (powers := self._powers(expr)) is not None:
            return self.product(*(self._generated(key, int(power * self._orders[key])) for key, power in powers))
        expr = self._opened(expr)
        if expr.is_Add:
            return self.total([self._element(part) for part in expr.args])
        if expr.is_Mul:
            return self.product(*(self._element(part) for part in expr.args))
        if expr.is_Pow and expr.exp.is_Integer:
            return self._power(self._element(expr.base), int(expr.exp))
        raise NotProved(f"{getattr(expr.func, '__name__', 'a function')} has no exact form")

    def _generated(self, key: _Key, power: int) -> Quotient:
        generator = self._generators[key]
        return Quotient(generator**power, {}) if power >= 0 else Quotient(self._ring.one, {generator: -power})

    def _power(self, base: Quotient, power: int) -> Quotient:
        if abs(power) > MOST_POWER:
            raise NotProved(f"a power of {abs(power)}")
        return self.product(*([base if power > 0 else self.inverse(base)] * abs(power)))

    def _scaled(self, element: Quotient, factor: Any) -> Quotient:
        number = self._ring.domain.from_sympy(self._sympy.sympify(factor))
        return Quotient(element.above.mul_ground(number), element.below)

    def _reduced(self, above: Any, below: Mapping[Any, int]) -> Quotient:
        """The quotient without generators that are on both sides."""
        kept = dict(below) if above else {}
        for factor in below if above else ():
            place = self._places.get(factor)
            if place is None:
                continue
            shared = min(kept[factor], min(monomial[place] for monomial in above.itermonoms()))
            if shared:
                above = above.quo_term((self._monomial(place, shared), self._ring.domain.one))
                kept[factor] -= shared
        return Quotient(above, {factor: power for factor, power in kept.items() if power})

    def _monomial(self, place: int, power: int) -> tuple[int, ...]:
        return tuple(power if n == place else 0 for n in range(self._ring.ngens))

    def _times(self, left: Any, right: Any) -> Any:
        self._work += len(left) * len(right)
        if self._work > MOST_WORK:
            raise NotProved(f"more than {MOST_WORK} products of terms")
        return self._bounded(left * right)

    def _bounded(self, found: Any) -> Any:
        if len(found) > MOST_TERMS:
            raise NotProved(f"an expansion of more than {MOST_TERMS} terms")
        return found
