"""Every law: its page's example is what it does, and it keeps values wherever it applies."""

from __future__ import annotations

import pytest
from hypothesis import given

from fusemax.cascade import Cascade, check_rules, parse, print_cascade
from fusemax.cascade.print import print_body
from fusemax.cascade.ranks import canonical, rank_of
from fusemax.derive.check import Reference
from fusemax.derive.laws import LAWS, Aim, Law, Rewrite
from fusemax.derive.laws.pages import law_page, pages
from fusemax.derive.samples import samples_for
from tests.cascade.strategies import cascades
from tests.derive.strategies import statistics

BY_NAME = {law.name: law for law in LAWS}


def example(law: Law) -> Cascade:
    return check_rules(parse(f"cascade example\n{law.header}\n\n{law.before}\n"))


def uses(law: Law, cascade: Cascade, rank: str) -> list[Rewrite]:
    return law.uses(cascade, rank, Aim(("M0", 2)) if law.name == "tile" else Aim())


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_example_of_its_page_is_what_a_law_does(name: str) -> None:
    law = BY_NAME[name]
    source = example(law)
    first = uses(law, source, law.rank)[0]
    assert print_body(first.cascade) == law.after
    assert first.law == name
    assert set(first.einsums) <= {e.tensor for e in source.einsums}
    check_kept(source, first, law.rank)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_pages_say_all_that_a_law_is(name: str) -> None:
    law = BY_NAME[name]
    text = law_page(law)
    for part in (law.title, law.before, law.after, law.precondition, law.algebra, law.counterexample):
        assert part in text
    assert f"reference/laws/{name}.md" in pages()


def check_kept(source: Cascade, use: Rewrite, rank: str) -> None:
    """The rewritten cascade is legal, prints, and agrees with the source on benign samples that are not masked."""
    new = check_rules(parse(print_cascade(use.cascade)))
    samples = [s for s in samples_for(source, rank) if not s.is_stress]
    plain = [s for s in samples if "masked" not in s.name and "ties" not in s.name and "integers" not in s.name]
    difference = Reference(source, plain).check(new).difference
    assert difference is None, f"{use.law}: {difference}\n{print_cascade(source)}\n{print_cascade(new)}"


def check_all(source: Cascade) -> None:
    ranks = dict.fromkeys(canonical(source, rank_of(v)) for d in source.inputs for v in d.variables)
    for rank in ranks:
        for law in LAWS:
            if law.name == "tile":
                continue
            for use in law.uses(source, rank, Aim()):
                check_kept(source, use, rank)


@given(statistics())
def test_laws_keep_values_of_random_statistics(text: str) -> None:
    check_all(check_rules(parse(text)))


@given(cascades())
def test_laws_keep_values_of_random_cascades(source: Cascade) -> None:
    check_all(parse(print_cascade(source)))
