"""Iteration: reductions that wait for one another run together, each repaired when its reference moves."""

from __future__ import annotations

from fusemax.cascade.ir import Cascade
from fusemax.derive.algebra import TooLarge
from fusemax.derive.emit import NotAnExpression
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.plan import plan_of
from fusemax.derive.roles import Roles, Unsupported, roles_of
from fusemax.derive.stream import Choice, has_infinity, stream


def flat_passes(roles: Roles) -> int:
    """The passes of a flat cascade when every closed reduction is awaited."""
    level: dict[str, int] = {}
    for tensor in roles.closed:
        level[tensor] = 1 + max((level[t] for t in roles.needs[tensor] - {tensor}), default=0)
    outputs = [d.tensor for d in roles.cascade.outputs if d.tensor in roles.carries]
    ends = [1 + max((level[t] for t in roles.needs.get(o, frozenset())), default=0) for o in outputs]
    return max([1, *level.values(), *ends])


def _uses(cascade: Cascade, rank: str, aim: Aim) -> list[Rewrite]:
    try:
        roles = roles_of(cascade, rank)
        if plan_of(roles).total >= flat_passes(roles) and aim.tile is None:
            return []
        guards = [(False, False), (True, False), (True, True)]
        found = []
        for guard, zero in guards[1:] if has_infinity(cascade) else guards:
            new = stream(cascade, rank, Choice(aim.tile, guard, zero, aim.eager))
            law = "tile" if aim.tile else "iterate"
            words = (("guarded", guard and not zero), ("guarded against 0", zero), ("eager", aim.eager))
            found.append(Rewrite(law, new, roles.closed, ", ".join(word for word, on in words if on)))
        return found
    except (Unsupported, NotAnExpression, TooLarge):
        return []


_PRECONDITION = (
    "the summand F(x, y) of each waiting sum has finite rank in (x, y): it is a sum of products of powers of "
    "differences x - y, exponentials exp(x - y), and factors of one side. A factor of y kept inside (eager) must not "
    "be 0 at a step"
)

LAW = Law(
    name="iterate",
    title="Iteration: a running reference and a correction",
    rank="M",
    header=(
        "input X[m]\n"
        "output D\n"
        "sizes M = 5"
    ),
    before=(
        "G = X[m] :: max(m)\n"
        "D = exp(X[m] - G)"
    ),
    after=(
        "init:\n"
        "  RG[0] = -inf\n"
        "  RD[0] = 0\n"
        "\n"
        "iterate i until M:\n"
        "  RG[i+1] = max(RG[i], X[i])\n"
        "  RD[i+1] = RD[i] * exp(RG[i] - RG[i+1]) + exp(X[i] - RG[i+1])\n"
        "\n"
        "then:\n"
        "  D = RD[M]"
    ),
    precondition=_PRECONDITION,
    algebra="F(x, new) = T(old, new) F(x, old): exp(a + b) = exp(a) exp(b), the binomial theorem, cancellation",
    counterexample=(
        "eager on Cascade 1: RZ[i+1] = RZ[i] * div0(RY[i+1], RY[i]) + RY[i+1] * A[i] loses what was summed when a "
        "partial dot product RY[i] is 0. With A = [1, 1, 1] and B = [1, -1, 1] it gives 1 instead of 3"
    ),
    uses=_uses,
)

TILE = Law(
    name="tile",
    title="Tiles: a running reference per tile",
    rank="M",
    header=(
        "input X[m]\n"
        "output D\n"
        "sizes M = 6"
    ),
    before=(
        "G = X[m] :: max(m)\n"
        "D = exp(X[m] - G)"
    ),
    after=(
        "init:\n"
        "  BX[m1, m0] = X[m1*M0+m0]\n"
        "  RG[0] = -inf\n"
        "  RD[0] = 0\n"
        "\n"
        "iterate m1 until M1:\n"
        "  LG[m1] = BX[m1, m0] :: max(m0)\n"
        "  RG[m1+1] = max(RG[m1], LG[m1])\n"
        "  LD[m1] = exp(BX[m1, m0] - RG[m1+1])\n"
        "  PRG[m1] = exp(RG[m1] - RG[m1+1])\n"
        "  PD[m1] = RD[m1] * PRG[m1]\n"
        "  RD[m1+1] = LD[m1] + PD[m1]\n"
        "\n"
        "then:\n"
        "  D = RD[M1]"
    ),
    precondition=_PRECONDITION + "; the tile's size divides that of the rank",
    algebra="as for iteration; the reduction is associative and commutative",
    counterexample=(
        "without guards a first tile of masked elements gives exp(-inf - -inf) = NaN; `expsub` keeps it at 0"
    ),
    uses=_uses,
)
