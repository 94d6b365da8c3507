"""Every count as an integer, or as a formula of the ranks that it grows with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

from fusemax.analysis.counting import Count, Key, count
from fusemax.analysis.formula import UNKNOWN, Sizes, fit, fit_turning, value
from fusemax.analysis.formula import Count as Number
from fusemax.analysis.growth import LARGER, growing_ranks, longer
from fusemax.analysis.lineage import Counted
from fusemax.analysis.structure import Structure
from fusemax.analysis.unroll import TooLarge

_STEPS = (4, 5, 7, 8, 9)
"""Numbers of steps that tell turns around 4, 5 or 6 coordinates from one another."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The counts of one run, and the sizes it was taken at."""

    sizes: Sizes
    values: Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class _Sampler:
    """Takes the counts that grow again, at other sizes."""

    form: Structure
    ranks: tuple[Counted, ...]
    base: dict[Key, int]
    grown: frozenset[Key]

    def run(self, fixed: Mapping[str, int]) -> Count:
        return count(self.form, self.ranks, fixed, self.grown)

    def sample(self, run: Count) -> Sample:
        """A run's counts, with passes(R) of every rank."""
        values = run.values()
        return Sample(run.graph.sizes, {**values, **_overall(self.ranks, {**self.base, **values})})


def numbers_of(form: Structure, ranks: tuple[Counted, ...], base: Count) -> tuple[dict[Key, Number], Count]:
    """Every count, and the run at the largest sizes (`base` where nothing grows).

    Only counts that may grow are taken again, first at one larger size, then those that grew at others.
    """
    values = base.values()
    larger: dict[str, Count] = {}
    grown: set[Key] = set()
    for rank, chosen in growing_ranks(base).items():
        try:
            run = count(form, ranks, {rank: _largest(form, rank, base)}, base.keys_of(chosen))
        except TooLarge:  # the rank has one size only, as constants ask for it
            continue
        here = {key for key, n in run.values().items() if n != values[key]}
        if here:
            larger[rank] = run
            grown |= here
    if not grown:
        return {**values, **_overall(ranks, values)}, base
    sampler = _Sampler(form, ranks, values, frozenset(grown))
    samples = [sampler.sample(base)]
    largest = next(iter(larger.values()))
    if len(larger) == 1:
        samples.append(sampler.sample(largest))
    for rank in larger:
        for n in (2, 3, 6) if len(larger) == 1 else (2, 3, 5, 6, 7):
            size = longer(form, rank, base.graph.sizes, n)
            with suppress(TooLarge):
                if size is not None:
                    samples.append(sampler.sample(sampler.run({rank: size})))
    if len(larger) > 1:
        largest = sampler.run({rank: _largest(form, rank, base) for rank in larger})
        samples.append(sampler.sample(largest))
    found: dict[Key, Number] = {**values, **_overall(ranks, values)}
    varying = {key for key in samples[0].values if any(s.values[key] != found[key] for s in samples if key in s.values)}
    for key in {*grown, *varying}:
        found[key] = _number([({r: s.sizes[r] for r in larger}, s.values[key]) for s in samples])
    return _checked(found, sampler, list(larger), samples), largest


def _overall(ranks: tuple[Counted, ...], values: Mapping[Key, int]) -> dict[Key, int]:
    """passes(R): the most over inputs, and over derived tensors unless the rank is a factor."""
    kinds = {"input", "derived"}
    return {
        (number, "passes", ""): max(
            (n for (of, kind, _), n in values.items() if of == number and kind in kinds - {rank.is_factor * "derived"}),
            default=0,
        )
        for number, rank in enumerate(ranks)
    }


def _largest(form: Structure, rank: str, base: Count) -> int:
    """The largest size up to 7 that can be counted quickly."""
    sizes = [longer(form, rank, base.graph.sizes, n) for n in range(base.graph.sizes[rank], LARGER + 1)]
    return max((size for size in sizes if size is not None), default=base.graph.sizes[rank] + 1)


def _number(samples: list[tuple[Sizes, int]]) -> Number:
    """An integer if the count is the same at every size that is large enough, else the formula it follows."""
    smallest = samples[0][0]  # that of the definition; shorter ranks only have to follow a formula
    names = list(smallest)
    enough = [(sizes, n) for sizes, n in samples if all(sizes[rank] >= smallest[rank] for rank in names)]
    if all(n == enough[0][1] for _, n in enough):
        return enough[0][1]
    found = fit(names, samples)
    if found is None:  # a rank of 2 or 3 may be too short for the cascade's windows
        found = fit(names, enough)
    return UNKNOWN if found is None else found


# ------------------------------------------------------------------------- ranks that a count does not grow with


def _checked(
    found: dict[Key, Number], sampler: _Sampler, growing: list[str], samples: list[Sample]
) -> dict[Key, Number]:
    """The same counts, the formulas among them tried where other ranks are longer too.

    How often a step comes back to where it began may depend on how long the rank is that it turns around.
    """
    others = _others(sampler.form, samples[0].sizes, growing)
    formulas = {key for key, number in found.items() if not isinstance(number, int)}
    if not others or not formulas:
        return found
    longer_by_one = {rank: samples[0].sizes[rank] + 1 for rank in others}
    again = _longer(sampler, [{**longer_by_one, **dict.fromkeys(growing, steps)} for steps in _STEPS])
    wrong = {key for key in formulas if not all(_holds(found[key], sample, key) for sample in again)}
    if not wrong:
        return found
    more = again
    for rank, by in product(others, (1, 2)):
        size = samples[0].sizes[rank] + by
        more += _longer(sampler, [{**dict.fromkeys(growing, steps), rank: size} for steps in _STEPS])
    every = [*samples, *more]
    return found | {key: _turning(growing, others, [(s.sizes, s.values[key]) for s in every]) for key in wrong}


def _turning(growing: list[str], others: list[str], samples: list[tuple[Sizes, int]]) -> Number:
    found = fit_turning(growing, others, samples)
    return UNKNOWN if found is None else found


def _holds(number: Number, sample: Sample, key: Key) -> bool:
    return number != UNKNOWN and value(number, sample.sizes) == sample.values[key]


def _longer(sampler: _Sampler, sizes: list[dict[str, int]]) -> list[Sample]:
    found = []
    for fixed in sizes:
        with suppress(TooLarge):  # constants may ask for one size only
            found.append(sampler.sample(sampler.run(fixed)))
    return found


def _others(form: Structure, sizes: Sizes, growing: list[str]) -> list[str]:
    """One rank of each class that can be longer by itself and whose coordinates cannot be renamed."""
    known = {form.classes.get(rank, rank) for rank in growing}
    partitioned = {*form.factors, *(factor for factors in form.factors.values() for factor in factors[1:])}
    found = []
    for rank in dict.fromkeys(form.rank.values()):
        name = form.classes.get(rank, rank)
        if rank in sizes and rank not in partitioned and name not in known and name not in form.symmetric:
            known.add(name)
            found.append(rank)
    return found
