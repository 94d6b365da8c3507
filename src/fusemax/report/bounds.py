"""Traffic and buffer bounds of cascades at a workload's sizes: numbers in bytes, curve, roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from fusemax.analysis.bounds import CascadeBounds, RankBound, bounds
from fusemax.analysis.roofline import Roofline
from fusemax.base.errors import UsageError
from fusemax.base.result import Result
from fusemax.base.units import format_bytes
from fusemax.cascade import load
from fusemax.cascade.ir import Cascade
from fusemax.cascade.positions import equal_classes
from fusemax.cascade.ranks import declared_ranks
from fusemax.cascade.sizes import derived_ranks, resolve_sizes
from fusemax.design.accelerator import Accelerator
from fusemax.design.load import load_accelerator
from fusemax.design.sizes import Sizes
from fusemax.design.workload import Workload, load_workload

__all__ = ["Bounds", "Comparison", "compare_bounds", "workload_bounds"]

LEAST_CAPACITY = 1024
"""Where the curve begins, in bytes."""


@dataclass(frozen=True)
class Bounds(Result):
    """The bounds of one cascade at a workload's sizes.

    Everything in `one` is in elements and for one instance: one layer's, batch entry's and key-value head's
    attention, unless the cascade has ranks for them. A buffer is shared by all instances in turn.
    """

    command: ClassVar[str] = "bounds"
    one: CascadeBounds
    workload: str
    seq_len: int
    instances: int
    word_bits: int
    buffer_bytes: int | None
    roofline: Roofline | None = None
    with_curve: bool = False

    def bytes_of(self, elements: int) -> int:
        """Elements as bytes, a part of a byte counted as one."""
        return -(-elements * self.word_bits // 8)

    def traffic_bytes(self, capacity_bytes: int) -> int:
        """Least bytes moved to and from memory with a buffer of that many bytes, all instances together."""
        return self.instances * self.bytes_of(self.one.traffic(capacity_bytes * 8 // self.word_bits))

    @property
    def compulsory_bytes(self) -> int:
        """Inputs read and outputs written once."""
        return self.instances * self.bytes_of(self.one.ranks[0].compulsory)

    @property
    def enough_bytes(self) -> int:
        """The buffer from which on the bound is the compulsory traffic."""
        return self.bytes_of(self.one.enough)

    @property
    def strongest(self) -> RankBound:
        """The rank that asks for the most traffic at the given buffer, or without one."""
        elements = 0 if self.buffer_bytes is None else self.buffer_bytes * 8 // self.word_bits
        return self.one.strongest(elements)

    def curve(self, capacities: Sequence[int]) -> list[dict[str, object]]:
        """Rows with `cascade`, `capacity` and least `traffic`, both in bytes."""
        return [{"cascade": self.one.cascade, "capacity": c, "traffic": self.traffic_bytes(c)} for c in capacities]

    def rows(self) -> list[dict[str, object]]:
        """One row: the rank that asks for the most."""
        rank = self.strongest
        row: dict[str, object] = {
            "cascade": self.one.cascade,
            "rank": rank.rank,
            "passes": rank.passes,
            "footprint": rank.footprint,
            "footprint_bytes": self.bytes_of(rank.footprint_elements),
            "least_traffic": rank.symbolic,
            "compulsory_bytes": self.compulsory_bytes,
            "enough_buffer_bytes": self.enough_bytes,
        }
        if self.buffer_bytes is not None:
            row["traffic_bytes"] = self.traffic_bytes(self.buffer_bytes)
        if self.roofline is not None:
            row |= {
                "intensity": self.roofline.intensity,
                "bound": self.roofline.bound,
                "least_seconds": self.roofline.least_seconds,
            }
        return [row]

    def document(self) -> Mapping[str, object]:
        """All ranks with their gaps, the bounds in bytes, the curve if asked for, and the roofline."""
        found: dict[str, object] = {
            "cascade": self.one.cascade,
            "workload": self.workload,
            "seq_len": self.seq_len,
            "sizes": self.one.sizes,
            "instances": self.instances,
            "word_bits": self.word_bits,
            "ranks": [self._rank(rank) for rank in self.one.ranks],
            "compulsory_bytes": self.compulsory_bytes,
            "enough_buffer_bytes": self.enough_bytes,
            "buffer_bytes": self.buffer_bytes,
            "traffic_bytes": None if self.buffer_bytes is None else self.traffic_bytes(self.buffer_bytes),
            "not_counted": list(self.one.in_part),
        }
        if self.with_curve:
            capacities = curve_capacities([self])
            found["curve"] = [
                {"capacity_bytes": c, "traffic_bytes": self.traffic_bytes(c)} for c in capacities
            ]  # fmt: skip
        if self.roofline is not None:
            roof = self.roofline
            found["roofline"] = {
                "operations": roof.operations,
                "operational_intensity": roof.intensity,
                "peak_operations_per_s": roof.peak,
                "bandwidth_bytes_per_s": roof.bandwidth,
                "performance_operations_per_s": roof.performance,
                "bound": roof.bound,
                "least_latency_s": roof.least_seconds,
            }
        return found

    def _rank(self, rank: RankBound) -> dict[str, object]:
        gaps = [
            {
                "after": gap.after, "barrier": gap.barrier, "tensors": gap.tensors, "spilled": gap.spilled,
                "factor": gap.factor, "symbolic": gap.symbolic, "times": gap.times,
            }
            for gap in rank.gaps
        ]  # fmt: skip
        return {
            "rank": rank.rank, "size": rank.size, "passes": rank.passes, "footprint": rank.footprint,
            "footprint_bytes": self.bytes_of(rank.footprint_elements), "formula": rank.formula,
            "symbolic": rank.symbolic, "gaps": gaps,
        }  # fmt: skip

    def headline(self) -> str:
        """What the strongest bound says, in words."""
        rank, name = self.strongest, self.one.cascade
        passes = f"{rank.passes} {'pass' if rank.passes == 1 else 'passes'} over {rank.rank}"
        if not rank.factor:
            return f"{name}: {passes}; at least {format_bytes(self.compulsory_bytes)} move, whatever the buffer"
        text = f"{name}: {passes}; below {format_bytes(self.enough_bytes)} of buffer, data must come again"
        if self.buffer_bytes is None:
            return text
        traffic = self.traffic_bytes(self.buffer_bytes)
        ratio = traffic / self.compulsory_bytes
        return f"{text}; at {format_bytes(self.buffer_bytes)} at least {format_bytes(traffic)} move ({ratio:.3g}x)"


@dataclass(frozen=True)
class Comparison(Result):
    """Several cascades side by side; `with_curve` shows least traffic by capacity instead of the summary."""

    command: ClassVar[str] = "bounds"
    found: tuple[Bounds, ...]
    with_curve: bool = False

    def rows(self) -> list[dict[str, object]]:
        """A row per cascade, or per cascade and capacity."""
        if not self.with_curve:
            return [row for one in self.found for row in one.rows()]
        capacities = curve_capacities(self.found)
        return [row for one in self.found for row in one.curve(capacities)]

    def document(self) -> Mapping[str, object]:
        """The cascades' documents."""
        return {"cascades": [one.to_json_document() for one in self.found]}

    def headline(self) -> str:
        """A line per cascade."""
        return "\n".join(one.headline() for one in self.found)

    def __str__(self) -> str:
        from fusemax.base.table import format_table

        rows = self.table()
        return "\n\n".join(part for part in (self.headline(), format_table(rows), "\n".join(self.notes())) if part)

    def table(self) -> list[dict[str, object]]:
        """The rows for people: bytes with units, the curve with a column per cascade."""
        if self.with_curve:
            return [
                {"buffer": format_bytes(c), **{b.one.cascade: format_bytes(b.traffic_bytes(c)) for b in self.found}}
                for c in curve_capacities(self.found)
            ]
        names = {
            "compulsory_bytes": "compulsory", "enough_buffer_bytes": "enough", "traffic_bytes": "traffic",
            "least_seconds": "least s",
        }  # fmt: skip
        return [
            {names.get(k, k): format_bytes(v) if isinstance(v, int) and k.endswith("_bytes") else v for k, v in row}
            for one in self.found
            for row in [[(k, v) for k, v in one.rows()[0].items() if k not in ("least_traffic", "footprint_bytes")]]
        ]

    def notes(self) -> Sequence[str]:
        """What the numbers are of."""
        one = self.found[0]
        sizes = ", ".join(f"{rank} = {size}" for rank, size in one.one.sizes.items())
        lines = [f"least elements of {b.one.cascade}: {b.strongest.symbolic}" for b in self.found]
        lines.append(f"C is the buffer in elements of {one.word_bits} bits; 'enough': no pass asks for a larger one")
        lines.append(f"sizes of {one.one.cascade}: {sizes}")
        lines += [
            f"{b.one.cascade}: {', '.join(b.one.in_part)} is read in part and not counted"
            for b in self.found
            if b.one.in_part
        ]
        if one.instances > 1:
            lines.append(f"bytes are of all {one.instances} instances (layers, batch, key-value heads)")
        return lines


