"""Boxes in layers, with few crossings and short edges: a small layered layout for pictures of cascades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Layout", "arrange", "spread"]

Key = str
_DUMMY_WIDTH = 14.0
_SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """`centres` of boxes by key, `layers` of keys from the top, and `routes`: the centres that an edge passes."""

    centres: dict[Key, float]
    layers: tuple[tuple[Key, ...], ...]
    routes: dict[tuple[Key, Key], tuple[tuple[int, float], ...]]

    def layer_of(self) -> dict[Key, int]:
        """Key -> number of its layer."""
        return {key: number for number, layer in enumerate(self.layers) for key in layer}


def arrange(
    widths: Mapping[Key, float], edges: Sequence[tuple[Key, Key]], bands: Mapping[Key, int], gap: float = 24.0
) -> Layout:
    """Place boxes: every edge goes down, and all of a band is above the next band.

    `widths` names the boxes in an order in which no edge goes back; `edges` never lead to a lower band.
    """
    depth = _depths(list(widths), edges, bands)
    layers: list[list[Key]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in widths:
        layers[depth[key]].append(key)
    size = dict(widths)
    chains: dict[tuple[Key, Key], list[Key]] = {}
    links: list[tuple[Key, Key]] = []
    for source, target in dict.fromkeys(edges):
        chain: list[Key] = [source]
        for layer in range(depth[source] + 1, depth[target]):
            stop = f"{source} > {target} @ {layer}"
            size[stop] = _DUMMY_WIDTH
            layers[layer].append(stop)
            chain.append(stop)
        chain.append(target)
        chains[source, target] = chain
        links += pairwise(chain)
    up, down = _neighbours(links)
    _order(layers, up, down)
    centres = _place(layers, size, up, down, gap)
    left = min((centres[key] - size[key] / 2 for key in size), default=0.0)
    centres = {key: centre - left for key, centre in centres.items()}
    number = {key: n for n, layer in enumerate(layers) for key in layer}
    routes = {edge: tuple((number[key], centres[key]) for key in chain) for edge, chain in chains.items()}
    real = tuple(tuple(key for key in layer if key in widths) for layer in layers)
    return Layout({key: centres[key] for key in widths}, real, routes)


def _depths(keys: list[Key], edges: Sequence[tuple[Key, Key]], bands: Mapping[Key, int]) -> dict[Key, int]:
    depth: dict[Key, int] = {}
    sources: dict[Key, list[Key]] = {}
    for source, target in edges:
        sources.setdefault(target, []).append(source)
    first = 0
    for band in sorted(set(bands.values())):
        members = [key for key in keys if bands[key] == band]
        for key in members:
            depth[key] = max([first, *(depth[source] + 1 for source in sources.get(key, ()))])
        first = max(depth[key] for key in members) + 1
    return depth


def _neighbours(links: Sequence[tuple[Key, Key]]) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
    up: dict[Key, list[Key]] = {}
    down: dict[Key, list[Key]] = {}
    for above, below in links:
        down.setdefault(above, []).append(below)
        up.setdefault(below, []).append(above)
    return up, down


def _order(layers: list[list[Key]], up: Mapping[Key, list[Key]], down: Mapping[Key, list[Key]]) -> None:
    """Sort every layer by the mean place of its neighbours, downwards and upwards in turn."""
    for sweep in range(_SWEEPS):
        near, walk = (up, layers[1:]) if sweep % 2 == 0 else (down, layers[-2::-1])
        place = {key: n / max(1, len(layer) - 1) for layer in layers for n, key in enumerate(layer)}
        for layer in walk:
            means = {key: _mean([place[k] for k in near.get(key, ())], place[key]) for key in layer}
            layer.sort(key=lambda key: means[key])
            place |= {key: n / max(1, len(layer) - 1) for n, key in enumerate(layer)}


def _place(
    layers: list[list[Key]],
    size: Mapping[Key, float],
    up: Mapping[Key, list[Key]],
    down: Mapping[Key, list[Key]],
    gap: float,
) -> dict[Key, float]:
    centres: dict[Key, float] = {}
    for layer in layers:
        centres |= zip(layer, spread([0.0] * len(layer), [size[key] for key in layer], gap), strict=True)
    for sweep in range(_SWEEPS):
        near, walk = (up, layers[1:]) if sweep % 2 == 0 else (down, layers[-2::-1])
        for layer in walk:
            wanted = [_mean([centres[k] for k in near.get(key, ())], centres[key]) for key in layer]
            centres |= zip(layer, spread(wanted, [size[key] for key in layer], gap), strict=True)
    return centres


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def spread(wanted: Sequence[float], widths: Sequence[float], gap: float) -> list[float]:
    """Centres as near as can be (least squares) to the wanted ones, in the given order and without overlap.

    >>> spread([0.0, 0.0], [10.0, 10.0], 2.0)
    [-6.0, 6.0]
    """
    offsets = [0.0]
    for before, after in pairwise(widths):
        offsets.append(offsets[-1] + (before + after) / 2 + gap)
    # Without their offsets the centres must only not decrease: pool neighbours that do.
    pools: list[tuple[float, int]] = []
    for centre, offset in zip(wanted, offsets, strict=False):
        mean, count = centre - offset, 1
        while pools and pools[-1][0] > mean:
            other, members = pools.pop()
            mean, count = (mean * count + other * members) / (count + members), count + members
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=False)]
