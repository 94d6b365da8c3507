"""What `fusemax run` says: the outputs in a few numbers each, and the points touched when they were counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fusemax.base.result import Result
from fusemax.execute.touch import Touched

Array = NDArray[Any]


@dataclass(frozen=True)
class Run(Result):
    """The outputs of a run, and what it touched (None when that was not counted)."""

    command: ClassVar[str] = "run"
    cascade: str
    number_format: str
    outputs: Mapping[str, Array]
    touched: Sequence[Touched] | None = None

    def rows(self) -> list[dict[str, object]]:
        """One row per output, or, when counted, one per action of each Einsum."""
        return self.output_rows() if self.touched is None else self.touched_rows()

    def output_rows(self) -> list[dict[str, object]]:
        """Shape and range of each output; `least` and `most` are over its numbers, unknown when there is none."""
        return [_summary(name, array) for name, array in self.outputs.items()]

    def touched_rows(self) -> list[dict[str, object]]:
        """Per map and reduce action: the points of its iteration space and those it touched."""
        return [
            {
                "einsum": row.einsum,
                "action": row.action.kind,
                "compute": row.action.compute,
                "merge": row.action.merge,
                "points": row.points,
                "touched": row.touched,
            }
            for row in self.touched or ()
        ]

    def totals(self) -> dict[str, dict[str, int]]:
        """Per merge operator: points and touched points of all actions."""
        found: dict[str, dict[str, int]] = {}
        for row in self.touched or ():
            total = found.setdefault(row.action.merge, {"points": 0, "touched": 0})
            total["points"] += row.points
            total["touched"] += row.touched
        return dict(sorted(found.items()))

    def document(self) -> Mapping[str, object]:
        """Outputs, and the counts by action and by merge operator when they were counted."""
        found: dict[str, object] = {
            "cascade": self.cascade,
            "dtype": self.number_format,
            "outputs": self.output_rows(),
        }
        if self.touched is not None:
            found |= {"touched": self.touched_rows(), "merge": self.totals()}
        return found

    def notes(self) -> Sequence[str]:
        """Totals per merge operator."""
        return [
            f"{merge}: {total['touched']} of {total['points']} points touched" for merge, total in self.totals().items()
        ]


def _summary(name: str, array: Array) -> dict[str, object]:
    numbers = array[~np.isnan(array)]
    return {
        "output": name,
        "shape": list(array.shape),
        "least": float(numbers.min()) if numbers.size else None,
        "most": float(numbers.max()) if numbers.size else None,
        "nan": int(array.size - numbers.size),
        "infinite": int(np.isinf(array).sum()),
    }
