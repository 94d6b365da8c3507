"""Rules a binding must keep before it is run; each violation says where it stands.

A rule that needs sizes is checked for given ones: the same rows may fit N = 4 and not N = 256.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fusemax.base.errors import SourceErrors, UsageError, nearest
from fusemax.design.accelerator import Accelerator
from fusemax.simulate.array.binding import INPUTS, UNITS, Binding
from fusemax.simulate.array.expand import Sizes, Slot, expand, quantities
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.timing import Timing, timing

__all__ = ["RULES", "Hardware", "Violation", "check_binding", "check_everywhere", "hardware_of", "violations"]

RULES = {
    "expressions": "slots, words and sizes are whole numbers made of known quantities",
    "stages": "every row works for a stage there is",
    "ports": "a row uses only links and memory ports its unit has",
    "units": "every operation has its unit in the array",
    "slots": "a unit does one operation in a slot, and none before slot 0",
    "links": "a word taken from a link was sent in the same slot, or fed by a port",
    "lane words": "a lane takes from its column only what the last PE sends for the same tile",
    "registers written": "a register is read after a row of the same tile wrote it",
    "registers kept": "no other stage writes a register between its write and its read",
    "register file": "registers fit the file",
    "memory": "words of the buffer exist, are written before they are read, and AV is written whole",
    "lags": "stages are far enough apart for what they wait for",
    "masks": "a masked tile has rows that mask it",
    "requires": "the sizes are what the rows count on",
}
"""Rule -> what it holds."""

USUAL = ((4, 64, 64), (16, 128, 64), (64, 64, 128), (256, 64, 64))
"""Array edge and head sizes at which a binding file is checked."""

_UNIT_OF = {
    "mul": "mac", "mac": "mac", "msub": "mac", "add": "mac", "sub": "mac", "scale": "mac", "line": "mac",
    "max": "max", "keep": "max", "div": "divider", "exp": "exp",
}  # fmt: skip


@dataclass(frozen=True)
class Hardware:
    """Registers and operation units of a PE and of a lane; units None: whatever a binding asks for."""

    pe_registers: int = 10
    lane_registers: int = 32
    pe_units: tuple[str, ...] | None = None
    lane_units: tuple[str, ...] | None = None

    def registers(self, unit: str) -> int:
        """Depth of the register file of `pe` or `lane`."""
        return self.pe_registers if unit == "pe" else self.lane_registers

    def units(self, unit: str) -> tuple[str, ...] | None:
        """Operation units of `pe` or `lane`."""
        return self.pe_units if unit == "pe" else self.lane_units


def hardware_of(accelerator: Accelerator) -> Hardware:
    """The accelerator's 2D and 1D array; UsageError when it has not one of each."""
    arrays = list(accelerator.arrays.values())
    square = [a for a in arrays if a.rows != 1]
    lanes = [a for a in arrays if a.rows == 1]
    if len(square) != 1 or len(lanes) != 1:
        raise UsageError(f"accelerator {accelerator.name!r}: the cycle level needs one 2D and one 1D array")
    depth = [int(str(a[0].registers.depth)) for a in (square, lanes)]
    return Hardware(depth[0], depth[1], square[0].units, lanes[0].units)


@dataclass(frozen=True)
class Violation:
    """A broken rule, and the path of what is to blame in the binding file."""

    rule: str
    where: tuple[str | int, ...]
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.where).lstrip(".")
        return f"{self.rule}: {place}: {self.message}"


def check_binding(binding: Binding, sizes: Sizes, hardware: Hardware | None = None, span: int = 0) -> Timing:
    """The solved binding, when it keeps every rule; SourceErrors, or UsageError for one that was never in a file."""
    found = violations(binding, sizes, hardware, span)
    if not found:
        return timing(binding, sizes, span)
    if binding.positions is None:
        raise UsageError("\n".join([f"binding {binding.binding!r} breaks its rules", *map(str, found)]))
    at = binding.positions
    raise SourceErrors([at.error(v.where, f"{v.rule}: {v.message}", suggestion=v.suggestion) for v in found])


