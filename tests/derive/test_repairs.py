"""Running forms with several accumulators are undone where that is right, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fusemax.base.errors import FusemaxError
from fusemax.cascade import Cascade, check_rules, load, parse, print_cascade
from fusemax.cascade.ir import Access, Binary, Einsum, Expr, Number
from fusemax.cascade.resolve import rewrite
from fusemax.derive import derive, equal
from fusemax.derive.check import Reference
from fusemax.derive.definition import definitions, flattened
from fusemax.derive.roles import Unsupported
from fusemax.derive.samples import samples_for
from tests.derive.test_derivation import REACHED
from tests.derive.texts import TEXTS


def is_proved(first: Cascade, second: Cascade) -> bool:
    """Have the two one definition once their loops are undone?"""
    try:
        return definitions(flattened(first)[0]) == definitions(flattened(second)[0])
    except Unsupported:
        return False


SEVERAL = {
    "softmax_entropy": 2,
    "kl_divergence": 2,
    "variance_2pass": 3,
    "layernorm_matmul": 3,
    "batch_norm": 3,
    "fourth_central_moment": 5,
}
"""Catalogue cascade -> accumulators of its running form."""


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_a_derived_loop_is_undone_to_the_source(name: str) -> None:
    source = load(name)
    assert is_proved(source, derive(source, REACHED[name][0]).cascade)


@pytest.mark.parametrize("name", ["variance_2pass", "softmax_entropy", "layernorm_matmul"])
def test_a_derived_loop_in_tiles_is_undone_to_the_source(name: str) -> None:
    source, rank = load(name), REACHED[name][0]
    assert is_proved(source, derive(source, rank, tile=(f"{rank}0", 2)).cascade)


@pytest.mark.parametrize("name", ["corr", "cov", "skew"])
def test_other_derived_loops_are_undone(name: str) -> None:
    text, rank, _ = TEXTS[name]
    source = check_rules(parse(text))
    assert is_proved(source, derive(source, rank).cascade)


COVARIANCE = """
cascade running_covariance
input X[m], Z[m]
output C
alias I = M
sizes M = 7

init:
  A[0] = 0
  B[0] = 0
  S[0] = 0

iterate i until M:
  A[i+1] = A[i] + (X[i] - A[i]) / (i + 1)
  S[i+1] = S[i] + (X[i] - A[i+1]) * (Z[i] - B[i])
  B[i+1] = B[i] + (Z[i] - B[i]) / (i + 1)

then:
  C = S[M] / M
"""


def test_running_means_are_the_references_of_sums_around_them() -> None:
    moved = COVARIANCE.replace("  S[i+1] = S[i] + (X[i] - A[i+1]) * (Z[i] - B[i])\n", "")
    moved = moved.replace("\n\nthen", "\n  S[i+1] = S[i] + (X[i] - A[i+1]) * (Z[i] - B[i])\n\nthen")
    textbook = "cascade c\ninput X[m], Z[m]\noutput C\nsizes M = 7\n\nA = X[m] / M\nB = Z[m] / M\n"
    textbook += "C = (X[m] - A) * (Z[m] - B) / M\n"
    assert is_proved(check_rules(parse(moved)), check_rules(parse(textbook)))
    assert not is_proved(check_rules(parse(moved.replace("(i + 1)", "(i + 2)"))), check_rules(parse(textbook)))


def test_a_coordinate_is_told_from_the_number_of_elements() -> None:
    text = (
        "cascade c\ninput X[m]\noutput Y\nalias I = M\nsizes M = 5\n\ninit:\n  G[0] = -inf\n  S[0] = 0\n  D[0] = 0\n\n"
        "iterate i until M:\n  G[i+1] = max(G[i], X[i])\n  D[i+1] = D[i] + i\n"
        "  S[i+1] = S[i] + D[i] * (G[i+1] - G[i]) + i * G[i+1]\n\nthen:\n  Y = S[M]\n"
    )
    flat = "cascade c\ninput X[m]\noutput Y\nsizes M = 5\n\nG = X[m] :: max(m)\nY = where(X[m] == X[m], m, m) * G\n"
    loop, plain = check_rules(parse(text)), check_rules(parse(flat))
    assert equal(loop, plain).verdict != "counterexample"


# ---------------------------------------------------------------------------------------------------------- mutants


def changed(expr: Expr) -> Iterator[Expr]:
    """The expression with one operator, or the step of one read, changed."""
    count = sum(1 for _ in places(expr))
    for place in range(count):
        seen = iter(range(count))

        def leaf(node: Expr, seen: Iterator[int] = seen, place: int = place) -> Expr:
            other = variant(node)
            return node if other is None or next(seen) != place else other

        yield rewrite(expr, leaf)


def places(expr: Expr) -> list[Expr]:
    found: list[Expr] = []

    def leaf(node: Expr) -> Expr:
        if variant(node) is not None:
            found.append(node)
        return node

    rewrite(expr, leaf)
    return found


def variant(node: Expr) -> Expr | None:
    match node:
        case Access():
            for k, index in enumerate(node.indices):
                if isinstance(index.value, Binary) and index.value.right == Number(1):
                    before = replace(index, value=index.value.left)
                    return replace(node, indices=(*node.indices[:k], before, *node.indices[k + 1 :]))
            return None
        case Binary("+"):
            return replace(node, operator="-")
        case Binary("-"):
            return replace(node, operator="+")
        case Binary("*"):
            return node.left
        case _:
            return None


def mutants(cascade: Cascade) -> Iterator[Cascade]:
    """The cascade with one thing in its loop changed."""
    for k, section in enumerate(cascade.sections):
        if section.kind != "iterate":
            continue
        for n, einsum in enumerate(section.einsums):
            for right in changed(einsum.right):
                yield with_einsum(cascade, k, n, replace(einsum, right=right))


def with_einsum(cascade: Cascade, k: int, n: int, einsum: Einsum) -> Cascade:
    section = cascade.sections[k]
    einsums = (*section.einsums[:n], einsum, *section.einsums[n + 1 :])
    sections = (*cascade.sections[:k], replace(section, einsums=einsums), *cascade.sections[k + 1 :])
    return replace(cascade, sections=sections, claims=())


LOOPS = {
    "variance_welford": ("variance_2pass", "M"),
    "softmax_entropy_1pass": ("softmax_entropy", "M"),
    "layernorm_matmul_1pass": ("layernorm_matmul", "D"),
    "logsumexp_online": ("logsumexp_2pass", "M"),
}
"""Loop -> textbook form and rank."""


@pytest.mark.parametrize("name", sorted(LOOPS))
def test_a_changed_loop_is_proved_only_where_it_agrees(name: str) -> None:
    source, rank = LOOPS[name]
    reference = Reference(load(source), samples_for(load(source), rank))
    refused = 0
    for mutant in mutants(load(name)):
        try:
            legal = check_rules(parse(print_cascade(mutant)))
        except FusemaxError:
            continue
        if is_proved(load(source), legal):
            assert reference.check(legal).difference is None, print_cascade(legal)
        else:
            refused += 1
    assert refused
    assert is_proved(load(source), load(name))


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_a_changed_derived_loop_is_proved_only_where_it_agrees(name: str) -> None:
    source, rank = load(name), REACHED[name][0]
    reference = Reference(source, samples_for(source, rank))
    for mutant in mutants(derive(source, rank).cascade):
        try:
            legal = check_rules(parse(print_cascade(mutant)))
        except FusemaxError:
            continue
        if is_proved(source, legal):
            assert reference.check(legal).difference is None, print_cascade(legal)
