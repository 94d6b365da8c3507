"""The form of a cascade that forgets names of intermediate tensors, their index order and the order of statements."""

from __future__ import annotations

from hashlib import blake2b

from fusemax.cascade.ir import (
    Access,
    Binary,
    Call,
    Cascade,
    Einsum,
    Expr,
    Number,
    Section,
    Shape,
    Unary,
    Variable,
    walk,
)
from fusemax.cascade.print import print_expr
from fusemax.cascade.ranks import rank_of
from fusemax.derive.normal import reduced_variables, reductions_of

_COMMUTATIVE = frozenset(("+", "*", "and", "or", "==", "!=", "max", "min"))


def canonical_form(cascade: Cascade) -> str:
    """A text that is the same for cascades that differ in names, statement order and index order only.

    Names of inputs, outputs, parameters and of the ranks of inputs count; those of other tensors, aliases and
    factors do not. Sums and products may be written in any order.
    """
    return _Former(cascade).text()


def same_form(first: Cascade, second: Cascade) -> bool:
    """Do two cascades differ in names, statement order and index order only?"""
    return canonical_form(first) == canonical_form(second)


class _Former:
    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade
        fixed = {d.tensor for d in (*cascade.inputs, *cascade.outputs)}
        tensors = fixed | {e.tensor for e in cascade.einsums}
        self.colors = {t: t if t in fixed else "?" for t in tensors}
        self.fixed = fixed
        self.positions = {d.tensor: [f"{k}" for k in range(len(d.variables))] for d in cascade.inputs}
        for einsum in cascade.einsums:
            known = self.positions.setdefault(einsum.tensor, ["" for _ in einsum.left])
            for k, index in enumerate(einsum.left):
                names = [n.name for n in walk(index) if isinstance(n, Variable)]
                if names and not known[k]:
                    known[k] = str(k) if einsum.tensor in fixed else self.rank_text(rank_of(names[0]))

    def rank_text(self, rank: str) -> str:
        """What a rank is: an alias by its target, a factor by its place, any other by its name."""
        for alias in self.cascade.aliases:
            if alias.name == rank:
                return f"alias of {alias.target}"
        for partition in self.cascade.partitions:
            if rank in partition.factors:
                return f"factor {partition.factors.index(rank)} of {partition.rank}"
        return rank

    def text(self) -> str:
        for _ in range(len(self.colors) + 1):
            before = len(set(self.colors.values()))
            self.colors = self.refined()
            if len(set(self.colors.values())) == before and "?" not in self.colors.values():
                break
        lines = []
        for section in self.cascade.sections:
            heading = "" if section.kind in ("flat", "init", "then") else self.heading(section)
            lines += sorted(f"{heading}{self.statement(e)}" for e in section.einsums)
        header = [
            *(f"input {d.tensor} {d.variables}" for d in self.cascade.inputs),
            *(f"output {d.tensor} {d.variables}" for d in self.cascade.outputs),
            *sorted(f"partition {p.rank} {len(p.factors)}" for p in self.cascade.partitions),
        ]
        flat = [line for line in lines if not line.startswith("iterate")]
        return "\n".join([*header, *sorted(flat), *sorted(line for line in lines if line.startswith("iterate"))])

    def heading(self, section: Section) -> str:
        until = "down" if section.until is None else self.rank_text(section.until)
        return f"iterate {self.rank_text(rank_of(section.variable or ''))} {until}: "

    def refined(self) -> dict[str, str]:
        written: dict[str, list[str]] = {}
        for section in self.cascade.sections:
            heading = "" if section.kind in ("flat", "init", "then") else self.heading(section)
            for einsum in section.einsums:
                written.setdefault(einsum.tensor, []).append(heading + self.statement(einsum))
        found = {}
        for tensor, color in self.colors.items():
            own = _digest(color, *sorted(written.get(tensor, [])))
            found[tensor] = tensor if tensor in self.fixed else own
        return found

    def statement(self, einsum: Einsum) -> str:
        names = {v: self.rank_text(rank_of(v)) for v in _variables(einsum)}
        left = self.indices(einsum.tensor, list(einsum.left), names)
        steps = reductions_of(einsum, reduced_variables(einsum))
        reductions = [f"{op}({', '.join(sorted(names[v] for v in vs))})" for op, vs in steps]
        return f"{self.colors[einsum.tensor]}{left} = {self.expr(einsum.right, names)} :: {' '.join(reductions)}"

    def indices(self, tensor: str, indices: list[Expr], names: dict[str, str]) -> str:
        places = self.positions[tensor]
        parts = sorted(f"{place}:{self.expr(i, names)}" for place, i in zip(places, indices, strict=True))
        return f"[{', '.join(parts)}]"

    def expr(self, expr: Expr, names: dict[str, str]) -> str:
        match expr:
            case Access():
                filters = [f" if {self.expr(i.filter, names)}" for i in expr.indices if i.filter is not None]
                read = self.indices(expr.tensor, [i.value for i in expr.indices], names)
                return self.colors[expr.tensor] + read + "".join(filters)
            case Variable():
                return names.get(expr.name, expr.name)
            case Shape():
                return f"|{self.rank_text(expr.rank)}|"
            case Binary(operator="-"):
                return self._chain("+", [(expr.left, 1), (expr.right, -1)], names)
            case Binary(operator="+"):
                return self._chain("+", [(expr.left, 1), (expr.right, 1)], names)
            case Binary(operator="*"):
                return self._chain("*", [(expr.left, 1), (expr.right, 1)], names)
            case Binary(operator="/"):
                return self._chain("*", [(expr.left, 1), (expr.right, -1)], names)
            case Binary():
                return self._sorted(expr.operator, [self.expr(expr.left, names), self.expr(expr.right, names)])
            case Unary(operator="-"):
                return self._chain("+", [(expr.operand, -1)], names)
            case Unary():
                return f"{expr.operator}({self.expr(expr.operand, names)})"
            case Call():
                return self._sorted(expr.function, [self.expr(a, names) for a in expr.arguments])
            case Number():
                return repr(float(expr.value))
            case _:
                return print_expr(expr)

    def _sorted(self, operator: str, parts: list[str]) -> str:
        return f"{operator}({', '.join(sorted(parts) if operator in _COMMUTATIVE else parts)})"

    def _chain(self, operator: str, parts: list[tuple[Expr, int]], names: dict[str, str]) -> str:
        """A sum or a product as the sorted list of its operands, each with its sign or exponent."""
        operands: list[str] = []

        def collect(expr: Expr, sign: int) -> None:
            inverse = {"+": "-", "*": "/"}[operator]
            match expr:
                case Binary() if expr.operator == operator:
                    collect(expr.left, sign)
                    collect(expr.right, sign)
                case Binary() if expr.operator == inverse:
                    collect(expr.left, sign)
                    collect(expr.right, -sign)
                case Unary(operator="-") if operator == "+":
                    collect(expr.operand, -sign)
                case _:
                    operands.append(f"{'' if sign > 0 else inverse}{self.expr(expr, names)}")

        for part, sign in parts:
            collect(part, sign)
        return f"{operator}({', '.join(sorted(operands))})"


def _variables(einsum: Einsum) -> list[str]:
    parts = [*einsum.left, einsum.right]
    found = [n.name for part in parts for n in walk(part) if isinstance(n, Variable)]
    return list(dict.fromkeys([*found, *(v for r in einsum.reductions for v in r.variables)]))


def _digest(*texts: str) -> str:
    return blake2b("\n".join(texts).encode(), digest_size=10).hexdigest()