def check_everywhere(binding: Binding) -> Binding:
    """The binding, when it keeps every rule at some usual sizes, large and small, with every mask it has rows for."""
    masked = frozenset({row.when for row in binding.pe} & {"above", "below"})
    for edge, head_size, value_head_size in USUAL:
        for conditions in {frozenset[str](), masked}:
            sizes = Sizes(edge, head_size, value_head_size, method("poly2"), conditions=conditions)
            fields = {"E": "head_size", "F": "value_head_size"}
            for name, text in binding.requires.items():
                if name in fields:
                    needed = quantities(binding.model_copy(update={"let": {"_": text}}), sizes)["_"]
                    sizes = replace(sizes, **{fields[name]: needed})  # type: ignore[arg-type]
            check_binding(binding, sizes)
    return binding


def violations(
    binding: Binding, sizes: Sizes, hardware: Hardware | None = None, span: int = 0
) -> tuple[Violation, ...]:
    """Every broken rule, once per row. Later rules are left out where earlier ones leave nothing to check."""
    found = [*_expressions(binding, sizes), *_stages(binding), *_ports(binding), *_requires(binding, sizes)]
    if found:
        return tuple(found)
    slots = expand(binding, sizes)
    machine = hardware or Hardware()
    found += [*_slots(slots), *_units(slots, machine), *_memory_words(binding, slots, sizes)]
    if found:
        return _once(found)
    timed = timing(binding, sizes, span)
    for rule in (_links, _lane_words, _registers, _memory_order, _lags):
        found += rule(timed)
    found += _file(timed, machine)
    return _once(found)


def _once(found: list[Violation]) -> tuple[Violation, ...]:
    return tuple({(v.rule, v.where): v for v in reversed(found)}.values())[::-1]


def _expressions(binding: Binding, sizes: Sizes) -> Iterator[Violation]:
    try:
        quantities(binding, sizes)
    except UsageError as error:
        yield Violation("expressions", ("let",), str(error))
        return
    for unit in UNITS:
        for i, row in enumerate(binding.rows(unit)):
            alone = binding.model_copy(update={"pe": (), "lane": (), unit: (row,)})
            try:
                expand(alone, sizes)
            except UsageError as error:
                yield Violation("expressions", (unit, i, "at"), str(error).partition(": ")[2] or str(error))


def _stages(binding: Binding) -> Iterator[Violation]:
    for unit in UNITS:
        for i, row in enumerate(binding.rows(unit)):
            if row.tile not in binding.stages:
                near = nearest(row.tile, binding.stages)
                yield Violation("stages", (unit, i, "tile"), f"unknown stage '{row.tile}'", near)
    for stage, lag in binding.lags.items():
        if stage not in binding.stages:
            yield Violation("stages", ("lags", stage), f"unknown stage '{stage}'", nearest(stage, binding.stages))
        elif lag < 0:
            yield Violation("stages", ("lags", stage), f"a lag is no less than 0, found {lag}")


def _ports(binding: Binding) -> Iterator[Violation]:
    for i, row in enumerate(binding.pe):
        if row.read is not None or row.write:
            yield Violation("ports", ("pe", i), "a PE has no port to the buffer: 'read' and 'write' are for lanes")
        if row.rows is not None and row.right not in (None, "left"):
            yield Violation(
                "ports", ("pe", i, "right"), "rows that do not work pass words on: 'right' may be 'left' only"
            )
        word = row.feed.get("left")
        if isinstance(word, str) and word.partition("[")[0] in binding.memory:
            yield Violation(
                "ports", ("pe", i, "feed"), "the left ports read inputs only: lanes write words across columns"
            )
    for i, row in enumerate(binding.lane):
        if row.right is not None or row.down is not None or row.feed:
            yield Violation(
                "ports",
                ("lane", i),
                "a lane sends nothing on and is fed nothing: 'right', 'down' and 'feed' are for PEs",
            )
        if "left" in row.of or "left" in row.write.values():
            yield Violation("ports", ("lane", i, "of"), "a lane has no left link")
        if row.rows is not None:
            yield Violation("ports", ("lane", i, "rows"), "lanes stand in one row")
    for unit in UNITS:
        for i, row in enumerate(binding.rows(unit)):
            if "result" in row.of:
                yield Violation("ports", (unit, i, "of"), "an operation cannot take its own result")


