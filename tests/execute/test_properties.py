"""Random cascades and inputs: the executor and the definition agree, on values and on which cells may be used."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from fusemax.base.errors import SourceError
from fusemax.cascade import parse, print_cascade
from fusemax.cascade.ir import Access, Binary, Cascade, Einsum, Expr, Number, walk
from fusemax.cascade.resolve import rewrite
from fusemax.execute import run, trial_run
from fusemax.execute.trial import gathered, random_inputs
from tests.cascade.strategies import Features, cascades
from tests.execute.cases import agree, oracle_outputs, shapes
from tests.execute.oracle import CellError

Array = NDArray[Any]
WHOLE = [-3.0, -2.0, -1.0, -0.0, 0.0, 0.0, 1.0, 2.0, 3.0]
SPECIAL = [float("nan"), float("inf"), float("-inf")]


def draw_inputs(data: st.DataObject, c: Cascade, values: list[float]) -> dict[str, Array]:
    """Arrays of the given values; 0 or 1 where a gather reads its index."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    found = {}
    for name, shape in shapes(c).items():
        pool = [0.0] if name in gathered(c) else values
        found[name] = np.array(generator.choice(pool, size=shape))
    return found


def compare(c: Cascade, inputs: dict[str, Array], tolerance: float, **options: Any) -> None:
    """Both give the same outputs, or both refuse at the same place."""
    places: set[tuple[int, int]] = set()
    expected: dict[str, Array] = {}
    try:
        expected = oracle_outputs(c, inputs)
    except CellError as error:
        places = error.places
    if not places:
        agree(run(c, inputs, **options), expected, tolerance)
        return
    with pytest.raises(SourceError) as caught:
        run(c, inputs, **options)
    assert (caught.value.line, caught.value.column) in places


@given(cascades(Features(functions=False)), st.data())
def test_whole_numbers_come_out_exact(c: Cascade, data: st.DataObject) -> None:
    compare(c, draw_inputs(data, c, WHOLE), 0.0)


@given(cascades(), st.data())
def test_functions_agree_to_rounding(c: Cascade, data: st.DataObject) -> None:
    compare(c, draw_inputs(data, c, [0.25, 0.5, 1.0, 1.5, 2.0, -1.0, 0.0]), 1e-9)


@given(cascades(), st.data())
def test_nan_and_infinity_follow_ieee(c: Cascade, data: st.DataObject) -> None:
    compare(c, draw_inputs(data, c, WHOLE + SPECIAL), 1e-9)


@given(cascades(Features(functions=False)), st.data())
def test_tiles_do_not_matter(c: Cascade, data: st.DataObject) -> None:
    inputs = draw_inputs(data, c, WHOLE)
    compare(c, inputs, 0.0, budget_bytes=data.draw(st.sampled_from([8, 64, 256])))


@given(cascades())
def test_drawn_cascades_pass_their_trial(c: Cascade) -> None:
    assert trial_run(c)


def shifted(c: Cascade, data: st.DataObject) -> Cascade:
    """The cascade with one index, on the left or in an access, changed: mostly a broken cell rule."""
    places = [
        (e, side, position)
        for e, einsum in enumerate(c.einsums)
        for side, count in [(-1, len(einsum.left)), *((a, len(x.indices)) for a, x in enumerate(accesses_of(einsum)))]
        for position in range(count)
    ]
    number, side, position = data.draw(st.sampled_from(places))
    change = data.draw(st.sampled_from(["+1", "-1", "//2", "%2", "*2", "*0"]))

    def changed(index: Expr) -> Expr:
        return Binary(change.rstrip("012"), index, Number(int(change.lstrip("+-*/%"))))

    einsum = c.einsums[number]
    if side < 0:
        left = tuple(changed(x) if i == position else x for i, x in enumerate(einsum.left))
        new = replace(einsum, left=left)
    else:
        target = accesses_of(einsum)[side]
        indices = tuple(
            replace(x, value=changed(x.value)) if i == position else x for i, x in enumerate(target.indices)
        )
        new = replace(einsum, right=rewrite(einsum.right, lambda n: replace(n, indices=indices) if n == target else n))
    counter = itertools.count()
    sections = tuple(
        replace(s, einsums=tuple(new if next(counter) == number else e for e in s.einsums)) for s in c.sections
    )
    return parse(print_cascade(replace(c, sections=sections)))  # spans, to compare places


def accesses_of(einsum: Einsum) -> list[Access]:
    return [node for node in walk(einsum.right) if isinstance(node, Access) and node.indices]


@given(cascades(), st.data())
def test_broken_cells_are_found_where_the_definition_finds_them(c: Cascade, data: st.DataObject) -> None:
    if not any(einsum.left or accesses_of(einsum) for einsum in c.einsums):
        return
    broken = shifted(c, data)
    inputs = random_inputs(broken)
    compare(broken, inputs, 1e-9)
    compare(broken, inputs, 1e-9, budget_bytes=16)
    found = expected = False
    try:
        oracle_outputs(broken, inputs)
    except CellError:
        expected = True
    try:
        trial_run(broken)
    except SourceError:
        found = True
    assert found == expected
