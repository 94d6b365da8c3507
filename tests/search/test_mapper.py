"""Search: the best of a space is that of its exhaustion, and every result is an input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusemax.base.errors import UnknownName, UsageError
from fusemax.cli.main import run
from fusemax.design.load import load_design
from fusemax.model.evaluate import evaluate
from fusemax.search.mapper import Found, search
from fusemax.search.rewrite import design_text

SPACES = [
    ("attn_1pass_fusemax", "fusemax-cloud", ("fusemax",)),
    ("attn_1pass_fusemax", "flat-cloud", ("fusemax-cascade",)),
    ("attn_3pass", "flat-cloud", ("unfused",)),
]


def counted(found: Found) -> int:
    certificate = found.certificate
    return certificate.evaluated + certificate.infeasible + sum(certificate.pruned.values())


@pytest.mark.parametrize(("cascade", "accelerator", "like"), SPACES)
@pytest.mark.parametrize("objective", ["latency", "energy"])
def test_pruning_finds_what_exhaustion_finds(
    cascade: str, accelerator: str, like: tuple[str, ...], objective: str
) -> None:
    pruned = search(cascade, accelerator, "bert", 1024, objective, like=like)
    whole = search(cascade, accelerator, "bert", 1024, objective, like=like, exhaustive=True)
    assert whole.certificate.pruned == {} and whole.certificate.evaluated > 0
    assert counted(pruned) == counted(whole) == pruned.certificate.space == whole.certificate.space
    assert pruned.certificate.optimal and whole.certificate.optimal
    assert pruned.value == whole.value
    assert pruned.best == whole.best


@pytest.mark.parametrize("name", ["unfused", "flat", "fusemax-cascade", "fusemax-architecture", "fusemax"])
def test_shipped_designs_read_back(name: str, tmp_path: Path) -> None:
    design, path = load_design(name), tmp_path / "d.yaml"
    path.write_text(design_text(design))
    again = load_design(path)
    assert design_text(again) == design_text(design)
    for accounting in ("corrected", "published"):
        one, other = (evaluate(d, "bert", 1024, accounting) for d in (design, again))
        assert (one.latency_s, one.energy_pj, one.area_um2) == (other.latency_s, other.energy_pj, other.area_um2)


@settings(max_examples=3)
@given(
    place=st.sampled_from(SPACES[:2]),
    workload=st.sampled_from(["bert", "xlm", "llama-3.1-8b"]),
    length=st.sampled_from([1024, 4096]),
    objective=st.sampled_from(["latency", "energy", "traffic", "edp"]),
)
def test_the_best_is_a_design_with_the_figures_reported(
    tmp_path_factory: pytest.TempPathFactory,
    place: tuple[str, str, tuple[str, ...]],
    workload: str,
    length: int,
    objective: str,
) -> None:
    cascade, accelerator, like = place
    found = search(cascade, accelerator, workload, length, objective, like=like)
    path = tmp_path_factory.mktemp("best") / "best.yaml"
    path.write_text(found.best)
    again = evaluate(load_design(path), workload, length)
    assert again.latency_s == pytest.approx(found.figures.latency, rel=1e-9)
    assert again.traffic_bytes == pytest.approx(found.figures.traffic, rel=1e-9)
    assert again.roofline_fraction == pytest.approx(found.roofline_fraction, rel=1e-9)


def test_the_best_beats_the_shipped_binding() -> None:
    found = search("attn_1pass_fusemax", "fusemax-cloud", "bert", "4K")
    shipped = evaluate("fusemax", "bert", "4K")
    assert found.value < shipped.latency_s
    assert found.roofline_fraction > shipped.roofline_fraction
    assert ("SPNV", "RNV") in found.design.schedule.as_one


def test_fewer_terms_of_exp_are_faster() -> None:
    values = {
        terms: search("attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, like=("fusemax",), exps=(terms,)).value
        for terms in (3, 6)
    }
    both = search("attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, like=("fusemax",), exps=(3, 6))
    assert both.value == min(values.values()) == values[3]


def test_errors_say_what_would_do() -> None:
    with pytest.raises(UsageError, match=r"no design maps the cascade attn_sigmoid.*attn_3pass"):
        search("attn_sigmoid", "fusemax-cloud", "bert", 1024)
    with pytest.raises(UnknownName, match="did you mean 'latency'"):
        search("attn_3pass", "fusemax-cloud", "bert", 1024, "latencies")


def test_command_writes_a_design_that_other_commands_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "best.yaml")
    place = ["--workload", "bert", "--seq-len", "1K"]
    words = ["attn_1pass_fusemax", "--accelerator", "fusemax-cloud", "--like", "fusemax", *place]
    assert run(["search", *words, "-o", path, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "fusemax/search/1"
    assert {"objective", "value", "unit", "roofline_fraction", "best", "certificate", "seconds"} <= set(document)
    assert document["certificate"]["optimal"] is True
    as_json = tmp_path / "best.json"
    as_json.write_text(json.dumps(document["best"]))
    for design in (path, str(as_json)):
        assert run(["model", design, *place, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["latency_s"] == pytest.approx(document["value"])
    assert run(["show", path]) == 0
    assert run(["simulate", path, *place]) == 0
    assert run(["compare", "--designs", path, "--workloads", "bert", "--seq-lens", "1K", "--part", "attention"]) == 0
