"""Lower bounds on buffer and traffic that follow from pass counts (docs/explanation/bounds.md).

Amounts are in elements; they hold for one instance of the cascade and for every schedule of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from fusemax.analysis.counting import Count, unroll_smallest
from fusemax.analysis.cuts import Crossing, Cut, crossings
from fusemax.analysis.extents import extents
from fusemax.analysis.formula import UNKNOWN, value
from fusemax.analysis.formula import Count as Number
from fusemax.analysis.lineage import positions_of
from fusemax.analysis.passes import Counts, RankPasses, count_passes, leading_column
from fusemax.analysis.structure import Structure
from fusemax.cascade.ir import Cascade


@dataclass(frozen=True, slots=True)
class Gap:
    """What is fetched again between two passes: per element that does not fit, `factor` transfers.

    `tensors` is the cheapest set from which the next pass can be computed, `spilled` those of it that are
    written first. `terms` are products of ranks with their multiples, `factor` in symbols. `times` is above 1
    where a gap stands for each of a formula's.
    """

    after: int | None
    barrier: tuple[str, ...]
    tensors: tuple[str, ...]
    spilled: tuple[str, ...]
    factor: int
    terms: Mapping[str, int]
    times: int = 1

    @property
    def symbolic(self) -> str:
        """The transfers per element in the ranks: `2*P`, `E + F`."""
        return _sum(self.terms)


@dataclass(frozen=True, slots=True)
class RankBound:
    """The bounds that one rank of size `size` gives."""

    rank: str
    size: int
    passes: Number
    footprint: str
    footprint_elements: int
    compulsory: int
    compulsory_symbolic: str
    gaps: tuple[Gap, ...]

    @property
    def factor(self) -> int:
        """Transfers per element that does not fit, over all gaps."""
        return sum(gap.factor * gap.times for gap in self.gaps)

    def traffic(self, capacity: int) -> int:
        """The least number of elements moved at a capacity in elements."""
        return self.compulsory + self.factor * max(0, self.size - capacity)

    @property
    def formula(self) -> str:
        """The bound with numbers in, C the capacity: `119 + 8*max(0, 12-C)`."""
        again = f"{self.factor}*" if self.factor > 1 else ""
        return f"{self.compulsory} + {again}max(0, {self.size}-C)" if self.factor else f"{self.compulsory}"

    @property
    def symbolic(self) -> str:
        """The bound in the ranks: `E*P + E*M + F*M + F*P + 2*E*max(0, M-C)`; C is the capacity, whatever rank C is."""
        terms: Counter[str] = Counter()
        for gap in self.gaps:
            terms.update({text: n * gap.times for text, n in gap.terms.items()})
        if not terms:
            return self.compulsory_symbolic
        again = _sum(terms)
        again = f"({again})" if len(terms) > 1 else again
        capacity = "capacity" if self.rank == "C" else "C"
        return f"{self.compulsory_symbolic} + {'' if again == '1' else again + '*'}max(0, {self.rank}-{capacity})"


def _sum(terms: Mapping[str, int]) -> str:
    return " + ".join(text if n == 1 else str(n) if text == "1" else f"{n}*{text}" for text, n in terms.items())


@dataclass(frozen=True, slots=True)
class CascadeBounds:
    """The bounds of a cascade at one set of sizes, by rank; `about` is the rank the cascade is about.

    Of the inputs `in_part` not every element is read at the smallest sizes: they are left out of all sums.
    """

    cascade: str
    about: str
    sizes: Mapping[str, int]
    ranks: tuple[RankBound, ...]
    in_part: tuple[str, ...]

    def traffic(self, capacity: int) -> int:
        """The strongest of the ranks' bounds at a capacity in elements."""
        return max(rank.traffic(capacity) for rank in self.ranks)

    def strongest(self, capacity: int) -> RankBound:
        """The rank whose bound is the largest at a capacity; of equals the one the cascade is about."""
        return max(self.ranks, key=lambda rank: (rank.traffic(capacity), rank.factor, rank.rank == self.about))

    def curve(self, capacities: Iterable[int]) -> list[tuple[int, int]]:
        """(capacity, least traffic), both in elements."""
        return [(capacity, self.traffic(capacity)) for capacity in capacities]

    @property
    def enough(self) -> int:
        """The capacity from which on the bound is the compulsory traffic: no pass count asks for more."""
        return max((rank.size for rank in self.ranks if rank.factor), default=0)


