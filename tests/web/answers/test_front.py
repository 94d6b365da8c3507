"""The front of a store is that of all its points, found some at a time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import fusemax.search.store as stores
from fusemax.base.errors import UsageError
from fusemax.search.store import open_store
from fusemax.search.study import Study
from fusemax.search.sweep import SweepPlan, run_sweep
from fusemax.web.answers import design, front, store
from fusemax.web.answers.texts import design_of

ABOUT = {"design": "d", "workload": "w", "accounting": "corrected"}


def _filled(path: Path, seed: int) -> list[dict[str, Any]]:
    """A store of two studies, one with inputs that are words; its rows."""
    drawn = random.Random(seed)
    with open_store(path) as opened:
        for name, axes in (("one", ("seq_len", "edge")), ("two", ("seq_len", "order"))):
            study = Study.of({"name": name}, {**ABOUT, "design": name}, axes, ("latency_s", "energy_pj"))
            points, figures = [], []
            for length in (1, 2, 3):
                for number in range(40):
                    points.append((length, number if name == "one" else f"o{number}"))
                    energy = None if drawn.random() < 0.2 else float(drawn.randint(1, 12))
                    figures.append((float(drawn.randint(1, 12)), energy))
            opened.add(study, points, figures)
        return list(opened.rows())


def _brute(rows: list[dict[str, Any]]) -> set[tuple[object, ...]]:
    """The places of points that no other one of their length beats."""
    known = [row for row in rows if row["energy_pj"] is not None]
    best: set[tuple[object, ...]] = set()
    for row in known:
        x, y = row["energy_pj"], row["latency_s"]
        rivals = [other for other in known if other["seq_len"] == row["seq_len"]]
        if not any(
            (o["energy_pj"], o["latency_s"]) != (x, y) and o["energy_pj"] <= x and o["latency_s"] <= y for o in rivals
        ):
            best.add((row["seq_len"], x, y))
    return best


@pytest.mark.parametrize("some", [1, 7, 1000])
def test_every_front_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some: int) -> None:
    monkeypatch.setattr(stores, "_SOME", some)
    path = tmp_path / "runs.db"
    rows = _filled(path, some)
    ids = [study["id"] for study in store.studies(str(path))["studies"]]  # type: ignore[attr-defined]
    found: Any = store.front(str(path), ids)
    assert (found["num_points"], found["is_whole"], found["axes"]["x"]["figure"]) == (240, True, "energy_pj")
    assert found["num_unknown"] == sum(row["energy_pj"] is None for row in rows)
    shown = [(p["inputs"]["seq_len"], p["x"], p["y"]) for p in found["points"] if p["front"]]
    assert len(shown) == len(set(shown)) == found["num_front"] and set(shown) == _brute(rows)
    assert len(found["points"]) == 240 - found["num_unknown"]
    assert len({point["key"] for point in found["points"]}) == len(found["points"])
    assert {point["series"] for point in found["points"]} == {f"{n}, {i}" for n in ("one", "two") for i in (1, 2, 3)}
    assert len({point["label"] for point in found["points"]}) > 40


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "MOST_GROUPS", 2)
    monkeypatch.setattr(front, "MOST_SAMPLED", 30)
    path = tmp_path / "runs.db"
    _filled(path, 3)
    ids = [study["id"] for study in store.studies(str(path))["studies"]]  # type: ignore[attr-defined]
    found: Any = store.front(str(path), ids)
    assert not found["is_whole"] and found["num_points"] == 240
    assert {point["inputs"]["seq_len"] for point in found["points"] if point["front"]} == {1, 2}
    assert sum(not point["front"] for point in found["points"]) <= 30


def test_a_point_of_a_design_of_ones_own_opens(tmp_path: Path) -> None:
    """The store holds its text; one that names files is not opened, nor one from an older store."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(fusemax_text().replace("design: fusemax", "design: mine").replace("P1: fit(buffer)", "P1: 4"))
    spec = (
        f"designs: [{mine}]\nworkloads: [bert]\nseq_lens: [4K]\nvary: {{edge: [128, 256], schedule.streams: [1, 2]}}\n"
    )
    path = str(tmp_path / "runs.db")
    run_sweep(SweepPlan("<sweep>", spec), path)
    mine.unlink()
    ids = [study["id"] for study in store.studies(path)["studies"]]  # type: ignore[attr-defined]
    points: Any = store.front(path, ids, "traffic_bytes")["points"]
    assert len(points) == 4
    for one in points:
        point: Any = store.point(path, one["key"])
        again = design.model(point["text"], point["workload"], point["seq_len"], point["accounting"])
        assert again["latency_s"] == pytest.approx(one["y"], rel=1e-9)
        assert design_of(point["text"]).name == "mine"


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ({"design": "x"}, "holds figures of 'mine' and not its text"),
        ({"design": "x", "text": "design: mine\ncascade: /etc/passwd\n"}, "cannot be read here: "),
        ({"design": "x", "more": 1}, "does not say how the points of 'mine' follow"),
    ],
)
def test_a_point_that_cannot_be_opened_says_why(tmp_path: Path, by: dict[str, object], message: str) -> None:
    path = tmp_path / "runs.db"
    about = {"design": "mine", "workload": "bert", "accounting": "corrected"}
    with open_store(path) as opened:
        study = Study.of(by, about, ("seq_len",), ("latency_s",))
        opened.add(study, [(4096,)], [(1.0,)])
    with pytest.raises(UsageError, match=message):
        store.point(str(path), study.key_of([4096]).hex())


def fusemax_text() -> str:
    """FuseMax with all that it refers to written out."""
    from fusemax.web.answers.catalogue import design_text

    return str(design_text("fusemax")["whole"])
