"""The page on lazy rescaling: ``python -m docs.rescaling`` counts again, ``make docs`` writes the page.

What was counted stands in lazy-rescaling.json beside the page, so that the page can be written, and tested, at once.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusemax.base.files import write_atomically
from fusemax.base.units import format_length
from fusemax.design.load import load_design
from fusemax.search.rescaling import Rescaling, rescaling

DATA = Path(__file__).parent / "explanation" / "lazy-rescaling.json"
DESIGN = "fusemax-lazy"
LENGTHS = (1024, 4096, 16384)
DEVIATIONS = (1, 2, 3, 4, 6, 8)
TOGETHER = (1, 16, 64, 256)
THRESHOLDS = (4, 5.545, 8, 11.09)

HEAD = """\
# Lazy rescaling

FuseMax multiplies the running numerator and denominator by PRM = exp(RM before - RM after) at every key tile (Einsums
PRM, SPD, SPNV). Any reference is exact, not the maximum alone, so FlashAttention-4 lets the reference stay until the
maximum has grown by more than a threshold; where it stays, PRM is 1 and the state passes as it is. `fusemax derive
attn_1pass_fusemax --rank M --law lazy` writes that cascade ([the law](../reference/laws/lazy.md)). What is it worth?

## How often it rescales

An array has many rows in flight, one per lane, and all of them go together: a tile is skipped only when none of its
rows has a new reference. So the share that counts is that of the (key tile, query tile) at which any row moves. It is
counted by executing the cascade on random data: BERT's head size of 64, normal queries and keys (seed 0) scaled so that
scores have the standard deviation of the first row, tiles of 256 keys and 256 rows, the threshold TAU = 8. Ours is in
natural logarithms; FlashAttention-4's 8 is a power of two, 5.545 here.
"""

REST = """\
Standard normal queries and keys with the usual 1/sqrt(E) make a deviation of 1: then only the first tile of a row sets
the reference, 1 of 16 at 4K. Without that scale, as the paper has it, the deviation is sqrt(64) = 8 and almost every
tile has a row that rescales, though few rows do: laziness pays on an array of lanes only where scores are small.
"""

ALONE = """\
By how many rows go together, at 4K, of the deviations above:
"""

BY_THRESHOLD = """\
By the threshold, at 4K, 256 rows together; numerators grow up to exp(TAU):
"""

DESIGNS = """\
## What it brings

A schedule says so with `runs`: Einsums, and the share of the tiles at which they run.

```yaml
schedule:
  runs: {PRM: 1/16, SPD: 1/16, SPNV: 1/16}
```

Elsewhere they take no cycle and no operation; their words are read and written as if they ran, for the state passes
through. Only Einsums that multiply by such a factor, or make it, may be listed. What decides is work of RM at every
tile, for the cascade has it: a subtraction and a comparison for each row instead of one maximum.

`fusemax-lazy` is FuseMax with that share and arrays that run freely beside one another; `model`, `compare`, `simulate`
and `show` take such designs. The tile level simulates that share exactly, at tiles spread evenly, and computes no
values. The cycle level refuses: its programs are the same for every tile.

In FuseMax's own order (Fig. 4) nothing is gained, for SPNV runs beside SLNV, which takes as long; RM's second cycle
even costs 0.7 %. Arrays that run freely gain 3.5 %, until the 2D array bounds the time. A multiply-add for SPNV and RNV
brings the same 3.5 %, and both together no more. `fusemax search --lazy measured` counts the share and searches both
kinds of design; what it finds is in [best mappings](best-mappings.md#fusemaxs-binding).

In Python: `fusemax.search.rescaling.rescaling(cascade, workload, seq_len, deviation=1, together=256)`.
"""


def count() -> dict[str, Any]:
    """Count again."""
    cascade = load_design(DESIGN).cascade

    def counted(length: int, threshold: float | None = None) -> dict[str, Rescaling]:
        return {str(d): rescaling(cascade, "bert", length, deviation=d, threshold=threshold) for d in DEVIATIONS}

    by_length = {length: counted(length) for length in LENGTHS}
    at_4k = by_length[4096]
    return {
        "lengths": {str(length): _shares(found) for length, found in by_length.items()},
        "together": {str(n): _shares({d: replace(f, together=n) for d, f in at_4k.items()}) for n in TOGETHER},
        "thresholds": {str(t): _shares(at_4k if t == 8 else counted(4096, t)) for t in THRESHOLDS},
    }


def _shares(found: dict[str, Rescaling]) -> dict[str, dict[str, float]]:
    keys = ("share", "share_of_rows")
    return {deviation: {key: float(str(one.rows()[0][key])) for key in keys} for deviation, one in found.items()}


def page() -> str:
    """The page, from what was counted."""
    known = json.loads(DATA.read_text(encoding="utf-8"))
    lengths = {f"{format_length(int(n))}, any of 256 rows": row for n, row in known["lengths"].items()}
    rows = {f"{format_length(int(n))}, each row": row for n, row in known["lengths"].items()}
    return "\n".join(
        [
            HEAD,
            *_table("standard deviation of the scores", lengths, "share", rows),
            "",
            REST,
            ALONE,
            *_table("rows together", known["together"], "share"),
            "",
            BY_THRESHOLD,
            *_table("threshold", known["thresholds"], "share"),
            "",
            DESIGNS,
        ]
    )


def _table(
    head: str, rows: dict[str, dict[str, dict[str, float]]], key: str, more: dict[str, Any] | None = None
) -> list[str]:
    text = ["| " + " | ".join([head, *map(str, DEVIATIONS)]) + " |", "|---|" + "--:|" * len(DEVIATIONS)]
    for name, row in rows.items():
        text.append("| " + " | ".join([name, *(f"{row[str(d)][key]:.1%}" for d in DEVIATIONS)]) + " |")
    for name, row in (more or {}).items():
        text.append("| " + " | ".join([name, *(f"{row[str(d)]['share_of_rows']:.1%}" for d in DEVIATIONS)]) + " |")
    return text


if __name__ == "__main__":
    write_atomically(DATA, json.dumps(count(), indent=1) + "\n")
    print(f"{DATA.name} written", file=sys.stderr)
