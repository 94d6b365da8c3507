"""Run a cascade on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusemax.base.errors import SourceErrors, UnknownName, UsageError
from fusemax.cascade.functions import UserFunction
from fusemax.cascade.ir import Cascade, Einsum
from fusemax.cascade.located import at
from fusemax.cascade.ranks import rank_of
from fusemax.cascade.sizes import resolve_sizes
from fusemax.execute.choose import Settings
from fusemax.execute.formats import Format, number_format
from fusemax.execute.functions import FUNCTIONS, registered
from fusemax.execute.layout import Layout
from fusemax.execute.program import Program, build
from fusemax.execute.touch import Tally

Array = NDArray[Any]
BUDGET_BYTES = 64 << 20
Observer = Callable[[Einsum, int | None, Array], None]


def run(
    cascade: Cascade,
    inputs: Mapping[str, ArrayLike],
    *,
    sizes: Mapping[str, int] | None = None,
    parameters: Mapping[str, float] | None = None,
    dtype: str = "float64",
    accumulate: str | None = None,
    budget_bytes: int = BUDGET_BYTES,
    functions: Mapping[str, UserFunction] | None = None,
    tally: Tally | None = None,
    observer: Observer | None = None,
) -> dict[str, Array]:
    """The outputs of a cascade, one float64 array each (a scalar has no dimensions).

    `inputs` holds one real array per declared input; `sizes` and `parameters` override the header's. `dtype` is
    the number format of inputs and of every Einsum's result, `accumulate` that of `+` and `*` reductions
    (default: the one it computes in). Temporary arrays of one statement take at most about `budget_bytes`.
    `functions` are the registered ones the cascade was parsed with. A `tally` is filled with the points touched.
    The `observer` is called after each execution of a statement with the Einsum, the iteration variable's value
    (None outside `iterate`) and the cells just written, which are valid during the call only.

    Raises `SourceError` or `SourceErrors` at the place of a wrong input or a broken cell rule, `UsageError` for
    a wrong size, parameter or format.
    """
    number = number_format(dtype)
    accumulator = Format(number.storage.name, number.storage) if accumulate is None else number_format(accumulate)
    arrays = _real_arrays(cascade, inputs)
    found = resolve_sizes(cascade, {name: array.shape for name, array in arrays.items()}, sizes)
    table = dict(FUNCTIONS) | {name: registered(function) for name, function in (functions or {}).items()}
    settings = Settings(_parameters(cascade, parameters or {}), number, accumulator, table, budget_bytes, tally)
    try:
        return run_at(cascade, arrays, found, settings, None, observer)
    except (MemoryError, OverflowError) as error:
        shapes = ", ".join(f"{rank} = {size}" for rank, size in found.items())
        raise UsageError(f"no memory to run {cascade.name} at {shapes}") from error


def run_at(
    cascade: Cascade, arrays: Mapping[str, Array], sizes: Mapping[str, int], settings: Settings,
    layout: Layout | None = None, observer: Observer | None = None,
) -> dict[str, Array]:  # fmt: skip
    """The outputs at known sizes, from arrays of the right shapes."""
    with np.errstate(all="ignore"):
        program = build(cascade, sizes, settings, layout)
        roots = {name: _as_format(array, settings.format) for name, array in arrays.items()}
        for name, root in roots.items():
            program.tensors[name].storage.root = root
        execute(program, observer)
        return _outputs(program, {id(root) for root in roots.values()})


def execute(program: Program, observer: Observer | None = None) -> None:
    """Run every section of a program whose inputs are there."""
    for steps, jobs in program.sections:
        for step in steps:
            for job in jobs:
                cells = job.execute(step)
                if observer is not None:
                    observer(job.statement.einsum, step if job.statement.axes.fixed else None, cells)
                if len(steps) == 1:
                    job.free()
        for job in jobs:
            job.free()


def _outputs(program: Program, taken: set[int]) -> dict[str, Array]:
    """`taken` are the identities of buffers that the caller holds: outputs that lie there are copied."""
    found: dict[str, Array] = {}
    for declaration in program.cascade.outputs:
        tensor = program.tensors[declaration.tensor]
        sizes = [program.sizes[rank_of(variable)] for variable in declaration.variables]
        short = any(extent < size for extent, size in zip(tensor.extents, sizes, strict=True))
        if tensor.cells is None or tensor.cells.missing or short:
            message = f"output '{declaration.tensor}' is only partly written"
            raise at(program.cascade, declaration.span, message)
        shared = id(tensor.storage.root) in taken
        taken.add(id(tensor.storage.root))
        array = tensor.storage.array()
        found[declaration.tensor] = np.array(array, np.float64) if shared else np.asarray(array, np.float64, order="C")
    return found


def _real_arrays(cascade: Cascade, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
    arrays, errors = {}, []
    declared = {declaration.tensor: declaration for declaration in cascade.inputs}
    for name, value in inputs.items():
        if name not in declared:
            raise UnknownName("input", name, declared)
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            message = f"input '{name}' holds {array.dtype}, expected real numbers"
            errors.append(at(cascade, declared[name].span, message))
        arrays[name] = array
    if errors:
        raise errors[0] if len(errors) == 1 else SourceErrors(errors)
    return arrays


def _as_format(array: Array, number: Format) -> Array:
    values = np.ascontiguousarray(array, dtype=number.storage)
    if number.narrow is not None:
        values = values.astype(number.narrow).astype(number.storage)
    return values


def _parameters(cascade: Cascade, given: Mapping[str, float]) -> dict[str, float]:
    known = {parameter.name: float(parameter.value) for parameter in cascade.parameters}
    for name, value in given.items():
        if name not in known:
            raise UnknownName("parameter", name, known)
        known[name] = float(value)
    return known
