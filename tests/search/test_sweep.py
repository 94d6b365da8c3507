"""Sweeps: the figure's published rows, what interrupts and what goes on, errors in their place."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from fusemax.base.errors import FusemaxError, UsageError
from fusemax.cli.main import run
from fusemax.model.evaluate import evaluate
from fusemax.search.export import export_csv
from fusemax.search.grid import Part, Reals
from fusemax.search.pieces import Cutter, InProcess, Piece
from fusemax.search.store import open_store
from fusemax.search.sweep import SweepPlan, engine_of, run_sweep

ROOT = Path(__file__).resolve().parents[2]

SPEC = """sweep: streams
designs: [fusemax, fusemax-architecture]
workloads: [bert]
seq_lens: {from: 1K, to: 4K, times: 4}
vary:
  edge: [128, 256]
  schedule.streams: [1, 2, 3]
"""

PUBLISHED = {
    "traffic": "traffic_bytes",
    "mem_lat": "memory_s",
    "comp_2d_lat": "array2d_s",
    "comp_1d_lat": "array1d_s",
    "latency": "latency_s",
    "array_2d_area": "array2d_area_um2",
    "area": "area_um2",
}


def test_figure_12_is_the_published_one() -> None:
    rows = {(row["workload"], row["edge"]): row for row in run_sweep(SweepPlan("fig12")).rows()}
    text = (files("fusemax") / "catalogue" / "tables" / "published-sweep.csv").read_text(encoding="utf-8")
    published = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 24 and len(published) == 84
    for row in published:
        found = rows[row["workload"], int(row["edge"])][PUBLISHED[row["quantity"]]]
        assert found == pytest.approx(float(row["value"]), rel=1e-9), row


def test_points_are_those_of_the_model() -> None:
    rows = run_sweep(SweepPlan("s", SPEC)).rows()
    assert len(rows) == 24
    for row in rows:
        if row["schedule.streams"] == 1:
            one = evaluate(
                str(row["design"]), "bert", int(str(row["seq_len"])), "corrected", {"edge": int(str(row["edge"]))}
            )
            assert row["latency_s"] == pytest.approx(one.latency_s, rel=1e-12)
            assert row["traffic_bytes"] == one.traffic_bytes
            assert row["legal"] == 1.0


def test_a_workload_field_and_an_illegal_point() -> None:
    text = SPEC.replace("schedule.streams: [1, 2, 3]", "buffer.capacity: [64, 16MiB]\n  workload.mask: [none, causal]")
    rows = run_sweep(SweepPlan("s", text.replace(", fusemax-architecture", ""))).rows()
    assert len(rows) == 16
    small = [row for row in rows if row["buffer.capacity"] == 64]
    assert {row["legal"] for row in small} == {0.0} and {row["latency_s"] for row in small} == {None}
    full, causal = (
        next(r["latency_s"] for r in rows if r["workload.mask"] == mask and r["legal"] and r["seq_len"] == 4096)
        for mask in ("none", "causal")
    )
    assert isinstance(full, float) and isinstance(causal, float) and causal < 0.7 * full


KILLED = """
import os, signal, sys
from fusemax.search.sweep import SweepPlan, engine_of, run_sweep
def observe(done, total, what):
    if done >= 8:
        os.kill(os.getpid(), signal.SIGKILL)
run_sweep(SweepPlan(sys.argv[1]), sys.argv[2], observe=observe)
"""


def test_after_a_kill_the_rest_is_computed_and_the_export_is_the_same(tmp_path: Path) -> None:
    spec = tmp_path / "s.yaml"
    spec.write_text(SPEC)
    killed, whole = str(tmp_path / "killed.db"), str(tmp_path / "whole.db")
    ended = subprocess.run([sys.executable, "-c", KILLED, spec, killed], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    plan = SweepPlan(str(spec))
    again = run_sweep(plan, killed)
    assert (again.num_points, again.num_new) == (24, 16)
    assert run_sweep(plan, whole).num_new == 24
    assert run_sweep(plan, killed).num_new == 0
    with open_store(killed, write=False) as one, open_store(whole, write=False) as other:
        assert export_csv(one, None) == export_csv(other, None)


def test_workers_find_the_same(tmp_path: Path) -> None:
    plan = SweepPlan("s", SPEC)
    assert run_sweep(plan, tmp_path / "two.db", engine_of(workers=2)).rows() == run_sweep(plan).rows()


INTERRUPTED = """
import contextlib, os, signal, sys
from fusemax.cli import main, sweep
@contextlib.contextmanager
def progress(label, logs):
    yield lambda done, total, what: done >= 8 and os.kill(os.getpid(), signal.SIGINT)
