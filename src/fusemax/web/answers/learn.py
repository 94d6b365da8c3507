"""The guided tour: five steps from Cascade 1 to Cascade 5, its words in `tour.yaml`."""

from __future__ import annotations

from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from fusemax.analysis.passes import passes
from fusemax.cascade import load
from fusemax.cascade.notation import notation
from fusemax.design.document import read_document, validate
from fusemax.report.catalogue import catalogue_text
from fusemax.report.show import show

__all__ = ["learn"]


class Step(BaseModel):
    """One step of the tour: a cascade and what is to be seen in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    cascade: str
    rank: str
    prose: tuple[str, ...]
    look: str
    """What to do next on the cascade page."""


class Tour(BaseModel):
    """The tour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str
    steps: tuple[Step, ...]


def learn() -> dict[str, object]:
    """The steps, each with its cascade, passes and picture."""
    text = (files("fusemax.web") / "tour.yaml").read_text(encoding="utf-8")
    tour = validate(Tour, read_document(text, file="tour.yaml"))
    return {
        "title": tour.title,
        "source": tour.source,
        "steps": [_step(n, step) for n, step in enumerate(tour.steps, 1)],
    }


def _step(number: int, step: Step) -> dict[str, object]:
    cascade = load(step.cascade)
    counts = passes(cascade)
    return {
        "number": number,
        "title": step.title,
        "prose": "\n\n".join(step.prose),
        "look": step.look,
        "name": step.cascade,
        "source": cascade.source or "",
        "rank": step.rank,
        "cascade": catalogue_text("cascades", step.cascade),
        "unicode": notation(cascade, "unicode"),
        "passes": counts.ranks[step.rank].passes,
        "why": counts.headline(),
        "svg": show(cascade, step.rank).svg(),
    }
