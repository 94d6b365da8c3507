"""What a single Einsum costs, whatever the others do: cycles, energy, words to memory, buffer accesses, room.

A `Prices` holds these for one order of the loops at many sizes of the tiles at once (arrays, one entry per choice).
They add up: the time of an array is the sum over its Einsums, the traffic and the energy are sums over operands. So
they bound what any design takes that the Einsums are part of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from fusemax.design.arithmetic import Number, is_array
from fusemax.design.design import Design
from fusemax.design.einsums import EinsumSpec, Operand
from fusemax.design.nest import Nest, build_nest
from fusemax.design.sizes import Sizes
from fusemax.model.costs import lower, memory_cost, register_cost
from fusemax.model.counts import count, cycles, points
from fusemax.model.movement import moved_words
from fusemax.model.profile import Accounting
from fusemax.model.tiling import Tiling
from fusemax.search.frame import Order, Skeleton, Tiles, loops_of
from fusemax.search.layout import Levels, Placing, entry_of, view_of

__all__ = ["Keeping", "Prices"]

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True)
class Keeping:
    """The cost of keeping an operand at some levels: words of the outermost memory, accesses (words) of the next one,
    energy (pJ), and bytes it takes there."""

    words: Reals
    rows: Reals
    energy: Reals
    room: Reals

    def plus(self, other: Keeping) -> Keeping:
        """Both; the room is that of the larger, for it is of one tensor."""
        return Keeping(
            self.words + other.words,
            self.rows + other.rows,
            self.energy + other.energy,
            np.maximum(self.room, other.room),
        )

    def at(self, chosen: Integers) -> Keeping:
        """The cost at some sizes of the tiles."""
        return Keeping(self.words[chosen], self.rows[chosen], self.energy[chosen], self.room[chosen])

    def beats(self, other: Keeping) -> bool:
        """Whether nothing of it is more at any size of the tiles."""
        pairs = ((self.words, other.words), (self.rows, other.rows), (self.energy, other.energy))
        return all(bool((a <= b).all()) for a, b in (*pairs, (self.room, other.room)))


def _charge(words: Number, each: float) -> Number:
    """pJ of moving words; infinite where the model says unknown: for any that it counts, be they none at some sizes."""
    if math.isfinite(each):
        return words * each
    return math.inf if is_array(words) or words else 0


class _Store:
    """What is known at some sizes of the tiles, by Einsum and the loops it has: orders that agree there share it."""

    def __init__(self, design: Design, sizes: Sizes, rules: Accounting, tiles: Tiles) -> None:
        self.design = design
        self.rules = rules
        self.tiles = tiles
        self.tiling = Tiling(design, {}, sizes, rules, tiles.parameters)
        self.nests: dict[object, Nest] = {}
        self.found: dict[object, Any] = {}
        self.fixed: dict[str, float] = {}
        self.parts: dict[bytes, _Store] = {}
        self.of: tuple[_Store, Integers] | None = None

    def only(self, chosen: Integers) -> _Store:
        """The store of some of the sizes, found anew."""
        key = b"only" + chosen.tobytes()
        if key not in self.parts:
            self.parts[key] = _Store(self.design, self.tiling.sizes, self.rules, self.tiles.at(chosen))
            self.parts[key].nests, self.parts[key].fixed = self.nests, self.fixed
        return self.parts[key]

    def at(self, chosen: Integers) -> _Store:
        """The store of some of the sizes, taken from this one."""
        key = b"at" + chosen.tobytes()
        if key not in self.parts:
            made = (
                self.only(chosen)
                if len(chosen) == len(self.tiles)
                else _Store(self.design, self.tiling.sizes, self.rules, self.tiles.at(chosen))
            )
            made.nests, made.fixed, made.of = self.nests, self.fixed, (self, chosen)
            self.parts[key] = made
        return self.parts[key]

    def get(self, key: object, make: Callable[[_Store], Any]) -> Any:
        """A value of this store, or the part of the whole store's."""
        if key not in self.found:
            if self.of is not None:
                whole, chosen = self.of
                value = whole.get(key, make)
                self.found[key] = value.at(chosen) if isinstance(value, Keeping) else value[chosen]
            else:
                self.found[key] = make(self)
        return self.found[key]

    def real(self, value: Number) -> Reals:
        """A number as an array, one entry per choice of tiles."""
        return np.broadcast_to(np.asarray(value, dtype=np.float64), self.tiles.place.shape)

    def cost(self, component: str) -> tuple[float, float, float]:
        """pJ of a read and of a write of a component, and words of an access; infinite where energy is unknown."""
        if ("cost", component) not in self.found:
            name, dot, _ = component.partition(".")
            made = (register_cost if dot else memory_cost)(self.design, name, self.tiling.sizes, self.rules)
            read, write = (v if np.isfinite(v) else np.inf for v in (float(made.read_pj), float(made.write_pj)))
            self.found["cost", component] = (read, write, float(made.words))
        return cast("tuple[float, float, float]", self.found["cost", component])


