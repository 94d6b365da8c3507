"""A cascade at known sizes, ready to run: tensors laid out, statements compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import rank_of
from fusemax.execute.choose import Settings, choose_kernel
from fusemax.execute.compile import Compiler
from fusemax.execute.formats import Format
from fusemax.execute.jobs import Job
from fusemax.execute.layout import Layout, Statement, collapsed, is_injective, lay_out, steps_of
from fusemax.execute.lifetimes import last_uses, windows
from fusemax.execute.reads import Tensor
from fusemax.execute.reuse import become_view, donor_of
from fusemax.execute.storage import Cells, View, dense


@dataclass
class Program:
    """Tensors by name and the statements of each section, in order.

    `kept` tensors are inputs, outputs, and those that share memory as views: nothing may be written over them.
    """

    cascade: Cascade
    sizes: Mapping[str, int]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    sections: list[tuple[range, list[Job]]] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)


def build(cascade: Cascade, sizes: Mapping[str, int], settings: Settings, layout: Layout | None = None) -> Program:
    """Lay out the tensors and compile the statements. Inputs get no buffer yet.

    `layout` is the cascade's, when it is at hand.
    """
    program = Program(cascade, sizes)
    program.kept.update(declaration.tensor for declaration in (*cascade.inputs, *cascade.outputs))
    layout = lay_out(cascade, sizes) if layout is None else layout
    parts, written = layout.statements, layout.written
    for declaration in cascade.inputs:
        extents = tuple(sizes[rank_of(v)] for v in declaration.variables)
        program.tensors[declaration.tensor] = Tensor(declaration.tensor, dense(extents, settings.format.storage))
    every = written | {name: tensor.extents for name, tensor in program.tensors.items()}
    window = {} if settings.plain else windows(cascade, sizes, parts, every)
    coordinates = {part.einsum.tensor for part in parts for r in part.einsum.reductions if r.operator == "argtopk"}
    covered = collapsed(layout)
    for name, extents in written.items():
        dtype = np.dtype(np.float64) if name in coordinates else settings.format.storage
        cells = Cells(extents, covered[name])
        program.tensors[name] = Tensor(name, dense(extents, dtype, window.get(name)), cells)
    _add_sections(program, parts, settings)
    return program


def _add_sections(program: Program, parts: Sequence[Statement], settings: Settings) -> None:
    last_use = {} if settings.plain else last_uses(parts)
    outputs = {declaration.tensor for declaration in program.cascade.outputs}
    number = 0
    for section in program.cascade.sections:
        steps = steps_of(program.sizes, section)
        jobs = []
        for _ in section.einsums:
            job = _job(program, parts, number, settings, last_use)
            job.ends = [program.tensors[n] for n, at in last_use.items() if at == number and n not in outputs]
            jobs.append(job)
            number += 1
        program.sections.append((steps, jobs))


def _job(
    program: Program, parts: Sequence[Statement], number: int, settings: Settings, last_use: Mapping[str, int]
) -> Job:
    statement = parts[number]
    target = program.tensors[statement.einsum.tensor]
    donor = None
    if not settings.plain:
        kept = frozenset(program.kept)
        donor = donor_of(statement, number, parts, program.tensors, program.sizes, last_use, kept)
    compiler = Compiler(
        program.cascade, program.sizes, settings.parameters, program.tensors, settings.functions, statement.axes,
        statement.last, settings.format.storage, donor.name if donor else None,
        None if settings.tally is None else settings.tally.statement(statement.einsum),
    )  # fmt: skip
    root = compiler.term(statement.einsum.right)
    source = None
    if len(compiler.reads) == 1 and not settings.plain:
        read = compiler.reads[0]
        if become_view(statement, target, read.tensor, read):
            source = read
            program.kept |= {target.name, read.tensor.name}
    is_coordinate = any(r.operator == "argtopk" for r in statement.einsum.reductions)
    job = Job(
        statement, target, choose_kernel(statement, target, settings, compiler, root), compiler.reads,
        compiler.filters, program.cascade, program.sizes,
        Format("float64", np.dtype(np.float64)) if is_coordinate else settings.format, donor=donor, source=source,
    )  # fmt: skip
    if statement.left is not None and is_injective(statement) and target.cells is not None:
        job.view = View(target.storage, statement.left, statement.left_axes)
        job.marks = View(target.cells.storage, statement.left, statement.left_axes)
    return job
