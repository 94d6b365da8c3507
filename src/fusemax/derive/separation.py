"""The identity behind a law: F(x, y) = sum of g(x) * h(y), with g and h found twice and proved with sympy.

Once by interpolation, from values of F alone; once as the derived cascade uses them, accumulators and repairs. For
what is proved the number of interpolated pairs is the least number of accumulators of a linear state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fusemax.cascade.ir import Access, Cascade, Expr
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive import signs
from fusemax.derive.algebra import ELEMENT, REFERENCE, TooLarge
from fusemax.derive.body import inlined_body
from fusemax.derive.emit import NotAnExpression
from fusemax.derive.identity import PROVED, Identity, checked, leaves_of
from fusemax.derive.pairs import Pair, old_names, split_pairs, streamed_pairs
from fusemax.derive.plan import operator_of, plan_of
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.symbols import NotProved, Symbols

if TYPE_CHECKING:
    from fusemax.derive.derivation import Derivation


@dataclass(frozen=True)
class Separation:
    """What is known of a reduction that a law took up: F in the text's own form, the law, and both ways to write F."""

    tensor: str
    law: str
    body: str
    elements: tuple[str, ...]
    references: tuple[str, ...]
    rank: int | None
    interpolated: Identity
    used: Identity

    def document(self) -> Mapping[str, object]:
        """For JSON."""
        return {
            "tensor": self.tensor,
            "law": self.law,
            "body": self.body,
            "elements": list(self.elements),
            "references": list(self.references),
            "rank": self.rank,
            "interpolated": self.interpolated.document(),
            "used": self.used.document(),
        }

    def lines(self) -> list[str]:
        """For people."""
        rank = "" if self.rank is None else f" has rank {self.rank}"
        sides = f"elements {', '.join(self.elements)}; references {', '.join(self.references)}"
        return [
            f"{self.tensor} ({self.law}) sums F = {self.body}{rank} ({sides})",
            *self.interpolated.lines("g, h by interpolation"),
            *self.used.lines(f"g, h as {self.law} uses them"),
        ]


def separations(found: Derivation) -> tuple[Separation, ...]:
    """The identity behind every reduction that a step of a derivation took up. Needs sympy: a second or so."""
    before = found.source
    seen: list[Separation] = []
    for step in found.steps:
        if step.law in ("iterate", "tile"):
            seen += of_stream(before, found.rank, step.law, "eager" in step.detail)
        elif step.law in ("defer", "expand"):
            seen += of_split(before, found.rank, step.law, step.einsums)
        before = step.cascade
    return tuple(seen)


def of_stream(cascade: Cascade, rank: str, law: str, eager: bool = False) -> list[Separation]:
    """Of every sum that runs together with a reference of its own pass."""
    try:
        roles = roles_of(cascade, rank)
        plan = plan_of(roles)
    except (Unsupported, TooLarge):
        return []
    found = []
    for tensor in roles.closed:
        known = frozenset(t for t, number in plan.passes.items() if number < plan.passes[tensor])
        if operator_of(roles, tensor) == "+" and roles.needs[tensor] - {tensor} - known:
            view = _View(roles, tensor, known, old_names(roles, known))
            found.append(view.separation(law, lambda v: streamed_pairs(v.roles, v.tensor, v.known, eager, v.old)))
    return [s for s in found if s is not None]


def of_split(cascade: Cascade, rank: str, law: str, tensors: Sequence[str]) -> list[Separation]:
    """Of sums that a law wrote as sums without references; none for what still has some inside."""
    try:
        roles = roles_of(cascade, rank)
    except Unsupported:
        return []
    found = []
    for tensor in (t for t in tensors if t in roles.closed and operator_of(roles, t) == "+"):
        view = _View(roles, tensor, frozenset(), {})
        separation = view.separation(law, lambda v: split_pairs(v.roles, v.tensor, law))
        found += [separation] if separation is not None and separation.used.pairs else []
    return found


@dataclass(frozen=True)
class _View:
    """A closed sum seen from its own pass; `old` names references before they moved."""

    roles: Roles
    tensor: str
    known: frozenset[str]
    old: dict[str, str]

    def separation(self, law: str, pairs_of: Callable[[_View], list[Pair]]) -> Separation | None:
        """Both identities; None when the sum has no reference or its text no expression."""
        symbols = Symbols(self._side, self._sign)
        try:
            body = inlined_body(self.roles, self.tensor, self.known)
            pairs = pairs_of(self)
        except (NotAnExpression, NotProved, TooLarge, ValueError):
            return None
        if not symbols.side(body) & REFERENCE:
            return None
        rank, interpolated = self._interpolated(body, symbols)
        used = checked(body, pairs, symbols)
        leaves = {print_expr(leaf): self._side(leaf) for leaf in leaves_of(body)}
        sides = [tuple(text for text, side in leaves.items() if side == one) for one in (ELEMENT, REFERENCE)]
        return Separation(self.tensor, law, print_expr(body), sides[0], sides[1], rank, interpolated, used)

    def _side(self, leaf: Expr) -> int:
        return self.roles.side(rewrite(leaf, self._now), self.known)

    def _sign(self, expr: Expr) -> int:
        return self.roles.signs.of(rewrite(expr, self._now))

    def _now(self, node: Expr) -> Expr:
        """A read of an old reference as one of the reference."""
        names = {name: tensor for tensor, name in self.old.items()}
        return replace(node, tensor=names[node.tensor]) if isinstance(node, Access) and node.tensor in names else node

    def _interpolated(self, body: Expr, symbols: Symbols) -> tuple[int | None, Identity]:
        from fusemax.derive.interpolation import interpolated

        try:
            function = symbols(body)
            own = sorted(function.free_symbols, key=str)
            x, y = ([s for s in own if symbols.sides[s] == side] for side in (ELEMENT, REFERENCE))
            cross = interpolated(function, x, y, lambda s: signs.is_not_negative(symbols.signs[s]))
        except NotProved as error:
            return None, Identity((), "unknown", str(error))
        places = tuple(_places(side) for side in (cross.elements, cross.references))
        verdict = PROVED if cross.is_proved else f"held at {cross.samples} samples"
        pairs = tuple((_text(g), _text(h)) for g, h in cross.pairs)
        return cross.rank, Identity(pairs, verdict, cross.reason, places)

def _places(side: Sequence[Mapping[Any, Any]]) -> str:
    """The points of one side, symbol by symbol: X = 0, 1 and so on."""
    names = sorted({symbol for point in side for symbol in point}, key=str)
    return "; ".join(f"{name} = {', '.join(str(point[name]) for point in side)}" for name in names)


def _text(expr: Any) -> str:
    """A formula of sympy as the language writes it, powers with `^`."""
    import sympy

    return str(expr.xreplace({sympy.E: sympy.Symbol("exp(1)")})).replace("**", "^")
