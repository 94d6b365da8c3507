"""Lazy rescaling as a dimension of the space."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from fusemax.base.errors import UsageError
from fusemax.cascade import load as load_cascade
from fusemax.cascade.print import print_cascade
from fusemax.cli.main import run
from fusemax.design.design import Hardware
from fusemax.design.load import load_design, load_hardware
from fusemax.design.workload import Workload
from fusemax.model.compare import compare
from fusemax.model.evaluate import evaluate
from fusemax.search.compose import Limits
from fusemax.search.found import Found
from fusemax.search.layout import Placing
from fusemax.search.lazily import is_lazy_form, lazy_form
from fusemax.search.mapper import search
from fusemax.simulate.tile import simulate

TINY = Workload(name="tiny", batch=2, model_width=64, heads=2, head_size=32, ffn_width=128)
SEED = load_design("fusemax")
AS_IT_IS = {
    name: (Placing(entry.on, tuple((side, str(loop)) for side, loop in entry.spatial.items())),)
    for name, entry in SEED.mapping.einsums.items()
}
LIMITS = Limits({"M0": [256], "P0": [256], "P1": [2]}, (1,), ("free", "epoch of 2 steps"), 1, AS_IT_IS, ())


def without_multiply_add() -> Hardware:
    """FuseMax's hardware, its lanes without a fused multiply-add."""
    hardware = load_hardware("fusemax-cloud")
    parts = dict(hardware.accelerator.components)
    parts["array1d"] = hardware.accelerator.arrays["array1d"].model_copy(update={"multiply_add": False})
    return replace(hardware, accelerator=hardware.accelerator.model_copy(update={"components": parts}))


def ask(
    hardware: str | Hardware, lazy: Fraction | None, objective: str = "latency", *, exhaustive: bool = False
) -> Found:
    return search(
        "attn_1pass_fusemax", hardware, TINY, 1024, objective, like=("fusemax",), mappings="all", limits=LIMITS,
        lazy=lazy, exhaustive=exhaustive,
    )  # fmt: skip


def test_the_lazy_form_is_found_from_the_structure() -> None:
    shipped = load_design("fusemax-lazy").cascade
    eager = load_cascade("attn_1pass_fusemax")
    moved = lazy_form(eager)
    assert moved is not None and print_cascade(moved) == print_cascade(shipped)
    assert lazy_form(shipped) is shipped
    assert is_lazy_form(shipped, eager) and not is_lazy_form(eager, eager)
    assert lazy_form(load_cascade("attn_3pass")) is None
    assert not is_lazy_form(shipped, load_cascade("attn_3pass"))


@pytest.mark.parametrize("objective", ["latency", "energy"])
def test_bounds_prune_no_winner(objective: str) -> None:
    for hardware in ("fusemax-cloud", without_multiply_add()):
        pruned = ask(hardware, Fraction(1, 8), objective)
        whole = ask(hardware, Fraction(1, 8), objective, exhaustive=True)
        assert pruned.figures == whole.figures
        assert sorted(pruned.best.splitlines()) == sorted(whole.best.splitlines())  # Einsums may stand in another order
        assert pruned.certificate.space == whole.certificate.space == 2 * ask(hardware, None).certificate.space
        assert pruned.certificate.evaluated < whole.certificate.evaluated


def test_it_wins_where_lanes_bound_the_time() -> None:
    """With a multiply-add the 2D array bounds it anyway; without one what rescales is the difference."""
    hardware = without_multiply_add()
    eager, lazy = ask(hardware, None), ask(hardware, Fraction(1, 8))
    assert not eager.design.schedule.runs and set(lazy.design.schedule.runs) == {"PRM", "SPD", "SPNV"}
    assert lazy.value < 0.98 * eager.value
    assert any("rescaling is lazy" in line for line in lazy.notes())
    assert lazy.certificate.schedule == {"interval": None, "why": "tiles that skip Einsums are shorter than others"}


def test_what_is_found_is_an_input(tmp_path: Path) -> None:
    found = ask(without_multiply_add(), Fraction(1, 8))
    path = tmp_path / "best.yaml"
    path.write_text(found.best)
    again = load_design(path)
    assert again.schedule.shares == found.design.schedule.shares
    assert evaluate(again, TINY, 1024).latency_s == pytest.approx(found.figures.latency, rel=1e-9)
    assert abs(simulate(again, TINY.model_copy(update={"batch": 32}), 1024).difference) < 0.01
    assert compare([str(path)], [TINY], [1024]).rows()
    assert run(["show", str(path)]) == 0


def test_a_share_that_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["search", "attn_1pass_fusemax", "--accelerator", "fusemax-cloud", "--workload", "bert", "--seq-len", "1K"]
    assert run([*words, "--lazy", "9/8"]) == 2
    assert "9/8 is not a share" in capsys.readouterr().err
    causal = [w.replace("bert", "llama-3.1-8b") for w in words]
    assert run([*causal, "--lazy", "measured"]) == 2
    assert "under a mask is not measured" in capsys.readouterr().err
    with pytest.raises(UsageError, match="nothing|no running maximum"):
        search("attn_3pass", "flat-cloud", TINY, 1024, like=("unfused",), lazy=Fraction(1, 8))


def test_it_costs_less_energy() -> None:
    """A multiply-add of a joined pair becomes an addition, and exp is left out."""
    eager, lazy = ask("fusemax-cloud", None, "energy"), ask("fusemax-cloud", Fraction(1, 8), "energy")
    assert lazy.value < eager.value and lazy.design.schedule.shares
