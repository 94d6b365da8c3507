import importlib

import pytest

from bench.case import Case, measure
from bench.run import table, topics


@pytest.mark.parametrize("topic", topics())
def test_every_topic_lists_cases_with_a_named_baseline(topic: str) -> None:
    cases = importlib.import_module(f"bench.bench_{topic}").cases()
    assert cases
    assert all(case.name and case.baseline_name for case in cases)


def test_a_broken_promise_is_shown() -> None:
    kept = measure(Case("list", "list", lambda: [0] * 1000, lambda: [0] * 1000, memory_at_most=1.5, repeat=1))
    missed = measure(
        Case("more", "less", lambda: [0] * 10**6, lambda: [0] * 10, at_most=1e-9, memory_at_most=2, repeat=1)
    )
    assert kept.is_kept
    assert kept.memory_ratio == pytest.approx(1, abs=0.3)
    assert not missed.is_kept
    assert "**missed**" in table([missed])
