"""A function of two sides from its values on a cross: F(x, y) = F(x, y_k) M^-1 F(x_l, y) with M = F(x_l, y_k).

This holds for every F that is a finite sum of products of a function of x and one of y, and for no other; the number
of points is the rank. Nothing else about F is used, so that it is a check on the algebra of the laws.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from fusemax.derive.exact import Exact
from fusemax.derive.symbols import NotProved

MOST_RANK = 12
"""Points of a cross; what needs more counts as growing."""

CANDIDATES = 24
DIGITS = 80

Point = dict[Any, Any]
"""Symbol -> rational number."""


@dataclass(frozen=True)
class Cross:
    """F as a sum of g * h: the points of the cross, the pairs, and whether sympy has proved the identity.

    `samples` counts the points off the cross at which it held, in 80 digits; `reason` says what kept it from a proof.
    """

    elements: tuple[Point, ...]
    references: tuple[Point, ...]
    pairs: tuple[tuple[Any, Any], ...]
    is_proved: bool
    samples: int
    reason: str = ""

    @property
    def rank(self) -> int:
        """The number of pairs, no fewer being possible since the matrix of samples is regular."""
        return len(self.elements)


def interpolated(
    function: Any, elements: Sequence[Any], references: Sequence[Any], is_positive: Callable[[Any], bool]
) -> Cross:
    """Interpolate a sympy expression between its element symbols and its reference symbols.

    Raises NotProved when it is not defined at the points tried, or its rank is more than MOST_RANK.
    """
    used = function.free_symbols
    elements, references = ([s for s in side if s in used] for side in (elements, references))
    matrix, rows, columns = _sampled(function, elements, references, is_positive)
    chosen = _cross(matrix)
    x = tuple(rows[i] for i, _ in chosen)
    y = tuple(columns[j] for _, j in chosen)
    samples = len(rows) * len(columns) - len(chosen) * (len(rows) + len(columns) - len(chosen))
    above = [function.xreplace(point) for point in y]
    below = [function.xreplace(point) for point in x]
    corners = [[function.xreplace({**p, **q}) for q in y] for p in x]
    try:
        exact = Exact([function, *above, *below, *(c for row in corners for c in row)])
        adjugate, determinant = exact.adjugate([[exact.element(c) for c in row] for row in corners])
        size = exact.inverse(determinant)
        cross = [exact.element(b) for b in below]
        g = [exact.element(a) for a in above]
        h = [
            exact.product(exact.total([exact.product(a, b) for a, b in zip(row, cross, strict=True)]), size)
            for row in adjugate
        ]
        whole = exact.total([exact.product(a, b) for a, b in zip(g, h, strict=True)])
        pairs = tuple((a, exact.expr(b)) for a, b in zip(above, h, strict=True))
        if exact.is_same(whole, exact.element(function)):
            return Cross(x, y, pairs, True, samples)
        return Cross(x, y, pairs, False, samples, "the difference does not expand to 0")
    except NotProved as error:
        return Cross(x, y, (), False, samples, str(error))


def points(symbols: Sequence[Any], is_positive: Callable[[Any], bool], positive: bool) -> list[Point]:
    """Candidates: small whole numbers, the simplest combinations first, then some in general position."""
    import sympy

    simple = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8]
    counts = list(range(1, len(simple) + 1))
    columns = [counts if positive or is_positive(s) else simple for s in symbols]
    few = sorted(product(*(range(len(c) if len(symbols) == 1 else 3) for c in columns[:4])), key=lambda k: (sum(k), k))
    found = []
    for numbers in few[: CANDIDATES - 8 if len(symbols) == 1 else CANDIDATES - 12]:
        picked = [*numbers, *([1] * (len(symbols) - len(numbers)))]
        found.append({s: sympy.Integer(c[k]) for s, c, k in zip(symbols, columns, picked, strict=True)})
    generator = random.Random(len(symbols))
    while len(found) < CANDIDATES:
        drawn = [sympy.Rational(generator.randint(1, 25), 3) for _ in symbols]
        flipped = [d if c is counts or generator.random() < 0.5 else -d for d, c in zip(drawn, columns, strict=True)]
        found.append(dict(zip(symbols, flipped, strict=True)))
    return found


def _sampled(
    function: Any, elements: Sequence[Any], references: Sequence[Any], is_positive: Callable[[Any], bool]
) -> tuple[list[list[Any]], list[Point], list[Point]]:
    """F at all pairs of candidates where it has a value, constants at numbers of their own."""
    import sympy

    sides = [*elements, *references]
    constants = sorted(function.free_symbols - set(sides), key=str)
    fixed = {c: sympy.Rational(17 + 6 * n, 10 + n) for n, c in enumerate(constants)}
    value = _evaluator(function.xreplace(fixed), sides)
    for positive in (False, True):
        rows, columns = points(elements, is_positive, positive), points(references, is_positive, positive)
        matrix = [[value({**p, **q}) for q in columns] for p in rows]
        kept = [i for i, row in enumerate(matrix) if sum(v is None for v in row) * 2 <= len(columns)]
        good = [j for j in range(len(columns)) if all(matrix[i][j] is not None for i in kept)]
        if len(kept) > MOST_RANK and len(good) > MOST_RANK:
            return [[matrix[i][j] for j in good] for i in kept], [rows[i] for i in kept], [columns[j] for j in good]
    raise NotProved("it has no value at the sample points")


def _evaluator(function: Any, symbols: Sequence[Any]) -> Callable[[Mapping[Any, Any]], Any]:
    """The value of an expression of some symbols in DIGITS digits, None where it has none."""
    import mpmath
    import sympy

    # The program that sympy writes has numbers, functions that `Symbols` makes and names of our own: no user's text.
    names = [sympy.Dummy(f"x{k}") for k in range(len(symbols))]
    compiled = sympy.lambdify(names, function.xreplace(dict(zip(symbols, names, strict=True))), "mpmath")

    def value(point: Mapping[Any, Any]) -> Any:
        with mpmath.workdps(DIGITS):
            try:
                found = mpmath.mpmathify(compiled(*(mpmath.mpf(point[s].p) / point[s].q for s in symbols)))
            except (ArithmeticError, ValueError):
                return None
            return found if mpmath.isfinite(found) and mpmath.im(found) == 0 else None

    return value


def _cross(matrix: list[list[Any]]) -> list[tuple[int, int]]:
    """Rows and columns on which a matrix is regular and which give all of it: the simplest ones by elimination."""
    import mpmath

    with mpmath.workdps(DIGITS):
        rest = [list(row) for row in matrix]
        small = max(abs(v) for row in rest for v in row) * mpmath.mpf(10) ** (-DIGITS // 2)
        found: list[tuple[int, int]] = []
        while True:
            places = ((i, j) for i, row in enumerate(rest) for j, v in enumerate(row) if abs(v) > small)
            place = min(places, key=lambda p: (p[0] + p[1], p), default=None)
            if place is None:
                return found
            if len(found) == MOST_RANK:
                raise NotProved(f"its rank is more than {MOST_RANK}: it is no sum of so few products")
            i, j = place
            found.append(place)
            pivot = rest[i][j]
            top = list(rest[i])
            for row in rest:
                factor = row[j] / pivot
                row[:] = [v - factor * t for v, t in zip(row, top, strict=True)]
