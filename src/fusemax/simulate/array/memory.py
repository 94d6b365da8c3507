"""The buffer: where each tensor's words lie, and what they hold before a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.design.expression import parse_expression
from fusemax.simulate.array.binding import Binding
from fusemax.simulate.array.stream import Stream, Work

__all__ = ["Memory", "lay_out"]

Ints = NDArray[np.int64]
Words = NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """A tensor from word `base` on: `copies` of it, one per tile of its kind, each `words` rows of N words."""

    base: int
    per: str
    copies: int
    words: int
    first: float | None


@dataclass(frozen=True)
class Memory:
    """Where everything lies. Rows of 0 and of -inf, which ports may feed, stand first."""

    array: int
    places: Mapping[str, Place]
    size: int

    def rows(self, tensor: str, index: int, tiles: Ints, stream: Stream) -> Ints:
        """Address of the first word of row `index` of a tensor, for each of the tiles given by number."""
        place = self.places[tensor]
        which = {"query": stream.query, "key": stream.key, "tile": np.arange(stream.tiles)}
        copy = np.zeros_like(tiles) if place.per == "all" else which[place.per][tiles]
        address: Ints = place.base + (copy * place.words + index) * self.array
        return address

    def constant(self, value: float) -> int:
        """Address of the row of 0 or of -inf."""
        return 0 if value == 0 else self.array

    def view(self, words: Words, tensor: str) -> Words:
        """The tensor as [copy, index, lane]."""
        place = self.places[tensor]
        end = place.base + place.copies * place.words * self.array
        return words[place.base : end].reshape(place.copies, place.words, self.array)

    def empty(self) -> Words:
        """Words before the inputs are there: first values, and NaN where nothing is."""
        words = np.full(self.size, np.nan, np.float32)
        words[: self.array], words[self.array : 2 * self.array] = 0.0, -np.inf
        for tensor, place in self.places.items():
            if place.first is not None:
                self.view(words, tensor)[:] = place.first
        return words


def lay_out(binding: Binding, known: Mapping[str, int], work: Work, stream: Stream) -> Memory:
    """Give every tensor that the binding uses its place; `known` holds the sizes."""
    copies = {
        "query": work.heads * work.queries, "key": work.heads * work.key_tiles, "tile": stream.tiles, "all": 1,
    }  # fmt: skip
    array = known["N"]
    places, size = {}, 2 * array
    for name, tensor in binding.tensors.items():
        if name not in binding.used:
            continue
        words = int(parse_expression(str(tensor.words))(known.__getitem__))
        places[name] = Place(size, tensor.per, copies[tensor.per], words, tensor.first)
        size += copies[tensor.per] * words * array
    return Memory(array, places, size)
