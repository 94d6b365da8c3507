"""Joining: reductions inside tiles and over tiles become one reduction over the whole rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fusemax.cascade.ir import (
    Access,
    Binary,
    Cascade,
    Einsum,
    Expr,
    Index,
    Number,
    Partition,
    Reduction,
    Shape,
    Variable,
    walk,
)
from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.algebra import (
    ELEMENT,
    Base,
    Poly,
    TooLarge,
    add,
    expanded,
    of_base,
    raised,
    times_flat,
)
from fusemax.derive.emit import NotAnExpression, to_expr
from fusemax.derive.flat import flat
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.normal import (
    Normal,
    free_variables,
    nested,
    opened,
    poly_variables,
    reduced_variables,
    reductions_of,
    simple_access,
)
from fusemax.derive.signs import Signs


class CannotJoin(Exception):
    """A statement that depends on how the rank is split."""


def joined(cascade: Cascade, partition: Partition) -> Cascade:
    """The flat cascade without the partition. Raises CannotJoin where a tile's own value remains."""
    inner = set(partition.factors)
    declared = {rank_of(v) for d in (*cascade.inputs, *cascade.outputs) for v in d.variables}
    others = {r for a in cascade.aliases for r in (a.name, a.target)}
    others |= {r for e in cascade.equalities for r in (e.left, e.right)}
    if inner & (declared | others):
        raise CannotJoin(partition.rank)
    joiner = _Joiner(cascade, partition)
    einsums = joiner.einsums()
    sizes = tuple(s for s in cascade.sizes if s.rank not in inner)
    rest = tuple(p for p in cascade.partitions if p != partition)
    return flat(replace(cascade, partitions=rest, sizes=sizes), einsums)


