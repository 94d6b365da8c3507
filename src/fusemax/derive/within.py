"""Use laws for flat cascades on the body of a loop over another rank, one step of it at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fusemax.cascade.ir import (
    Access,
    Binary,
    Cascade,
    Declaration,
    Einsum,
    Expr,
    Index,
    Number,
    Section,
    Variable,
    walk,
)
from fusemax.cascade.ranks import variable_of
from fusemax.cascade.resolve import rewrite
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.roles import Unsupported, walks
from fusemax.derive.samples import position_ranks

_NEXT = "__next"


@dataclass(frozen=True)
class Body:
    """A section's statements as a flat cascade, and the way back."""

    cascade: Cascade
    section: Section
    flat: Cascade

    def put_back(self, changed: Cascade) -> Cascade:
        """The whole cascade with the section's statements replaced; those without its variable go to `init`."""
        step = self.section.variable or ""
        inside: list[Einsum] = []
        before: list[Einsum] = []
        for einsum in changed.einsums:
            restored = _restored(einsum, step)
            uses = any(isinstance(n, Variable) and n.name == step for i in restored.left for n in walk(i))
            (inside if uses else before).append(restored)
        written = {e.tensor for e in self.section.einsums} | {e.tensor for e in inside}
        for einsum in before:
            if any(isinstance(n, Access) and n.tensor in written for n in walk(einsum.right)):
                raise Unsupported(f"{einsum.tensor} does not change with {step} but reads what does")
        sections = list(self.cascade.sections)
        place = sections.index(self.section)
        sections[place] = replace(self.section, einsums=tuple(inside))
        if before:
            if sections[0].kind == "init":
                sections[0] = replace(sections[0], einsums=(*sections[0].einsums, *before))
            else:
                sections.insert(0, Section("init", tuple(before)))
        return replace(self.cascade, sections=tuple(sections), claims=())


def bodies(cascade: Cascade, rank: str) -> Iterator[Body]:
    """The loops over other ranks, as flat cascades."""
    for section in cascade.sections:
        if section.kind == "iterate" and section.until and not walks(cascade, rank, section.variable or ""):
            flat = _flat(cascade, section)
            if flat is not None:
                yield Body(cascade, section, flat)


def _flat(cascade: Cascade, section: Section) -> Cascade | None:
    step = Variable(section.variable or "")
    after = Binary("+", step, Number(1))
    written = {e.tensor for e in section.einsums}

    def renamed(node: Expr) -> Expr:
        if isinstance(node, Access) and node.tensor in written and any(i.value == after for i in node.indices):
            indices = tuple(Index(step) if i.value == after else i for i in node.indices)
            return Access(node.tensor + _NEXT, indices)
        return node

    einsums = []
    for einsum in section.einsums:
        left = tuple(step if i == after else i for i in einsum.left)
        if not all(isinstance(i, Variable) for i in left):
            return None
        name = einsum.tensor + (_NEXT if after in einsum.left else "")
        einsums.append(replace(einsum, tensor=name, left=left, right=rewrite(einsum.right, renamed)))
    names = {e.tensor for e in einsums}
    positions = position_ranks(cascade)
    read = {n.tensor for e in einsums for n in walk(e.right) if isinstance(n, Access)} - names
    elsewhere = {n.tensor for s in cascade.sections if s is not section for e in s.einsums for n in walk(e.right)
                 if isinstance(n, Access)}  # fmt: skip
    inputs = [Declaration(t, tuple(variable_of(r) for r in positions.get(t, ()))) for t in sorted(read)]
    others = {d.tensor for d in (*cascade.inputs, *cascade.outputs)} | {e.tensor for e in cascade.einsums}
    inputs += [Declaration(t) for t in sorted(others - read - names)]
    wanted = elsewhere | {d.tensor for d in cascade.outputs}
    kept = [e for e in einsums if e.tensor.endswith(_NEXT) or e.tensor in wanted]
    outputs = [Declaration(e.tensor, tuple(i.name for i in e.left if isinstance(i, Variable))) for e in kept]
    return replace(
        cascade, inputs=tuple(inputs), outputs=tuple(outputs), sections=(Section("flat", tuple(einsums)),), origin=None
    )


def _restored(einsum: Einsum, step: str) -> Einsum:
    after = Binary("+", Variable(step), Number(1))

    def index(value: Expr) -> Expr:
        return after if value == Variable(step) else value

    def leaf(node: Expr) -> Expr:
        if isinstance(node, Access) and node.tensor.endswith(_NEXT):
            indices = tuple(replace(i, value=index(i.value)) for i in node.indices)
            return Access(node.tensor.removesuffix(_NEXT), indices)
        return node

    left = tuple(index(i) for i in einsum.left) if einsum.tensor.endswith(_NEXT) else einsum.left
    return replace(einsum, tensor=einsum.tensor.removesuffix(_NEXT), left=left, right=rewrite(einsum.right, leaf))


def uses_within(law: Law, cascade: Cascade, rank: str, aim: Aim) -> list[Rewrite]:
    """The uses of a law on the bodies of loops over other ranks."""
    found = []
    for body in bodies(cascade, rank):
        for use in law.uses(body.flat, rank, aim):
            try:
                whole = body.put_back(use.cascade)
            except Unsupported:
                continue
            names = tuple(t.removesuffix(_NEXT) for t in use.einsums)
            found.append(Rewrite(use.law, whole, names, use.detail))
    return found
