"""Is a file legal, does it run, and is what it expects true?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade
from fusemax.report.kinds import find, kind_of

__all__ = ["Check", "FalseClaim", "Verdict", "check"]


@dataclass(frozen=True)
class FalseClaim:
    """An entry of `expect` that does not hold, with its place and the right answer; `report` says it all."""

    line: int
    column: int
    claim: str
    counted: str
    report: str


@dataclass(frozen=True)
class Verdict:
    """What was found about one file.

    `verdict` is `legal`, `illegal` or `false`: legal with an `expect` that does not hold. `trial` tells whether the
    trial run at the default sizes was done (None: nothing to run, or a size is not given, or it would be too large).
    """

    file: str
    kind: str
    verdict: str
    rules: int = 0
    trial: bool | None = None
    claims: int = 0
    false_claims: tuple[FalseClaim, ...] = ()
    errors: tuple[FusemaxError, ...] = ()

    def document(self) -> dict[str, object]:
        """The entry of the JSON document."""
        return {
            "file": self.file,
            "kind": self.kind,
            "verdict": self.verdict,
            "rules": self.rules,
            "trial_run": self.trial,
            "claims": self.claims,
            "false_claims": [asdict(claim) for claim in self.false_claims],
            "errors": [_error(error) for error in self.errors],
        }


def _error(error: FusemaxError) -> dict[str, object]:
    if isinstance(error, SourceError):
        return {
            "file": error.file, "line": error.line, "column": error.column, "message": error.message,
            "suggestion": error.suggestion,
        }  # fmt: skip
    return {"message": str(error)}


@dataclass(frozen=True)
class Check(Result):
    """The verdicts in the order of the files."""

    command: ClassVar[str] = "check"
    verdicts: tuple[Verdict, ...]

    def document(self) -> dict[str, object]:
        """`files`: one entry per file."""
        return {"files": [verdict.document() for verdict in self.verdicts]}

    def rows(self) -> list[dict[str, object]]:
        """One row per file."""
        return [
            {
                "file": v.file,
                "kind": v.kind,
                "verdict": v.verdict,
                "trial run": "" if v.kind != "cascade" or v.verdict == "illegal" else "done" if v.trial else "skipped",
                "claims": f"{v.claims - len(v.false_claims)} of {v.claims} hold" if v.claims else "",
            }
            for v in self.verdicts
        ]

    def notes(self) -> tuple[str, ...]:
        """False claims, each with its place and the right count."""
        return tuple(claim.report for verdict in self.verdicts for claim in verdict.false_claims)

    @property
    def status(self) -> int:
        """Exit status: 2 when a file is illegal, 1 when a claim is false, 0 otherwise."""
        found = {verdict.verdict for verdict in self.verdicts}
        return 2 if "illegal" in found else 1 if "false" in found else 0


def check(references: str | Sequence[str]) -> Check:
    """Check files: cascades, designs, accelerators, mappings, schedules, workloads; by file, `-` or catalogue name.

    Never raises for a bad file: its verdict holds the errors.
    """
    names = [references] if isinstance(references, str) else references
    return Check(tuple(map(_verdict, names)))


def _verdict(reference: str) -> Verdict:
    kind = "cascade"
    try:
        kind = kind_of(reference)
        thing = find(reference)[1]
        return _cascade_verdict(thing) if isinstance(thing, Cascade) else Verdict(reference, kind, "legal")
    except SourceErrors as several:
        return Verdict(reference, kind, "illegal", errors=several.errors)
    except FusemaxError as error:
        return Verdict(reference, kind, "illegal", errors=(error,))


def _cascade_verdict(cascade: Cascade) -> Verdict:
    from fusemax.analysis.passes import passes
    from fusemax.cascade.rules import RULES
    from fusemax.execute.trial import trial_run
    from fusemax.report.claims import broken_claims

    trial = trial_run(cascade)
    broken = broken_claims(cascade, passes(cascade)) if cascade.claims else []
    false = tuple(FalseClaim(place.line, place.column, text, counted, str(place)) for text, counted, place in broken)
    verdict = "false" if false else "legal"
    return Verdict(cascade.file, "cascade", verdict, len(RULES), trial, len(cascade.claims), false)
