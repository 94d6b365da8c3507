"""Run a binding on real numbers: attention of some heads' queries and keys, checked against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.base.errors import UsageError
from fusemax.base.progress import Observer, ignore
from fusemax.simulate.array.binding import Binding
from fusemax.simulate.array.engine import Counts, run
from fusemax.simulate.array.expand import Sizes, quantities
from fusemax.simulate.array.memory import Memory, lay_out
from fusemax.simulate.array.program import Program, compile_program
from fusemax.simulate.array.stream import Stream, Work, stream
from fusemax.simulate.array.timing import Timing, timing
from fusemax.simulate.array.words import format_number, to_words

__all__ = ["Execution", "Inputs", "draw", "execute", "load_inputs", "plan", "reference"]

MOST_CYCLES, MOST_WORDS = 2_000_000, 200_000_000  # what a table of all cycles may take: about a gigabyte
Floats = NDArray[np.float64]
Words = NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """Queries as [query tile, e, lane], keys as [key tile, e, row], values as [key tile, f, row], heads one by one."""

    queries: Words
    keys: Words
    values: Words


@dataclass(frozen=True)
class Execution:
    """What went through the array, what was counted and what came out, next to float64."""

    timing: Timing
    stream: Stream
    work: Work
    program: Program
    memory: Memory
    words: str
    counts: Counts
    output: Floats
    expected: Floats

    @property
    def max_error(self) -> float:
        """Largest error over largest |AV| against float64 attention on the rounded inputs; NaN counts as infinite."""
        error = np.max(np.abs(self.output - self.expected)) / np.max(np.abs(self.expected))
        return float(error) if np.isfinite(error) else float("inf")


def plan(binding: Binding, sizes: Sizes, work: Work) -> tuple[Timing, Stream]:
    """The solved binding and its tiles in order; how far tiles are apart and how long stages wait hang together."""
    span, least = 0, 1
    for _ in range(6):
        timed = timing(binding, sizes, span)
        least = max(least, timed.separation)
        tiles = stream(work, sizes.array, binding.order, least)
        if tiles.span == span:
            return timed, tiles
        span = tiles.span
    raise UsageError(f"binding {binding.binding!r}: the distance between a query's tiles does not settle")


def draw(sizes: Sizes, work: Work, words: str, seed: int = 0) -> Inputs:
    """Normal numbers in the format of words, scaled so that scores have unit variance."""
    random = np.random.default_rng(seed)

    def some(tiles: int, size: int, scale: float) -> Words:
        values = random.standard_normal((tiles * work.heads, size, sizes.array)) * scale
        return to_words(values.astype(np.float32), words)

    scale = sizes.head_size**-0.25
    return Inputs(
        some(work.queries, sizes.head_size, scale), some(work.key_tiles, sizes.head_size, scale),
        some(work.key_tiles, sizes.value_head_size, 1.0),
    )  # fmt: skip


def execute(
    binding: Binding, sizes: Sizes, work: Work, *, words: str = "float32", seed: int = 0, inputs: Inputs | None = None,
    engine: str = "auto", observe: Observer = ignore,
) -> Execution:  # fmt: skip
    """Stream the tiles of `work` through the array and read AV back. The binding is not checked here (`checker`)."""
    timed, tiles = plan(binding, sizes, work)
    memory = lay_out(binding, quantities(binding, sizes), work, tiles)
    cycles = (tiles.epochs + max(timed.lags.values())) * timed.period
    if cycles > MOST_CYCLES or memory.size > MOST_WORDS:
        raise UsageError(
            f"{tiles.tiles} tiles take at least {cycles} cycles and {memory.size} words of buffer; the cycle level "
            f"takes {MOST_CYCLES} cycles and {MOST_WORDS} words at most: give fewer tiles (the tile level takes any)"
        )
    program = compile_program(timed, tiles, memory)
    given = draw(sizes, work, words, seed) if inputs is None else inputs
    content = memory.empty()
    load_inputs(content, memory, given, tiles, work)
    counts = run(program, content, sizes.return_delay, format_number(words), engine, observe)
    output = memory.view(content, "AV").astype(np.float64)
    return Execution(timed, tiles, work, program, memory, words, counts, output, reference(given, work))


def load_inputs(content: Words, memory: Memory, given: Inputs, tiles: Stream, work: Work) -> None:
    """Put queries, keys, values and what masks need where the program reads them."""
    edge = memory.array
    first, last = work.mask.bounds(work.positions(edge))
    start = ((tiles.key % work.key_tiles) * edge).astype(np.float64)[:, None]
    query = tiles.query % work.queries
    values: dict[str, NDArray[np.generic]] = {
        "Q": given.queries, "BK": given.keys, "BV": given.values, "ROW": np.arange(edge),
        "LAST": (last[query] - start)[:, None], "FIRST": (first[query] - start)[:, None],
    }  # fmt: skip
    for name, value in values.items():
        if name in memory.places:
            memory.view(content, name)[:] = value
    if "BKT" in memory.places:  # [tile, m, e]: one word per key, its numbers side by side; rows past E are zero
        turned = np.zeros((len(given.keys), edge, edge), np.float32)
        turned[:, :, : given.keys.shape[1]] = given.keys.transpose(0, 2, 1)
        memory.view(content, "BKT")[:] = turned


def reference(given: Inputs, work: Work) -> Floats:
    """Attention in float64, as [query tile, f, lane]; queries that see no key get 0."""
    edge = given.queries.shape[2]
    first, last = work.mask.bounds(work.positions(edge))
    places = np.arange(work.key_tiles * edge, dtype=np.float64)[None, :, None]
    seen = (places >= first[:, None, :]) & (places <= last[:, None, :])
    found = []
    for head in range(work.heads):
        q = given.queries[head * work.queries : (head + 1) * work.queries].astype(np.float64)
        k, v = (
            side[head * work.key_tiles : (head + 1) * work.key_tiles].astype(np.float64)
            for side in (given.keys, given.values)
        )
        scores = np.where(seen, np.einsum("tep,kem->tkmp", q, k).reshape(work.queries, -1, edge), -np.inf)
        top = scores.max(axis=1, keepdims=True)
        weights = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
        total = weights.sum(axis=1, keepdims=True)
        share = weights / np.where(total == 0, 1.0, total)
        found.append(np.einsum("fm,tmp->tfp", v.transpose(1, 0, 2).reshape(v.shape[1], -1), share))
    return np.concatenate(found)
