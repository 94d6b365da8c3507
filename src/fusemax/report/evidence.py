"""The taxonomy as a part of the page: cells that link to the lines of the cascade's text they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from fusemax.analysis.explain import answer
from fusemax.analysis.passes import RankPasses, passes
from fusemax.analysis.taxonomy import EXPONENTIALS, Form
from fusemax.analysis.work import work
from fusemax.cascade import load, parse
from fusemax.cascade.ir import Cascade
from fusemax.cascade.print import print_cascade
from fusemax.report.contents import Evidence, Section
from fusemax.report.grid import Row
from fusemax.report.taxonomy import family_of, shipped_taxonomy

__all__ = ["compared_taxonomy", "taxonomy_section"]

WORDS = (
    "Computed from the texts of the cascades; the names of systems and their sources are data. A cell that is a link "
    "leads to the text, with the lines marked that it comes from: the Einsums that end a pass, that divide, or that "
    "take an exponential. Stable: no value is lost on inputs made to strain it. Exact: the function's values on others."
)


def taxonomy_section(names: Sequence[str] = (), family: str | None = None) -> Section:
    """The taxonomy of catalogue cascades or files: those named, a family's, or all that ship.

    Raises UnknownName for a family that is not there, and what loading raises.
    """
    found = shipped_taxonomy(names, family)
    cascades = [load(name) for name in names] if names else [load(form.cascade) for form in found.forms]
    rows = [_row(form, cascade) for form, cascade in zip(found.forms, cascades, strict=True)]
    return Section("Taxonomy" if family is None else f"Taxonomy: {family}", (WORDS,), {}, rows)


def compared_taxonomy(cascades: Iterable[Cascade]) -> list[Section]:
    """The taxonomy of the families that some cascades are of; none where none of them ships."""
    families = dict.fromkeys(filter(None, (family_of(cascade.name) for cascade in cascades)))
    return [_of_family(family) for family in families]


@cache
def _of_family(family: str) -> Section:
    return taxonomy_section(family=family)


def _row(form: Form, cascade: Cascade) -> Row:
    text = print_cascade(cascade)
    read = parse(text)  # lines are those of the text that is shown
    counts = passes(read).ranks[form.rank]
    verdict, kinds = form.verdict, _kinds(read)
    stable: object = verdict.stable
    if verdict.counterexample is not None:
        word = "unknown" if verdict.stable is None else "no"
        stable = Evidence(word, f"{form.cascade}: {verdict.counterexample}", text.rstrip("\n"))
    return {
        "cascade": form.cascade,
        "passes": Evidence(str(form.passes), f"{form.cascade}: {answer(counts)}", *_marked(text, read, _ends(counts))),
        "ended by": ", ".join(" and ".join(barrier.einsums) for barrier in counts.barriers),
        "sweeps": form.sweeps,
        "divisions": _counted(form, form.divisions, text, read, "div", kinds),
        "exponentials": _counted(form, form.exponentials, text, read, "exp", kinds),
        "live footprint": form.live_footprint,
        "stable": stable,
        "exact": verdict.exact,
        "systems": ", ".join(form.systems),
        "sources": "; ".join(form.sources),
    }


def _ends(counts: RankPasses) -> list[str]:
    return [name for barrier in counts.barriers for name in barrier.einsums]


def _kinds(cascade: Cascade) -> dict[str, list[str]]:
    """Tensors whose Einsums divide, and those whose Einsums take an exponential."""
    found: dict[str, list[str]] = {"div": [], "exp": []}
    for count in work(cascade).counts:
        kind = "exp" if count.kind in EXPONENTIALS else count.kind
        if kind in found and count.formula != 0:
            found[kind].append(count.einsum)
    return found


def _counted(
    form: Form, count: str, text: str, cascade: Cascade, kind: str, kinds: dict[str, list[str]]
) -> Evidence | str:
    if not kinds[kind]:
        return count
    what = {"div": "divisions", "exp": "exponentials"}[kind]
    return Evidence(count, f"{form.cascade}: {count} {what}", *_marked(text, cascade, kinds[kind]))


def _marked(text: str, cascade: Cascade, tensors: Iterable[str]) -> tuple[str, tuple[int, ...]]:
    """The text, and the lines of the Einsums that make some tensors; where they begin from is no evidence."""
    wanted = set(tensors)
    sections = [section for section in cascade.sections if section.kind != "init"] or list(cascade.sections)
    lines = {e.span.line for section in sections for e in section.einsums if e.tensor in wanted}
    return text.rstrip("\n"), tuple(sorted(lines))
