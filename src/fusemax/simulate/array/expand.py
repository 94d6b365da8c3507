"""Rows of a binding -> the slots of one epoch, for given sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fusemax.base.errors import UsageError
from fusemax.design.expression import parse_expression
from fusemax.simulate.array.binding import UNITS, Binding, Row, split_word
from fusemax.simulate.array.exponential import Exponential

__all__ = ["EXTENTS", "QUANTITIES", "Operand", "Sizes", "Slot", "Word", "expand", "quantities"]

Operand = str | float
Word = tuple[str, int]
EXTENTS = {"e": "E", "f": "F", "n": "N"}
QUANTITIES = ("E", "F", "N", "X", "R", "K")
"""What slots are written in: head sizes, array edge, slots of an exp, return delay, slots of the mask."""


@dataclass(frozen=True)
class Sizes:
    """Array edge, head sizes E and F, the exp method, cycles from a lane's write to a port's read, mask conditions."""

    array: int
    head_size: int
    value_head_size: int
    how: Exponential
    return_delay: int = 2
    conditions: frozenset[str] = frozenset()

    @property
    def named(self) -> dict[str, int]:
        """The quantities by their letters."""
        return {
            "E": self.head_size, "F": self.value_head_size, "N": self.array, "X": self.how.num_operations,
            "R": self.return_delay, "K": len(self.conditions),
        }  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """One micro-operation in one slot; `unit` and `row` say where in the binding it stands.

    Words are (tensor, index) pairs. `only` is the row of the array that works, None for all; `index` the value of
    the row's variable.
    """

    unit: str
    row: int
    slot: int
    stage: str
    einsum: str
    do: str
    of: tuple[Operand, ...]
    to: str | None
    right: str | None
    down: str | None
    feed: tuple[tuple[str, Operand, int], ...]
    read: Word | None
    write: tuple[str, int, str] | None
    when: str
    only: int | None
    round: bool
    whole: bool
    index: int | None = None

    @property
    def registers_read(self) -> tuple[str, ...]:
        """Registers among the operands, sends and what is written."""
        names = [*self.of, self.right, self.down, self.write[2] if self.write else None]
        return tuple(
            dict.fromkeys(n for n in names if isinstance(n, str) and n not in ("left", "top", "memory", "result"))
        )

    @property
    def words_read(self) -> tuple[Word, ...]:
        """Memory words it reads, or its ports feed."""
        read = () if self.read is None else (self.read,)
        return (*read, *((name, i) for _, name, i in self.feed if isinstance(name, str)))

    @property
    def is_product(self) -> bool:
        """A multiply-add of QK or AV: one with a word that moves along the row."""
        return self.do in ("mul", "mac") and "left" in self.of


def quantities(binding: Binding, sizes: Sizes) -> dict[str, int]:
    """Sizes and the slots named by `let`, which may use earlier ones; UsageError for what is not a number."""
    found = sizes.named
    for name, text in binding.let.items():
        found[name] = _number(str(text), found.__getitem__, f"let: {name}")
    return found


def _number(text: str, lookup: Callable[[str], int], what: str) -> int:
    try:
        value = parse_expression(text)(lookup)
    except KeyError as error:
        raise UsageError(f"{what}: unknown quantity {error.args[0]!r}") from None
    if value != int(value):
        raise UsageError(f"{what}: {text} is {value}, no whole number")
    return int(value)


def expand(binding: Binding, sizes: Sizes) -> tuple[Slot, ...]:
    """The slots of both units in the order of unit, slot and row."""
    known = quantities(binding, sizes)
    slots = [s for unit in UNITS for i, row in enumerate(binding.rows(unit)) for s in _row(unit, i, row, known, sizes)]
    return tuple(sorted(slots, key=lambda s: (s.unit, s.slot, s.row)))


def _row(unit: str, number: int, row: Row, known: dict[str, int], sizes: Sizes) -> Iterator[Slot]:
    if row.when in ("above", "below") and row.when not in sizes.conditions:
        return
    extent = known[EXTENTS[row.variable]] if row.variable else row.first + 1
    for i in range(row.first, extent):
        yield from _steps(_slot(unit, number, row, known | ({row.variable: i} if row.variable else {})), sizes.how)


def _slot(unit: str, number: int, row: Row, known: dict[str, int]) -> Slot:
    def whole(text: int | str) -> int:
        return _number(str(text), known.__getitem__, f"{unit}[{number}] ({row.einsum})")

    def word(text: str) -> Word:
        name, index = split_word(text)
        return name, 0 if index is None else whole(index)

    feed = tuple(
        (side, *word(name)) if isinstance(name, str) else (side, float(name), 0) for side, name in row.feed.items()
    )
    write = next(((*word(target), source) for target, source in row.write.items()), None)
    return Slot(
        unit, number, whole(row.at), row.tile, row.einsum, row.do, row.of, row.to, row.right, row.down, feed,
        word(row.read) if row.read else None, write, row.when, None if row.rows is None else whole(row.rows),
        row.round, row.whole, known[row.variable] if row.variable else None,
    )  # fmt: skip


def _steps(slot: Slot, how: Exponential) -> Iterator[Slot]:
    """An exp becomes the steps of the method in consecutive slots; temporaries are registers of the unit."""
    if slot.do != "exp":
        yield slot
        return
    names: dict[str, Operand | None] = {"x": slot.of[0], "y": slot.to}
    last = len(how.steps) - 1
    for i, step in enumerate(how.steps):
        operands = tuple(names.get(o, f"exp.{o}") if isinstance(o, str) else o for o in step.of)
        target = names.get(step.to, f"exp.{step.to}")
        this = replace(
            slot, slot=slot.slot + i, do=step.do, of=tuple(o for o in operands if o is not None),
            to=None if target is None else str(target), round=slot.round and i == last,
        )  # fmt: skip
        yield this if i == last else replace(this, right=None, down=None, write=None)
