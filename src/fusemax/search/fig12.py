"""The paper's Figure 12 as parts of a sweep: area against latency over the array's edge, one part per workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fusemax import __version__
from fusemax.base.result import plain
from fusemax.base.units import parse_length
from fusemax.design.load import load_design
from fusemax.design.workload import Workload, load_workload
from fusemax.model.areasweep import area_sweep
from fusemax.model.compare import default_plan
from fusemax.model.profile import accounting_of
from fusemax.search.code import code_digest
from fusemax.search.grid import Reals, Wholes
from fusemax.search.rewrite import design_digest
from fusemax.search.study import Study

__all__ = ["AreaPart", "area_parts"]

_FIGURES = (
    "area_um2",
    "array2d_area_um2",
    "latency_s",
    "memory_s",
    "array2d_s",
    "array1d_s",
    "traffic_bytes",
    "buffer_bytes",
)


@dataclass(frozen=True)
class AreaPart:
    """The area sweep of one workload; see Part."""

    workload: Workload
    accounting: str
    digest: str = field(repr=False)

    @cached_property
    def study(self) -> Study:
        """All that the points depend on besides the edge."""
        sweep, rules = default_plan().area_sweep, accounting_of(self.accounting)
        by = {
            "design": self.digest,
            "sweep": plain(sweep.model_dump(mode="json")),
            "workload": self.workload.model_dump(mode="json", exclude={"sources"}),
            "accounting": sorted(rules.switches),
            "version": __version__,
            "code": code_digest(),
        }
        about = {
            "design": sweep.design,
            "workload": self.workload.name,
            "accounting": rules.name,
            "version": __version__,
            "code": code_digest(),
        }
        return Study.of(by, about, ("seq_len", "edge"), _FIGURES)

    @property
    def num_points(self) -> int:
        """The edges."""
        return len(default_plan().area_sweep.edge)

    @property
    def first_step(self) -> int:
        """All at once."""
        return self.num_points

    def inputs(self, start: int, stop: int) -> Wholes:
        """See Part."""
        sweep = default_plan().area_sweep
        return np.array([(parse_length(sweep.seq_len), edge) for edge in sweep.edge[start:stop]], dtype=np.int64)

    def figures(self, start: int, stop: int, only: Wholes | None = None, threads: int | None = None) -> Reals:
        """See Part."""
        rows = area_sweep([self.workload], self.accounting)[start:stop]
        found = np.array([[float(str(row[name])) for name in _FIGURES] for row in rows])
        return found if only is None else found[only]


def area_parts(accounting: str = "published") -> list[AreaPart]:
    """One part per workload of the paper's comparison."""
    plan = default_plan()
    digest = design_digest(load_design(plan.area_sweep.design))
    return [AreaPart(load_workload(name), accounting, digest) for name in plan.workloads]
