"""Every catalogue cascade claims counts, and they hold: by brute force and by the product's counter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from fusemax.analysis.passes import passes
from fusemax.cascade import Cascade, catalogue, load, parse
from fusemax.cascade.ir import Binary, Claim, Expr, Number, Shape, walk
from tests.analysis.brute_force import RankAnswer, count_passes
from tests.analysis.unrolled import unrolling_sizes

OPERATIONS = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "//": int.__floordiv__}


def at_sizes(count: Expr | None, sizes: Mapping[str, int]) -> int:
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


def claimed(claim: Claim, sizes: Mapping[str, int]) -> int | bool:
    return True if claim.kind == "conflict" else at_sizes(claim.count, sizes)


def counted(claim: Claim, answers: Mapping[str, RankAnswer]) -> int | bool | None:
    answer = answers[claim.rank]
    return {"passes": answer.passes, "sweeps": answer.sweeps, "conflict": answer.conflict}[claim.kind]


def bystanders(cascade: Cascade) -> set[str]:
    """Ranks that no claim is about and no other rank's size hangs on."""
    tied = {rank for p in cascade.partitions for rank in (p.rank, *p.factors)}
    tied |= {rank for e in cascade.equalities for rank in (e.left, e.right)}
    tied |= {variable.upper() for e in cascade.einsums for r in e.reductions for variable in r.variables}
    return set(unrolling_sizes(cascade)) - tied - {claim.rank for claim in cascade.claims}


def sizes_to_try(cascade: Cascade, smallest: dict[str, int]) -> Iterator[dict[str, int]]:
    """The smallest sizes; where a claim is a formula, three more of the ranks it names."""
    yield smallest
    named = {node.rank for c in cascade.claims if c.count for node in walk(c.count) if isinstance(node, Shape)}
    for size in (2, 3, 5) if named else ():
        yield smallest | dict.fromkeys(named, size)


def check_claims(cascade: Cascade, smallest: dict[str, int]) -> None:
    ranks = [claim.rank for claim in cascade.claims]
    for sizes in sizes_to_try(cascade, smallest):
        answers = count_passes(cascade, sizes, ranks)
        got = {(c.kind, c.rank): counted(c, answers) for c in cascade.claims}
        assert got == {(c.kind, c.rank): claimed(c, sizes) for c in cascade.claims}, sizes


def test_every_cascade_has_title_source_note_and_claims() -> None:
    for name in catalogue():
        cascade = load(name)
        assert all((cascade.title, cascade.source, cascade.note)), name
        assert any(claim.kind == "passes" for claim in cascade.claims), name
        assert cascade.name == name


@pytest.mark.parametrize("name", catalogue())
def test_claims_by_brute_force(name: str) -> None:
    cascade = load(name)
    check_claims(cascade, unrolling_sizes(cascade) | dict.fromkeys(bystanders(cascade), 2))


@pytest.mark.proof
@pytest.mark.parametrize("name", catalogue())
def test_claims_by_brute_force_at_full_sizes(name: str) -> None:
    cascade = load(name)
    check_claims(cascade, unrolling_sizes(cascade))


@pytest.mark.proof
@pytest.mark.parametrize("name", catalogue())
def test_claims_by_brute_force_at_larger_sizes(name: str) -> None:
    cascade = load(name)
    check_claims(cascade, unrolling_sizes(cascade, 1) | dict.fromkeys(bystanders(cascade), 2))


@pytest.mark.parametrize("name", catalogue())
def test_claims_by_the_counter(name: str) -> None:
    cascade = load(name)
    found = passes(cascade).ranks
    for claim in cascade.claims:
        answer = found[claim.rank]
        got = {"passes": answer.passes, "sweeps": answer.sweeps, "conflict": answer.conflict}[claim.kind]
        for sizes in sizes_to_try(cascade, unrolling_sizes(cascade)):
            assert as_number(got, sizes) == claimed(claim, sizes), claim


@pytest.mark.proof
@pytest.mark.parametrize("name", catalogue())
def test_counter_and_brute_force_agree_on_everything(name: str) -> None:
    """All ranks, tensors, derived tensors, sweeps, conflicts, leading tensors and barriers."""
    cascade = load(name)
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
