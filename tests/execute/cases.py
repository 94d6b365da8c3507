"""Arrays for a cascade, and the comparison of the executor with the point-by-point oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusemax.cascade.ir import Cascade
from fusemax.cascade.parse import parse
from fusemax.cascade.ranks import rank_of_variable
from fusemax.cascade.rules import check_rules
from fusemax.cascade.sizes import resolve_sizes
from tests.execute.oracle import Cells, Interpreter

Array = NDArray[Any]
HEAD = "cascade   t\n"


def cascade(text: str) -> Cascade:
    """A legal cascade of a text without its first line."""
    return check_rules(parse(HEAD + text, "t.cascade"))


def shapes(c: Cascade, sizes: dict[str, int] | None = None) -> dict[str, tuple[int, ...]]:
    """The shape of every input at the default sizes, or at others."""
    found = resolve_sizes(c, None, sizes)
    return {d.tensor: tuple(found[rank_of_variable(c, v)] for v in d.variables) for d in c.inputs}


def normal(c: Cascade, seed: int = 0, sizes: dict[str, int] | None = None) -> dict[str, Array]:
    """Normal random inputs."""
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal(shape) for name, shape in shapes(c, sizes).items()}


def as_cells(array: Array) -> Cells:
    """An array as the oracle keeps it."""
    return {tuple(map(int, cell)): float(array[cell]) for cell in np.ndindex(array.shape)}


def oracle_outputs(c: Cascade, inputs: dict[str, Array], observe: Any = None) -> dict[str, Array]:
    """What the definition says the outputs are."""
    sizes = resolve_sizes(c, {name: array.shape for name, array in inputs.items()})
    interpreter = Interpreter(c, sizes, {name: as_cells(array) for name, array in inputs.items()}, observe)
    found = {}
    for name, cells in interpreter.run().items():
        array = np.empty(interpreter.extents[name])
        for cell, value in cells.items():
            array[cell] = value
        found[name] = array
    return found


def agree(ours: dict[str, Array], theirs: dict[str, Array], tolerance: float = 1e-12) -> None:
    """Same outputs, same shapes, float64, same values to a relative tolerance; NaN equals NaN."""
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == np.float64
        assert array.shape == theirs[name].shape
        finite = theirs[name][np.isfinite(theirs[name])]
        scale = float(np.abs(finite).max(initial=1e-300))
        np.testing.assert_allclose(array, theirs[name], rtol=tolerance, atol=tolerance * scale, err_msg=name)
