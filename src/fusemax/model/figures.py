"""The figures of a design at many points at once: what `compare` tabulates.

Attention and linear layers each give a `Figures`; every field is a NumPy array with one entry per point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fusemax.design.design import Design
from fusemax.design.sizes import Sizes
from fusemax.model.costs import sides as array_sides
from fusemax.model.elementwise import elementwise_costs
from fusemax.model.linear import Layer, layers
from fusemax.model.mapsearch import nests_of, solve
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting
from fusemax.model.tiling import Tiling, attention_sizes

__all__ = ["Figures", "attention_figures", "linear_figures", "measure_points", "plus"]

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Traffic (B), latency (s), energy (pJ), one entry per point.

    ``utilization`` has ``utilization_2d`` and ``utilization_1d`` (and ``busy_utilization_2d`` where the first counts
    useful work only); ``shares`` the busy share of the 2D array by Einsum; ``bound`` what bounds the time;
    ``feasible`` whether the tensors fit the outermost memory.
    """

    traffic: Reals
    latency: Reals
    energy: Reals
    utilization: dict[str, Reals]
    shares: dict[str, Reals]
    bound: Sequence[str]
    feasible: npt.NDArray[np.bool_]

    def times(self, factor: Reals) -> Figures:
        """``factor`` such layers one after another."""
        return replace(self, traffic=self.traffic * factor, latency=self.latency * factor, energy=self.energy * factor)


def plus(first: Figures, second: Figures) -> Figures:
    """One after the other; the bound is that of the longer."""
    longer = first.latency >= second.latency
    bound = [a if first_longer else b for a, b, first_longer in zip(first.bound, second.bound, longer, strict=True)]
    return Figures(
        first.traffic + second.traffic,
        first.latency + second.latency,
        first.energy + second.energy,
        {},
        {},
        bound,
        first.feasible & second.feasible,
    )


def measure_points(
    design: Design, sizes: Sizes, rules: Accounting, num_points: int
) -> list[tuple[npt.NDArray[np.int64], Measured]]:
    """The design measured at all points, grouped by the structure its mapping takes."""
    found = []
    for variant in solve(design, sizes, rules, num_points):
        assert variant.points is not None
        at = sizes if variant.points.size == num_points else sizes.at(variant.points)
        tiling = Tiling(design, nests_of(design, variant.choice, rules), at, rules, variant.parameters, variant.choice)
        tiling.check()
        found.append((variant.points, Measured(tiling)))
    return found


def attention_figures(design: Design, sizes: Sizes, rules: Accounting, num_points: int) -> Figures:
    """Attention of one layer at every point."""
    sizes = attention_sizes(sizes, rules)
    sides = array_sides(design.accelerator)
    names = design.schedule.einsums
    figures = _empty(num_points)
    figures.utilization.update({f"utilization_{side}": np.zeros(num_points) for side in ("2d", "1d")})
    if "useful-work" in rules:
        figures.utilization["busy_utilization_2d"] = np.zeros(num_points)
    wide = [name for name in names if sides[design.mapping.einsums[name].on] == "2d"]
    figures.shares.update({design.label(name): np.zeros(num_points) for name in wide})
    bound = [""] * num_points
    for points, measured in measure_points(design, sizes, rules, num_points):
        figures.traffic[points] = measured.traffic(names)
        figures.latency[points] = measured.latency
        figures.energy[points] = measured.energy
        for name in names:
            busy = measured.busy(name)
            figures.utilization[f"utilization_{sides[measured.nest(name).on]}"][points] += busy
            if name in wide:
                figures.shares[design.label(name)][points] = busy
        if "useful-work" in rules:
            figures.utilization["busy_utilization_2d"][points] = figures.utilization["utilization_2d"][points]
            figures.utilization["utilization_2d"][points] = measured.useful_share
        figures.feasible[points] = measured.is_feasible
        _note(bound, points, measured)
    return replace(figures, bound=bound)


def linear_figures(design: Design, sizes: Sizes, rules: Accounting, num_points: int) -> Figures:
    """The linear layers at every point; layers of one shape are found once."""
    figures = _empty(num_points)
    bound = [""] * num_points
    if design.linear is None:
        return replace(figures, bound=bound)
    found = layers(sizes)
    shapes = np.stack([_columns(layer, num_points) for layer in found], axis=1)
    point = np.repeat(np.arange(num_points), len(found))
    keys = np.column_stack([point, shapes.reshape(-1, 3)]) if sizes.differs else shapes.reshape(-1, 3)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    own = point[first]
    rows, columns, contraction = (shapes.reshape(-1, 3)[first, i] for i in range(3))
    at = sizes.at(own).with_sizes({"M": rows, "N": columns, "K": contraction, "causal": 0})
    totals = {name: np.zeros(first.size) for name in ("traffic", "latency", "energy")}
    bounds = [""] * first.size
    for points, measured in measure_points(design.linear, at, rules, first.size):
        totals["traffic"][points] = measured.traffic(design.linear.schedule.einsums)
        totals["latency"][points] = measured.latency
        totals["energy"][points] = measured.energy
        _note(bounds, points, measured)
    each = np.ravel(inverse).reshape(num_points, len(found))
    for name, values in totals.items():
        getattr(figures, name)[:] = values[each].sum(axis=1)
    if "elementwise" in rules:
        for cost in elementwise_costs(design, sizes, rules):
            for name in totals:
                getattr(figures, name)[:] += getattr(cost, name)
    longest = each[np.arange(num_points), np.argmax(totals["latency"][each], axis=1)]
    return replace(figures, bound=[bounds[int(i)] for i in longest])


def _columns(layer: Layer, num_points: int) -> npt.NDArray[np.int64]:
    sides = (layer.rows, layer.columns, layer.contraction)
    return np.stack([np.broadcast_to(np.asarray(side), num_points) for side in sides], axis=1)


def _empty(num_points: int) -> Figures:
    traffic, latency, energy = (np.zeros(num_points) for _ in range(3))
    return Figures(traffic, latency, energy, {}, {}, (), np.ones(num_points, dtype=bool))


def _note(bound: list[str], points: npt.NDArray[np.int64], measured: Measured) -> None:
    """Write down which component bounds the time at each point."""
    times = measured.bounding
    names = list(times)
    table = np.stack([np.broadcast_to(np.asarray(times[name], dtype=np.float64), points.shape) for name in names])
    for point, which in zip(points, np.argmax(table, axis=0), strict=True):
        bound[int(point)] = names[int(which)]
