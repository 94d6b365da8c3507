"""What a cascade computes, as one expression of its inputs for each output: the form in which equals are equal."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fusemax.cascade.ir import Access, Cascade, Einsum, Expr, Index, Shape, Variable, walk
from fusemax.cascade.ranks import canonical, rank_of, variable_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.algebra import (
    ONE,
    Base,
    Mono,
    Poly,
    add,
    exponential_base,
    group,
    of_base,
    opaque,
    poly,
    raised,
    subtract,
    times_flat,
)
from fusemax.derive.functions import call, exponential, indicator, is_infinite
from fusemax.derive.laws import PREPARING, Aim, Rewrite
from fusemax.derive.normal import Normal, base_variables, loose, mono_variables, nested
from fusemax.derive.repairs import repaired_uses
from fusemax.derive.roles import Unsupported
from fusemax.derive.signs import Signs

_NAMES = {"join", "unroll", "mask", "separate"}


def flattened(cascade: Cascade) -> tuple[Cascade, tuple[Rewrite, ...]]:
    """The cascade without loops, partitions, filters and several reductions in one statement, as far as laws go."""
    laws = [law for law in PREPARING if law.name in _NAMES]
    chain: list[Rewrite] = []
    while len(chain) < 20:
        ranks = [*(p.rank for p in cascade.partitions), *_ranks(cascade)]
        found = next((use for rank in ranks for law in laws for use in law.uses(cascade, rank, Aim())), None)
        found = found or next((use for rank in ranks for use in repaired_uses(cascade, rank)), None)
        if found is None:
            break
        chain.append(found)
        cascade = found.cascade
    return cascade, tuple(chain)


def _ranks(cascade: Cascade) -> list[str]:
    names = [rank_of(v) for d in cascade.inputs for v in d.variables]
    return list(dict.fromkeys(canonical(cascade, name) for name in names))


def definitions(cascade: Cascade) -> dict[str, str]:
    """Output -> the canonical text of its definition. Raises Unsupported for what is not flat and written once."""
    statements: dict[str, Einsum] = {}
    if any(section.kind != "flat" for section in cascade.sections):
        raise Unsupported("the cascade has iterative sections")
    for einsum in (_plain(cascade, e) for e in cascade.einsums):
        names = [i for i in einsum.left if isinstance(i, Variable)]
        if einsum.tensor in statements or len(names) != len(einsum.left):
            raise Unsupported(f"{einsum.tensor} is not written by one statement at plain variables")
        if any(r.operator in ("topk", "argtopk") for r in einsum.reductions):
            raise Unsupported(f"{einsum.tensor} is a selection")
        statements[einsum.tensor] = einsum
    signs = Signs(cascade.einsums)
    normal = Normal(lambda _: 0, lambda access: statements.get(access.tensor), signs.of)
    found = {}
    for declaration in cascade.outputs:
        left = statements[declaration.tensor].left
        pairs = zip(left, declaration.variables, strict=True)
        values = {i.name: Variable(v) for i, v in pairs if isinstance(i, Variable)}
        read = Access(declaration.tensor, tuple(_index(values, i) for i in left))
        found[declaration.tensor] = loose(deep(normal(read))).text
    return found


def _index(values: dict[str, Variable], index: Expr) -> Index:
    return Index(values[index.name]) if isinstance(index, Variable) else Index(index)


def _plain(cascade: Cascade, einsum: Einsum) -> Einsum:
    """The statement with aliases called by the rank they walk, where that name is free in it."""
    parts = [*einsum.left, einsum.right]
    used = {n.name for part in parts for n in walk(part) if isinstance(n, Variable)}
    values: dict[str, str] = {}
    for name in sorted(used):
        target = variable_of(canonical(cascade, rank_of(name)))
        if target != name and target not in used and target not in values.values():
            values[name] = target

    def leaf(node: Expr) -> Expr:
        if isinstance(node, Variable) and node.name in values:
            return Variable(values[node.name])
        if isinstance(node, Shape):
            return Shape(canonical(cascade, node.rank))
        return node

    reductions = tuple(replace(r, variables=tuple(values.get(v, v) for v in r.variables)) for r in einsum.reductions)
    left = tuple(rewrite(i, leaf) for i in einsum.left)
    return replace(einsum, left=left, right=rewrite(einsum.right, leaf), reductions=reductions)


def deep(p: Poly) -> Poly:
    """Everything multiplied out: groups, sums over ranks, arguments of functions."""
    return add(*(_deep_mono(mono, coefficient) for mono, coefficient in p.terms)) if p.terms else p


def _deep_mono(mono: Mono, coefficient: Fraction) -> Poly:
    found = Poly((((), coefficient),))
    for base, power in mono:
        inner = _deep_base(base)
        if power > 0 and power == int(power):
            found = times_flat(found, raised(inner, int(power)))
        elif len(inner.terms) == 1 and inner.terms[0][1] == 1:
            for one, own in inner.terms[0][0]:
                found = times_flat(found, of_base(one, own * power))
        else:
            found = times_flat(found, of_base(group(inner), power))
    return found


def _deep_base(base: Base) -> Poly:
    parts = tuple(deep(p) for p in base.parts)
    match base.kind:
        case "atom":
            return of_base(base)
        case "exp" | "exp2":
            return _exponential(base.kind, parts[0])
        case "group":
            return parts[0]
        case "nested" if base.name == "+":
            return _sum(base.variables, parts[0])
        case "nested":
            return nested(base.name, base.variables, parts[0])
        case "inverse":
            inner = loose(parts[0])
            if len(inner.terms) == 1 and inner.terms[0][1] == 1:
                return Poly(((tuple((b, -e) for b, e in inner.terms[0][0]), Fraction(1)),))
            return of_base(group(inner), -1)
    if base.kind == "call" and base.name == "where" and not is_infinite(parts[1]) and not is_infinite(parts[2]):
        test = indicator(parts[0])
        return add(times_flat(test, parts[1]), times_flat(subtract(ONE, test), parts[2]))
    if base.kind == "call" and base.name in ("max", "min", "where", "log", "log2", "abs", "div0"):
        return call(base.name, parts)
    return of_base(opaque(base.name, parts, base.sign))


def _exponential(kind: str, argument: Poly) -> Poly:
    """exp of a sum; a masked term (-inf elsewhere) is a factor 0 or 1."""
    for mono, coefficient in argument.terms:
        base = mono[0][0] if len(mono) == 1 and mono[0][1] == 1 else None
        if base is None or coefficient != 1 or base.kind != "call" or base.name != "where":
            continue
        condition, yes, no = base.parts
        rest = poly(t for t in argument.terms if t[0] != mono)
        if is_infinite(no) and no.terms[0][1] < 0:
            return times_flat(indicator(condition), _exponential(kind, add(rest, yes)))
        if is_infinite(yes) and yes.terms[0][1] < 0:
            return times_flat(subtract(ONE, indicator(condition)), _exponential(kind, add(rest, no)))
    return exponential(kind, argument) if argument.terms else of_base(exponential_base("exp", argument))


def _split(mono: Mono, variables: tuple[str, ...]) -> Mono:
    """The product with each exponential split into what has the summed ranks and what has not."""
    found: list[tuple[Base, int | Fraction]] = []
    for base, power in mono:
        if base.kind not in ("exp", "exp2"):
            found.append((base, power))
            continue
        inside = poly(t for t in base.parts[0].terms if mono_variables(t[0]) & set(variables))
        outside = poly(t for t in base.parts[0].terms if not mono_variables(t[0]) & set(variables))
        found += [(exponential_base(base.kind, part), 1) for part in (inside, outside) if part.terms]
    return tuple(found)


def _sum(variables: tuple[str, ...], body: Poly) -> Poly:
    """A sum over ranks with nested ones opened, so that their order does not matter."""
    found: list[Poly] = []
    for term in body.terms:
        inner = [b for b, e in term[0] if b.kind == "nested" and b.name == "+" and e == 1 and _needs(b, variables)]
        if len(inner) == 1 and not set(inner[0].variables) & _others(term[0], inner[0]):
            rest = Poly(((tuple(p for p in term[0] if p[0].text != inner[0].text), term[1]),))
            found.append(_sum((*variables, *inner[0].variables), times_flat(rest, inner[0].parts[0])))
        else:
            found.append(nested("+", variables, Poly(((_split(term[0], variables), term[1]),))))
    return add(*found) if found else body


def _needs(base: Base, variables: tuple[str, ...]) -> bool:
    return bool(base_variables(base) & set(variables))


def _others(mono: Mono, base: Base) -> set[str]:
    return {v for other, _ in mono if other.text != base.text for v in base_variables(other)}
