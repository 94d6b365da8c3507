"""How many digits a form keeps over many terms, in the formats accelerators accumulate in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fusemax.base.errors import FusemaxError
from fusemax.cascade.ir import Cascade
from fusemax.derive.batch import Outputs, run_all
from fusemax.derive.samples import Sample, samples_for, sizes_for
from fusemax.derive.step import equal_ranks

FORMATS = ("float32", "float16", "bfloat16")
TERMS = 1024


@dataclass(frozen=True)
class Precision:
    """The largest error of a source and of a form, over the largest value, in one format; None where it overflows."""

    format: str
    terms: int
    source: float | None
    form: float | None

    def __str__(self) -> str:
        return f"{self.format}, {self.terms} terms: error {_text(self.form)}, of the source {_text(self.source)}"


def _text(error: float | None) -> str:
    return "infinite" if error is None else f"{error:.1e}"


def precisions(source: Cascade, form: Cascade, rank: str, terms: int = TERMS) -> list[Precision]:
    """Errors of both on one random fiber of `terms` elements, against the source in doubles."""
    sizes = sizes_for(source)
    sizes |= dict.fromkeys(equal_ranks(source, rank) & sizes.keys(), terms)
    try:
        sample: Sample = samples_for(_resized(source, sizes), rank, sizes=sizes)[0]
        truth = run_all(source, [sample])
        found = []
        for format_ in FORMATS:
            errors = [_error(truth, run_all(cascade, [sample], format_)) for cascade in (source, form)]
            found.append(Precision(format_, terms, *errors))
        return found
    except FusemaxError:  # a rank tied to another's size, or a format that is not installed
        return []


def _resized(cascade: Cascade, sizes: dict[str, int]) -> Cascade:
    return replace(cascade, sizes=tuple(replace(s, value=sizes[s.rank]) for s in cascade.sizes))


def _error(truth: Outputs, found: Outputs) -> float | None:
    worst = 0.0
    for name, array in truth.items():
        size = float(np.max(np.abs(array), initial=0.0)) or 1.0
        error = float(np.max(np.abs(found[name] - array), initial=0.0))
        if not np.isfinite(error):
            return None
        worst = max(worst, error / size)
    return worst
