"""The colours' contrast, and their distance under the common kinds of colour blindness."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from fusemax.report.palette import DARK_BACKGROUND, DESIGN_COLOURS, SERIES_COLOURS, colours, ramp, series

# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratio = (TO_XYZ @ rgb) / TO_XYZ.sum(axis=1)
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def luminance(colour: str) -> float:
    return float(TO_XYZ[1] @ linear(colour))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def nearest_pair(names: tuple[str, ...]) -> float:
    """The least CIELAB distance of any two colours in any of the four visions."""
    distances: list[float] = []
    for matrix in VISIONS.values():
        seen = [lab(np.clip(np.asarray(matrix) @ linear(colour), 0, 1)) for colour in names]
        distances += [float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)]
    return min(distances)


@pytest.mark.parametrize(("palette", "least"), [(DESIGN_COLOURS, 3.0), (SERIES_COLOURS, 2.5)])
def test_every_colour_stands_out_from_light_and_dark(palette: tuple[str, ...], least: float) -> None:
    for colour in palette:
        assert contrast(colour, "#ffffff") >= least
        assert contrast(colour, DARK_BACKGROUND) >= 3.0


def test_any_two_colours_stay_apart_in_any_vision() -> None:
    assert nearest_pair(DESIGN_COLOURS[:5]) > 29
    assert nearest_pair(DESIGN_COLOURS) > 19
    assert nearest_pair(SERIES_COLOURS[:4]) > 42
    assert nearest_pair(SERIES_COLOURS) > 29


def test_colours_go_by_order_not_by_name() -> None:
    assert list(colours(["x", "y"]).values()) == list(colours(["fusemax", "flat"]).values())
    assert colours([str(i) for i in range(9)])["8"] == DESIGN_COLOURS[0]
    assert series(["a"])["a"] == SERIES_COLOURS[0]


@pytest.mark.parametrize("number", [0, 1, 2, 5, 6, 7, 9, 12, 20])
def test_ramp_has_a_colour_each_and_neighbours_that_differ(number: int) -> None:
    found = ramp(number)
    assert len(set(found)) == number
    lights = [luminance(c) for c in found]
    if number <= 6:
        assert lights == sorted(lights)
    else:
        assert all(abs(a - b) > 0.1 for a, b in pairwise(lights))