sweep.progress = progress
sys.exit(main.run(sys.argv[1:]))
"""


def test_an_interrupt_stops_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC)
    words = ["sweep", "s.yaml", "--store", "a.db"]
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *words], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr
    assert "fusemax sweep s.yaml --store a.db" in ended.stderr
    with open_store(tmp_path / "a.db") as store:
        assert len(store) == 8
    assert sorted(os.listdir(tmp_path)) == ["a.db", "s.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("designs: [fusemax, fus", "designs: [fusmax, fus", "s.yaml:2:11", "fusmax"),
        ("workloads: [bert]", "workloads: [brt]", "s.yaml:3:13", "did you mean 'bert'"),
        ("  edge:", "  edg:", "s.yaml:6:3", "did you mean 'edge'"),
        ("[1, 2, 3]", "[1, 2, x]", "s.yaml:7:28", "schedule.streams"),
        ("schedule.streams", "schedule.strems", "s.yaml:7:", "did you mean 'streams'"),
        ("times: 4", "tims: 4", "s.yaml:4:11", "not a range"),
        ("to: 4K", "to: 512", "s.yaml:4:11", "empty"),
        ("vary:", "vari:", "s.yaml:5:1", "did you mean 'vary'"),
        ("[128, 256]", "[]", "s.yaml:6:9", "at least one"),
        ("schedule.streams: [1, 2, 3]", "mapping.partition.P.P9: [4]", "s.yaml:7:28", "rank P"),
    ],
)
def test_errors_stand_where_they_are(old: str, new: str, place: str, words: str) -> None:
    assert old in SPEC
    with pytest.raises(FusemaxError) as found:
        run_sweep(SweepPlan("s.yaml", SPEC.replace(old, new)))
    assert place in str(found.value)
    assert words in str(found.value)


def test_options_say_what_varies(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--array", "128..256x2", "--buffer", "8MiB..16MiB+8MiB", "--bandwidth", "200GiB/s,400GiB/s"]
    assert run(["sweep", *words, "--seq-len", "4K,16K", "--vary", "schedule.streams=1,2", "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 32
    assert {row["buffer.capacity"] for row in rows} == {str(8 << 20), str(16 << 20)}
    assert {row["dram.bandwidth"] for row in rows} == {str(200 << 30), str(400 << 30)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--array", "64..512y2"], "a range goes from a whole number"),
        (["--array", "64...512"], "is no range"),
        (["--buffer", "8MiB,,16MiB"], "separated by commas"),
        (["--workload", "brt", "--batch", "1"], "did you mean 'bert'"),
        (["--vary", "schedule.streams"], "expected FIELD=VALUES"),
        (["--vary", "shedule.streams=1"], "did you mean 'schedule'"),
        (["fig12", "--array", "64"], "contradict"),
        ([], "nothing to sweep"),
        (["fig12", "--workers", "2", "--cluster", "tcp://a:1"], "give one of both"),
    ],
)
def test_wrong_options_are_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_sweep_that_grew_finds_the_new_points_alone(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    assert run_sweep(SweepPlan("s", SPEC), store).num_new == 24
    grown = SweepPlan("s", SPEC.replace("edge: [128, 256]", "edge: [64, 128, 256]"))
    asked: list[int] = []

    class Watching(InProcess):
        def run(self, parts: Sequence[Part], pieces: Cutter) -> Iterator[tuple[Piece, Reals]]:
            for piece, figures in super().run(parts, pieces):
                asked.append(len(figures))
                yield piece, figures

    found = run_sweep(grown, store, Watching())
    assert (found.num_points, found.num_new, sum(asked)) == (36, 12, 12)
    assert found.rows() == run_sweep(grown).rows()


def test_results_of_other_code_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = SweepPlan("s", SPEC)
    assert run_sweep(plan, tmp_path / "a.db").num_new == 24
    for room in ("grid", "fig12"):
        monkeypatch.setattr(f"fusemax.search.{room}.code_digest", lambda: "other")
    assert run_sweep(SweepPlan("s", SPEC), tmp_path / "a.db").num_new == 24


def test_many_points_need_a_store() -> None:
    text = SPEC.replace("edge: [128, 256]", "edge: {from: 1, to: 100000}")
    with pytest.raises(UsageError, match="--store"):
        run_sweep(SweepPlan("s", text))


def test_command_writes_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["sweep", "fig12", "--store", str(tmp_path / "f.db"), "--json"]) == 0
    assert capsys.readouterr().out.startswith('{\n  "schema": "fusemax/sweep/1",\n  "sweep": "fig12"')
    assert run(["sweep", "fig12", "--store", str(tmp_path / "f.db"), "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 25
    assert run(["store", "verify", str(tmp_path / "f.db")]) == 0