def _requires(binding: Binding, sizes: Sizes) -> Iterator[Violation]:
    known = quantities(binding, sizes)
    for name, text in binding.requires.items():
        needed = quantities(binding.model_copy(update={"let": {**binding.let, "_": text}}), sizes)["_"]
        if known.get(name) != needed:
            yield Violation(
                "requires", ("requires", name), f"{name} = {text} is required, found {known.get(name)} and {needed}"
            )
    for condition in sorted(sizes.conditions):
        if not any(row.when == condition for row in (*binding.pe, *binding.lane)):
            yield Violation("masks", ("pe",), f"no row masks keys {condition} a query's limit")


def _slots(slots: tuple[Slot, ...]) -> Iterator[Violation]:
    taken: dict[tuple[str, int], Slot] = {}
    for slot in slots:
        where = (slot.unit, slot.row, "at")
        if slot.slot < 0:
            yield Violation("slots", where, f"slot {slot.slot} is before the epoch")
        other = taken.setdefault((slot.unit, slot.slot), slot)
        if other is not slot:
            message = (
                f"slot {slot.slot} of a {slot.unit} is taken by {other.einsum} (row {other.row}) and {slot.einsum}"
            )
            yield Violation("slots", where, message)


def _units(slots: tuple[Slot, ...], hardware: Hardware) -> Iterator[Violation]:
    for slot in slots:
        there = hardware.units(slot.unit)
        needed = _UNIT_OF.get(slot.do)
        if there is not None and needed is not None and needed not in there:
            yield Violation(
                "units", (slot.unit, slot.row, "do"), f"{slot.do} needs a '{needed}' unit, found {', '.join(there)}"
            )


def _memory_words(binding: Binding, slots: tuple[Slot, ...], sizes: Sizes) -> Iterator[Violation]:
    """Words that do not exist, inputs that are written, AV that is not."""
    known = quantities(binding, sizes)
    tensors = binding.tensors
    written: set[int] = set()
    for slot in slots:
        touched = [*((word, "feed" if slot.unit == "pe" else "read") for word in slot.words_read)]
        if slot.write is not None:
            touched.append((slot.write[:2], "write"))
            if slot.write[0] in INPUTS:
                yield Violation("memory", (slot.unit, slot.row, "write"), f"{slot.write[0]} is an input")
            if slot.write[0] == "AV":
                written.add(slot.write[1])
        for (name, index), field in touched:
            where = (slot.unit, slot.row, field)
            if name not in tensors:
                yield Violation("memory", where, f"unknown tensor '{name}'", nearest(name, tensors))
                continue
            words = quantities(binding.model_copy(update={"let": {"_": tensors[name].words}}), sizes)["_"]
            if not 0 <= index < words:
                yield Violation("memory", where, f"{name}[{index}] is outside its {words} words")
    missing = sorted(set(range(known["F"])) - written)
    if missing:
        yield Violation("memory", ("lane",), f"nothing writes AV[{missing[0]}]")


def _links(timed: Timing) -> Iterator[Violation]:
    for slot in timed.of("pe"):
        fed = {side for side, _, _ in slot.feed}
        for link, sent, port in (("left", slot.right, "first column"), ("top", slot.down, "first row")):
            if link in slot.of and sent is None and timed.sizes.array > 1:
                way = "right" if link == "left" else "down"
                yield Violation(
                    "links",
                    (slot.unit, slot.row, "of"),
                    f"takes a word from '{link}' that no neighbour sends: '{way}' is missing",
                )
            passes = sent == link and not (slot.only is not None and link == "top")
            if (link in slot.of or passes) and link not in fed:
                yield Violation("links", (slot.unit, slot.row, "feed"), f"nothing enters '{link}' of the {port}")
            elif link in fed and link not in slot.of and sent != link:
                yield Violation("links", (slot.unit, slot.row, "feed"), f"nothing takes the word fed to '{link}'")


