"""The counting rule against a walk through the loop nest, on drawn mappings and on the shipped designs made small."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.cascade import parse
from fusemax.cascade.rules import check_rules
from fusemax.design.design import Design
from fusemax.design.load import catalogue_names, load_design
from fusemax.design.mapping import EinsumMapping, Mapping
from fusemax.design.nest import Nest, build_nests
from fusemax.design.schedule import Phase, Schedule
from fusemax.design.sizes import Sizes, workload_sizes
from fusemax.design.workload import Window, Workload
from fusemax.model.counts import count, cycles, points
from fusemax.model.evaluate import measure
from fusemax.model.profile import CORRECTED, PUBLISHED, Accounting
from fusemax.model.tiling import Tiling, attention_sizes
from tests.model.walker import Counted, Walk, count_by_walking, walk

ALL = CORRECTED.but(off=["masks"])
DIVIDING = PUBLISHED.but(on=["exact-counts", "all-registers", "declared-ranks"])
RANKS = ("A", "B", "C")


def compare_nest(nest: Nest, tiling: Tiling, walked: Walk) -> None:
    for operand in nest.operands:
        expected = count_by_walking(walked, operand)
        found = {
            level: Counted(int(c.reads), int(c.fills), int(c.updates))
            for level, c in count(nest, operand, tiling).items()
        }
        assert found == expected, (nest.einsum, operand.label, [level.component for level in nest.levels])
    assert points(nest, tiling) == walked.points
    assert cycles(nest, tiling) == len(walked.steps)


def walk_nest(nest: Nest, tiling: Tiling, is_seen: object = None) -> Walk:
    bounds = {loop.variable: int(tiling.bound(loop)) for loop in nest.loops}
    sizes = {root: int(tiling.extent(nest, chain)) for root, chain in nest.chains.items()}
    return walk(nest, bounds, sizes) if is_seen is None else walk(nest, bounds, sizes, is_seen)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Drawn:
    """A matrix-multiplication-like Einsum with a mapping drawn for it."""

    tensors: tuple[str, str, str]
    sizes: dict[str, int]
    mapping: Mapping


@st.composite
def mappings(draw: st.DrawFn, *, dividing: bool) -> Drawn:
    some: st.SearchStrategy[list[str]] = st.lists(st.sampled_from(RANKS), min_size=1, max_size=3, unique=True)
    tensors = [sorted(draw(some)) for _ in range(3)]  # ranks of X, Y and the output
    used = sorted(set(tensors[0]) | set(tensors[1]))
    output = [rank for rank in tensors[2] if rank in used] or used[:1]
    partition: dict[str, dict[str, int | str]] = {}
    sizes: dict[str, int] = {}
    pieces: list[str] = []
    for rank in used:
        split = draw(st.integers(1, 3))
        inner = [draw(st.integers(1, 3)) for _ in range(split - 1)]
        outer = draw(st.integers(1, 3))
        whole = outer
        for part in inner:
            whole *= part
        names = [f"{rank}{i}" for i in range(split)][::-1]
        if split > 1:
            partition[rank] = {names[0]: "rest", **dict(zip(names[1:], map(_number, inner), strict=True))}
            pieces += [name.lower() for name in names]
        else:
            pieces.append(rank.lower())
        sizes[rank] = whole if dividing else draw(st.integers(max(1, whole - 2), whole))
    order = list(draw(st.permutations(pieces)))
    spatial: dict[str, str] = {}
    for side in ("columns", "rows"):
        wanted = draw(st.booleans())
        if order and wanted:
            spatial[side] = order[0]
            order = order[1:]
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), min_size=2, max_size=2)))
    loops = {
        "dram": tuple(order[: cuts[0]]),
        "buffer": tuple(order[cuts[0] : cuts[1]]),
        "registers": tuple(order[cuts[1] :]),
    }
    keep = {
        "dram": tuple(name for name in ("X", "Y", "Z") if draw(st.booleans())),
        "buffer": tuple(name for name in ("X", "Y", "Z") if draw(st.booleans())),
    }
    entry = EinsumMapping(on="array2d", spatial=spatial, loops=loops, keep=keep)
    mapping = Mapping(batch=(), partition=partition, einsums={"Z": entry})
    return Drawn((_text(tensors[0]), _text(tensors[1]), _text(output)), sizes, mapping)


def _number(value: int) -> int | str:
    return value


def _text(ranks: list[str]) -> str:
    return ", ".join(rank.lower() for rank in ranks)


def made(drawn: Drawn, rules: Accounting) -> tuple[Nest, Tiling]:
    first, second, output = drawn.tensors
    text = (
        f"cascade drawn\ninput X[{first}], Y[{second}]\noutput Z[{output}]\n\nZ[{output}] = X[{first}] * Y[{second}]\n"
    )
    shipped = load_design("fusemax")
    schedule = Schedule(phases=(Phase(steps=({"array2d": ("Z",)},)),))
    cascade = check_rules(parse(text, "drawn"))
    design = Design("drawn", cascade, shipped.accelerator, drawn.mapping, schedule, shipped.costs)
    nests = build_nests(design)
    return nests["Z"], Tiling(design, nests, Sizes(design.accelerator, drawn.sizes), rules)


@given(mappings(dividing=True))
def test_drawn_mappings_count_as_walked(drawn: Drawn) -> None:
    nest, tiling = made(drawn, DIVIDING)
    compare_nest(nest, tiling, walk_nest(nest, tiling))


SHAPES = [
    {"M": 8, "P": 8, "edge": 2, "buffer": 4096},
    {"M": 8, "P": 16, "edge": 2, "buffer": 120},
    {"M": 4, "P": 8, "edge": 4, "buffer": 4096},
    {"M": 7, "P": 5, "edge": 2, "buffer": 4096},
    {"M": 9, "P": 1, "edge": 4, "buffer": 4096},
    {"M": 5, "P": 11, "edge": 3, "buffer": 150},
]
Mask = Literal["none", "causal"] | Window
MASKS: list[Mask] = ["none", "causal", Window(window=3)]
CASES = [(shape, mask) for shape in SHAPES for mask in MASKS if mask == "none" or shape["P"] <= shape["M"]]


# Keys one by one inside a tile of queries: where a mask leaves a single key, the walk finds it still there at the next
# tile, and the rule fetches it again.
KEY_BY_KEY = {name for name in catalogue_names("designs") if load_design(name).mapping.parameters.get("rows")}


@pytest.mark.parametrize(("shape", "mask"), CASES, ids=str)
@pytest.mark.parametrize("name", catalogue_names("designs"))
def test_shipped_designs_count_as_walked(name: str, shape: dict[str, int], mask: Mask) -> None:
    if name in KEY_BY_KEY and mask != "none":
        return
    load = Workload(
        name="small", batch=1, model_width=4, heads=2, kv_heads=1, head_size=2, value_head_size=3, ffn_width=4,
        mask=mask, query_len=shape["P"],
    )  # fmt: skip
    window = mask.window if isinstance(mask, Window) else None
    design = load_design(name)
    buffer = shape["buffer"] if not design.mapping.parameters else 4096
    changes = {"edge": shape["edge"], "buffer.capacity": buffer}
    rules = CORRECTED.but(off=["flat-objective", "double-buffer", "buffer-banks"])
    sizes = attention_sizes(Sizes(design.accelerator, workload_sizes(load, shape["M"]), changes), rules)
    tiling = measure(design, sizes, rules).tiling
    group, queries = int(sizes("group")), shape["P"]

    def block(nest: Nest, root: str, place: int) -> range:
        chain = nest.chains[root]
        size = int(tiling.bound(chain[-1])) if len(chain) > 1 else 1
        unit = _unit(tiling, nest, root)
        start = place * unit // max(size, unit) * max(size, unit)
        return range(start, min(start + max(size, unit), int(tiling.part(root))))

    for nest in tiling.nests.values():

        def is_seen(at: dict[str, int], nest: Nest = nest) -> bool:
            if mask == "none" or not {"P", "M"} <= at.keys():
                return True
            for row, key in itertools.product(block(nest, "P", at["P"]), block(nest, "M", at["M"])):
                position = shape["M"] - queries + row // group
                if key <= position and (window is None or key > position - window):
                    return True
            return False

        compare_nest(nest, tiling, walk_nest(nest, tiling, is_seen))


def _unit(tiling: Tiling, nest: Nest, root: str) -> int:
    """Coordinates of a rank that one iteration of its innermost loop in the nest covers."""
    loops = {loop.part for loop in nest.chains[root]}

    def left(part: str) -> int:
        below = tiling.design.mapping.partition.get(part, {})
        if part in loops:
            return 1
        if not any(part in loop.ranks for loop in nest.chains[root]):
            return int(tiling.part(part))
        size = 1
        for inner in below:
            size *= left(inner)
        return size

    return left(root)
