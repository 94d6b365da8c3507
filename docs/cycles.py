"""The measured tables of explanation/does-fusemax-reach-100-percent.md; `python -m docs.cycles` writes them again.

Every line is a simulation. A test measures the small ones each time and all of them at length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docs.generate import DOCS
from fusemax.base.files import write_atomically
from fusemax.design.workload import Workload
from fusemax.simulate.array.result import CycleResult
from fusemax.simulate.array.simulate import simulate_cycles
from fusemax.simulate.tile import simulate

__all__ = ["EDGES", "OTHERS", "PAGE", "other_line", "size_line"]

PAGE = DOCS / "explanation" / "does-fusemax-reach-100-percent.md"
FORMATS = ("bfloat16", "float16", "float32")
EDGES, HEAD_SIZES = (4, 8, 16, 32, 64, 128, 256), (64, 128)
OTHERS = (
    ("fusemax-pipelined", "FuseMax's, as shipped", "fusemax", 64),
    ("fusemax-one-mac", "SPNV and RNV as one multiply-add", "fusemax", 64),
    ("fusemax-serial", "one tile at a time", "fusemax", 64),
    ("flat-lanes", "softmax on the lanes in three passes", "flat", 64),
    ("single-array", "all in one array, one tile at a time", "fusemax", 256),
)
"""Binding, what it is, the design whose accelerator it runs on, E = F."""


def size_line(edge: int, head_size: int) -> str:
    """FuseMax's binding at one size: 16 key tiles, one query tile."""
    runs = [simulate_cycles("fusemax", array=edge, head_size=head_size, words=w) for w in FORMATS]
    found = dict(runs[0].document())
    timed = runs[0].execution.timing
    busy = 2 * head_size + 9  # the paper's cycles of a tile on the 2D array (Sec. V); the lanes take one more
    cells = [
        edge, head_size, *(f"{run.execution.max_error:.1e}" for run in runs), found["cycles_per_epoch"],
        _both(runs[0], edge, head_size), _share(found["steady_utilization_2d"]), _share(busy / (busy + 1)),
        _share(found["steady_utilization_1d"]), _share(found["utilization_2d"]),
        timed.registers("pe"), timed.registers("lane"), ", ".join(f"{s} {lag}" for s, lag in timed.lags.items()),
    ]  # fmt: skip
    return _line(cells)


def _both(run: CycleResult, edge: int, head_size: int) -> str:
    """Cycles of the tiles without fill and drain: one number where both levels count the same, else both."""
    timed = run.execution.timing
    by_cycle = run.execution.program.length - max(timed.lags.values()) * timed.period
    head = Workload(
        name="one head", batch=1, model_width=head_size, heads=1, head_size=head_size, ffn_width=head_size,
        query_len=edge,
    )  # fmt: skip
    rows = simulate("fusemax", head, run.execution.work.key_tiles * edge, {"edge": str(edge)}).rows()
    (by_tile,) = [r["value"] for r in rows if r["what"] == "tiles, one epoch each" and r["quantity"] == "simulated"]
    return str(by_cycle) if by_cycle == by_tile else f"{by_cycle} and {by_tile}"


def other_line(binding: str, title: str, design: str, head_size: int) -> str:
    """One binding at N = 256, long enough for its steady state."""
    run = simulate_cycles(design, binding=binding, array=256, head_size=head_size, queries=6, key_tiles=4)
    timed, counts = run.execution.timing, run.execution.counts
    useful = 2 * head_size / run.cycles_per_epoch
    cells = [
        f"`{binding}`", title, run.cycles_per_epoch, _share(counts.steady_pe), _share(useful),
        _share(counts.steady_lane), timed.registers("pe"), timed.registers("lane"),
    ]  # fmt: skip
    return _line(cells)


def _share(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "unknown"


def _line(cells: list[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _written(text: str, header: str, lines: Iterator[str]) -> str:
    """The page with the lines of the table under a header replaced."""
    table = re.compile(rf"(^\| {re.escape(header)} .*\n\|[-:| ]+\n)(?:\|.*\n|TABLE\n|OTHERS\n)*", re.MULTILINE)
    return table.sub(lambda found: found[1] + "".join(f"{line}\n" for line in lines), text)


def main() -> None:
    """Measure every line and write the page."""
    text = PAGE.read_text(encoding="utf-8")
    text = _written(text, "N", (size_line(n, e) for n in EDGES for e in HEAD_SIZES))
    text = _written(text, "binding", (other_line(*other) for other in OTHERS))
    write_atomically(PAGE, text)


if __name__ == "__main__":
    main()
