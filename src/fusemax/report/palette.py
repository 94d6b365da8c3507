"""Colours, given out by order.

The n-th design of a comparison has the n-th colour in every chart, table and picture, whatever it is called. The
colours were chosen by search: each stands out from white and from the page's dark background (contrast 3, of the series
2.5), and any two stay apart for viewers with protanopia, deuteranopia or tritanopia; tests/report/test_palette.py
measures both.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["DARK_BACKGROUND", "DESIGN_COLOURS", "NEUTRAL", "SERIES_COLOURS", "SHAPES", "colours", "ramp", "series"]

DESIGN_COLOURS = ("#777777", "#995533", "#3399cc", "#9922dd", "#ee6611", "#446688", "#ff11bb", "#dd55ff")
SERIES_COLOURS = ("#5544ff", "#bb0099", "#44bb00", "#bb9988", "#557722", "#ee66ff")
NEUTRAL = "#999999"  # for what is no member of a series
DARK_BACKGROUND = "#14171a"
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")

# Points of the viridis map (Smith, van der Walt and Firing, 2015) without its ends, for things in an order such as the
# Einsums of a cascade: lightness grows along it, so that neighbours stay apart in print and in any colour vision.
_RAMP = ("#414487", "#39568c", "#31688e", "#287d8e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26")


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour per name by its place; past the eighth the colours begin again."""
    return {name: DESIGN_COLOURS[i % len(DESIGN_COLOURS)] for i, name in enumerate(names)}


def series(names: Sequence[str]) -> dict[str, str]:
    """A colour per line that is no design (a workload, a cascade), by its place; past the sixth they begin again."""
    return {name: SERIES_COLOURS[i % len(SERIES_COLOURS)] for i, name in enumerate(names)}


def ramp(number: int) -> list[str]:
    """`number` colours of the viridis map for things in an order.

    Up to six go from dark to light. More would make neighbours alike, so they alternate between the darker and the
    lighter half.
    """
    if number <= 1:
        return [_RAMP[2]][:number]
    places = [i * (len(_RAMP) - 1) / (number - 1) for i in range(number)]
    found = [_between(place) for place in places]
    if number <= 6:
        return found
    half = (number + 1) // 2
    return [found[i // 2 + (half if i % 2 else 0)] for i in range(number)]


def _between(place: float) -> str:
    """The colour at a place along the ramp, mixed from its two neighbours."""
    low = min(int(place), len(_RAMP) - 2)
    ends = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in _RAMP[low : low + 2]]
    mixed = [round(a + (b - a) * (place - low)) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)
