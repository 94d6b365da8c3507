"""An identity F = sum of g * h: proved with sympy, or held against numbers where sympy does not decide."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as combinations
from typing import Any

from fusemax.cascade.ir import Access, Call, Expr, ParameterUse, Shape, Variable, children, walk
from fusemax.cascade.print import print_expr
from fusemax.cascade.tokens import FUNCTIONS
from fusemax.derive import signs
from fusemax.derive.pairs import Pair
from fusemax.derive.points import evaluate, precise
from fusemax.derive.symbols import NotProved, Symbols

SAMPLES = 64
DIGITS = 60
MOST_TESTS = 4
PROVED = "proved (sympy)"


@dataclass(frozen=True)
class Identity:
    """One way to write F as a sum of products: pairs of formulas, and what is known of it.

    `verdict` is `proved (sympy)`, `held at N samples`, `fails at a sample` or `unknown`; `reason` says what kept it
    from a proof. `points` are those of an interpolation.
    """

    pairs: tuple[tuple[str, str], ...]
    verdict: str
    reason: str = ""
    points: tuple[str, ...] = ()

    @property
    def is_proved(self) -> bool:
        """For all values, not at samples only?"""
        return self.verdict == PROVED

    def document(self) -> Mapping[str, object]:
        """For JSON."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "points": list(self.points),
            "pairs": [{"g": g, "h": h} for g, h in self.pairs],
        }

    def lines(self, title: str) -> list[str]:
        """For people."""
        reason = f", no proof: {self.reason}" if self.reason else ""
        places = f" at {' and '.join(self.points)}" if self.points else ""
        width = max((len(g) for g, _ in self.pairs), default=0)
        pairs = (f"    g = {g:<{width}}  h = {h}" for g, h in self.pairs)
        return [f"  {title}{places}: {self.verdict}{reason}", *pairs]


def checked(body: Expr, pairs: Sequence[Pair], symbols: Symbols) -> Identity:
    """F against a sum of products: proved with sympy, or held at random values of every leaf."""
    texts = tuple((print_expr(g), print_expr(h)) for g, h in pairs)
    try:
        function = symbols(body)
        products = [(symbols(g), symbols(h)) for g, h in pairs]
        if all(_is_sum(*case) for case in _cases(function, products, symbols)):
            return Identity(texts, PROVED)
        reason = "the difference does not expand to 0"
    except NotProved as error:
        reason = str(error)
    return Identity(texts, _sampled(body, pairs, symbols.sign), reason)

def _sampled(body: Expr, pairs: Sequence[Pair], sign_of: Callable[[Expr], int]) -> str:
    """What numbers say: both sides of the identity at random values of every leaf."""
    exprs = [body, *(e for pair in pairs for e in pair)]
    if any(isinstance(n, Call) and n.function not in FUNCTIONS for e in exprs for n in walk(e)):
        return "unknown"
    signs_of = {print_expr(leaf): sign_of(leaf) for e in exprs for leaf in leaves_of(e)}
    field, generator = precise(DIGITS), random.Random(11)
    held = 0
    for _ in range(SAMPLES):
        values = {
            text: field.number(repr(generator.uniform(0.2 if signs.is_not_negative(sign) else -3.0, 3.0)))
            for text, sign in signs_of.items()
        }

        def read(leaf: Expr, values: Mapping[str, Any] = values) -> Any:
            return values[print_expr(leaf)]

        whole = evaluate(body, read, field)
        parts = [evaluate(g, read, field) * evaluate(h, read, field) for g, h in pairs]
        size = sum((abs(part) for part in parts), abs(whole))
        if size != size or size == field.inf:
            continue
        if abs(whole - sum(parts)) > size * field.number(f"1e-{DIGITS // 2}"):
            return "fails at a sample"
        held += 1
    return f"held at {held} samples" if held else "unknown"


_Case = tuple[Any, list[tuple[Any, Any]]]


def _cases(function: Any, products: list[tuple[Any, Any]], symbols: Symbols) -> Iterator[_Case]:
    """F and its pairs with each test at 0 and at 1; as they are when there are many tests."""
    import sympy

    tests = sorted(symbols.tests, key=str)
    if len(tests) > MOST_TESTS:
        yield function, products
        return
    for values in combinations((0, 1), repeat=len(tests)):
        at = dict(zip(tests, map(sympy.Integer, values), strict=True))
        yield function.xreplace(at), [(g.xreplace(at), h.xreplace(at)) for g, h in products]


def _is_sum(function: Any, products: list[tuple[Any, Any]]) -> bool:
    from fusemax.derive.exact import Exact

    exact = Exact([function, *(e for pair in products for e in pair)])
    whole = exact.total([exact.product(exact.element(g), exact.element(h)) for g, h in products])
    return exact.is_same(whole, exact.element(function))


def leaves_of(expr: Expr) -> list[Expr]:
    """The reads, coordinates, sizes and parameters of an expression, without those inside indices."""
    if isinstance(expr, (Access, Variable, Shape, ParameterUse)):
        return [expr]
    return [leaf for child in children(expr) for leaf in leaves_of(child)]
