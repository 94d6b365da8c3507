"""A Design: a cascade, an accelerator, a mapping and a schedule, ready to be modelled, simulated or searched.

design.specs            the Einsums of the cascade (fusemax.design.einsums.EinsumSpec), batch ranks included
design.accelerator      memories and arrays (fusemax.design.accelerator)
design.mapping          loops, tiles, what is kept where (fusemax.design.mapping)
design.schedule         phases and steps (fusemax.design.schedule)
design.costs            energies, areas, SRAM table (fusemax.design.tables)
design.linear           the Design of a linear layer on the same accelerator, or None
design.binding          what its arrays do in every cycle: a name in catalogue/bindings or a file, or None
design.as_published     what the published accounting does differently for this design, by switch
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from pydantic import Field

from fusemax.cascade.ir import Cascade
from fusemax.design.accelerator import Accelerator, Frozen
from fusemax.design.amounts import Bytes
from fusemax.design.einsums import EinsumSpec, batched, einsums_of
from fusemax.design.mapping import Amount, Mapping, Search
from fusemax.design.schedule import Schedule
from fusemax.design.tables import CostTables

__all__ = ["AsPublished", "Design", "Hardware", "PublishedParts"]


class PublishedParts(Frozen):
    """A parameter's value as published, at the sizes it was published for."""

    when: AnyMapping[str, Amount]
    set: AnyMapping[str, Amount] = Field(alias="set")
    why: str = ""


class AsPublished(Frozen):
    """What the published accounting does differently for one design; each field belongs to one switch.

    ``ranks`` (declared-ranks): ranks of tensors as the published files declare them. ``capacity``
    (own-capacity): the buffer size that tiles are chosen for. ``exp_energy`` (exp-energy): False where the
    exponential is not charged. ``exp_cycles`` (exp-cycles): ``separate`` where subtract and exp are charged one
    after the other though the unit takes both. ``uncharged`` (all-registers): by Einsum, levels whose accesses are
    not charged. ``banks`` (buffer-banks): banks of the buffer. ``search`` and ``parts`` (flat-objective): how the
    published mapping was found, and where it was another.
    """

    ranks: AnyMapping[str, AnyMapping[str, tuple[str, ...]]] = {}
    capacity: Bytes | None = None
    exp_energy: bool = True
    exp_cycles: Literal["own", "separate"] = "own"
    uncharged: AnyMapping[str, tuple[str, ...]] = {}
    banks: AnyMapping[str, int] = {}
    search: Search | None = None
    parts: tuple[PublishedParts, ...] = ()


@dataclass(frozen=True, eq=False)
class Hardware:
    """An accelerator with its cost tables: all that energy and area per access need."""

    accelerator: Accelerator
    costs: CostTables = field(repr=False)
    as_published: AsPublished = field(default_factory=AsPublished, repr=False)


@dataclass(frozen=True, eq=False)
class Design:
    """See the module. Two designs are equal when they are the same object; compare texts instead."""

    name: str
    cascade: Cascade
    accelerator: Accelerator
    mapping: Mapping
    schedule: Schedule
    costs: CostTables = field(repr=False)
    title: str = ""
    source: str = ""
    as_published: AsPublished = field(default_factory=AsPublished, repr=False)
    linear: Design | None = field(default=None, repr=False)
    binding: str | None = None

    @cached_property
    def specs(self) -> tuple[EinsumSpec, ...]:
        """The Einsums that compute something, in the cascade's order, batch ranks in every operand."""
        return tuple(batched(spec, self.mapping.batch) for spec in einsums_of(self.cascade))

    def spec(self, name: str) -> EinsumSpec:
        """The Einsum of that name. KeyError when the cascade has none."""
        return next(spec for spec in self.specs if spec.name == name)

    def label(self, name: str) -> str:
        """What an Einsum or tensor is called in results."""
        base = name.removesuffix("old")
        found = self.mapping.labels.get(name, self.mapping.labels.get(base))
        return name if found is None else found + name[len(base) :]

    @cached_property
    def boundary(self) -> frozenset[str]:
        """Inputs and outputs of the cascade and their views, which stand in the outermost memory in any case."""
        from fusemax.design.einsums import views_of

        named = {d.tensor for d in (*self.cascade.inputs, *self.cascade.outputs)}
        return frozenset(named | {view for view, of in views_of(self.cascade).items() if of in named})

    def with_accelerator(self, accelerator: Accelerator) -> Design:
        """The same design on another accelerator."""
        linear = None if self.linear is None else replace(self.linear, accelerator=accelerator)
        return replace(self, accelerator=accelerator, linear=linear)
