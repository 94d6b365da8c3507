"""Lazy rescaling as a dimension of the space: designs whose cascade moves its running maxima lazily, and skips.

The lazy form of a cascade is what the law of that name derives, checked there on numbers; a design's mapping and
schedule stay, and its schedule says at which share of the tiles what rescales runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from fusemax.base.errors import UsageError
from fusemax.cascade.ir import Cascade
from fusemax.design.corrections import references, thresholds
from fusemax.design.design import Design, Hardware
from fusemax.design.sizes import Sizes
from fusemax.design.workload import Workload

__all__ = ["is_lazy_form", "lazy_form", "lazy_seeds", "measured_shares", "with_lazy"]


@lru_cache(maxsize=16)
def lazy_form(cascade: Cascade) -> Cascade | None:
    """The cascade with its running maxima moved lazily; itself where they are; None where nothing would be saved."""
    if not references(cascade):
        return None
    from fusemax.derive import derive

    until = {section.until for section in cascade.sections if section.kind == "iterate" and section.until}
    whole = {factor: part.rank for part in cascade.partitions for factor in part.factors}
    for rank in sorted({whole.get(rank, rank) for rank in until}):
        derived = derive(cascade, rank, law="lazy")
        if derived.best is not None and references(derived.cascade):
            return derived.cascade
    return cascade if thresholds(cascade) else None


def is_lazy_form(one: Cascade, cascade: Cascade) -> bool:
    """Whether one cascade is the other with its running maxima moved lazily, whatever it is called."""
    if not references(one) or (one.inputs, one.outputs) != (cascade.inputs, cascade.outputs):
        return False
    moved = lazy_form(cascade)
    return moved is not None and (moved.sections, moved.parameters) == (one.sections, one.parameters)


def with_lazy(
    cascade: Cascade, hardware: Hardware, workload: Workload, length: int, seeds: Sequence[Design],
    share: Fraction | None = None,
) -> tuple[Design, ...]:  # fmt: skip
    """Designs and, after them, the same with lazy rescaling at a share of the tiles, the measured one unless given."""
    shares = measured_shares(cascade, hardware, workload, length) if share is None else share
    return (*seeds, *lazy_seeds(cascade, seeds, shares))


def lazy_seeds(cascade: Cascade, seeds: Sequence[Design], shares: Mapping[str, Fraction] | Fraction) -> list[Design]:
    """Designs as they are but for lazy rescaling at a share of the tiles, one for all or by reference.

    UsageError where the cascade has nothing that lazy rescaling would leave out.
    """
    moved = lazy_form(cascade)
    if moved is None:
        raise UsageError(f"{cascade.name} has no running maximum that can move lazily and no Einsum that skips then")
    runs = {
        name: str(shares if isinstance(shares, Fraction) else shares[reference])
        for reference, names in references(moved).items()
        for name in names
    }
    changed = {"runs": runs}
    return [replace(d, cascade=moved, schedule=d.schedule.model_copy(update=changed), binding=None) for d in seeds]


def measured_shares(cascade: Cascade, hardware: Hardware, workload: Workload, length: int) -> dict[str, Fraction]:
    """By reference of the lazy form, the share of tiles as large as the array at which it moves (`rescaling`).

    Of smaller tiles it is no larger. UsageError under a mask, with which the cascade is not executed.
    """
    moved = lazy_form(cascade)
    if moved is None:
        return {}
    if workload.mask != "none":
        raise UsageError("how often rescaling runs under a mask is not measured: give the share (--lazy 1/8)")
    sizes, arrays = Sizes(hardware.accelerator, {}), hardware.accelerator.arrays
    rows, columns = (max(int(sizes(f"{name}.{side}")) for name in arrays) for side in ("rows", "columns"))
    from fusemax.search.rescaling import rescaling

    return rescaling(moved, workload, length, key_tile=rows, together=columns).shares
