"""Search: the best of a space is that of its exhaustion, and every result is an input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusemax.base.errors import UnknownName, UsageError
from fusemax.cascade import load as load_cascade
from fusemax.cli.main import run
from fusemax.design.load import load_design, load_hardware
from fusemax.design.workload import Workload
from fusemax.model.evaluate import evaluate
from fusemax.search.compose import Limits
from fusemax.search.layout import Placing
from fusemax.search.mapper import Found, NothingFits, search
from fusemax.search.rewrite import design_text
from fusemax.search.space import frames, variants_of

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
    pruned = search(cascade, accelerator, "bert", 1024, objective, like=like, mappings="designs")
    whole = search(cascade, accelerator, "bert", 1024, objective, like=like, mappings="designs", exhaustive=True)
    assert whole.certificate.pruned == {} and whole.certificate.evaluated > 0
    assert counted(pruned) == counted(whole) == pruned.certificate.space == whole.certificate.space
    assert pruned.certificate.optimal and whole.certificate.optimal
    assert pruned.value == whole.value
    assert pruned.best == whole.best


TINY = Workload(name="tiny", batch=2, model_width=64, heads=2, head_size=32, ffn_width=128)


def small(
    kept: tuple[str, ...],
    moved: tuple[str, ...],
    tiles: dict[str, list[int]],
    kinds: tuple[str, ...] = ("free",),
    streams: tuple[int, ...] = (1,),
    orders: int = 1,
) -> Limits:
    """A space in which some tensors are kept in every way, and some Einsums run on either array."""
    seed = load_design("fusemax")
    shape = variants_of(frames(load_cascade("attn_1pass_fusemax"), load_hardware("fusemax-cloud"), [seed])[0])[0].shape
    placings = {}
    for spec in shape.design.specs:
        entry = seed.mapping.einsums[spec.name]
        own = Placing(entry.on, tuple((side, str(loop)) for side, loop in entry.spatial.items()))
        other = Placing("array1d" if entry.on == "array2d" else "array2d", (("columns", "p0"),))
        placings[spec.name] = (own, other) if spec.name in moved else (own,)
    return Limits(tiles, streams, kinds, orders, placings, kept)


CASES = [
    small(("BQK",), ("RM",), {"M0": [256], "P0": [256], "P1": [2]}),
    small(("SLN",), (), {"M0": [256], "P0": [256], "P1": [1, 2]}, orders=2),
    small((), ("PRM",), {"M0": [128], "P0": [256], "P1": [1, 4]}, ("free", "epoch of 3 steps"), (1, 2)),
]


@pytest.mark.parametrize("limits", CASES)
def test_bounds_prune_no_winner(limits: Limits) -> None:
    def ask(objective: str, *, exhaustive: bool = False) -> Found:
        return search(
            "attn_1pass_fusemax", "fusemax-cloud", TINY, 1024, objective, like=("fusemax",), limits=limits,
            exhaustive=exhaustive, mappings="all",
        )  # fmt: skip

    whole, front = ask("latency,energy,traffic", exhaustive=True), ask("latency,energy,traffic")
    assert [member.figures for member in front.front] == [member.figures for member in whole.front]
    for objective, place in (("latency", 0), ("energy", 1), ("traffic", 2)):
        found = ask(objective)  # the best of one objective, ties settled by the others, is on the front of all three
        order = [objective, *(name for name in ("latency", "energy", "traffic") if name != objective)]
        best = min(whole.front, key=lambda member: [member.figures.value(name) for name in order])
        assert found.figures == best.figures, place
        assert found.certificate.space == whole.certificate.space == counted(found)
        assert found.certificate.evaluated < whole.certificate.evaluated
    pair = ask("latency,traffic")
    vectors = {(m.figures.latency, m.figures.traffic) for m in whole.front}
    least = {v for v in vectors if not any(o[0] <= v[0] and o[1] <= v[1] and o != v for o in vectors)}
    assert {(m.figures.latency, m.figures.traffic) for m in pair.front} == least


@pytest.mark.parametrize("name", ["unfused", "flat", "fusemax-cascade", "fusemax-architecture", "fusemax"])
def test_shipped_designs_read_back(name: str, tmp_path: Path) -> None:
    design, path = load_design(name), tmp_path / "d.yaml"
    path.write_text(design_text(design))
    again = load_design(path)
    assert design_text(again) == design_text(design)
    for accounting in ("corrected", "published"):
        one, other = (evaluate(d, "bert", 1024, accounting) for d in (design, again))
        assert (one.latency_s, one.energy_pj, one.area_um2) == (other.latency_s, other.energy_pj, other.area_um2)


@settings(max_examples=4, deadline=None)
@given(
    place=st.sampled_from(SPACES),
    workload=st.sampled_from(["bert", "xlm", "llama-3.1-8b"]),
    length=st.sampled_from([1024, 1536]),
    objective=st.sampled_from(["latency", "energy", "traffic", "edp", "latency,traffic"]),
)
def test_the_best_is_a_design_with_the_figures_reported(
    tmp_path_factory: pytest.TempPathFactory,
    place: tuple[str, str, tuple[str, ...]],
    workload: str,
    length: int,
    objective: str,
) -> None:
    cascade, accelerator, like = place
    limits = Limits(tiles={"M0": [256, 128], "P0": [256]}, orders=3, streams=(1, 4))
    found = search(cascade, accelerator, workload, length, objective, like=like, limits=limits, mappings="aligned")
    path = tmp_path_factory.mktemp("best") / "best.yaml"
    for number, member in enumerate(found.front):
        path.write_text(found.best_of(number))
        again = evaluate(load_design(path), workload, length)
        assert again.latency_s == pytest.approx(member.figures.latency, rel=1e-9)
        assert again.traffic_bytes == pytest.approx(member.figures.traffic, rel=1e-9)
        assert again.energy_pj == pytest.approx(member.figures.energy, rel=1e-9)
        if number == 0:
            assert again.roofline_fraction == pytest.approx(found.roofline_fraction, rel=1e-9)


def test_the_best_beats_the_shipped_binding() -> None:
    found = search("attn_1pass_fusemax", "fusemax-cloud", "bert", "4K")
    shipped = evaluate("fusemax", "bert", "4K")
    assert found.certificate.optimal and found.certificate.space > 10**30
    assert found.value < shipped.latency_s
    assert found.roofline_fraction > shipped.roofline_fraction
    assert ("SPNV", "RNV") in found.design.schedule.as_one


def test_fewer_terms_of_exp_are_faster() -> None:
    def least(*terms: int) -> float:
        return search(
            "attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, like=("fusemax",), exps=terms, mappings="designs"
        ).value

    values = {terms: least(terms) for terms in (3, 6)}
    assert least(3, 6) == min(values.values()) == values[3]


def test_area_is_least_for_a_latency() -> None:
    ask = ("attn_1pass_fusemax", "fusemax-cloud", "bert", 1024)
    vary = {"buffer.capacity": ["16MiB", "4MiB"]}
    found = search(*ask, "area", vary=vary, latency=0.02, mappings="designs")
    assert found.figures.latency <= 0.02
    assert found.design.accelerator.memories["buffer"].capacity == "4MiB"
    fast = search(*ask, "latency", vary=vary, area=found.figures.area, mappings="designs")
    assert fast.figures.area <= found.figures.area and fast.value == found.figures.latency
    with pytest.raises(NothingFits, match="keeps latency 1e-06 s"):
        search(*ask, "area", vary=vary, latency=1e-6, mappings="designs")


def test_errors_say_what_would_do() -> None:
    with pytest.raises(UsageError, match=r"no design maps the cascade attn_sigmoid.*attn_3pass"):
        search("attn_sigmoid", "fusemax-cloud", "bert", 1024)
    with pytest.raises(UnknownName, match="did you mean 'latency'"):
        search("attn_3pass", "fusemax-cloud", "bert", 1024, "latencies")
    with pytest.raises(UsageError, match="--latency"):
        search("attn_3pass", "flat-cloud", "bert", 1024, "area")
    with pytest.raises(UsageError, match="one, two or three different"):
        search("attn_3pass", "flat-cloud", "bert", 1024, "latency,latency")
    with pytest.raises(UnknownName, match="edge"):
        search("attn_3pass", "flat-cloud", "bert", 1024, vary={"edgy": [1]})


def test_a_search_can_be_watched_and_ended() -> None:
    class Enough(Exception):
        pass

    seen: list[int] = []

    def observe(done: int, total: int | None, what: str) -> None:
        seen.append(done)
        if len(seen) == 3:
            raise Enough

    with pytest.raises(Enough):
        search("attn_1pass_fusemax", "fusemax-cloud", "bert", 1024, observe=observe)


def test_command_says_what_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--workload", "bert", "--seq-len", "1K", "--mappings", "designs"]
    words = ["search", "attn_1pass_fusemax", "--accelerator", "fusemax-cloud", *place]
    assert run([*words, "--vary", "buffer.capacity=64KiB"]) == 1
    assert "does not fit buffer" in capsys.readouterr().err
    assert run([*words, "--latency", "1us"]) == 1
    assert run([*words, "--latency", "soon"]) == 2
    assert run(["search", "attn_1pass_fusemax", "--accelerator", "fusemax-clod", *place]) == 2
    assert "did you mean" in capsys.readouterr().err


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