def bounds(cascade: Cascade, sizes: Mapping[str, int]) -> CascadeBounds:
    """Lower bounds at given sizes of all ranks (as `resolve_sizes` gives them).

    >>> from fusemax.cascade import load
    >>> from fusemax.cascade.sizes import resolve_sizes
    >>> cascade = load("attn_3pass")
    >>> found = bounds(cascade, resolve_sizes(cascade))
    >>> found.strongest(0).formula, found.strongest(0).symbolic
    ('119 + 8*max(0, 12-C)', 'E*P + E*M + F*M + F*P + 2*E*max(0, M-C)')
    """
    counts = count_passes(cascade)
    shapes = extents(cascade, sizes)
    read, in_part = _inputs_read(counts.structure)
    outputs = [d.tensor for d in cascade.outputs]
    compulsory = sum(prod(shapes[tensor]) for tensor in (*read, *outputs))
    terms = Counter(_product(counts.structure, tensor, shapes, ()) for tensor in (*read, *outputs))
    moved = _Moved(shapes, frozenset((*(d.tensor for d in cascade.inputs), *outputs)), in_part)
    ranks = []
    for number, (name, rank) in enumerate(counts.passes.ranks.items()):
        if not rank.is_factor:
            text, elements = _footprint(counts, rank, sizes)
            ranks.append(
                RankBound(
                    name, sizes[name], rank.passes, text, elements, compulsory, _sum(terms),
                    _gaps(counts, number, rank, moved, sizes),
                )
            )  # fmt: skip
    return CascadeBounds(cascade.name, counts.passes.asked[0], sizes, tuple(ranks), in_part)


def input_traffic(number: Number, sizes: Mapping[str, int], elements: int, size: int, capacity: int) -> int:
    """Reads of an input of `elements` elements when each of its passes over a rank of `size` fetches it itself."""
    passes = value(number, sizes)
    return elements // size * (size + max(0, passes - 1) * max(0, size - capacity))


def _inputs_read(structure: Structure) -> tuple[list[str], tuple[str, ...]]:
    """The inputs of which every element is read, and the others."""
    graph = unroll_smallest(structure)
    read = {int(cell) for unrolled in graph.statements for cell in set(unrolled.reads.ravel().tolist())}
    whole: list[str] = []
    part: list[str] = []
    for declaration in structure.cascade.inputs:
        cells = graph.cells_of(declaration.tensor)
        (whole if read.issuperset(range(cells.start, cells.stop)) else part).append(declaration.tensor)
    return whole, tuple(part)


def _product(structure: Structure, tensor: str, shapes: Mapping[str, tuple[int, ...]], without: tuple[int, ...]) -> str:
    """The number of elements of a tensor in the ranks of its positions, some positions left out."""
    ranks = structure.positions[tensor]
    names = [r or str(shapes[tensor][p]) for p, r in enumerate(ranks) if p not in without]
    return "*".join(names) or "1"


def _footprint(counts: Counts, rank: RankPasses, sizes: Mapping[str, int]) -> tuple[str, int]:
    """What must stay of a fiber: all of it, the tile whose factors are traversed again, or one element."""
    if rank.passes not in (0, 1):
        return rank.rank, sizes[rank.rank]
    factors = [f for f in counts.factors(rank.rank) if counts.passes.ranks[f].passes not in (0, 1)]
    return "*".join(factors) or "1", prod(sizes[f] for f in factors)


# ------------------------------------------------------------------------------------------------------ gaps


def _gaps(counts: Counts, number: int, rank: RankPasses, moved: _Moved, sizes: Mapping[str, int]) -> tuple[Gap, ...]:
    if rank.passes in (0, 1, UNKNOWN) or rank.leading is None:
        return ()
    grows = isinstance(rank.passes, str)
    run: Count = counts.largest if grows else counts.base
    found = crossings(run, leading_column(run, number, rank.leading))
    scale = _Scale(
        counts.structure, rank.rank, rank.leading, moved, not _is_every_fiber_alike(run, number, rank.leading)
    )
    if grows:
        return _each(rank, found, scale, sizes)
    gaps = []
    spilled: set[str] = set()
    for crossing, cut in zip(found, _cheapest(found, scale), strict=True):
        written = cut - moved.once - spilled
        spilled |= cut
        gaps.append(_gap(crossing.after, crossing.barrier, cut, written, scale))
    return tuple(gaps)


