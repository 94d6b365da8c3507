"""The product's counter and the brute-force one, compared on everything both say."""

from __future__ import annotations

from collections.abc import Mapping

from fusemax.analysis.passes import passes
from fusemax.cascade import Cascade, parse
from fusemax.cascade.ir import Binary, Expr, Number, Shape
from tests.analysis.brute_force import count_passes
from tests.analysis.unrolled import unrolling_sizes

OPERATIONS = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "//": int.__floordiv__}


def at_sizes(count: Expr | None, sizes: Mapping[str, int]) -> int:
    """The value of a claimed count: an integer, or a formula in the ranks."""
    match count:
        case Number(int(value)):
            return value
        case Shape(rank):
            return sizes[rank]
        case Binary(operator, left, right):
            return OPERATIONS[operator](at_sizes(left, sizes), at_sizes(right, sizes))
    raise AssertionError(f"not a count: {count}")


def as_number(count: int | str | bool | None, sizes: Mapping[str, int]) -> int | bool | None:
    """A count as the product gives it: a number, or a formula as text."""
    if not isinstance(count, str):
        return count
    ranks = ", ".join(f"{rank} = 1" for rank in sizes)
    text = f"cascade count\ninput A\noutput B\nsizes {ranks}\nexpect {next(iter(sizes))} = {count}\nB = A\n"
    return at_sizes(parse(text, "count").claims[0].count, sizes)


def check_agreement(cascade: Cascade) -> None:
    """All ranks, tensors, derived tensors, sweeps, conflicts, leading tensors and barriers, at the smallest sizes."""
    sizes = unrolling_sizes(cascade)
    found, want = passes(cascade).ranks, count_passes(cascade, sizes)
    assert list(found) == list(want)
    for rank, answer in want.items():
        got = found[rank]
        assert as_number(got.passes, sizes) == answer.passes, rank
        assert {t: as_number(n, sizes) for t, n in got.tensors.items()} == answer.tensors, rank
        assert {t: as_number(n, sizes) for t, n in got.derived.items()} == answer.derived, rank
        if answer.sweeps is None:
            continue
        assert as_number(got.sweeps, sizes) == answer.sweeps, rank
        assert (got.conflict, got.leading) == (answer.conflict, answer.leading), rank
        if isinstance(got.passes, int):
            ends = [(b.number, list(b.einsums), b.line) for b in got.barriers]
            assert ends == [(b.level, b.einsums, b.line) for b in answer.barriers or []], rank