class _Joiner:
    def __init__(self, cascade: Cascade, partition: Partition) -> None:
        self.cascade = cascade
        self.factors = [variable_of(rank) for rank in partition.factors]
        self.sizes = list(partition.factors[1:])
        self.whole = variable_of(partition.rank)
        self.rank = partition.rank
        self.places: dict[str, list[int]] = {}
        self.tiles: dict[str, Einsum] = {}
        self.names = Names(cascade)
        self.signs = Signs(cascade.einsums)

    def einsums(self) -> list[Einsum]:
        found: list[Einsum] = []
        outputs = {d.tensor for d in self.cascade.outputs}
        for original in self.cascade.einsums:
            einsum = replace(original, right=rewrite(original.right, self._outer_size))
            names = [i.name for i in einsum.left if isinstance(i, Variable)]
            if len(names) != len(einsum.left):
                raise CannotJoin(einsum.tensor)
            kept = [f for f in self.factors if f in names]
            reduces = any(v in self.factors or v == self.whole for v in reduced_variables(einsum))
            if self.whole in names or len(kept) == len(self.factors):
                if not self._reads_tile(einsum):
                    found.append(self._element(einsum, names))
                elif einsum.tensor in outputs:
                    found.append(self._element(replace(einsum, right=to_expr(self._normal()(einsum.right))), names))
                else:
                    self.tiles[einsum.tensor] = einsum
            elif kept:
                self.tiles[einsum.tensor] = einsum
            elif reduces or self._reads_tile(einsum):
                found += self._closed(einsum)
            else:
                found.append(einsum)
        for einsum in found:
            variables = free_variables(einsum.right) | {v for r in einsum.reductions for v in r.variables}
            if variables & set(self.factors) or any(r in self._ranks_read(einsum.right) for r in self._factor_ranks()):
                raise CannotJoin(einsum.tensor)
        return found

    def _outer_size(self, node: Expr) -> Expr:
        """The number of tiles is the rank's size over the sizes inside."""
        if not isinstance(node, Shape) or node.rank != self.factors[0][:1].upper() + self.factors[0][1:]:
            return node
        found: Expr = Shape(self.rank)
        for size in self.sizes:
            found = Binary("/", found, Shape(size))
        return found

    def _factor_ranks(self) -> set[str]:
        return {f[:1].upper() + f[1:] for f in self.factors}

    def _ranks_read(self, expr: Expr) -> set[str]:
        return {n.rank for n in walk(expr) if isinstance(n, Shape)}

    def _reads_tile(self, einsum: Einsum) -> bool:
        return any(isinstance(n, Access) and n.tensor in self.tiles for n in walk(einsum.right))

    def _coordinate(self, node: Expr) -> Expr:
        """m1*M0+m0 is m."""
        flat_index = _flat_index(self.factors, self.sizes)
        return Variable(self.whole) if node == flat_index else node

    def _whole_reads(self, expr: Expr) -> Expr:
        """Reads of joined elements at one coordinate."""

        def leaf(node: Expr) -> Expr:
            if not isinstance(node, Access) or node.tensor not in self.places:
                return node
            places = self.places[node.tensor]
            indices = [i.value for i in node.indices]
            own = [indices[k] for k in places]
            rest: list[Index] = [i for k, i in enumerate(node.indices) if k not in places[1:]]
            rest[places[0]] = Index(self._joined_index(own))
            return replace(node, indices=tuple(rest))

        return rewrite(expr, leaf)

    def _joined_index(self, own: Sequence[Expr]) -> Expr:
        if list(own) == [Variable(f) for f in self.factors]:
            return Variable(self.whole)
        if len(own) == 2:
            match own[0], own[1]:
                case Binary("//", x, Shape()), Binary("%", y, Shape()) if x == y:
                    return x
        found = own[0]
        for size, index in zip(self.sizes, own[1:], strict=True):
            found = Binary("+", Binary("*", found, Shape(size)), index)
        return found

    def _element(self, einsum: Einsum, names: list[str]) -> Einsum:
        """A tensor with all factors as one with the whole rank."""
        left = list(einsum.left)
        if self.whole not in names:
            places = [names.index(f) for f in self.factors]
            if places != sorted(places):
                raise CannotJoin(einsum.tensor)
            self.places[einsum.tensor] = places
            left = [i for k, i in enumerate(einsum.left) if k not in places[1:]]
            left[places[0]] = Variable(self.whole)
        return replace(einsum, left=tuple(left), right=self._joined_expr(einsum.right))

    def _normal(self) -> Normal:
        def side(expr: Expr) -> int:
            if isinstance(expr, Variable):
                return ELEMENT if expr.name in (*self.factors, self.whole) else 0
            return ELEMENT if free_variables(expr) & {*self.factors, self.whole} else 0

        def define(access: Access) -> Einsum | None:
            return self.tiles.get(access.tensor)

        return Normal(side, define, self.signs.of)

    def _closed(self, einsum: Einsum) -> list[Einsum]:
        """A complete reduction, the tiles' own reductions put in."""
        steps = reductions_of(einsum, reduced_variables(einsum))
        operator, variables = steps[-1]
        if len(steps) > 1 or operator not in ("+", "max", "min", "*"):
            raise CannotJoin(einsum.tensor)
        others = tuple(v for v in variables if v not in self.factors and v != self.whole)
        body = self._normal()(einsum.right)
        if operator != "+":
            return [self._extreme(einsum, operator, others, body)]
        try:
            return self._sum(einsum, others, body)
        except (CannotJoin, NotAnExpression, ValueError):
            return self._sum(einsum, others, _spread(body))

    def _extreme(self, einsum: Einsum, operator: str, others: tuple[str, ...], body: Poly) -> Einsum:
        while len(body.terms) == 1 and len(body.terms[0][0]) == 1 and body.terms[0][1] == 1:
            base, power = body.terms[0][0][0]
            if base.kind != "nested" or base.name != operator or power != 1:
                break
            others = (*others, *(v for v in base.variables if v not in self.factors))
            body = base.parts[0]
        right = self._joined_expr(to_expr(body))
        return replace(einsum, right=right, reductions=(Reduction(operator, (*others, self.whole)),))

    def _sum(self, einsum: Einsum, others: tuple[str, ...], body: Poly) -> list[Einsum]:
        inside: list[Poly] = []
        outside: list[Poly] = []
        size = of_base(Base(self.rank, "atom", 0, 4, expr=Shape(self.rank)))
        for term in body.terms:
            one = opened(Poly((term,)))
            missing = [s for f, s in zip(self.factors[1:], self.sizes, strict=True) if f not in self._reach(one)]
            if missing and self.whole not in self._reach(one):
                for rank in missing:
                    one = times_flat(one, of_base(Base(rank, "atom", 0, 4, expr=Shape(rank)), -1))
                outside.append(times_flat(one, size))
            else:
                inside.append(one)
        found: list[Einsum] = []
        right: Expr | None = None
        if inside:
            right = self._joined_expr(to_expr(add(*inside)))
        if outside:
            rest = self._joined_expr(to_expr(add(*outside)))
            if right is not None:
                name = self.names.tensor(f"S{einsum.tensor}")
                found.append(Einsum(name, einsum.left, right))
                right = Binary("+", simple_access(name, *einsum.left), rest)
            else:
                right = rest
        return [*found, replace(einsum, right=right or Number(0), reductions=())]

    def _reach(self, p: Poly) -> frozenset[str]:
        """The factors a term walks: an element read at m walks them all."""
        variables = poly_variables(p)
        return variables | (frozenset(self.factors) if self.whole in variables else frozenset())

    def _joined_expr(self, expr: Expr) -> Expr:
        return self._whole_reads(rewrite(expr, self._coordinate))


