"""The paper's figures: which exist, what they plot, the same colours everywhere; and as files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fusemax.base.errors import MissingExtra, UsageError
from fusemax.report.export import picture, write_pictures
from fusemax.report.figures import figures
from fusemax.report.palette import DESIGN_COLOURS
from tests.report.synthetic import DESIGNS, comparison, sweep

NAMES = ["fig6a", "fig6b", "fig7", "fig8", "fig9", "fig10", "fig11", "fig12"]


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    charts = figures(comparison(), area_sweep=sweep(), accounting="corrected", interactive=True)
    return {name: chart.to_dict() for name, chart in charts.items()}


def values(spec: dict[str, Any]) -> list[dict[str, Any]]:
    if "datasets" in spec:
        return [row for rows in spec["datasets"].values() for row in rows]
    found = spec["data"]["values"]
    assert isinstance(found, list)
    return found


def encoding(spec: dict[str, Any]) -> dict[str, Any]:
    found = spec.get("encoding") or spec["spec"]["encoding"]
    assert isinstance(found, dict)
    return found


def test_all_figures(specs: dict[str, Any]) -> None:
    assert list(specs) == NAMES
    for spec in specs.values():
        assert spec["title"]["subtitle"] == "corrected accounting"
        assert "http" not in json.dumps({k: v for k, v in spec.items() if k != "$schema"})


def test_every_axis_has_a_title_or_names_its_values(specs: dict[str, Any]) -> None:
    for spec in specs.values():
        assert encoding(spec)["y"]["title"]
    assert encoding(specs["fig12"])["x"]["title"] == "area (cm²)"
    assert encoding(specs["fig12"])["y"]["title"] == "attention latency (s)"
    assert encoding(specs["fig8"])["y"]["title"] == "speed-up over unfused"


def test_one_colour_per_design_in_every_figure(specs: dict[str, Any]) -> None:
    wanted = {"domain": list(DESIGNS), "range": list(DESIGN_COLOURS[:5])}
    for name in ("fig6a", "fig6b", "fig8", "fig9", "fig10", "fig11"):
        assert encoding(specs[name])["color"]["scale"] == wanted


def test_values(specs: dict[str, Any]) -> None:
    assert len(values(specs["fig8"])) == 5 * 4 * 6
    of_first = [row["value"] for row in values(specs["fig8"]) if row["design"] == "unfused"]
    assert set(of_first) == {1.0}
    assert {row["design"] for row in values(specs["fig7"])} == set(DESIGNS) - {"unfused"}
    point = next(row for row in values(specs["fig12"]) if row["edge"] == 256)
    assert point["area"] == pytest.approx(3e3 * 4.0**8 * 1e-8)


def test_einsums_stand_in_the_order_of_the_cascade(specs: dict[str, Any]) -> None:
    assert encoding(specs["fig7"])["color"]["scale"]["domain"] == ["QK", "LM", "SLN", "SLD", "SLNV", "AV"]


def test_missing_bars_are_explained() -> None:
    rows = [dict(row) for row in comparison(workloads=("bert",)) if row["part"] == "attention"]
    for row in rows:
        if row["design"] == "unfused" and int(str(row["seq_len"])) >= 65536:
            row["value"] = None
    charts = figures(rows, accounting="corrected")
    wanted = "corrected accounting; unfused does not fit or is unknown at 64K, 256K, 1M"
    assert charts["fig8"].to_dict()["title"]["subtitle"] == wanted
    assert charts["fig6b"].to_dict()["title"]["subtitle"] == "corrected accounting"


def test_only_what_the_rows_have() -> None:
    linear = [row for row in comparison() if row["part"] == "linear"]
    assert figures(linear) == {}
    assert figures([]) == {}
    attention = [row for row in comparison() if row["part"] == "attention" and not str(row["quantity"]).startswith("s")]
    assert list(figures(attention)) == ["fig6a", "fig6b", "fig8", "fig9"]


def test_pictures_as_files(tmp_path: Path) -> None:
    chart = figures(comparison(workloads=("bert",)), area_sweep=sweep(("bert",)))["fig12"]
    paths = write_pictures(
        tmp_path, {"fig12": chart, "drawn": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'}
    )
    assert [path.name for path in paths] == [f"{n}.{f}" for n in ("fig12", "drawn") for f in ("svg", "png", "pdf")]
    starts = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert all(path.read_bytes().startswith(starts[path.suffix]) for path in paths)
    assert "area (cm²)" in (tmp_path / "fig12.svg").read_text()


def test_unknown_format() -> None:
    with pytest.raises(UsageError, match="expected one of: svg, png, pdf"):
        picture({}, "gif")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fusemax\[charts\]'"):
        figures(comparison())
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtra, match=r"fusemax\[charts\]"):
        picture("<svg/>", "png")
