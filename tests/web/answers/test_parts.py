"""The parts of designs that ship."""

from __future__ import annotations

from fusemax.cascade import catalogue
from fusemax.design.load import catalogue_names, load_design
from fusemax.web.answers.parts import PARTS, parts, shipped


def test_every_part_of_a_design_that_ships_is_there_once() -> None:
    known = shipped()
    assert set(known["cascade"]) >= set(catalogue())
    assert set(known["accelerator"]) == set(catalogue_names("accelerators"))
    for name in catalogue_names("designs"):
        for kind in ("accelerator", "mapping", "schedule"):
            assert [one.value == getattr(load_design(name), kind) for one in known[kind].values()].count(True) == 1


def test_what_fits_is_what_designs_put_together() -> None:
    found = parts()
    assert tuple(found) == PARTS
    fits = {(kind, one["name"]): one["fits"] for kind in PARTS for one in found[kind]}  # type: ignore[attr-defined]
    for name in catalogue_names("designs"):
        design = load_design(name)
        for kind in ("mapping", "schedule"):
            (part,) = (one for one in shipped()[kind].values() if one.value == getattr(design, kind))
            assert design.cascade.name in fits[kind, part.name]
    assert "attn_1pass_fusemax" in fits["mapping", "fusemax"] and "attn_3pass" not in fits["mapping", "fusemax"]
    titles = {one.name: one.title for one in shipped()["schedule"].values()}
    assert (titles["fusemax"], titles["unfused"]) == ("one epoch of 4 steps", "3 phases, one after the other")
