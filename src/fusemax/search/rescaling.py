"""How often a lazily moved reference moves: counted by executing a cascade on random data.

``rescaling(cascade, workload, seq_len)`` draws queries and keys from a normal distribution, scaled so that scores have
a given standard deviation (1 is what attention scaled by 1/sqrt(E) makes of standard normal queries and keys), runs the
cascade and notes at which key tiles the running reference moves for which rows. An array has many rows in flight and
they go together: what counts for it is the share of tiles at which any of them moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fusemax.base.errors import UsageError
from fusemax.base.result import Result
from fusemax.base.units import format_length, parse_length
from fusemax.cascade import load as load_cascade
from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import rank_of
from fusemax.design.corrections import references, thresholds
from fusemax.design.workload import Workload, load_workload
from fusemax.execute.moves import moves

__all__ = ["Rescaling", "rescaling"]

_SCORES = 1 << 26
_MOST = 16
"""Groups of rows that are drawn at the most, within so many scores in all."""


@dataclass(frozen=True)
class Rescaling(Result):
    """At which (key tile, row) references move; see `rescaling`."""

    command: ClassVar[str] = "rescaling"
    cascade: str
    workload: str
    seq_len: int
    deviation: float
    threshold: float | None
    key_tile: int
    together: int
    """Rows that go together."""
    seed: int
    moved: Mapping[str, npt.NDArray[np.bool_]] = field(repr=False)
    """By reference an array of (key tiles, rows)."""

    @cached_property
    def shares(self) -> dict[str, Fraction]:
        """By reference, the share of (key tile, query tile) at which it moves for any of the rows that go together."""
        return {name: Fraction(int(tiles.sum()), tiles.size) for name, tiles in self._tiles.items()}

    @cached_property
    def shares_of_rows(self) -> dict[str, Fraction]:
        """By reference, the share of (key tile, row) at which it moves."""
        return {name: Fraction(int(each.sum()), each.size) for name, each in self.moved.items()}

    @cached_property
    def _tiles(self) -> dict[str, npt.NDArray[np.bool_]]:
        shape = (-1, self.together)
        return {n: np.any(each.reshape(len(each), *shape), axis=2) for n, each in self.moved.items()}

    def rows(self) -> list[dict[str, object]]:
        """``reference, tiles, rescaled, share, share_of_rows``, one row per reference."""
        return [
            {
                "reference": name,
                "seq_len": self.seq_len,
                "deviation": self.deviation,
                "tiles": int(self._tiles[name].size),
                "rescaled": int(self._tiles[name].sum()),
                "share": float(share),
                "share_of_rows": float(self.shares_of_rows[name]),
            }
            for name, share in self.shares.items()
        ]

    def document(self) -> Mapping[str, object]:
        """The rows, and what was drawn."""
        return {
            "cascade": self.cascade,
            "workload": self.workload,
            "seq_len": self.seq_len,
            "deviation": self.deviation,
            "threshold": self.threshold,
            "key_tile": self.key_tile,
            "together": self.together,
            "seed": self.seed,
            "rows": self.rows(),
        }

    def headline(self) -> str:
        """The answer in words."""
        found = ", ".join(f"{name} {share}" for name, share in self.shares.items())
        threshold = "" if self.threshold is None else f", threshold {self.threshold:g} (natural logarithm)"
        return (
            f"{self.cascade}, {self.workload} at {format_length(self.seq_len)}: tiles of {self.key_tile} keys x"
            f" {self.together} rows at which a reference moves: {found}; scores of standard deviation"
            f" {self.deviation:g}{threshold}, seed {self.seed}"
        )


def rescaling(
    cascade: str | Cascade,
    workload: str | Workload,
    seq_len: int | str,
    *,
    deviation: float = 1.0,
    threshold: float | None = None,
    key_tile: int = 256,
    together: int = 256,
    seed: int = 0,
) -> Rescaling:
    """Count at which (key tile, query tile) a cascade's running references move, on random data.

    ``deviation`` is the standard deviation of the scores, ``threshold`` the cascade's own parameter (TAU of the lazy
    law) unless given, ``key_tile`` the keys of one step, ``together`` the rows that an array has in flight at once: a
    tile counts when any of them moves. One head is drawn, up to 16 groups of rows. Raises UsageError for a cascade
    without a reference that corrects anything, and what the loaders raise.
    """
    given = cascade if isinstance(cascade, Cascade) else load_cascade(cascade)
    load = workload if isinstance(workload, Workload) else load_workload(workload)
    length, found = parse_length(seq_len), references(given)
    if not found:
        raise UsageError(f"{given.name} has no running reference whose moves rescale anything")
    if deviation <= 0 or key_tile < 1 or together < 1:
        raise UsageError("the deviation of the scores, the keys of a tile and the rows together must be above 0")
    keys = min(key_tile, length)
    length = length // keys * keys
    groups = max(1, min(_MOST, load.queries(length) // together, _SCORES // (length * together)))
    sizes = {**dict.fromkeys(_ranks(given), 1), "E": load.head_size, "M": length, "P": groups * together}
    sizes = {rank: size for rank, size in sizes.items() if rank in _ranks(given)} | _inner(given, keys)
    own = thresholds(given)
    limit = threshold if threshold is not None else min(own.values(), default=None)
    chosen = dict.fromkeys(own, threshold) if threshold is not None else {}
    drawn = _inputs(given, sizes, deviation, seed)
    moved = {one: moves(given, one, drawn, sizes=sizes, parameters=chosen) for one in found}
    return Rescaling(given.name, load.name, length, deviation, limit, keys, together, seed, moved)


def _ranks(cascade: Cascade) -> tuple[str, ...]:
    """The ranks of the inputs."""
    return tuple(dict.fromkeys(rank_of(v) for declared in cascade.inputs for v in declared.variables))


def _inner(cascade: Cascade, keys: int) -> dict[str, int]:
    """The part of the keys that a step takes at once."""
    until = {section.until for section in cascade.sections if section.kind == "iterate"}
    return {p.factors[-1]: keys for p in cascade.partitions if until & set(p.factors)}


def _inputs(
    cascade: Cascade, sizes: Mapping[str, int], deviation: float, seed: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Normal inputs; those that scores are products of (over the head size) so that scores deviate as asked."""
    random = np.random.default_rng(seed)
    scale = (deviation / math.sqrt(sizes.get("E", 1))) ** 0.5
    drawn = {}
    for declared in cascade.inputs:
        ranks = [rank_of(variable) for variable in declared.variables]
        values = random.standard_normal([sizes[rank] for rank in ranks])
        drawn[declared.tensor] = values * scale if "E" in ranks else values
    return drawn
