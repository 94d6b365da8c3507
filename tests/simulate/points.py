"""Small design points for tests of the tile level."""

from __future__ import annotations

from fusemax.design.workload import Workload
from fusemax.simulate.agreement import DESIGNS

__all__ = ["DESIGNS", "workload"]


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