def workload_bounds(
    cascade: Cascade | str,
    workload: Workload | str = "bert",
    seq_len: int = 4096,
    buffer_bytes: int | None = None,
    *,
    accelerator: Accelerator | str | None = None,
    sizes: Mapping[str, int] | None = None,
    word_bits: int | None = None,
    with_curve: bool = False,
) -> Bounds:
    """Lower bounds of a cascade at a workload's sizes.

    Ranks B, H, E, F, M and P (and G and R, key-value heads and their queries) get the workload's sizes, other
    ranks their defaults or what `sizes` says; ranks of `sizes` that the cascade has not are left out. With an
    accelerator: its word, its buffer if none is given, and its roofline. Raises what loading raises, and
    located errors for sizes that do not fit.
    """
    text = load(cascade) if isinstance(cascade, str) else cascade
    model = load_workload(workload) if isinstance(workload, str) else workload
    machine = load_accelerator(accelerator) if isinstance(accelerator, str) else accelerator
    ranks = declared_ranks(text)
    known, instances = _sizes(text, model, seq_len, {r: n for r, n in (sizes or {}).items() if r in ranks})
    found = bounds(text, known)
    bits = word_bits or (machine.word if machine is not None else 16)
    if buffer_bytes is None and machine is not None:
        buffer_bytes = _buffer(machine)
    result = Bounds(found, model.name, seq_len, instances, bits, buffer_bytes, None, with_curve)
    if machine is None or buffer_bytes is None:
        return result
    operations = _multiply_adds(text, known) * instances
    peak, bandwidth = _rates(machine)
    roof = Roofline(operations, result.traffic_bytes(buffer_bytes), peak, bandwidth)
    return Bounds(found, model.name, seq_len, instances, bits, buffer_bytes, roof, with_curve)


