"""The space of designs put together Einsum by Einsum, for cascades that go over every rank once.

A design of it is: how exp is found and which multiplications are joined with an addition (a `Variant`), an order of the
loops, sizes of the tiles, where each Einsum runs and what is spread there, what each level keeps, a kind of schedule,
and a number of streams. `assign` branches over them in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from fusemax.base.errors import UnknownName
from fusemax.design.einsums import EinsumSpec
from fusemax.design.sizes import Sizes
from fusemax.model.area import total_area
from fusemax.model.profile import Accounting
from fusemax.search.frame import Order, Skeleton, orders, tile_sizes
from fusemax.search.handing import Place, places_of, touches
from fusemax.search.layout import Levels, Placing, placings
from fusemax.search.prices import Prices

__all__ = ["KINDS", "SERIAL", "STREAMS", "Composition", "Limits", "Variant", "limits_of"]

KINDS = ("free", "epoch of 2 steps", "epoch of 3 steps", "epoch of 4 steps")
SERIAL = "serial"
STREAMS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Limits:
    """A smaller space. ``orders``: the first so many; ``placings``: of some Einsums; ``tiles``: sizes of some parts."""

    tiles: Mapping[str, Sequence[int]] = field(default_factory=dict)
    streams: tuple[int, ...] = STREAMS
    kinds: tuple[str, ...] = KINDS
    orders: int | None = None
    placings: Mapping[str, tuple[Placing, ...]] = field(default_factory=dict)
    kept: tuple[str, ...] | None = None
    """Tensors that may be kept in every sound way; the others in the first that nothing beats."""


def limits_of(schedules: Sequence[str]) -> Limits:
    """Limits to some schedules: ``free``, ``epoch``, ``serial``; none for no names. UnknownName."""
    kinds: list[str] = []
    for name in schedules:
        found = [kind for kind in (*KINDS, SERIAL) if kind.split()[0] == name]
        if not found:
            raise UnknownName("kind of schedule", name, ["free", "epoch", SERIAL])
        kinds += found
    return Limits(kinds=tuple(dict.fromkeys(kinds))) if kinds else Limits()


@dataclass(frozen=True)
class Variant:
    """A way to find exp, and multiplications joined with the addition that reads them."""

    shape: Skeleton = field(repr=False)
    joined: tuple[tuple[str, str], ...]
    place: tuple[int, ...]
    """Of the way to find exp, and of the pairs."""


class Composition:
    """See the module; what the space is made of at one design point, with the prices of its parts."""

    def __init__(self, variants: Sequence[Variant], sizes: Sizes, rules: Accounting, limits: Limits) -> None:
        self.variants = variants
        self.sizes = sizes
        self.rules = rules
        self.limits = limits
        self.shape = variants[0].shape
        self.specs = self.shape.design.specs
        self.tensors = touches(self.specs)
        self.running = {op.tensor for spec in self.specs for op in spec.operands if op.label != op.tensor}
        self.tiles = tile_sizes(self.shape, sizes, "ragged" in rules, limits.tiles)
        self.orders = [one for one in orders(self.shape) if limits.orders is None or one.place < limits.orders]
        self._placings: dict[tuple[int, str], list[Placing]] = {}
        self._prices: dict[int, Callable[[Order], Prices]] = {}
        every = [place for touched in self.tensors.values() for place in touched]
        self._places = {spec.name: [one for one in every if one.spec is spec] for spec in self.specs}
        self._levels: dict[tuple[str, str, Placing], tuple[Levels, ...]] = {}
        self._choices: dict[tuple[str, Placing], int] = {}
        self._areas: dict[int, float] = {}

    def placings(self, variant: Variant, spec: EinsumSpec) -> list[Placing]:
        """Where an Einsum may run."""
        key = (variant.place[0], spec.name)
        if key not in self._placings:
            self._placings[key] = list(self.limits.placings.get(spec.name, ())) or placings(variant.shape, spec)
        return self._placings[key]

    def choices(self, spec: EinsumSpec, placing: Placing) -> int:
        """In how many ways the operands of an Einsum may be kept, sound or not."""
        key = (spec.name, placing)
        if key not in self._choices:
            self._choices[key] = prod(len(self.levels(self.shape, one, placing)) for one in self.places(spec))
        return self._choices[key]

    def levels(self, shape: Skeleton, place: Place, placing: Placing) -> tuple[Levels, ...]:
        """All choices of levels at one place."""
        key = (place.spec.name, place.operand.label, placing)
        if key not in self._levels:
            self._levels[key] = places_of(shape, place, placing)
        return self._levels[key]

    def places(self, spec: EinsumSpec) -> list[Place]:
        """The operands of an Einsum."""
        return self._places[spec.name]

    def area(self, variant: Variant) -> float:
        """um^2 of the accelerator, with a way to find exp."""
        if variant.place[0] not in self._areas:
            self._areas[variant.place[0]] = float(total_area(variant.shape.design, self.sizes, self.rules))
        return self._areas[variant.place[0]]

    @property
    def tails(self) -> int:
        """Schedules x streams."""
        return len(self.limits.kinds) * len(self.limits.streams)

    def below(self, variant: Variant, specs: Sequence[EinsumSpec]) -> int:
        """In how many ways some Einsums may run and be kept."""
        return prod(sum(self.choices(s, placing) for placing in self.placings(variant, s)) for s in specs)

    def size_of(self, variant: Variant) -> int:
        """Designs with one order of the loops."""
        return self.below(variant, self.specs) * self.tails * len(self.tiles)

    @property
    def size(self) -> int:
        """Designs in the space."""
        return sum(map(self.size_of, self.variants)) * len(self.orders)

    def prices(self, variant: Variant, order: Order) -> Prices:
        """The prices of an order, with a way to find exp."""
        if variant.place[0] not in self._prices:
            self._prices[variant.place[0]] = Prices.of(variant.shape, self.sizes, self.rules, self.tiles)
        return self._prices[variant.place[0]](order)
