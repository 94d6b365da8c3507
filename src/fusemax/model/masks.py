"""Which tiles of a masked score matrix are computed.

Query row r of a group of ``group`` heads that share their keys stands at position q = M - P/group + r // group
(the queries are the last ones, the heads of a group take turns), and sees key k when k <= q and, with a
window W, k > q - W. A block of rows and a block of keys are computed together when any of their pairs is seen.
"""

from __future__ import annotations

import numpy as np

from fusemax.design.arithmetic import Number, ceil_div, is_array, maximum, where
from fusemax.design.term import Term, is_term

__all__ = ["active_units", "empty_epochs", "floor_sum", "seen_pairs"]


def active_units(
    rows: Number, keys: Number, group: Number, window: Number, row_unit: Number, row_block: Number, key_unit: Number,
    key_block: Number,
) -> Number:  # fmt: skip
    """Pairs of a row unit and a key unit in all blocks that hold a seen pair.

    ``rows`` = P x group; ``window`` 0 is no window. Units are counted whole, the last ragged one too; blocks are
    multiples of units (or units of blocks, then a block is taken as large).
    """
    row_block, key_block = maximum(row_unit, row_block), maximum(key_unit, key_block)
    num_rows, num_keys = ceil_div(rows, row_block), ceil_div(keys, key_block)
    first = keys * group - rows  # the position of row 0, in rows
    wide = group * key_block
    full = num_rows - 1
    last_block = num_keys - 1
    highest = floor_sum(full, wide, row_block, first + row_block - 1)
    bounded = maximum(window, 1)
    start = ceil_div(maximum((bounded - 1) * group - first, 0), row_block)
    start = where(start < full, start, full)
    lowest = floor_sum(full - start, wide, row_block, first - (bounded - 1) * group + start * row_block)
    blocks = highest - where(window > 0, lowest, 0) + full
    key_units, last_units = ceil_div(key_block, key_unit), ceil_div(keys - last_block * key_block, key_unit)
    reach = ceil_div(last_block * wide - first + 1, row_block) - 1
    reaching = maximum(full - maximum(reach, 0), 0)
    whole = ceil_div(row_block, row_unit) * (blocks * key_units - reaching * (key_units - last_units))
    tail_start = maximum(first + full * row_block - (bounded - 1) * group, 0) // wide
    tail = (last_block - where(window > 0, tail_start, 0)) * key_units + last_units
    return whole + ceil_div(rows - full * row_block, row_unit) * tail


def seen_pairs(rows: Number, keys: Number, group: Number, window: Number) -> Number:
    """Pairs of a query row and a key that the mask lets through."""
    return active_units(rows, keys, group, window, 1, 1, 1, 1)


def floor_sum(count: Number, divisor: Number, step: Number, start: Number) -> Number:
    """The sum of (start + step x i) // divisor over i = 0 .. count - 1; start from 0 up.

    Euclid's algorithm, as in the AtCoder library; O(log) steps.
    """
    if is_term(count, divisor, step, start):
        return Term.call("floor_sum", count, divisor, step, start)
    if any(is_array(value) for value in (count, divisor, step, start)):
        return _floor_sum_arrays(count, divisor, step, start)
    total = 0
    n, m, a, b = int(count), int(divisor), int(step), int(start)
    while n > 0:
        total += (n - 1) * n // 2 * (a // m) + n * (b // m)
        a, b = a % m, b % m
        top = a * n + b
        if top < m:
            break
        n, b, m, a = top // m, top % m, a, m
    return total


def _floor_sum_arrays(count: Number, divisor: Number, step: Number, start: Number) -> Number:
    n, m, a, b = (np.array(v) for v in np.broadcast_arrays(*(np.asarray(v) for v in (count, divisor, step, start))))
    total = np.zeros_like(n)
    live = n > 0
    while np.any(live):
        total = total + np.where(live, (n - 1) * n // 2 * (a // m) + n * (b // m), 0)
        a, b = a % m, b % m
        top = a * n + b
        live = live & (top >= m)
        divisor_next = np.where(live, a, 1)
        n, b, a, m = np.where(live, top // m, 0), np.where(live, top % m, 0), np.where(live, m, 0), divisor_next
    return total


def empty_epochs(
    rows: Number, keys: Number, group: Number, window: Number, row_tile: Number, in_flight: Number, key_tile: Number,
    needed: Number,
) -> Number:  # fmt: skip
    """Epochs that stay empty under a mask because a running tensor is not there yet.

    Granules of ``in_flight`` query tiles go over their key tiles; a query tile's state is there ``needed`` epochs
    later. From one key tile to the next as many epochs pass as query tiles see both. Of more than 64 granules the
    first two, the last two and one between are looked at: those between are alike.
    """
    values = (rows, keys, group, window, row_tile, in_flight, key_tile, needed)
    if is_term(*values):
        return Term.call("empty_epochs", *values)
    if any(is_array(value) for value in values):
        each = np.broadcast_arrays(*(np.asarray(value) for value in values))
        return np.array([_empty_epochs(*(int(v) for v in point)) for point in zip(*map(np.ravel, each), strict=True)])
    return _empty_epochs(*(int(value) for value in values))


def _empty_epochs(
    rows: int, keys: int, group: int, window: int, row_tile: int, in_flight: int, key_tile: int, needed: int
) -> int:
    tiles = ceil_div(rows, row_tile)
    granules = ceil_div(tiles, in_flight)
    if granules > _LOOKED_AT:
        chosen = {0: 1, 1: 1, granules // 2: granules - 4, granules - 2: 1, granules - 1: 1}
    else:
        chosen = dict.fromkeys(range(granules), 1)
    first = keys * group - rows
    total = 0
    for granule, times in chosen.items():
        tile = np.arange(granule * in_flight, min((granule + 1) * in_flight, tiles))
        start, end = tile * row_tile, np.minimum((tile + 1) * row_tile, rows) - 1
        highest = (first + end) // group // key_tile
        lowest = np.maximum((first + start) // group - window + 1, 0) // key_tile if window else np.zeros_like(highest)
        step = np.arange(lowest[0], highest[-1])
        both = np.searchsorted(lowest, step, side="right") - np.searchsorted(highest, step, side="right")
        total += times * int(np.maximum(needed - both, 0)[both > 0].sum())
    return total


_LOOKED_AT = 64
