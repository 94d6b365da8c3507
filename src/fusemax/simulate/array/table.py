"""What every unit does in every cycle, in words: its operation and operands, and the word on each of its links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fusemax.base.errors import UsageError
from fusemax.base.result import Result
from fusemax.simulate.array.attention import Execution
from fusemax.simulate.array.expand import Operand, Slot

__all__ = ["CycleTable", "cycle_table"]

MOST = 20_000  # lines that a table may still have
_TEXT = {
    "mul": "{0} * {1}", "mac": "{0} * {1} + {2}", "msub": "{0} * {1} - {2}", "add": "{0} + {1}", "sub": "{0} - {1}",
    "max": "max({0}, {1})", "div": "{0} / {1}", "move": "{0}", "keep": "{0} where {1} <= {2}", "scale": "{0} * 2^{1}",
    "line": "line({0})", "exp": "exp({0})",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One unit in one cycle. `right` and `down` are words it sends, `store` what a lane writes to the buffer."""

    t: int
    unit: str
    stage: str
    einsum: str
    operation: str
    right: str
    down: str
    store: str


@dataclass(frozen=True)
class CycleTable(Result):
    """The lines of some cycles, counted from the first; units without work are left out."""

    command: ClassVar[str] = "simulate"
    execution: Execution
    begin: int
    lines: tuple[Line, ...]

    def rows(self) -> list[dict[str, object]]:
        """One row per unit that works in a cycle."""
        return [
            {
                "t": one.t, "unit": one.unit, "tile": one.stage, "einsum": one.einsum, "operation": one.operation,
                "right": one.right, "down": one.down, "store": one.store,
            }
            for one in self.lines
        ]  # fmt: skip

    def document(self) -> Mapping[str, object]:
        """The first cycle, which tile every stage works on then, and the rows."""
        return {"level": "cycle-table", "begin": self.begin, "stages": self.stages, "rows": self.rows()}

    @property
    def stages(self) -> dict[str, dict[str, int]]:
        """Stage -> key and query tile that PE (0, 0) works on in the first epoch shown."""
        run = self.execution
        epoch = next(i for i, start in enumerate(run.program.starts.tolist()) if start >= self.begin)
        found = {}
        for stage, lag in run.timing.lags.items():
            there = (run.stream.epoch + lag == epoch).nonzero()[0]
            if len(there):
                tile = int(there[0])
                found[stage] = {"key_tile": int(run.stream.key[tile]), "query_tile": int(run.stream.query[tile])}
        return found

    def __str__(self) -> str:
        edge, period = self.execution.program.layout.edge, self.execution.timing.period
        tiles = ", ".join(f"{s} = ({t['key_tile']}, {t['query_tile']})" for s, t in self.stages.items())
        lines = [
            f"{edge} x {edge} PEs and {edge} lanes, {period} cycles per epoch; t = 0 is cycle {self.begin}.",
            f"Tiles (keys, queries) when PE 0,0 begins the epoch: {tiles}.",
        ]
        for t in dict.fromkeys(line.t for line in self.lines):
            lines.append(f"\nt = {t}")
            lines += [_text(line) for line in self.lines if line.t == t]
        return "\n".join(lines)


def _text(line: Line) -> str:
    words = (("right", line.right), ("down", line.down), ("store", line.store))
    sends = ", ".join(f"{way} {word}" for way, word in words if word)
    return f"  {line.unit:<8}{line.einsum + ' of ' + line.stage:<14}{line.operation:<30}{sends}".rstrip()


def cycle_table(execution: Execution, begin: int | None = None, cycles: int | None = None) -> CycleTable:
    """Lines of `cycles` cycles from `begin` on: by default one epoch in which every stage has a tile.

    UsageError when that would be more than a person reads.
    """
    run = execution
    first, end = run.program.steady
    if begin is None:
        begin = int(run.program.starts[first + (1 if end > first + 1 else 0)])
    cycles = run.timing.period if cycles is None else cycles
    edge = run.program.layout.edge
    if cycles * edge * (edge + 1) > MOST:
        raise UsageError(f"{cycles} cycles of {edge} x {edge} PEs are too many to print: give a smaller --array")
    lines = [line for t in range(begin, begin + cycles) for line in _cycle(run, t, t - begin)]
    return CycleTable(execution, begin, tuple(lines))


