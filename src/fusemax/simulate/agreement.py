"""The model's corrected latency held against the simulation, on drawn design points.

`draw_points` draws the same points for the same seed: every shipped design in turn, array edges 16 to 256, head sizes
32 to 256 (E and F apart), lengths 1K to 64K and odd ones between, masks, grouped queries, decode.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from fusemax.base.result import Result
from fusemax.design.workload import Workload
from fusemax.model.compare import default_plan
from fusemax.simulate.tile import simulate

__all__ = ["LIMIT", "Agreement", "Point", "agreement", "draw_points"]

LIMIT = 0.01
"""The relative difference up to which both agree."""

EDGES = (16, 32, 64, 128, 256)
HEAD_SIZES = (32, 64, 96, 128, 256)
LENGTHS = (1024, 1500, 2048, 4096, 5000, 8192, 16384, 30000, 32768, 65536)
MASKS = ("none", "none", "causal", "window")
MOST_TILES = {"none": 65536, "causal": 8192, "window": 8192}
"""Score tiles of heads that share keys, above which a drawn length is halved: under a mask each is executed."""


@dataclass(frozen=True)
class Point:
    """A design point; ``rows`` is the number of queries, None as many as keys."""

    design: str
    edge: int
    head_size: int
    value_head_size: int
    batch: int
    heads: int
    kv_heads: int
    mask: str
    seq_len: int
    query_len: int | None

    @property
    def workload(self) -> Workload:
        """The workload of the point."""
        mask: object = {"window": max(1, self.seq_len // 8)} if self.mask == "window" else self.mask
        return Workload.model_validate(
            {
                "name": "drawn", "batch": self.batch, "model_width": self.heads * self.head_size, "heads": self.heads,
                "kv_heads": self.kv_heads, "head_size": self.head_size, "value_head_size": self.value_head_size,
                "ffn_width": 4 * self.heads * self.head_size, "mask": mask, "query_len": self.query_len,
            }
        )  # fmt: skip


def draw_points(number: int, seed: int = 0) -> list[Point]:
    """So many points, the designs in turn."""
    source = random.Random(seed)
    designs = default_plan().designs
    return [_draw(source, designs[i % len(designs)]) for i in range(number)]


def _draw(source: random.Random, design: str) -> Point:
    edge, length, mask = source.choice(EDGES), source.choice(LENGTHS), source.choice(MASKS)
    group, kv_heads = source.choice((1, 1, 4, 8)), source.choice((1, 2, 4))
    query_len = source.choice((None, None, None, None, 1, 16))
    while length > LENGTHS[0] and (query_len or length) * group * length > MOST_TILES[mask] * edge**2:
        length = max(length // 2, LENGTHS[0])
    return Point(
        design, edge, source.choice(HEAD_SIZES), source.choice(HEAD_SIZES), source.choice((1, 2, 8)), group * kv_heads,
        kv_heads, mask, length, query_len,
    )  # fmt: skip


@dataclass(frozen=True)
class Agreement(Result):
    """Cycles of the simulation and of the model, point by point."""

    command: ClassVar[str] = "agreement"
    points: tuple[tuple[Point, float, float], ...]

    @property
    def worst(self) -> float:
        """The largest relative difference, as a magnitude."""
        return max(abs(model / cycles - 1) for _, cycles, model in self.points)

    def rows(self) -> list[dict[str, object]]:
        """One row per point."""
        return [_row(point, cycles, model) for point, cycles, model in self.points]

    def document(self) -> Mapping[str, object]:
        """The rows and the worst of them."""
        return {"worst": self.worst, "rows": self.rows()}


def _row(point: Point, cycles: float, model: float) -> dict[str, object]:
    return {
        "design": point.design,
        "N": point.edge,
        "E": point.head_size,
        "F": point.value_head_size,
        "B": point.batch,
        "heads": f"{point.heads}/{point.kv_heads}",
        "mask": point.mask,
        "keys": point.seq_len,
        "queries": point.query_len or point.seq_len,
        "simulated": round(cycles),
        "model": round(model),
        "difference": f"{model / cycles - 1:+.3%}",
    }


def agreement(points: Iterable[Point]) -> Agreement:
    """Simulate some points."""
    return Agreement(tuple(_compared(points)))


def _compared(points: Iterable[Point]) -> Iterator[tuple[Point, float, float]]:
    for point in points:
        found = simulate(point.design, point.workload, point.seq_len, {"edge": point.edge})
        yield point, found.cycles, found.model_cycles
