"""What is searched, and the spaces of it: found by every process for itself, from the same question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fusemax.cascade.ir import Cascade
from fusemax.design.design import Design, Hardware
from fusemax.design.sizes import Sizes, workload_sizes
from fusemax.design.workload import Workload
from fusemax.model.profile import Accounting
from fusemax.model.tiling import attention_sizes
from fusemax.search.branch import Part, Run
from fusemax.search.compose import Composition, Limits
from fusemax.search.goal import Goal, Place
from fusemax.search.hardware import hardware_variants
from fusemax.search.layout import placings_of
from fusemax.search.orders import Task, solve
from fusemax.search.space import Frame, frames, variants_of

__all__ = ["Question", "Spaces"]


@dataclass(frozen=True)
class Question:
    """What is searched."""

    cascade: Cascade
    workload: Workload
    length: int
    rules: Accounting
    goal: Goal
    seeds: tuple[Design, ...]
    exps: tuple[int, ...]
    mappings: str | None
    limits: Limits
    exhaustive: bool
    as_published: bool

    def frames(self, hardware: Hardware) -> list[Frame]:
        """The frames of the cascade on an accelerator."""
        return frames(self.cascade, hardware, self.seeds, self.as_published)

    def sizes(self, design: Design) -> Sizes:
        """The numbers of the point on a design's accelerator."""
        return attention_sizes(Sizes(design.accelerator, workload_sizes(self.workload, self.length)), self.rules)

    def compositions(self, found: Sequence[Frame]) -> Iterator[tuple[int, Composition]]:
        """The spaces of designs put together Einsum by Einsum, by the number of their frame."""
        if self.mappings == "designs":
            return
        for number, frame in enumerate(found):
            variants = variants_of(frame, self.exps)
            if variants:
                shape, limits = variants[0].shape, self.limits
                if self.mappings == "aligned":
                    aligned = {s.name: tuple(placings_of(shape, s, frame.seeds)) for s in shape.design.specs}
                    limits = replace(limits, placings={**aligned, **limits.placings})
                yield number, Composition(variants, self.sizes(shape.design), self.rules, limits)


class Spaces:
    """The accelerators of a question and their compositions, each made when it is asked for first."""

    def __init__(self, question: Question, hardware: Hardware, vary: Mapping[str, Sequence[object]]) -> None:
        self.question = question
        self.hardware = hardware
        self.vary = vary
        self._made: list[Hardware] | None = None
        self._frames: dict[int, list[Frame]] = {}
        self._compositions: dict[int, list[tuple[int, Composition]]] = {}

    def __reduce__(self) -> tuple[type[Spaces], tuple[object, ...]]:
        return Spaces, (self.question, self.hardware, self.vary)

    @property
    def accelerators(self) -> Sequence[Hardware]:
        """The accelerator, or those that `vary` makes of it."""
        if self._made is None:
            base = self.question.frames(self.hardware)[0].seeds[0] if self.vary else None
            self._made = [self.hardware] if base is None else list(hardware_variants(base, self.hardware, self.vary))
        return self._made

    def frames(self, number: int) -> list[Frame]:
        """The frames on an accelerator."""
        if number not in self._frames:
            self._frames[number] = self.question.frames(self.accelerators[number])
        return self._frames[number]

    def compositions(self, number: int) -> list[tuple[int, Composition]]:
        """The compositions on an accelerator, by the number of their frame."""
        if number not in self._compositions:
            self._compositions[number] = list(self.question.compositions(self.frames(number)))
        return self._compositions[number]

    def place(self, number: int, frame: int) -> Place:
        """Where a composition stands in the order of the whole space."""
        return (number, 0, frame)

    def solve(self, task: object, run: Run) -> Iterable[Part]:
        """Do a task."""
        assert isinstance(task, Task)
        number, _, frame = task.place
        return solve(dict(self.compositions(number))[frame], task, run, self.question.exhaustive)