def _cycle(run: Execution, t: int, shown: int) -> Iterator[Line]:
    edge = run.program.layout.edge
    units: Sequence[tuple[str, str, int, int, int]] = [
        *(("pe", f"PE {r},{c}", t - r - c, r, c) for r in range(edge) for c in range(edge)),
        *(("lane", f"lane {c}", t - edge - c, edge, c) for c in range(edge)),
    ]
    for unit, name, u, row, column in units:
        if not 0 <= u < run.program.length or run.program.slots[unit][u] < 0:
            continue
        slot = run.timing.slots[int(run.program.slots[unit][u])]
        yield _Words(run, slot, int(run.program.tiles[unit][u]), row, column).line(shown, name)


@dataclass(frozen=True)
class _Words:
    """Names of the words that one unit sees in one slot."""

    run: Execution
    slot: Slot
    tile: int
    row: int
    column: int

    def line(self, t: int, name: str) -> Line:
        slot = self.slot
        works = slot.only is None or slot.only == self.row
        einsum = slot.einsum if slot.index is None else f"{slot.einsum}[{slot.index}]"
        operation = _TEXT[slot.do].format(*(self.operand(o) for o in slot.of)) if works else "pass on"
        if works and slot.to is not None:
            operation = f"{self.register(slot.to)} = {operation}"
        down = self.sent(slot.down, self.row) if works else self.operand("top")
        store = ""
        if slot.write is not None:
            store = _word(*slot.write[:2])
            store += "" if slot.write[2] == "result" else f" = {self.sent(slot.write[2], self.row)}"
        return Line(t, name, slot.stage, einsum, operation, self.sent(slot.right, self.row), down, store)

    def register(self, name: str) -> str:
        copies = self.run.timing.copies.get((self.slot.unit, name), 1)
        return f"{name}.{self.tile % copies}" if copies > 1 else name

    def operand(self, value: Operand) -> str:
        if not isinstance(value, str):
            return f"{value:g}"
        if value == "memory":
            return _word(*self.slot.read) if self.slot.read else "?"
        if value == "left":
            return self.fed("left") if self.slot.right == "left" or self.column == 0 else "nothing"
        return self.top() if value == "top" else self.register(value)

    def fed(self, side: str) -> str:
        return next((_word(name, i) for where, name, i in self.slot.feed if where == side), "nothing")

    def top(self) -> str:
        """What comes from above: the port's word in the first row, otherwise what the row above sent."""
        source = self.slot
        if source.unit == "lane":
            sender = next((s for s in self.run.timing.of("pe") if s.slot == source.slot), None)
            return "nothing" if sender is None else _Words(self.run, sender, self.tile, self.row, self.column).top()
        if self.row == 0:
            return self.fed("top")
        if source.only is not None and source.only >= self.row:
            return self.fed("top")
        return self.sent(source.down, self.row - 1)

    def sent(self, what: str | None, row: int) -> str:
        """The name of a word that PEs of a row send, or a lane stores."""
        if what is None:
            return ""
        if what == "result":
            return self.slot.einsum if self.slot.index is None else f"{self.slot.einsum}[{self.slot.index}]"
        if what in ("left", "top"):
            return self.fed(what) if self.slot.unit == "pe" else self.top()
        return self.register(what)


def _word(name: Operand, index: int) -> str:
    """A word of the buffer; a number that a port feeds; tensors of one word have no index."""
    if not isinstance(name, str):
        return f"{name:g}"
    return f"{name}[{index}]" if name in _INDEXED or index else name


_INDEXED = ("Q", "BK", "BKT", "BV", "RNV", "AV", "S", "SN", "A")
