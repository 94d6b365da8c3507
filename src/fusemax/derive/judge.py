"""Checked candidates: forms of a search with names, claims, passes, errors and stability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fusemax.analysis.passes import Passes, passes
from fusemax.cascade.ir import Cascade, Claim, Number, Size
from fusemax.cascade.parse import parse
from fusemax.cascade.print import print_cascade
from fusemax.cascade.ranks import declared_ranks, factors_of
from fusemax.cascade.rules import check_rules
from fusemax.cascade.sizes import derived_ranks, known_sizes
from fusemax.derive.check import Check, Difference, Reference
from fusemax.derive.effort import effort, operations
from fusemax.derive.samples import samples_for, sizes_for
from fusemax.derive.search import Form

_QUICK = 4
"""How many samples check a step on the way; the last step of a chain meets them all."""


@dataclass(frozen=True)
class Step:
    """One step of a chain: the law, the Einsums it touched, and the cascade with its counts before and after."""

    law: str
    einsums: tuple[str, ...]
    detail: str
    cascade: Cascade
    passes_before: int | str
    passes: int | str
    effort_before: int
    effort: int
    max_error: float

    def row(self) -> dict[str, object]:
        """For tables and JSON."""
        return {
            "law": self.law + (f" ({self.detail})" if self.detail else ""),
            "einsums": list(self.einsums),
            "passes_before": self.passes_before,
            "passes": self.passes,
            "work_before": self.effort_before,
            "work": self.effort,
            "max_error": self.max_error,
        }


@dataclass(frozen=True)
class Candidate:
    """A finished form: its chain, passes, stability and work."""

    cascade: Cascade
    steps: tuple[Step, ...]
    passes: int | str
    loss: float
    effort: int
    divisions: int
    check: Check

    @property
    def is_stable(self) -> bool:
        """Keeps about as many digits as the source."""
        return self.loss <= 1.0


    @property
    def agrees(self) -> bool:
        """Agrees with the source on every benign sample."""
        return self.check.difference is None


class Judge:
    """Turns forms into checked candidates; sizes and samples follow the form's own (a tile may need more)."""

    def __init__(self, source: Cascade, rank: str, before: int | str, start: Form, keep_partial: bool) -> None:
        self.source, self.rank, self.before, self.keep_partial = source, rank, before, keep_partial
        self.start = start
        self.references: dict[tuple[tuple[str, int], ...], Reference] = {}
        self.sizes = sizes_for(source)
        self.effort = effort(source, self.sizes)
        self.finished: dict[str, tuple[Cascade, int | str]] = {}

    def reference(self, cascade: Cascade) -> Reference:
        sizes = sizes_for(cascade)
        key = tuple(sorted(sizes.items()))
        if key not in self.references:
            self.references[key] = Reference(self.source, samples_for(self.source, self.rank, sizes=sizes))
        return self.references[key]

    def candidates(
        self, forms: Sequence[Form], target: int | None, every: bool
    ) -> tuple[list[Candidate], list[tuple[str, Difference]]]:
        """The forms worth showing, checked: those with the fewest passes, or with `every` all of them."""
        found: list[Candidate] = []
        rejected: list[tuple[str, Difference]] = []
        plain: set[tuple[str, ...]] = set()
        least = min((form.passes for form in forms if form.chain), default=0)
        for form in forms:
            wanted = every or form.passes == (target or least)
            laws = tuple(step.law for step in form.chain)
            if not form.chain or not wanted or (not every and laws in plain):
                continue
            candidate = self.candidate(form)
            partial = self.keep_partial and candidate.check.difference is not None
            if candidate.check.difference is None or (partial and self.agrees_somewhere(candidate)):
                found.append(candidate)
                plain.add(laws)
            else:
                rejected.append((", ".join(_named(form)), candidate.check.difference))
        return found, rejected

    def agrees_somewhere(self, candidate: Candidate) -> bool:
        """Does a form that fails on some inputs agree on random ones? Then a precondition is what it lacks."""
        return self.reference(candidate.cascade).check(candidate.cascade, 2).difference is None

    def candidate(self, form: Form) -> Candidate:
        steps: list[Step] = []
        before, work = self.before, self.effort
        for number, rewrite in enumerate(form.chain):
            is_last = number == len(form.chain) - 1
            cascade, count = self.finish(rewrite.cascade, form, number)
            reference = self.reference(cascade)
            check = reference.check(cascade, None if is_last else _QUICK)
            now = effort(cascade, sizes_for(cascade))
            law, einsums, detail = rewrite.law, rewrite.einsums, rewrite.detail
            steps.append(Step(law, einsums, detail, cascade, before, count, work, now, check.max_error))
            before, work = count, now
        loss = reference.worst_loss(cascade) if check.difference is None else float("inf")
        divisions = operations(cascade, sizes_for(cascade))["div"]
        return Candidate(cascade, tuple(steps), before, loss, work, divisions, check)

    def finish(self, cascade: Cascade, form: Form, number: int) -> tuple[Cascade, int | str]:
        """The legal cascade with name, sources and claims, read back from its own text, and its passes."""
        laws = [f"{step.law}" for step in form.chain[: number + 1]]
        key = print_cascade(cascade)
        if key not in self.finished:
            named = replace(
                cascade,
                sizes=all_sizes(cascade),
                name=_name(self.source.name, laws),
                title=f"{self.source.title or self.source.name}, derived",
                source=f"fusemax derive: {', '.join(laws)}" + (f"; {self.source.source}" if self.source.source else ""),
                note=None,
                origin=None,
            )
            counted = passes(parse(print_cascade(named), f"{named.name}.cascade"))
            named = replace(named, claims=_claims(named, counted, self.rank))
            text = print_cascade(named)
            self.finished[key] = (check_rules(parse(text, f"{named.name}.cascade")), counted.ranks[self.rank].passes)
        return self.finished[key]


def all_sizes(cascade: Cascade) -> tuple[Size, ...]:
    """A default size for every rank that is not derived and whose size is known, those written first."""
    known, _ = known_sizes(cascade, None, None)
    derived = derived_ranks(cascade)
    written = {size.rank for size in cascade.sizes}
    free = [rank for rank in declared_ranks(cascade) if rank not in written and rank not in derived]
    return (*cascade.sizes, *(Size(rank, known[rank]) for rank in free if rank in known))


def _named(form: Form) -> list[str]:
    return [step.law + (f" ({step.detail})" if step.detail else "") for step in form.chain]


def _name(source: str, laws: Sequence[str]) -> str:
    return f"{source}_{laws[-1]}" if laws else source


def _claims(cascade: Cascade, counted: Passes, rank: str) -> tuple[Claim, ...]:
    names = [rank, *factors_of(cascade, rank)]
    counts = [(name, counted.ranks[name].passes) for name in names if name in counted.ranks]
    return tuple(Claim("passes", name, Number(count)) for name, count in counts if isinstance(count, int))
