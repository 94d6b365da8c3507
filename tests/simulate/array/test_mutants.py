"""A broken binding is seen, by the rules or by the values; one that gives the same bits everywhere is not broken."""

from __future__ import annotations

from collections import Counter

import pytest

from fusemax.simulate.array.load import binding_names, load_binding
from tests.simulate.array.mutants import CHANGES, Trial, mutants, run, trials, verdict

MASKED = ("fusemax-pipelined", "fusemax-one-mac", "fusemax-serial")


def trials_of(name: str) -> list[Trial]:
    return trials(square=bool(load_binding(name).requires), masks=name in MASKED)


@pytest.mark.parametrize("name", binding_names())
def test_shipped_bindings_pass_the_trials(name: str) -> None:
    for trial in trials_of(name):
        found = run(load_binding(name), trial)
        assert found.counts.late == 0
        assert found.max_error < 1e-6


@pytest.mark.parametrize("name", binding_names())
def test_every_drawn_mutant_that_changes_what_comes_out_is_caught(name: str) -> None:
    original = load_binding(name)
    found: Counter[str] = Counter()
    for change, mutant in mutants(original, seed=1, count=90):
        result = verdict(original, mutant, trials_of(name))
        assert result != "missed", change
        found[result] += 1
    assert found["rules"] + found["values"] >= 50
    assert found["rules"] >= 20
    assert found["values"] >= 20


def test_draws_are_the_same_every_time_and_of_every_kind() -> None:
    binding = load_binding("fusemax-pipelined")
    one, other = ([change for change, _ in mutants(binding, seed=1, count=60)] for _ in range(2))
    assert one == other
    assert len(set(one)) == 60
    drawn = " ".join(change for change, _ in mutants(binding, seed=1, count=250))
    assert all(word in drawn for word in ("swapped", "left out", "lag of", "reads", "'do'", "'tile'", "'of'", "'feed'"))
    assert len(CHANGES) == 13


@pytest.mark.parametrize(
    ("unit", "einsum", "change", "how"),
    [
        ("lane", "SPNV", {"of": (1.0, "memory")}, "values"),  # the correction of the numerator is dropped
        ("lane", "SPD", {"of": (1.0, "memory")}, "values"),  # and of the denominator
        ("lane", "PRM", {"of": ("NM", "memory")}, "values"),  # the correction turned over
        ("pe", "SLNV", {"of": ("D", "left", "top")}, "values"),  # the difference instead of its exponential
        ("lane", "RNV", {"tile": "c"}, "rules"),
    ],
)
def test_well_known_mistakes(unit: str, einsum: str, change: dict[str, object], how: str) -> None:
    binding = load_binding("fusemax-pipelined")
    rows = list(binding.rows(unit))
    i = next(i for i, row in enumerate(rows) if row.einsum == einsum)
    rows[i] = rows[i].model_copy(update=change)
    mutant = binding.model_copy(update={unit: tuple(rows)})
    assert verdict(binding, mutant, trials_of("fusemax-pipelined")) == how


@pytest.mark.proof
@pytest.mark.parametrize("name", binding_names())
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_more_mutants_are_caught(name: str, seed: int) -> None:
    original = load_binding(name)
    for change, mutant in mutants(original, seed=seed, count=250):
        assert verdict(original, mutant, trials_of(name)) != "missed", change
