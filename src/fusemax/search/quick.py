"""A first bound of an order of the loops, before anything is priced but cycles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fusemax.search.compose import Composition, Variant
from fusemax.search.prices import Prices

__all__ = ["quick_cycles"]

Reals = npt.NDArray[np.float64]


def quick_cycles(space: Composition, variant: Variant, prices: Prices) -> Reals:
    """Cycles that no placing of the Einsums is below, at every size of the tiles."""
    arrays = list(prices.design.accelerator.arrays)
    joined = {second for _, second in variant.joined}
    total = np.zeros(prices.tiles.place.shape)
    forced = dict.fromkeys(arrays, total)
    for spec in space.specs:
        if spec.name in joined:
            continue
        options = space.placings(variant, spec)
        each = [prices.cycles(spec, placing) for placing in options]
        total = total + np.minimum.reduce(each)
        for on in arrays:
            if all(placing.on == on for placing in options):
                forced[on] = forced[on] + np.minimum.reduce(each)
    found: Reals = np.maximum.reduce([total / len(arrays), *forced.values()])
    return found
