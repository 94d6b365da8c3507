"""Run a binding on real numbers: attention of one head's queries and keys, checked against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusemax.simulate.array.binding import Binding
from fusemax.simulate.array.engine import FORMATS, POWERS, Machine, engine, pack
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.program import Memory, Program, Stream, compile_program
from fusemax.simulate.array.timing import Timing, timing

__all__ = ["Execution", "execute"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Execution:
    """What came out of the array and how long it took. `late` counts words read before they were there."""

    timing: Timing
    program: Program
    stream: Stream
    array: int
    cycles: int
    busy_pe: int
    busy_lane: int
    late: int
    output: Floats
    expected: Floats

    @property
    def max_error(self) -> float:
        """Largest error over largest |AV| against float64 attention on the rounded inputs."""
        return float(np.max(np.abs(self.output - self.expected)) / np.max(np.abs(self.expected)))


def execute(
    binding: Binding, *, array: int, head_size: int, value_head_size: int, key_tiles: int, queries: int,
    exp: str = "poly5", words: str = "float32", return_delay: int = 2, seed: int = 0,
) -> Execution:  # fmt: skip
    """Stream `key_tiles` x `queries` tiles of `array` keys and queries through the array and read AV back."""
    how = method(exp)
    timed = timing(
        binding, how, array=array, head_size=head_size, value_head_size=value_head_size, return_delay=return_delay
    )
    stream = Stream(key_tiles, queries)
    memory = Memory.lay_out(stream, array, head_size, value_head_size)
    einsums = tuple(dict.fromkeys(s.einsum for s in timed.slots))
    program = compile_program(timed, how, stream, memory, einsums)
    q, k, v = _inputs(np.random.default_rng(seed), stream, array, head_size, value_head_size, words)
    content = np.full(memory.size, np.nan, np.float32)
    for name, value in (("0", 0.0), ("-inf", -np.inf), ("RM", -np.inf), ("RD", 0.0), ("RNV", 0.0)):
        memory.view(content, name, 1 if name in ("0", "-inf") else queries)[:] = value
    memory.view(content, "Q", queries)[:] = q
    memory.view(content, "BK", key_tiles)[:] = k
    memory.view(content, "BV", key_tiles)[:] = v
    cycles, counts = _run(program, array, content, return_delay, FORMATS[words])
    output = memory.view(content, "AV", queries).astype(np.float64)
    return Execution(
        timed,
        program,
        stream,
        array,
        cycles,
        int(counts[0]),
        int(counts[1]),
        int(counts[2]),
        output,
        _reference(q, k, v),
    )


def _inputs(
    random: np.random.Generator, stream: Stream, array: int, head_size: int, value_head_size: int, words: str
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    def draw(tiles: int, size: int, scale: float) -> NDArray[np.float32]:
        return (random.standard_normal((tiles, size, array)) * scale).astype(np.float32)

    from fusemax.simulate.array.words import to_words

    scale = head_size**-0.25  # scores of unit variance
    return (
        to_words(draw(stream.queries, head_size, scale), words),
        to_words(draw(stream.key_tiles, head_size, scale), words),
        to_words(draw(stream.key_tiles, value_head_size, 1.0), words),
    )


def _reference(q: NDArray[np.float32], k: NDArray[np.float32], v: NDArray[np.float32]) -> Floats:
    keys = k.astype(np.float64).transpose(1, 0, 2).reshape(k.shape[1], -1)
    values = v.astype(np.float64).transpose(1, 0, 2).reshape(v.shape[1], -1)
    scores = np.einsum("tep,em->tmp", q.astype(np.float64), keys)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Floats = np.einsum("fm,tmp->tfp", values, weights / weights.sum(axis=1, keepdims=True))
    return result


def _run(
    program: Program, edge: int, content: NDArray[np.float32], delay: int, words: int
) -> tuple[int, NDArray[np.int64]]:
    machine = Machine.new(edge, program.pe.registers, program.lane.registers, content)
    cycles = program.length + 2 * edge - 1
    with np.errstate(all="ignore"):
        engine()(
            0, cycles, edge, pack(program.pe), pack(program.lane), machine.right, machine.down, machine.registers,
            machine.lane_registers, program.constants, program.line_table, POWERS, machine.memory, machine.ready,
            delay, words, machine.counts,
        )  # fmt: skip
    return cycles, machine.counts
