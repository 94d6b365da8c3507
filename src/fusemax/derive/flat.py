"""Small edits of a flat cascade: replace a statement, drop what nobody reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fusemax.cascade.ir import Access, Cascade, Einsum, Section, walk


def with_statements(cascade: Cascade, changes: Mapping[str, Sequence[Einsum]]) -> Cascade:
    """The flat cascade with the statement of each named tensor replaced by others, dead ones dropped."""
    einsums = [new for old in cascade.einsums for new in changes.get(old.tensor, (old,))]
    return flat(cascade, einsums)


def flat(cascade: Cascade, einsums: Sequence[Einsum]) -> Cascade:
    """The cascade with these statements in one flat section, dead ones dropped, claims forgotten."""
    sections = pruned((Section("flat", tuple(einsums)),), {d.tensor for d in cascade.outputs})
    return replace(cascade, sections=sections, claims=())


def pruned(sections: tuple[Section, ...], outputs: set[str]) -> tuple[Section, ...]:
    """The sections without statements that no output needs."""
    needed = set(outputs)
    while True:
        before = len(needed)
        for section in sections:
            for einsum in section.einsums:
                if einsum.tensor in needed:
                    needed |= reads(einsum)
        if len(needed) == before:
            break
    kept = []
    for section in sections:
        einsums = tuple(e for e in section.einsums if e.tensor in needed)
        if einsums:
            kept.append(replace(section, einsums=einsums))
    return in_order(tuple(kept))


def in_order(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """What stands before the first loop as one `init`; without a loop one flat section."""
    loops = [k for k, section in enumerate(sections) if section.kind == "iterate"]
    before = sections[: loops[0]] if loops else sections
    einsums = tuple(e for section in before for e in section.einsums)
    if not loops:
        return (Section("flat", einsums),) if einsums else ()
    return (*((Section("init", einsums),) if einsums else ()), *sections[loops[0] :])


def reads(einsum: Einsum) -> set[str]:
    """The tensors a statement reads."""
    parts = [einsum.right, *einsum.left]
    return {node.tensor for part in parts for node in walk(part) if isinstance(node, Access)}
