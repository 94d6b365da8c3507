"""Operation counts against an interpreter that does the operations one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given

from fusemax.analysis.domain import symbol
from fusemax.analysis.work import Work, work
from fusemax.cascade import catalogue, load
from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Unary, walk
from fusemax.cascade.sizes import resolve_sizes
from tests.cascade.strategies import cascades
from tests.execute.cases import cascade, oracle_outputs, shapes

NAMES = {
    "+": "add", "-": "add", "*": "mul", "/": "div", "//": "div", "div0": "div", "%": "mod", "expsub": "exp",
    "relu": "max", "where": "select", "argtopk": "topk", "and": "logic", "or": "logic", "not": "logic",
    "<=": "compare", "<": "compare", ">=": "compare", ">": "compare", "==": "compare", "!=": "compare",
}  # fmt: skip


class Counting:
    """Counts every operation the point-by-point interpreter does on values."""

    def __init__(self, c: Cascade) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.owner: dict[int, Einsum] = {}
        self.skipped: set[int] = set()
        for einsum in c.einsums:
            for node in walk(einsum.right):
                self.owner[id(node)] = einsum
                if isinstance(node, Access):
                    for index in node.indices:
                        inside = [index.value, *([] if index.filter is None else [index.filter])]
                        self.skipped |= {id(below) for part in inside for below in walk(part)}
                if is_sub_then_exp(node) and isinstance(node, Call):
                    self.skipped.add(id(node.arguments[0]))

    def __call__(self, event: Any, operands: list[float]) -> None:
        if isinstance(event, tuple):
            einsum, operator, depth = event
            assert isinstance(operator, str)
            if not (operator == "+" and depth == 1 and is_product(einsum.right)):
                self.counts[str(einsum.tensor), NAMES.get(operator, operator)] += 1
            return
        if id(event) in self.skipped or not reads(event):
            return
        einsum = self.owner[id(event)]
        name = event.function if isinstance(event, Call) else event.operator
        kind = "neg" if isinstance(event, Unary) and name == "-" else NAMES.get(name, name)
        if event is einsum.right and is_product(event) and sums_first(einsum):
            kind = "mac"
        self.counts[einsum.tensor, kind] += len(operands) - 1 if name in ("max", "min") else 1


def reads(expr: Expr) -> bool:
    return any(isinstance(node, Access) for node in walk(expr))


def is_product(expr: Expr) -> bool:
    return isinstance(expr, Binary) and expr.operator == "*" and reads(expr)


def is_sub_then_exp(expr: Expr) -> bool:
    if not (isinstance(expr, Call) and expr.function == "exp"):
        return False
    inner = expr.arguments[0]
    return isinstance(inner, Binary) and inner.operator == "-" and reads(inner.left) and reads(inner.right)


def sums_first(einsum: Einsum) -> bool:
    """Whether the first reduction of a statement is a sum."""
    from fusemax.cascade.reductions import all_reductions

    steps = all_reductions(einsum)
    return bool(steps) and steps[0].operator == "+"


def check(c: Cascade) -> None:
    counting = Counting(c)
    oracle_outputs(c, {name: np.zeros(shape) for name, shape in shapes(c).items()}, counting)
    found = work(c)
    sizes = resolve_sizes(c)
    by_name: Counter[tuple[str, str]] = Counter()
    for count in found.counts:
        value = count.formula.subs({symbol(rank): size for rank, size in sizes.items()})
        if count.exact:
            assert count.number == value
        if count.number is None:
            assert not count.exact
            assert value >= counting.counts.pop((count.einsum, count.kind), 0)
        else:
            by_name[count.einsum, count.kind] += count.number
            assert value >= count.number
    assert +by_name == +counting.counts


@pytest.mark.parametrize("name", [n for n in catalogue() if len(n) % 2 or n.startswith(("attn", "linattn"))])
def test_catalogue(name: str) -> None:
    check(load(name))


@given(cascades())
def test_random_cascades(c: Cascade) -> None:
    check(c)


def formulas(found: Work) -> dict[tuple[str, str], str]:
    return {(count.einsum, count.kind): str(count.formula) for count in found.counts}


def test_one_pass_attention_has_the_published_counts() -> None:
    """X = M*P, U = M1*P and T = 1, as the published model counts FuseMax's cascade."""
    assert formulas(work(load("attn_1pass_fusemax"))) == {
        ("BQK", "mac"): "E*M*P", ("LM", "max"): "M*P", ("RM", "max"): "M*P/M0", ("SLN", "exp"): "M*P",
        ("SLD", "add"): "M*P", ("SLNV", "mac"): "F*M*P", ("PRM", "exp"): "M*P/M0", ("SPD", "mul"): "M*P/M0",
        ("RD", "add"): "M*P/M0", ("SPNV", "mul"): "F*M*P/M0", ("RNV", "add"): "F*M*P/M0", ("AV", "div"): "F*P",
    }  # fmt: skip


def test_deferred_division_divides_f_times_p_numbers() -> None:
    """Sec. IV-D: M*P divisions become F*P."""
    assert str(work(load("attn_3pass")).total("div").formula) == "M*P"
    assert str(work(load("attn_3pass_deferred")).total("div").formula) == "F*P"
    assert work(load("attn_3pass")).total("div").number == 12 * 5


def test_prefix_sums_by_filter_are_quadratic_and_by_iteration_linear() -> None:
    assert str(work(load("prefix_sum")).total("add").formula) == "K**2/2 + K/2"
    assert str(work(load("prefix_sum_iterative")).total("add").formula) == "K"


@pytest.mark.parametrize(
    ("condition", "formula"),
    [
        ("m < p", "M**2/2 - M/2"),
        ("m != p", "M**2 - M"),
        ("m == p", "M"),
        ("m <= p and m > p - WIN", "2*M - 1"),
        ("m + p < M", "M**2/2 + M/2"),
        ("2 * m <= p", None),
        ("m < 2", "2*P"),
    ],
)
def test_filters_that_count_as_polynomials(condition: str, formula: str | None) -> None:
    c = cascade(
        f"input X[m]\noutput Y[p]\nequal P = M\nparameter WIN = 2\nsizes P = 9, M = 9\nY[p] = X[m : {condition}]\n"
    )
    count = work(c).counts[0]
    expected = sum(eval(condition, {"m": m, "p": p, "M": 9, "WIN": 2}) for m in range(9) for p in range(9))
    assert count.number == expected
    assert count.exact == (formula is not None)
    if formula is not None:
        assert sympy.simplify(count.formula - sympy.sympify(formula, {"M": symbol("M"), "P": symbol("P")})) == 0


def test_a_filter_on_data_gives_a_bound() -> None:
    found = work(cascade("input X[m], T[m]\noutput Y\nsizes M = 4\nY = X[m : T[m] > 0]\n"))
    assert found.rows()[0] == {
        "cascade": "t", "einsum": "Y", "kind": "add", "formula": "at most M", "exact": False, "operations": None,
    }  # fmt: skip


def test_large_sizes_use_the_formula() -> None:
    found = work(load("prefix_sum"), {"K": 1 << 20})
    assert found.total("add").number == (1 << 20) * ((1 << 20) + 1) // 2


def test_numbers_are_unknown_without_sizes() -> None:
    c = cascade("input X[m]\noutput Y\nY = exp(X[m])\n")
    assert work(c).total("exp").number is None
    assert work(c, {"M": 7}).total("exp").number == 7
    assert "unknown" in str(work(c))
