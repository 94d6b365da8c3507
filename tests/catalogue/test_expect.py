"""Every catalogue cascade claims counts, and they hold: by brute force and by the product's counter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from fusemax.analysis.passes import passes
from fusemax.cascade import Cascade, catalogue, load
from fusemax.cascade.ir import Claim, Shape, walk
from tests.analysis.agreement import as_number, at_sizes, check_agreement
from tests.analysis.brute_force import RankAnswer, count_passes
from tests.analysis.unrolled import unrolling_sizes


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
    check_agreement(load(name))