def _lane_words(timed: Timing) -> Iterator[Violation]:
    sent = {slot.slot: slot for slot in timed.of("pe") if slot.down is not None}
    for slot in timed.of("lane"):
        if "top" not in slot.of and not (slot.write and slot.write[2] == "top"):
            continue
        source = sent.get(slot.slot)
        where = (slot.unit, slot.row, "of")
        if source is None:
            yield Violation("lane words", where, f"no PE sends a word down in slot {slot.slot}")
        elif source.stage != slot.stage:
            yield Violation(
                "lane words",
                where,
                f"slot {slot.slot} sends {source.einsum} of stage {source.stage}, not of {slot.stage}",
            )
        elif source.when not in ("always", slot.when):
            yield Violation("lane words", where, f"slot {slot.slot} sends only when '{source.when}'")


def _registers(timed: Timing) -> Iterator[Violation]:
    writers: dict[tuple[str, str], list[Slot]] = defaultdict(list)
    for slot in timed.slots:
        if slot.to is not None:
            writers[slot.unit, slot.to].append(slot)
    by_place = {key: sorted(found, key=timed.place) for key, found in writers.items()}
    by_time = {key: sorted(found, key=timed.when) for key, found in writers.items()}
    for slot in timed.slots:
        for name in slot.registers_read:
            where, key = (slot.unit, slot.row, "of"), (slot.unit, name)
            there = by_place.get(key, [])
            own = bisect_left(there, timed.place(slot), key=timed.place)
            if not any(w.when in ("always", slot.when) for w in reversed(there[:own])):
                message = f"register {name} is read in slot {slot.slot} before its tile wrote it"
                yield Violation("registers written", where, message)
                continue
            latest = bisect_left(by_time[key], timed.when(slot), key=timed.when)
            if not latest or by_time[key][latest - 1] is not there[own - 1]:
                message = f"register {name} holds another stage's word in slot {slot.slot}"
                yield Violation("registers kept", where, message)


def _memory_order(timed: Timing) -> Iterator[Violation]:
    stores: dict[tuple[str, int], list[Slot]] = defaultdict(list)
    for slot in timed.slots:
        if slot.write is not None:
            stores[slot.write[:2]].append(slot)
    for slot in timed.slots:
        for name, index in slot.words_read:
            tensor = timed.binding.tensors[name]
            if name in INPUTS or (tensor.per == "query" and tensor.first is not None):
                continue
            if not any(slot.whole or timed.place(w) < timed.place(slot) for w in stores[name, index]):
                field = "read" if slot.unit == "lane" else "feed"
                yield Violation("memory", (slot.unit, slot.row, field), f"{name}[{index}] is read before it is written")


def _lags(timed: Timing) -> Iterator[Violation]:
    for wait in timed.impossible:
        before, after = wait.before, wait.after
        apart = timed.lags[after.stage] - timed.lags[before.stage]
        where: tuple[str | int, ...] = (after.unit, after.row, "at")
        if timed.binding.lags:
            where = ("lags", after.stage)
        message = (
            f"{after.einsum} of stage {after.stage} is {apart} epochs after {before.einsum} of stage {before.stage}, "
            f"and {wait.what} takes {wait.epochs(timed.period)}"
        )
        yield Violation("lags", where, message)


def _file(timed: Timing, hardware: Hardware) -> Iterator[Violation]:
    for unit in UNITS:
        needed, there = timed.registers(unit), hardware.registers(unit)
        if needed > there:
            names = ", ".join(f"{name} x {n}" if n > 1 else name for (u, name), n in timed.copies.items() if u == unit)
            yield Violation("register file", (unit,), f"{needed} registers of a {unit} ({names}), the file has {there}")
