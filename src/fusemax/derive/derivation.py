"""`derive`: from a cascade to the equal one with the fewest passes, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fusemax.analysis.passes import Passes, passes
from fusemax.base.errors import UnknownName, UsageError
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade
from fusemax.cascade.print import print_cascade
from fusemax.cascade.ranks import canonical
from fusemax.derive.certificate import Certificate, certificate_of, one_pass
from fusemax.derive.check import Difference
from fusemax.derive.counterexample import counterexample
from fusemax.derive.effort import operations
from fusemax.derive.formulas import formula_at
from fusemax.derive.judge import Candidate, Judge, Step
from fusemax.derive.laws import LAWS, Aim
from fusemax.derive.search import BUDGET, Form, Search

if TYPE_CHECKING:
    from fusemax.derive.separation import Separation

OBJECTIVES = ("passes", "work", "divisions", "footprint")



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
    separations: tuple[Separation, ...] = ()

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
            "separations": [separation.document() for separation in self.separations],
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
        found += [line for separation in self.separations for line in separation.lines()]
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
    judge = Judge(cascade, rank, before, forms[0], keep_partial=law is not None)
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


def _best(
    candidates: Sequence[Candidate],
    before: int | str,
    target: int | None,
    objective: str,
    law: str | None,
    judge: Judge,
) -> Candidate | None:
    """Fewest passes, then stable, then least work; or least work, divisions or footprint at any pass count."""
    better = [c for c in candidates if _number(c.passes) < _number(before) or objective != "passes" or law is not None]
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