def _spread(p: Poly) -> Poly:
    """Everything multiplied out, inside nested sums too, so that tiles' values can cancel."""
    found = Poly(())
    for mono, coefficient in p.terms:
        term = Poly((((), coefficient),))
        for base, power in mono:
            if base.kind == "nested" and base.name == "+":
                part = nested("+", base.variables, expanded(_spread(base.parts[0])))
            elif base.kind == "group":
                part = _spread(base.parts[0])
            else:
                part = of_base(base)
            if base.kind in ("nested", "group") and power > 0 and power == int(power):
                term = times_flat(term, raised(part, int(power)))
            else:
                term = times_flat(term, of_base(base, power))
        found = add(found, term)
    return found


def _flat_index(factors: Sequence[str], sizes: Sequence[str]) -> Expr:
    found: Expr = Variable(factors[0])
    for size, factor in zip(sizes, factors[1:], strict=True):
        found = Binary("+", Binary("*", found, Shape(size)), Variable(factor))
    return found


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    if any(section.kind != "flat" for section in cascade.sections):
        return []
    for partition in cascade.partitions:
        if partition.rank == rank:
            try:
                new = joined(cascade, partition)
            except (CannotJoin, NotAnExpression, TooLarge, ValueError):
                return []
            touched = tuple(e.tensor for e in cascade.einsums if e.tensor not in {n.tensor for n in new.einsums})
            return [Rewrite("join", new, touched or (cascade.einsums[0].tensor,))]
    return []


LAW = Law(
    name="join",
    title="Joining: a reduction in tiles and over tiles is one reduction",
    rank="M",
    header=(
        "input X[m]\n"
        "output D\n"
        "partition M = M1 * M0\n"
        "sizes M = 6, M0 = 2"
    ),
    before=(
        "BX[m1, m0] = X[m1*M0+m0]\n"
        "LM[m1] = BX[m1, m0] :: max(m0)\n"
        "LD[m1] = exp(BX[m1, m0] - LM[m1])\n"
        "G = LM[m1] :: max(m1)\n"
        "D = LD[m1] * exp(LM[m1] - G)"
    ),
    after=(
        "BX[m] = X[m]\n"
        "G = BX[m] :: max(m)\n"
        "D = exp(BX[m] - G)"
    ),
    precondition="no value of a tile remains when the tile's sums are opened and what cancels has cancelled",
    algebra="associativity and commutativity of the reduction; exp(a - b) * exp(b - c) = exp(a - c)",
    counterexample=(
        "a median of medians: with tiles [1, 5, 6], [2, 3, 9], [0, 7, 8] the medians of the tiles are 5, 3, 7 and "
        "their median is 5; here it equals that of all nine, but with [1, 2, 9], [3, 4, 8], [5, 6, 7] it is 4 and not 5"
    ),
    uses=_uses,
)