class Prices:
    """See the module. ``design`` has the exp method that is priced."""

    def __init__(self, shape: Skeleton, order: Order, store: _Store) -> None:
        design = shape.design
        loops = {shape.outer: order.outer, shape.inner: order.inner}
        self.design: Design = replace(design, mapping=design.mapping.model_copy(update={"loops": loops}))
        self.design.__dict__["specs"] = design.specs  # the same cascade: they need not be found again
        self.shape = replace(shape, design=self.design)
        self.order = order
        self.rules = store.rules
        self.tiles = store.tiles
        self.tiling = store.tiling
        self.store = store
        self._own = {spec.name: loops_of(shape, order, spec) for spec in design.specs}

    @classmethod
    def of(cls, shape: Skeleton, sizes: Sizes, rules: Accounting, tiles: Tiles) -> Callable[[Order], Prices]:
        """Prices by order of the loops, those of Einsums that an order leaves as they are shared."""
        store = _Store(shape.design, sizes, rules, tiles)
        return lambda order: cls(shape, order, store)

    def only(self, chosen: Integers) -> Prices:
        """The prices at some of the sizes, found anew."""
        return Prices(self.shape, self.order, self.store.only(chosen))

    def at(self, chosen: Integers) -> Prices:
        """The prices at some of the sizes, taken from these when they are asked for."""
        return Prices(self.shape, self.order, self.store.at(chosen))

    def fixed(self, key: str, make: Callable[[], float]) -> float:
        """A number that depends on no size."""
        if key not in self.store.fixed:
            self.store.fixed[key] = make()
        return self.store.fixed[key]

    def shared(self, spec: EinsumSpec, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """A value that depends on an Einsum and its loops alone."""
        whole = (spec.name, self._own[spec.name], *key)
        if whole not in self.store.found:
            self.store.found[whole] = make()
        return cast("T", self.store.found[whole])

    def together(self, specs: Sequence[EinsumSpec], key: tuple[object, ...], make: Callable[[], T]) -> T:
        """A value that depends on some Einsums and their loops alone."""
        whole = ("together", *(self._own[spec.name] for spec in specs), key)
        if whole not in self.store.found:
            self.store.found[whole] = make()
        return cast("T", self.store.found[whole])

    def nest(self, spec: EinsumSpec, placing: Placing) -> Nest:
        """The nest of an Einsum, nothing kept but in its registers."""
        key = (spec.name, self._own[spec.name], placing)
        if key not in self.store.nests:
            view = view_of(self.shape, placing)
            entry = entry_of(self.shape, self.order, spec, placing, ())
            entry = entry.model_copy(update={"keep": {view: ()} if view else {}})
            einsums = {**self.design.mapping.einsums, spec.name: entry}
            mapping = self.design.mapping.model_copy(update={"einsums": einsums})
            self.store.nests[key] = build_nest(replace(self.design, mapping=mapping), spec, {})
        return self.store.nests[key]

    def cycles(self, spec: EinsumSpec, placing: Placing) -> Reals:
        """Cycles of the array over the whole run; infinite where what is spread does not fit it."""

        def make(store: _Store) -> Reals:
            nest = self.nest(spec, placing)
            fits = np.ones(store.tiles.place.shape, dtype=bool)
            for loop in nest.spatial:
                fits &= store.real(store.tiling.bound(loop)) <= float(store.tiling.sizes(f"{nest.on}.{loop.spatial}"))
            work = lower(self.design, spec.name, placing.on, nest.operations, self.rules)
            return np.where(fits, store.real(cycles(nest, store.tiling)) * work.issues, np.inf)

        return cast("Reals", self.store.get(("cycles", spec.name, self._own[spec.name], placing), make))

    def operations(self, spec: EinsumSpec, placing: Placing) -> Reals:
        """pJ of the operations."""

        def make(store: _Store) -> Reals:
            nest = self.nest(spec, placing)
            work = lower(self.design, spec.name, placing.on, nest.operations, self.rules)
            table = self.design.costs.components
            each = sum(times * (table.get(unit, action, "energy") or 0.0) for action, unit, times in work.charged)
            return store.real(points(nest, store.tiling)) * each

        return cast("Reals", self.store.get(("operations", spec.name, self._own[spec.name], placing), make))

    def keeping(self, spec: EinsumSpec, placing: Placing, operand: Operand, levels: Levels) -> Keeping:
        """The cost of one operand when some levels keep it."""
        key = ("keeping", spec.name, self._own[spec.name], placing, operand.label, levels)
        return cast("Keeping", self.store.get(key, lambda store: self._keep(store, spec, placing, operand, levels)))

    def _keep(self, store: _Store, spec: EinsumSpec, placing: Placing, operand: Operand, levels: Levels) -> Keeping:
        nest = self.nest(spec, placing)
        kept = tuple(
            replace(at, keeps=at.keeps | {operand.label}) if at.component in levels else at for at in nest.levels
        )
        nest = replace(nest, levels=kept)
        own = next(o for o in nest.operands if o.label == operand.label)
        words: Number = 0
        rows: Number = 0
        energy: Number = 0
        room: Number = 0
        for level, counted in count(nest, own, store.tiling).items():
            component = nest.levels[level].component
            read, write, each = store.cost(component)
            if component == self.shape.outer:
                out, back = moved_words(counted)
                words = out + back
                energy = energy + _charge(out, read / each) + _charge(back, write / each)
                continue
            if component not in self.design.as_published.uncharged.get(spec.name, ()):
                energy = energy + _charge(counted.reads, read / each)
                energy = energy + _charge(counted.fills + counted.updates, write / each)
            if component == self.shape.inner:
                rows = counted.reads + counted.fills + counted.updates
                room = store.tiling.tile(nest, own.ranks, level) * store.tiling.places(nest, own, level)
        bits = float(store.tiling.sizes("word"))
        return Keeping(store.real(words), store.real(rows), store.real(energy), store.real(room) * bits / 8)
