"""Rules of names: everything used is known, written before it is read, written once, and means one thing."""

from __future__ import annotations

from collections.abc import Iterator

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Access, Einsum, Expr, Span, Unknown, Variable
from fusemax.cascade.ranks import rank_of, variable_of
from fusemax.cascade.rules.scope import Scope


def _variable_uses(scope: Scope) -> Iterator[tuple[str, Span]]:
    """Every rank variable outside the inputs, with its place: outputs, `iterate`, statements, reductions."""
    for output in scope.cascade.outputs:
        yield from zip(output.variables, output.variable_spans, strict=False)
    number = 0
    for section in scope.cascade.sections:
        if section.variable is not None:
            yield section.variable, section.variable_span
        for einsum in section.einsums:
            yield from ((node.name, node.span) for node in scope.uses[number] if isinstance(node, Variable))
            for reduction in einsum.reductions:
                yield from zip(reduction.variables, reduction.variable_spans, strict=False)
            number += 1


def known_variables(scope: Scope) -> Iterator[SourceError]:
    """A rank variable walks a rank that inputs, partitions, aliases or sizes declare. Each is reported once."""
    reported: set[str] = set()
    for variable, span in _variable_uses(scope):
        if not scope.is_variable(variable) and variable not in reported:
            reported.add(variable)
            message = f"unknown variable '{variable}': there is no rank '{rank_of(variable)}'"
            yield scope.error(span, message, variable, map(variable_of, scope.ranks))


def known_names(scope: Scope) -> Iterator[SourceError]:
    """A capitalised name is a tensor, a rank or a parameter. Each unknown one is reported once."""
    reported: set[str] = set()
    bare = {*scope.ranks, *scope.parameters, *scope.tensors}
    for nodes in scope.uses:
        for node in nodes:
            if isinstance(node, Access) and node.tensor not in scope.tensors and node.tensor not in reported:
                reported.add(node.tensor)
                yield scope.error(node.span, f"unknown tensor '{node.tensor}'", node.tensor, scope.tensors)
            elif isinstance(node, Unknown) and node.name not in reported:
                reported.add(node.name)
                yield scope.error(node.span, f"unknown tensor, rank or parameter '{node.name}'", node.name, bare)


def written_before_read(scope: Scope) -> Iterator[SourceError]:
    """A statement reads what an earlier statement of the text writes. The first bad read of a tensor is reported."""
    reported: set[str] = set()
    for number, access in scope.accesses():
        name = access.tensor
        if name in scope.inputs or name in reported or name not in scope.writers:
            continue
        if scope.writers[name] >= number:
            reported.add(name)
            yield scope.error(access.span, f"tensor '{name}' is read before any statement writes it")


def outputs_written(scope: Scope) -> Iterator[SourceError]:
    """Every output is written by a statement."""
    for output in scope.cascade.outputs:
        if output.tensor not in scope.writers and output.tensor not in scope.inputs:
            message = f"output '{output.tensor}' is never written"
            yield scope.error(output.span, message, output.tensor, set(scope.writers) - set(scope.outputs))


def inputs_read_only(scope: Scope) -> Iterator[SourceError]:
    """No statement writes an input."""
    for einsum in scope.einsums:
        if einsum.tensor in scope.inputs:
            yield scope.error(einsum.span, f"'{einsum.tensor}' is an input, no statement may write it")


def written_once(scope: Scope) -> Iterator[SourceError]:
    """No two statements have the same left side."""
    seen: dict[tuple[str, tuple[Expr, ...]], Einsum] = {}
    for einsum in scope.einsums:
        before = seen.setdefault((einsum.tensor, einsum.left), einsum)
        if before is not einsum and einsum.tensor not in scope.inputs:
            where = f" in line {before.span.line}" if before.span.line else ""
            yield scope.error(einsum.span, f"the same left side of '{einsum.tensor}' is written{where} already")


def one_meaning(scope: Scope) -> Iterator[SourceError]:
    """Ranks, scalars and parameters have different names (a tensor with brackets may share a rank's)."""
    for parameter in scope.cascade.parameters:
        if parameter.name in scope.ranks:
            yield scope.error(parameter.span, f"'{parameter.name}' is a rank and a parameter")
    for declaration in scope.cascade.inputs:
        if not declaration.variables:
            yield from _scalar_clash(scope, declaration.tensor, declaration.span)
    reported: set[str] = set()
    for einsum in scope.einsums:
        if not einsum.left and einsum.tensor not in reported and einsum.tensor not in scope.inputs:
            reported.add(einsum.tensor)
            yield from _scalar_clash(scope, einsum.tensor, einsum.span)


def _scalar_clash(scope: Scope, name: str, span: Span) -> Iterator[SourceError]:
    for kind, names in (("rank", scope.ranks), ("parameter", scope.parameters)):
        if name in names:
            yield scope.error(span, f"'{name}' is a {kind} and a scalar")
