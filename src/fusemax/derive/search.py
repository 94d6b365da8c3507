"""Best-first search over sequences of laws, cascades that differ in names only seen once."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from fusemax.cascade.ir import Cascade
from fusemax.cascade.rules import broken_rules
from fusemax.derive.algebra import TooLarge
from fusemax.derive.canonical import canonical_form
from fusemax.derive.laws import LAWS, PREPARING, REDUCING, Aim, Law, Rewrite, lazy
from fusemax.derive.laws import iterate as iteration
from fusemax.derive.laws.iterate import flat_passes
from fusemax.derive.plan import plan_of
from fusemax.derive.roles import Unsupported, roles_of
from fusemax.derive.within import bodies, uses_within

BUDGET = 100
UNKNOWN = 99


@dataclass(frozen=True)
class Form:
    """A cascade reached, the rewrites that led there, and an estimate of its passes."""

    cascade: Cascade
    chain: tuple[Rewrite, ...] = ()
    passes: int = 0
    is_streamed: bool = False

    @property
    def expansions(self) -> int:
        """How many steps traded differences for raw moments."""
        return sum(step.law == "expand" for step in self.chain)


@dataclass
class Search:
    """Everything reached from one cascade; `spent` counts the forms looked at, at most `budget`."""

    source: Cascade
    rank: str
    aim: Aim = field(default_factory=Aim)
    budget: int = BUDGET
    eager_too: bool = False
    only: str | None = None
    forms: list[Form] = field(default_factory=list)
    spent: int = 0
    exhausted: bool = False

    def run(self) -> list[Form]:
        """All forms within the budget, the source first, in the order they were reached."""
        start = Form(self.source, (), self._passes(self.source))
        seen = {canonical_form(self.source)}
        queue: list[tuple[tuple[int, ...], Form]] = [((start.passes, 0, 0, 0), start)]
        order = 0
        while queue:
            if self.spent >= self.budget:
                self.exhausted = True
                break
            _, form = heapq.heappop(queue)
            self.spent += 1
            self.forms.append(form)
            for rewrite in self._moves(form):
                text = canonical_form(rewrite.cascade)
                if text in seen or broken_rules(rewrite.cascade):
                    continue
                seen.add(text)
                streamed = rewrite.law in ("iterate", "tile", "lazy")
                passes = form.passes if rewrite.law == "lazy" else self._next_passes(form, rewrite, streamed)
                new = Form(rewrite.cascade, (*form.chain, rewrite), passes, streamed)
                order += 1
                heapq.heappush(queue, ((passes, new.expansions, len(new.chain), order), new))
        return self.forms

    def _moves(self, form: Form) -> list[Rewrite]:
        if form.is_streamed:
            is_lazy = any(step.law == "lazy" for step in form.chain)
            return lazy.LAW.uses(form.cascade, self.rank, self.aim) if self.eager_too and not is_lazy else []
        if self.only is not None:
            return self._only(form)
        for law in PREPARING:
            if found := law.uses(form.cascade, self.rank, self.aim):
                return found[:1]
        if any(section.kind == "iterate" for section in form.cascade.sections):
            return self._within(form)
        found = []
        deferring, expanding, _ = REDUCING
        if moves := deferring.uses(form.cascade, self.rank, self.aim):
            found += moves[:1]
        else:
            found += expanding.uses(form.cascade, self.rank, self.aim)[:1]
            found += iteration.LAW.uses(form.cascade, self.rank, self.aim)
        if self.eager_too:
            eager = Aim(self.aim.tile, True)
            found += iteration.LAW.uses(form.cascade, self.rank, eager)
        return found

    def _within(self, form: Form) -> list[Rewrite]:
        """Laws on one step of a loop over another rank."""
        for law in (*PREPARING[3:], REDUCING[0]):
            if found := uses_within(law, form.cascade, self.rank, self.aim):
                return found[:1]
        return uses_within(REDUCING[1], form.cascade, self.rank, self.aim)[:1]

    def _only(self, form: Form) -> list[Rewrite]:
        law = next(law for law in LAWS if law.name == self.only)
        aim = Aim(self.aim.tile, True) if law.name == "iterate" else self.aim
        return law.uses(form.cascade, self.rank, aim)

    def _next_passes(self, form: Form, rewrite: Rewrite, streamed: bool) -> int:
        return self._streamed_passes(form.cascade) if streamed else self._passes(rewrite.cascade)

    def _passes(self, cascade: Cascade) -> int:
        try:
            return flat_passes(roles_of(cascade, self.rank))
        except Unsupported:
            return self._passes_within(cascade)
        except TooLarge:
            return UNKNOWN

    def _passes_within(self, cascade: Cascade) -> int:
        """Of one step of the loops over other ranks."""
        try:
            return max((flat_passes(roles_of(b.flat, self.rank)) for b in bodies(cascade, self.rank)), default=UNKNOWN)
        except (Unsupported, TooLarge):
            return UNKNOWN

    def _streamed_passes(self, cascade: Cascade) -> int:
        return plan_of(roles_of(cascade, self.rank)).total


def least_passes(forms: Sequence[Form]) -> int:
    """The fewest passes any form is thought to need."""
    return min(form.passes for form in forms)


__all__ = ["BUDGET", "Form", "Law", "Search", "least_passes"]
