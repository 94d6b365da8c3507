"""Designs put together from parts."""

from __future__ import annotations

from typing import Any

import pytest

from fusemax.base.errors import SourceError, UnknownName, UsageError
from fusemax.design.load import catalogue_names, load_design
from fusemax.model.evaluate import evaluate
from fusemax.report.catalogue import catalogue_text
from fusemax.search.rewrite import design_text
from fusemax.web.answers.compose import compose
from fusemax.web.answers.texts import design_of

FUSEMAX = {"cascade": "attn_1pass_fusemax", "accelerator": "fusemax-cloud", "mapping": "fusemax", "schedule": "fusemax"}


def test_the_designs_that_ship_are_known_by_their_parts() -> None:
    for name in catalogue_names("designs"):
        for text in (name, catalogue_text("designs", name)):
            found = compose(text)
            assert (found["name"], found["problem"]) == (name, None)
            assert all(found["parts"].values())  # type: ignore[attr-defined]
    assert compose("fusemax")["parts"] == FUSEMAX


def test_every_design_that_ships_can_be_put_together_from_another() -> None:
    for name in catalogue_names("designs"):
        parts: Any = compose(name)["parts"]
        found = compose("flat", parts)
        assert found["name"] == name and found["text"] == design_text(load_design(name))


def test_a_new_design_is_what_is_evaluated() -> None:
    found = compose(
        "fusemax", {"accelerator": "flat-cloud", "mapping": "fusemax-cascade", "schedule": "fusemax-cascade"}
    )
    assert found["name"] == "fusemax-cascade"
    found = compose("fusemax-cascade", {"accelerator": "fusemax-cloud"})
    assert (found["name"], found["problem"]) == (None, None)
    assert found["parts"] == {
        **FUSEMAX, "mapping": "fusemax-cascade", "schedule": "fusemax-cascade",
    }  # fmt: skip
    made = design_of(str(found["text"]))
    assert made.name == "composed" and "fusemax-cloud" in made.title
    expected = load_design("fusemax-cascade").with_accelerator(load_design("fusemax").accelerator)
    times = [evaluate(one, "bert", "4K", "corrected").latency_s for one in (made, expected)]
    assert times[0] == times[1]


def test_a_binding_stays_only_with_the_schedule_it_is_of() -> None:
    text = str(compose("fusemax", {"schedule": "fusemax-cascade"})["text"])
    assert "\nbinding:" in design_text(load_design("fusemax")) and "\nbinding:" not in text


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        ({"mapping": "flat"}, "the mapping 'flat' is of another cascade: it has A, GM, QK, SD, SN where"),
        ({"schedule": "unfused"}, "schedules that fit: fusemax, fusemax-architecture, fusemax-cascade"),
        ({"cascade": "mad"}, "no mapping that ships fits it"),
        ({"accelerator": "flat-cloud"}, "Einsum LM needs max"),
    ],
)
def test_parts_that_do_not_fit_say_why_and_where(choose: dict[str, str], message: str) -> None:
    found: Any = compose("fusemax", choose)
    assert found["parts"] == {**FUSEMAX, **choose} and found["name"] is None
    problem = found["problem"]
    assert message in problem["text"] and {place["file"] for place in problem["places"]} == {"<design>"}
    first = problem["places"][0]
    line = found["text"].split("\n")[first["line"] - 1]
    assert line[first["column"] - 1 :][: first["length"]].strip()


def test_fields_are_set_and_comments_stay() -> None:
    text = catalogue_text("designs", "fusemax").replace("schedule:\n", "schedule:  # one tile behind another\n")
    text = "# my own\n" + text.replace("design: fusemax", "design: mine").replace(
        "linear: linear", "linear: linear  # x"
    )
    found = compose(text, None, {"mapping.partition.P.P1": "4", "schedule.streams": 2})
    assert found["problem"] is None and found["parts"] == {**FUSEMAX, "mapping": None, "schedule": None}
    opened: Any = found["open"]
    assert {one["label"]: one["value"] for one in opened} == {
        "M0": "array2d.rows", "P1": 4, "P0": "array2d.columns", "heads in turn": 2
    }  # fmt: skip
    made = str(found["text"])
    assert made.startswith("# my own\ndesign: mine\n") and "linear: linear  # x" in made
    assert design_of(made).mapping.partition["P"]["P1"] == 4


def test_what_is_no_choice() -> None:
    for choose, fields in (({"mapping": "fusemaks"}, {}), ({"map": "x"}, {}), ({}, {"mapping.partition.X.P1": 3})):
        with pytest.raises(UnknownName):
            compose("fusemax", choose, fields)
    for path in ("mapping", "mapping.partition.P.P1.x", "schedule.phases.0"):
        with pytest.raises((UsageError, UnknownName)):
            compose("fusemax", {}, {path: 1})
    with pytest.raises(SourceError):
        compose("design: [", {"mapping": "flat"})
    with pytest.raises(UsageError):
        compose("design: x\nmapping: 3\n", {}, {"mapping.loops.dram": 1})
    found: Any = compose("design: x\ncascade: nothing\nmapping: /etc/passwd\n", {"schedule": "flat"})
    assert found["problem"] and found["parts"]["mapping"] is None
