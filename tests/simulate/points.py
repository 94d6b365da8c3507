"""Small design points for tests of the tile level."""

from __future__ import annotations

from functools import lru_cache

from fusemax.design.sizes import Override
from fusemax.design.workload import Workload
from fusemax.model.compare import default_plan
from fusemax.model.evaluate import evaluate
from fusemax.simulate.machine import Machine
from fusemax.simulate.simulation import Simulation
from fusemax.simulate.tile import simulate

__all__ = ["DESIGNS", "machine", "run", "workload"]

DESIGNS = default_plan().designs

SETTINGS: dict[str, Override] = {"edge": 16, "buffer.capacity": "256KiB"}


def workload(
    *, heads: int = 2, kv_heads: int | None = None, head_size: int = 16, value_head_size: int | None = None,
    mask: object = "none", query_len: int | None = None, batch: int = 1,
) -> Workload:  # fmt: skip
    return Workload.model_validate(
        {
            "name": "small", "batch": batch, "model_width": heads * head_size, "heads": heads, "kv_heads": kv_heads,
            "head_size": head_size, "value_head_size": value_head_size, "ffn_width": 4 * heads * head_size,
            "mask": mask, "query_len": query_len,
        }
    )  # fmt: skip


@lru_cache
def run(design: str, length: int = 128, mask: str = "none") -> Simulation:
    """A design on a small point, with its trace."""
    return simulate(design, workload(mask=mask), length, SETTINGS, trace=True)


@lru_cache
def machine(design: str, length: int = 128, mask: str = "none") -> Machine:
    """The same point as the engines see it."""
    return Machine(evaluate(design, workload(mask=mask), length, "corrected", SETTINGS).measured)