def _gap(after: int | None, barrier: tuple[str, ...], cut: Cut, written: Cut, scale: _Scale, times: int = 1) -> Gap:
    terms: Counter[str] = Counter()
    for tensor in sorted(filter(scale.is_known, cut)):
        terms[scale.symbolic(tensor)] += 2 if tensor in written else 1
    factor = sum(scale.fibers(t) * (2 if t in written else 1) for t in cut)
    if scale.one_fiber:  # of one fiber, at least one element per coordinate
        factor, terms = min(factor, 1), Counter({"1": min(factor, 1)})
    return Gap(after, barrier, tuple(sorted(cut)), tuple(sorted(written)), factor, +terms, times)


def _is_every_fiber_alike(run: Count, number: int, leading: str) -> bool:
    """Whether all fibers of the leading tensor have the same count, so that all of them are fetched again."""
    first, last = run.spans.get((number, "input", leading)) or run.spans[number, "derived", leading]
    return len(set(run.levels.counts[first:last].tolist())) == 1


@dataclass(frozen=True, slots=True)
class _Moved:
    """The extents of all tensors, those whose writes count anyway, and the inputs that are not read as a whole."""

    shapes: Mapping[str, tuple[int, ...]]
    once: frozenset[str]
    in_part: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    """How many fibers along a rank a tensor has, as a number and in the ranks."""

    structure: Structure
    rank: str
    root: str
    moved: _Moved
    one_fiber: bool

    def is_known(self, tensor: str) -> bool:
        """Whether all of a tensor is fetched: what a gather chooses is unknown, but for the root's visits."""
        return tensor not in self.moved.in_part and (tensor == self.root or not self.structure.depends_on_data)

    def fibers(self, tensor: str) -> int:
        """The number of fibers; 0 for a tensor of which an unknown part is fetched."""
        carrying = positions_of(self.structure, tensor, self.rank)
        shape = self.moved.shapes[tensor]
        return prod(n for p, n in enumerate(shape) if p not in carrying) if self.is_known(tensor) else 0

    def symbolic(self, tensor: str) -> str:
        """The same in the ranks."""
        carrying = positions_of(self.structure, tensor, self.rank)
        return _product(self.structure, tensor, self.moved.shapes, carrying)


def _cheapest(found: tuple[Crossing, ...], scale: _Scale) -> list[Cut]:
    """A cut for each gap, the cheapest together: what one gap has written, later ones only read."""
    best: dict[Cut, tuple[int, tuple[Cut, ...]]] = {frozenset(): (0, ())}
    for crossing in found:
        following: dict[Cut, tuple[int, tuple[Cut, ...]]] = {}
        for spilled, (cost, chosen) in best.items():
            for cut in crossing.options or (frozenset(),):
                new = cut - scale.moved.once - spilled
                total = cost + sum(scale.fibers(t) for t in cut) + sum(scale.fibers(t) for t in new)
                state = spilled | new
                if state not in following or total < following[state][0]:
                    following[state] = total, (*chosen, cut)
        best = following
    return list(min(best.values(), key=lambda entry: entry[0])[1])


def _each(rank: RankPasses, found: tuple[Crossing, ...], scale: _Scale, sizes: Mapping[str, int]) -> tuple[Gap, ...]:
    """For a number of passes that grows: the cheapest cut of any gap, for every gap there is at these sizes."""
    times = value(rank.passes, sizes) - 1
    if not found or times < 1 or not all(crossing.options for crossing in found):
        return ()
    choices = [cut for crossing in found for cut in crossing.options]
    cut = min(choices, key=lambda one: (sum(scale.fibers(t) for t in one), sorted(one)))
    ends = tuple(dict.fromkeys(name for barrier in rank.barriers for name in barrier.einsums))
    return (_gap(None, ends, cut, frozenset(), scale, times),)
