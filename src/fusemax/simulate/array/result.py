"""What a cycle-level simulation says: values checked, cycles, where they went, and what the hardware needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from fusemax.base.result import Result
from fusemax.simulate.array.attention import Execution
from fusemax.simulate.array.occupancy import peak_words
from fusemax.simulate.array.stalls import stalls

__all__ = ["LIMITS", "CycleResult"]

LIMITS = {"float32": 1e-5, "bfloat16": 1e-2, "float16": 1e-2}
"""Number format -> largest error over largest |AV| that still counts as attention."""


@dataclass(frozen=True)
class CycleResult(Result):
    """An execution as the command line shows it."""

    command: ClassVar[str] = "simulate"
    design: str | None
    execution: Execution

    @cached_property
    def _units(self) -> int:
        return self.execution.program.layout.edge

    @property
    def is_attention(self) -> bool:
        """The values are attention within the format's limit, and nothing was read too early."""
        run = self.execution
        return run.counts.late == 0 and run.max_error <= LIMITS[run.words]

    @property
    def status(self) -> int:
        """Exit status: 1 when the values are not attention."""
        return 0 if self.is_attention else 1

    @cached_property
    def cycles_per_epoch(self) -> int:
        """Cycles between two tiles that finish one after the other, as most of them do."""
        gaps = np.diff(self.execution.counts.finished)
        if not len(gaps):
            return self.execution.timing.period
        values, counts = np.unique(gaps, return_counts=True)
        return int(values[np.argmax(counts)])

    @cached_property
    def links(self) -> dict[str, float]:
        """Words per cycle of a steady epoch on each link and port; `buffer rows` is the sum over the ports.

        A row of the buffer is N words: one for every row, column or lane. Numbers that a port feeds (0, -inf) are none.
        """
        timed = self.execution.timing
        always = [s for s in timed.slots if s.when == "always"]
        pe, lane = ([s for s in always if s.unit == unit] for unit in ("pe", "lane"))

        def fed(side: str) -> int:
            return sum(any(where == side and isinstance(word, str) for where, word, _ in s.feed) for s in pe)

        links = {"right link": sum(s.right is not None for s in pe), "down link": sum(s.down is not None for s in pe)}
        ports = {
            "left port": fed("left"), "top port": fed("top"), "lane read port": sum(s.read is not None for s in lane),
            "lane write port": sum(s.write is not None for s in lane),
        }  # fmt: skip
        used = links | ports | {"buffer rows": sum(ports.values())}
        return {name: count / timed.period for name, count in used.items()}

    def document(self) -> Mapping[str, object]:
        """See `product` keys: level, cycles, utilizations, stalls, peak words, error; and what the hardware needs."""
        run, edge = self.execution, self._units
        timed, counts = run.timing, run.counts
        return {
            "level": "cycle", "design": self.design, "binding": timed.binding.binding, "array": edge,
            "head_size": timed.sizes.head_size, "value_head_size": timed.sizes.value_head_size,
            "key_tiles": run.work.key_tiles, "query_tiles": run.work.queries, "heads": run.work.heads,
            "tiles": run.stream.tiles, "words": run.words, "accumulators": "float32", "exp": timed.sizes.how.name,
            "cycles": counts.cycles, "epochs": len(run.program.starts) - 1, "cycles_per_epoch": self.cycles_per_epoch,
            "utilization_2d": counts.busy_pe / (counts.cycles * edge * edge),
            "utilization_1d": counts.busy_lane / (counts.cycles * edge),
            "useful_utilization_2d": counts.products / (counts.cycles * edge * edge),
            "steady_utilization_2d": counts.steady_pe, "steady_utilization_1d": counts.steady_lane,
            "stalls": stalls(timed, run.stream, run.program, "pe"),
            "stalls_1d": stalls(timed, run.stream, run.program, "lane"),
            "peak_words": peak_words(timed, run.stream, run.program, run.memory),
            "registers_pe": timed.registers("pe"), "registers_lane": timed.registers("lane"),
            "links": self.links, "lags": dict(timed.lags), "queries_in_flight": timed.separation,
            "return_delay": timed.sizes.return_delay, "max_error": run.max_error, "late_words": counts.late,
        }  # fmt: skip

    def rows(self) -> list[dict[str, object]]:
        """One row per quantity."""
        document = dict(self.document())
        found: list[dict[str, object]] = []
        for name, value in document.items():
            parts = value.items() if isinstance(value, Mapping) else [("", value)]
            for part, inner in parts:
                pairs = inner.items() if isinstance(inner, Mapping) else [("", inner)]
                found += [
                    {"quantity": ".".join(p for p in (name, str(part), str(last)) if p), "value": amount}
                    for last, amount in pairs
                ]
        return found

    def headline(self) -> str:
        """Whether it is attention, and how busy the arrays were."""
        run = self.execution
        verdict = "is attention" if self.is_attention else "is NOT attention"
        late = f", {run.counts.late} words read before they were there" if run.counts.late else ""
        error = f"largest error {run.max_error:.2g} of the largest |AV|, limit {LIMITS[run.words]:g}"
        return f"What came out of the array {verdict} ({run.words} words: {error}{late})."

    def __str__(self) -> str:
        return "\n\n".join([self.headline(), *self._tables(), "\n".join(self.notes())]).rstrip()

    def _tables(self) -> Sequence[str]:
        from fusemax.base.table import format_table

        d = dict(self.document())
        timed = self.execution.timing
        arrays = [
            {
                "array": name, "units": units, "busy": d[f"utilization_{key}"],
                "busy, steady": d[f"steady_utilization_{key}"], "QK and AV only": useful,
                "registers": timed.registers(unit),
            }
            for name, key, unit, units, useful in (
                ("2D", "2d", "pe", self._units**2, d["useful_utilization_2d"]), ("1D", "1d", "lane", self._units, ""),
            )
        ]  # fmt: skip
        how = timed.sizes.how
        times = [
            {
                "cycles": d["cycles"], "tiles": d["tiles"], "epochs": d["epochs"],
                "cycles per epoch": d["cycles_per_epoch"], "exp": f"{how.name}, {how.num_operations} slots",
                "lags": ", ".join(f"{stage} {lag}" for stage, lag in timed.lags.items()),
                "query tiles needed": timed.separation,
            }
        ]  # fmt: skip
        array, lanes = _of(d["stalls"]), _of(d["stalls_1d"])
        idle = [
            {"idle because of": cause, "2D cycles": array.get(cause, 0.0), "1D cycles": lanes.get(cause, 0.0)}
            for cause in dict.fromkeys([*array, *lanes])
        ]
        links = [{"link or port": name, "words per cycle": share} for name, share in self.links.items()]
        return [format_table(table) for table in (arrays, times, idle, links)]


def _of(value: object) -> dict[str, float]:
    return dict(value) if isinstance(value, Mapping) else {}
