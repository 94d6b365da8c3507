"""What is wrong with a design is said where it stands, with the nearest right name."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors, UsageError
from fusemax.design.load import catalogue_names, design_schema, load_accelerator, load_design
from fusemax.model.evaluate import evaluate

CATALOGUE = files("fusemax") / "catalogue"


def text(folder: str, name: str) -> str:
    return (CATALOGUE / folder / f"{name}.yaml").read_text(encoding="utf-8")


def error(tmp_path: Path, name: str, old: str, new: str, folder: str = "designs") -> str:
    """The report for a shipped file with one thing changed; every report is located."""
    source = text(folder, name)
    assert old in source, old
    (tmp_path / "own.yaml").write_text(source.replace(old, new, 1))
    path = tmp_path / "own.yaml"
    if folder != "designs":
        key = {"mappings": "mapping", "accelerators": "accelerator", "schedules": "schedule"}[folder]
        design = text("designs", "fusemax").replace(f"{key}: {name}", f"{key}: own.yaml")
        path = tmp_path / "design.yaml"
        path.write_text(design)
    with pytest.raises((SourceError, SourceErrors)) as raised:
        load_design(path)
    report = str(raised.value)
    first = report.split("\n", 1)[0]
    assert first.startswith(str(tmp_path / "own.yaml") + ":"), first
    return report.replace(str(tmp_path) + "/", "")


@pytest.mark.parametrize("name", catalogue_names("designs"))
def test_shipped_designs_keep_all_rules(name: str) -> None:
    assert load_design(name).name == name


SKIPS = "runs: {PRM: 1/16, SPD: 1/16, SPNV: 1/16}"
CASES = [
    ("designs", "fusemax-lazy", SKIPS, "runs: {SPNW: 1/16}", "did you mean 'SPNV'"),
    ("designs", "fusemax-lazy", SKIPS, "runs: {SLNV: 1/16}", "those that may be skipped are PRM, SPD, SPNV"),
    ("designs", "flat", "schedule:\n", "schedule:\n  runs: {SN: 0.5}\n", "attn_3pass has none"),
    ("designs", "fusemax-lazy", SKIPS, "runs: {SPNV: 17/16}", "17/16 is not a share: expected above 0 and at most 1"),
    ("designs", "fusemax-lazy", SKIPS, "runs: {SPNV: 0}", "0.0 is not a share"),
    ("designs", "fusemax-lazy", SKIPS, "runs: {SPNV: 1/0}", "'1/0' is not a share"),
    ("designs", "fusemax-lazy", SKIPS, "runs: {SPNV: often}", "'often' is not a share"),
    ("designs", "fusemax-lazy", SKIPS, "runs: {SPNV: 1/3000000}", "finer than 1/1048576"),
    ("designs", "fusemax", "mapping: fusemax", "mapping: fusemx", "6:10: fusemx: No such file"),
    ("designs", "fusemax", "{array1d: [RM]}", "{array1d: [RMM]}", "unknown Einsum 'RMM'"),
    ("designs", "fusemax", "{array1d: [RM]}", "{array1dd: [RM]}", "did you mean 'array1d'"),
    ("designs", "fusemax", "- {array1d: [RM]}", "- {drain: [LM]}", "Einsum 'RM' is not scheduled"),
    ("designs", "fusemax", "[RM]}", "[RM, RD]}", "Einsum 'RD' is scheduled twice"),
    ("designs", "fusemax", "{array1d: [RM]}", "{array2d: [RM]}", "scheduled on array2d and mapped to array1d"),
    ("designs", "fusemax", "cascade:", "casscade:", "unknown field 'casscade'"),
    ("designs", "unfused", "{name: scores, steps: [{array2d: [QK]}]}", "{steps: [{array2d: [AV]}]}", "scheduled twice"),
    ("mappings", "fusemax", "  BQK:\n", "  BQQ:\n", "unknown Einsum 'BQQ'"),
    (
        "mappings",
        "fusemax",
        "keep: {dram: [Q, BK], buffer: [Q, BK]}",
        "keep: {dram: [Q, BK, BKK]}",
        "did you mean 'BK'",
    ),
    ("mappings", "fusemax", "keep: {dram: [Q, BK],", "keep: {dran: [Q, BK],", "unknown level 'dran'"),
    ("mappings", "fusemax", "keep: {dram: [Q, BK], ", "keep: {", "dram does not keep Q"),
    ("mappings", "fusemax", "[b, h, p2, m1]", "[b, h, p2]", "do not run over rank M1 once"),
    ("mappings", "fusemax", "[b, h, p2, m1]", "[b, h, p2, m1, m1]", "do not run over rank M1 once"),
    ("mappings", "fusemax", "[b, h, p2, m1]", "[b, h, p2, m7]", "unknown loop 'm7'"),
    ("mappings", "fusemax", "fit(buffer)", "fit(bufer)", "did you mean 'buffer'"),
    ("mappings", "fusemax", "array2d.columns}", "array2d.colums}", "did you mean 'array2d.columns'"),
    ("mappings", "fusemax", "P1: fit(buffer)", "P1: 2 +", "is not an expression"),
    ("mappings", "fusemax", "P1: fit(buffer)", "P1: rest", "more than one part that is the rest"),
    ("mappings", "fusemax", "P1: fit(buffer)", "P1: -4", "at least 1, found -4"),
    ("mappings", "fusemax", "on: array2d", "on: array3d", "unknown array 'array3d'"),
    ("mappings", "fusemax", "{columns: p0, rows: m0}", "{column: p0, rows: m0}", "did you mean 'columns'"),
    ("accelerators", "fusemax-cloud", "940MHz", "940", "has no unit: expected a clock like 940MHz"),
    ("accelerators", "fusemax-cloud", "400GiB/s", "400", "400 has no unit: expected a rate like 400GiB/s"),
    ("accelerators", "fusemax-cloud", "capacity: 16MiB", "capacity: -16MiB", "is not a size"),
    ("accelerators", "fusemax-cloud", "capacity: 16MiB", "capacity: 16 * edgee", "unknown quantity 'edgee'"),
    ("accelerators", "fusemax-cloud", "columns: edge", "columns: 0", "array2d.columns is 0; expected at least 1"),
    ("accelerators", "fusemax-cloud", "cost: hbm2", "cost: hbm3", "did you mean 'hbm2'"),
    (
        "accelerators",
        "fusemax-cloud",
        "exp: {multiply_adds: 6}",
        "exp: {multiply_adds: 0}",
        "greater than or equal to 1",
    ),
    ("accelerators", "fusemax-cloud", "kind: array", "kind: aray", "aray"),
    ("accelerators", "fusemax-cloud", "inside: buffer", "inside: bufer", "which is not a component"),
]


@pytest.mark.parametrize(("folder", "name", "old", "new", "expected"), CASES)
def test_wrong_designs(tmp_path: Path, folder: str, name: str, old: str, new: str, expected: str) -> None:
    report = error(tmp_path, name, old, new, folder)
    assert expected in report, report


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[mac, max]", "[mac]", "fusemax.yaml:17:9: Einsum LM needs max, which no unit of array2d does (mac)"),
        (
            "    exp: {multiply_adds: 6}\n",
            "",
            "Einsum SLN needs exp, which array2d has no way to find",
        ),
    ],
)
def test_arrays_that_cannot_do_an_einsum(tmp_path: Path, old: str, new: str, expected: str) -> None:
    (tmp_path / "own-cloud.yaml").write_text(text("accelerators", "fusemax-cloud").replace(old, new, 1))
    design = text("designs", "fusemax").replace("accelerator: fusemax-cloud", "accelerator: own-cloud.yaml")
    (tmp_path / "own.yaml").write_text(design)
    with pytest.raises((SourceError, SourceErrors)) as raised:
        load_design(tmp_path / "own.yaml")
    assert expected in str(raised.value)


def test_a_phase_must_not_read_what_a_later_one_writes(tmp_path: Path) -> None:
    source = text("designs", "unfused")
    lines = source.split("\n")
    at = next(i for i, line in enumerate(lines) if "name: scores" in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    (tmp_path / "own.yaml").write_text("\n".join(lines))
    with pytest.raises((SourceError, SourceErrors), match="reads QK, which a later phase writes"):
        load_design(tmp_path / "own.yaml")


def test_a_tile_that_is_written_too_large_says_so_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text(text("mappings", "fusemax").replace("P1: fit(buffer)", "P1: 1024"))
    (tmp_path / "own.yaml").write_text(text("designs", "fusemax").replace("mapping: fusemax", "mapping: large.yaml"))
    with pytest.raises(UsageError, match=r"does not fit buffer: Q 32 MiB, .* bytes of \d+; the largest is Q"):
        evaluate(str(tmp_path / "own.yaml"), "bert", "1M")


def test_a_mapping_that_does_not_fit_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        evaluate("fusemax", "bert", "4K", overrides={"buffer.capacity": "64KiB"})
    report = str(raised.value)
    assert "does not fit buffer" in report
    assert "bytes of 65536" in report
    assert "BK 64 KiB" in report


def test_a_loop_wider_than_its_array_is_refused(tmp_path: Path) -> None:
    mapping = text("mappings", "fusemax").replace("P0: array2d.columns", "P0: 512")
    (tmp_path / "wide.yaml").write_text(mapping)
    (tmp_path / "own.yaml").write_text(text("designs", "fusemax").replace("mapping: fusemax", "mapping: wide.yaml"))
    with pytest.raises(UsageError, match="p0 of Einsum QK spreads over 512 columns of array2d, which has 256"):
        evaluate(load_design(tmp_path / "own.yaml"), "bert", "4K")


def test_cost_tables_are_validated(tmp_path: Path) -> None:
    table = (CATALOGUE / "tables" / "components-45nm.csv").read_text(encoding="utf-8")
    cases = [
        ("mac,mac,energy,17.1645,pJ", "mac,mac,energy,-17.1645,pJ", "expected a number from 0 up"),
        ("mac,mac,energy,17.1645,pJ", "mac,mac,energy,17.1645,nJ", "unit of energy is 'nJ'; expected pJ"),
        ("mac,mac,energy", "mac,mac,enrgy", "did you mean 'energy'"),
        ("hbm2,write,energy", "hbm2,wrote,energy", "gives no energy for hbm2 write"),
    ]
    for old, new, expected in cases:
        (tmp_path / "own.csv").write_text(table.replace(old, new, 1))
        accelerator = text("accelerators", "fusemax-cloud").replace(
            "components: components-45nm", "components: own.csv"
        )
        (tmp_path / "own-cloud.yaml").write_text(accelerator)
        design = text("designs", "fusemax").replace("accelerator: fusemax-cloud", "accelerator: own-cloud.yaml")
        (tmp_path / "own.yaml").write_text(design)
        with pytest.raises((SourceError, SourceErrors)) as raised:
            load_design(tmp_path / "own.yaml")
        assert expected in str(raised.value)


def test_an_accelerator_that_defines_a_size_by_itself(tmp_path: Path) -> None:
    source = text("accelerators", "fusemax-cloud").replace("access: 2 * edge", "access: buffer.access")
    (tmp_path / "own.yaml").write_text(source)
    (tmp_path / "d.yaml").write_text(
        text("designs", "fusemax").replace("accelerator: fusemax-cloud", "accelerator: own.yaml")
    )
    with pytest.raises(FusemaxError, match=r"own.yaml:\d+:\d+: buffer.access is defined by itself"):
        load_design(tmp_path / "d.yaml")


def test_the_schema_describes_a_design() -> None:
    from ruamel.yaml import YAML

    jsonschema = import_module("jsonschema")  # untyped
    schema = design_schema()
    for name in catalogue_names("designs"):
        jsonschema.validate(YAML(typ="safe", pure=True).load(text("designs", name)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"design": "x"}, schema)


def test_accelerators_load_by_name() -> None:
    assert load_accelerator("flat-cloud").memories["buffer"].capacity == "32MiB"
