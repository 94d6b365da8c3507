"""The figures of a design at many points at once: what `compare` tabulates.

Attention and linear layers each give a `Figures`; every field is a NumPy array with one entry per point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusemax.design.design import Design
from fusemax.design.sizes import Sizes
from fusemax.model.linear import Layer, layers
from fusemax.model.mapsearch import nests_of, solve
from fusemax.model.measure import Measured
from fusemax.model.profile import Accounting
from fusemax.model.tiling import Tiling

__all__ = ["Figures", "attention_figures", "linear_figures", "measure_points"]

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Traffic (B), latency (s), energy (pJ), busy shares by array and by (array, Einsum); one entry per point."""

    traffic: Reals
    latency: Reals
    energy: Reals
    utilization: dict[str, Reals]
    shares: dict[tuple[str, str], Reals]


def measure_points(
    design: Design, sizes: Sizes, rules: Accounting, num_points: int
) -> list[tuple[npt.NDArray[np.int64], Measured]]:
    """The design measured at all points, grouped by the structure its mapping takes."""
    found = []
    for variant in solve(design, sizes, rules, num_points):
        assert variant.points is not None
        at = sizes if variant.points.size == num_points else sizes.at(variant.points)
        tiling = Tiling(design, nests_of(design, variant.choice, rules), at, rules, variant.parameters, variant.choice)
        found.append((variant.points, Measured(tiling)))
    return found


def attention_figures(design: Design, sizes: Sizes, rules: Accounting, num_points: int) -> Figures:
    """Attention of one layer at every point."""
    figures = _empty(design, num_points)
    for points, measured in measure_points(design, sizes, rules, num_points):
        names = design.schedule.einsums
        figures.traffic[points] = measured.traffic(names)
        figures.latency[points] = measured.latency
        figures.energy[points] = measured.energy
        for name in names:
            busy = measured.busy(name)
            on = measured.nest(name).on
            figures.utilization[on][points] += busy
            figures.shares[on, name][points] = busy
    return figures


def linear_figures(design: Design, sizes: Sizes, rules: Accounting, num_points: int) -> Figures:
    """The linear layers at every point."""
    figures = _empty(design, num_points)
    if design.linear is None:
        return figures
    for layer in layers(sizes):
        at = layer_sizes(sizes, layer)
        for points, measured in measure_points(design.linear, at, rules, num_points):
            figures.traffic[points] += measured.traffic(design.linear.schedule.einsums)
            figures.latency[points] += measured.latency
            figures.energy[points] += measured.energy
    return figures


def layer_sizes(sizes: Sizes, layer: Layer) -> Sizes:
    """The sizes of a point with M, N and K those of one linear layer."""
    return sizes.with_sizes({"M": layer.rows, "N": layer.columns, "K": layer.contraction})


def _empty(design: Design, num_points: int) -> Figures:
    def zeros() -> Reals:
        return np.zeros(num_points)

    names = {(design.mapping.einsums[name].on, name): zeros() for name in design.schedule.einsums}
    return Figures(zeros(), zeros(), zeros(), {on: zeros() for on in design.accelerator.arrays}, names)
