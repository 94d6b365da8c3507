"""`derive`: from a cascade to the equal one with the fewest passes, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from fusemax.analysis.passes import Passes, passes
from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade, Claim, Number, Size
from fusemax.cascade.parse import parse
from fusemax.cascade.print import print_cascade
from fusemax.cascade.ranks import canonical, declared_ranks, factors_of
from fusemax.cascade.rules import check_rules
from fusemax.cascade.sizes import derived_ranks, known_sizes
from fusemax.derive.certificate import Certificate, certificate_of, one_pass
from fusemax.derive.check import Check, Difference, Reference
from fusemax.derive.counterexample import counterexample
from fusemax.derive.effort import effort, operations
from fusemax.derive.formulas import formula_at
from fusemax.derive.laws import LAWS, Aim
from fusemax.derive.samples import samples_for, sizes_for
from fusemax.derive.search import BUDGET, Form, Search

OBJECTIVES = ("passes", "work", "divisions", "footprint")
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


@dataclass(frozen=True)
class Derivation(Result):
    """What `derive` found. `best` is None when nothing needs fewer passes (or serves the objective better)."""

    command: ClassVar[str] = "derive"
    source: Cascade
    rank: str
    passes_before: int | str
    best: Candidate | None
    candidates: tuple[Candidate, ...]
    certificate: Certificate | None
    rejected: tuple[tuple[str, Difference], ...] = ()
    looked_at: int = 0
    budget_ended: bool = False
    counterexample: Difference | None = None
    explanations: tuple[str, ...] = ()
    example: Difference | None = None
    forced: Cascade | None = None

    @property
    def passes_after(self) -> int | str:
        """Passes of the best form, or of the source when there is none."""
        return self.best.passes if self.best else self.passes_before

    @property
    def steps(self) -> tuple[Step, ...]:
        """The chain to the best form."""
        return self.best.steps if self.best else ()

    @property
    def cascade(self) -> Cascade:
        """The best form, or the source."""
        return self.best.cascade if self.best else self.source

    def rows(self) -> list[dict[str, object]]:
        """The steps."""
        return [step.row() for step in self.steps]

    def document(self) -> Mapping[str, object]:
        """The JSON of `fusemax derive`, without its schema."""
        return {
            "cascade": self.source.name,
            "rank": self.rank,
            "passes_before": self.passes_before,
            "passes_after": self.passes_after,
            "steps": [{**step.row(), "law": step.law, "detail": step.detail} for step in self.steps],
            "certificate": self.certificate.document() if self.certificate else None,
            "stable": self.best.is_stable if self.best else None,
            "samples": self.best.check.samples if self.best else 0,
            "text": print_cascade(self.best.cascade) if self.best else None,
            "forms": [
                {
                    "laws": [step.law for step in c.steps],
                    "passes": c.passes,
                    "stable": c.is_stable,
                    "work": c.effort,
                    "divisions": c.divisions,
                }
                for c in self.candidates
            ],
            "counterexample": None if self.counterexample is None else described(self.counterexample),
            "explanations": list(self.explanations),
            "example": None if self.example is None else described(self.example),
            "forced": print_cascade(self.forced) if self.forced else None,
            "rejected": [{"laws": laws, "difference": str(difference)} for laws, difference in self.rejected],
            "looked_at": self.looked_at,
            "budget_ended": self.budget_ended,
        }

    def headline(self) -> str:
        """Passes before and after."""
        name = self.source.name
        if self.best is None:
            return f"{name}: {_times(self.passes_before)} over {self.rank}, and no better form"
        kind = "stable" if self.best.is_stable else "not stable: loses digits or overflows where the source does not"
        if self.counterexample is not None:
            kind = "only where the law's precondition holds"
        return f"{name}: {_times(self.passes_before)} over {self.rank} -> {self.passes_after} ({kind})"

    def notes(self) -> Sequence[str]:
        """The certificate, and forms that failed the check."""
        found = list(self.certificate.lines()) if self.certificate else []
        found += [f"rejected {laws}: {difference}" for laws, difference in self.rejected]
        if self.counterexample is not None:
            found.append(f"counterexample: {self.counterexample}, with {inputs_text(self.counterexample)}")
            law = next(law for law in LAWS if law.name == self.steps[-1].law)
            found.append(f"precondition of {law.name}: {law.precondition}")
        found += self.explanations
        if self.budget_ended:
            found.append(f"the budget of {self.looked_at} forms ended the search")
        return found


def described(difference: Difference) -> dict[str, object]:
    """A difference for JSON."""
    return {
        "output": difference.output,
        "cell": difference.cell,
        "expected": difference.expected,
        "found": difference.found,
        "inputs": {name: array.tolist() for name, array in difference.sample.inputs.items()},
    }


def inputs_text(difference: Difference) -> str:
    """The inputs of a difference on one line."""
    inputs = difference.sample.inputs
    return ", ".join(f"{name} = {np.array2string(a, separator=', ', threshold=20)}" for name, a in inputs.items())


def _times(count: int | str) -> str:
    return f"{count} pass" if count == 1 else f"{count} passes"


def derive(
    cascade: Cascade,
    rank: str | None = None,
    *,
    target: int | None = None,
    tile: tuple[str, int] | None = None,
    objective: str = "passes",
    every: bool = False,
    law: str | None = None,
    budget: int = BUDGET,
) -> Derivation:
    """The equal cascade with the fewest passes over `rank` (default: the rank with the most).

    `target` asks for exactly so many passes, `tile` for a running form by tiles (name and size of the inner rank),
    `every` for all forms, eager ones too, `law` for the use of one law only. Raises UnknownName for a rank or law
    that is not there, UsageError for a tile that cannot be.
    """
    counted = passes(cascade)
    rank = _rank(cascade, counted, rank)
    before = counted.ranks[rank].passes
    if objective not in OBJECTIVES:
        raise UnknownName("objective", objective, OBJECTIVES)
    if law is not None and law not in {one.name for one in LAWS}:
        raise UnknownName("law", law, [one.name for one in LAWS])
    if tile is not None and tile[1] < 1:
        raise UsageError(f"a tile has at least one element, found {tile[1]}")
    if _number(before) <= 1 and objective == "passes" and not every and law is None and target is None:
        return Derivation(cascade, rank, before, None, (), one_pass(rank))
    search = Search(cascade, rank, Aim(tile), budget, every or objective != "passes", law)
    forms = search.run()
    judge = _Judge(cascade, rank, before, forms[0], keep_partial=law is not None)
    candidates, rejected = judge.candidates(forms, target, every or law is not None)
    best = _best(candidates, before, target, objective, law, judge)
    after = best.passes if best else before
    certificate = _certificate(cascade, forms, rank, best, after)
    counter = None
    if best is not None and best.check.difference is not None:
        counter = counterexample(cascade, best.cascade, rank) or best.check.difference
    return Derivation(
        cascade,
        rank,
        before,
        best,
        tuple(candidates),
        certificate,
        tuple(rejected),
        search.spent,
        search.exhausted,
        counter,
    )


def _rank(cascade: Cascade, counted: Passes, rank: str | None) -> str:
    whole = {name: one for name, one in counted.ranks.items() if not one.is_factor}
    if rank is not None:
        name = canonical(cascade, rank)
        if name not in whole:
            raise UnknownName("rank", rank, list(whole))
        return name
    return ranks_by_passes(cascade, counted)[0]


def ranks_by_passes(cascade: Cascade, counted: Passes | None = None) -> list[str]:
    """The ranks of the inputs, those with the most passes first."""
    whole = {name: one for name, one in (counted or passes(cascade)).ranks.items() if not one.is_factor}
    return sorted(whole, key=lambda name: -_number(whole[name].passes))


def _number(count: int | str) -> int:
    """A count to compare by: a formula at ranks of size 7."""
    return count if isinstance(count, int) else formula_at(count, 7)


def default_rank(cascade: Cascade, rank: str | None) -> str:
    """The rank asked for, or the one with the most passes; UnknownName for one that no input carries."""
    return _rank(cascade, passes(cascade), rank)


class _Judge:
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


def _best(
    candidates: Sequence[Candidate],
    before: int | str,
    target: int | None,
    objective: str,
    law: str | None,
    judge: _Judge,
) -> Candidate | None:
    """Fewest passes, then stable, then least work; or least work, divisions or footprint at any pass count."""
    better = [c for c in candidates if _number(c.passes) < _number(before) or objective != "passes"]
    if target is not None:
        better = [c for c in candidates if c.passes == target]
    if objective == "work":
        better = [c for c in better if c.effort < judge.effort]
    if objective == "divisions":
        most = operations(judge.source, judge.sizes)["div"]
        better = [c for c in better if c.divisions < most]
    keys = {
        "passes": lambda c: (not c.agrees, _number(c.passes), not c.is_stable, c.effort, len(c.steps)),
        "footprint": lambda c: (not c.agrees, _number(c.passes), not c.is_stable, c.effort, len(c.steps)),
        "work": lambda c: (not c.is_stable, c.effort, _number(c.passes)),
        "divisions": lambda c: (not c.is_stable, c.divisions, _number(c.passes), c.effort),
    }
    return min(better, key=keys[objective], default=None)


def _certificate(source: Cascade, forms: Sequence[Form], rank: str, best: Candidate | None, after: int | str) -> (
    Certificate | None
):
    """Why the passes left are needed; None when one is left after a step."""
    if _number(after) <= 1:
        return None if best else one_pass(rank)
    constants = {p.name: float(p.value) for p in source.parameters}
    prepared = [f for f in forms if not f.is_streamed and not any(s.law == "expand" for s in f.chain)]
    form = max(prepared, key=lambda f: len(f.chain))
    found = certificate_of(form.cascade, rank, constants)
    if found is None and best is None:
        return Certificate("evidence", "", "the forms found do not agree with the source on all samples")
    return found
