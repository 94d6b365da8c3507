"""The array of 256 x 256 PEs, cycle by cycle, against a NumPy loop that only moves operands and multiplies.

`python -m bench.bench_simulate_array` prints cycles per second of both.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bench.case import Case
from fusemax.simulate.array.attention import draw, load_inputs, plan
from fusemax.simulate.array.engine import Clock
from fusemax.simulate.array.expand import Sizes, quantities
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.load import load_binding
from fusemax.simulate.array.memory import lay_out
from fusemax.simulate.array.program import compile_program
from fusemax.simulate.array.stream import Work

EDGE, CYCLES, WARM = 256, 500, 1200


def clock() -> Clock:
    """FuseMax's array at N = 256, E = F = 64, when every PE and lane is busy."""
    binding, work = load_binding("fusemax-pipelined"), Work(8, 4)
    sizes = Sizes(EDGE, 64, 64, method("poly2"))
    timed, tiles = plan(binding, sizes, work)
    memory = lay_out(binding, quantities(binding, sizes), work, tiles)
    program = compile_program(timed, tiles, memory)
    content = memory.empty()
    load_inputs(content, memory, draw(sizes, work, "bfloat16"), tiles, work)
    found = Clock(program, content, sizes.return_delay, 1, "compiled")
    found.advance(WARM)
    return found


def engine() -> Callable[[], object]:
    """A job that runs the next cycles; starts over at the end."""
    state: dict[str, Clock] = {}

    def job() -> None:
        if "clock" not in state or state["clock"].now + CYCLES > state["clock"].cycles:
            state["clock"] = clock()
        state["clock"].advance(state["clock"].now + CYCLES)

    return job


def plain() -> Callable[[], object]:
    """Operands one step right and down, one multiply and one add, nothing else."""
    left, top, total = (np.zeros((EDGE, EDGE), np.float32) for _ in range(3))
    product = np.zeros((EDGE, EDGE), np.float32)
    enter = np.random.default_rng(0).standard_normal(EDGE).astype(np.float32)

    def job() -> None:
        for _ in range(CYCLES):
            left[:, 1:] = left[:, :-1]
            left[:, 0] = enter
            top[1:] = top[:-1]
            top[0] = enter
            np.multiply(left, top, out=product)
            np.add(total, product, out=total)

    return job


def cases() -> list[Case]:
    """5,000 cycles per second where the plain loop makes 16,000."""
    return [Case("256 x 256 array, 500 cycles", "NumPy, moves and multiplies only", engine(), plain(), 3.2)]


if __name__ == "__main__":
    for name, job in (("this engine", engine()), ("moving and multiplying in NumPy", plain())):
        job()
        start = time.perf_counter()
        job()
        print(f"{name}: {CYCLES / (time.perf_counter() - start):,.0f} cycles/s")