def compare_bounds(found: Sequence[Bounds], with_curve: bool = False) -> Comparison:
    """Bounds of several cascades in one table."""
    return Comparison(tuple(found), with_curve)


def curve_capacities(found: Sequence[Bounds]) -> list[int]:
    """Powers of two in bytes up to where every bound has fallen to the compulsory traffic, and those places."""
    most = max(LEAST_CAPACITY, *(2 * one.enough_bytes for one in found))
    powers = []
    for n in count():
        powers.append(LEAST_CAPACITY << n)
        if powers[-1] >= most:
            break
    knees = {one.enough_bytes for one in found if one.enough_bytes > LEAST_CAPACITY}
    return sorted({*powers, *knees})


# ---------------------------------------------------------------------------------------------------- sizes


def _sizes(cascade: Cascade, model: Workload, seq_len: int, given: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """The size of every rank, and how many instances of the cascade the workload has."""
    ranks = set(declared_ranks(cascade)) - set(derived_ranks(cascade))
    group = model.heads // model.kv_heads
    queries = model.queries(seq_len)
    has_heads = bool(ranks & {"H", "G"})
    shared = {"P", "M"} <= set(equal_classes(cascade))
    if not has_heads and not shared:
        queries *= group  # the queries of all heads that share keys and values
    table = {
        "B": model.batch, "H": model.heads, "E": model.head_size, "F": model.value_head_size, "M": seq_len, "P": queries
    }  # fmt: skip
    if {"G", "R"} <= ranks:
        table |= {"G": model.kv_heads, "R": group}
    if "M" not in ranks and "I" in ranks:
        table["I"] = seq_len  # a recurrence over the sequence
    wanted = {rank: size for rank, size in table.items() if rank in ranks} | dict(given)
    instances = 1
    if "E" in ranks:  # attention, of one head and one batch entry unless it has ranks for them
        instances = model.layers * (1 if "B" in ranks else model.batch) * (1 if has_heads else model.kv_heads)
    return resolve_sizes(cascade, None, wanted), instances


def _multiply_adds(cascade: Cascade, sizes: Mapping[str, int]) -> int:
    from fusemax.analysis.work import work

    derived = derived_ranks(cascade)
    found = work(cascade, {rank: size for rank, size in sizes.items() if rank not in derived}).total("mac")
    if found.number is None:
        raise UsageError(f"the multiply-adds of {cascade.name} depend on data: no roofline")
    return found.number


def _rates(machine: Accelerator) -> tuple[float, float]:
    """Multiply-adds per second of all arrays, and bytes per second of the outermost memory."""
    at = Sizes(machine, {}, {})
    arrays = [name for name, array in machine.arrays.items() if array.multiply_add]
    elements = sum(float(at(f"{name}.rows")) * float(at(f"{name}.columns")) for name in arrays)
    outermost = next(iter(machine.memories))
    if machine.memories[outermost].bandwidth is None:
        raise UsageError(f"accelerator {machine.name} gives its outermost memory no bandwidth: no roofline")
    return elements * float(at("clock")), float(at(f"{outermost}.bandwidth"))


def _buffer(machine: Accelerator) -> int | None:
    """The capacity of the memory inside the outermost one."""
    inner = list(machine.memories)[1:]
    known = inner and machine.memories[inner[0]].capacity is not None
    return int(Sizes(machine, {}, {})(f"{inner[0]}.capacity")) if known else None
