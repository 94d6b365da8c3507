"""Broken bindings, drawn: one change each, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from fusemax.base.errors import FusemaxError
from fusemax.simulate.array.attention import Execution, Inputs, draw, execute
from fusemax.simulate.array.binding import LINKS, UNITS, Binding, Row
from fusemax.simulate.array.checker import check_binding, violations
from fusemax.simulate.array.expand import Sizes
from fusemax.simulate.array.exponential import method
from fusemax.simulate.array.result import LIMITS
from fusemax.simulate.array.stream import Mask, Work
from fusemax.simulate.array.timing import timing

Change = tuple[str, Binding]
Make = Callable[[Row, Random], dict[str, object] | None]


@dataclass(frozen=True)
class Trial:
    """One run that a mutant is put through: sizes, work, numbers."""

    sizes: Sizes
    work: Work
    inputs: Inputs


def trials(edge: int = 4, square: bool = False, masks: bool = True) -> list[Trial]:
    """Runs with masks, with few and many queries, two heads; queries and keys are whole numbers, so scores are exact.

    In the second and third run all scores are far below 0, and grow from key to key in one head and fall in the other,
    so that any shift but the running maximum of the keys a query sees overflows or loses everything.
    """
    found = []
    window = Mask(causal=True, window=6)
    for seed, mask, queries, size, step in ((1, Mask(), 3, 5, 0), (2, window, 2, 3, 20), (3, Mask(), 1, 4, 20)):
        if mask.conditions and not masks:
            continue
        sizes = Sizes(edge, edge if square else size, 4, method("poly5"), conditions=mask.conditions)
        work = Work(5, queries, heads=2, mask=mask)
        plain = draw(sizes, work, "float32", seed)
        whole = Inputs(np.rint(plain.queries * 3), np.rint(plain.keys * 3), plain.values)
        if step:
            place = np.arange(work.key_tiles * edge, dtype=np.float32).reshape(work.key_tiles, edge)
            whole.queries[:, -1, :] = 3
            whole.keys[:, -1, :] = step * np.concatenate([place, place[::-1, ::-1]]) - 1000
        found.append(Trial(sizes, work, whole))
    return found


def run(binding: Binding, trial: Trial) -> Execution:
    """The binding in a trial, unchecked."""
    return execute(binding, trial.sizes, trial.work, inputs=trial.inputs, engine="compiled")


def verdict(original: Binding, mutant: Binding, runs: list[Trial]) -> str:
    """`rules`, `values`, `equivalent` (the same bits in every run) or `missed`: other bits that pass for attention."""
    same = True
    for trial in runs:
        try:
            if violations(mutant, trial.sizes):
                return "rules"
            check_binding(mutant, trial.sizes)
            found = run(mutant, trial)
        except FusemaxError:
            return "rules"
        if found.counts.late or found.max_error > LIMITS["float32"]:
            return "values"
        same &= np.array_equal(found.output, run(original, trial).output)
    return "equivalent" if same else "missed"


def mutants(binding: Binding, seed: int, count: int) -> Iterator[Change]:
    """At most `count` different changes, with what was changed, the same for the same seed."""
    random = Random(seed)
    seen: set[str] = set()
    for _ in range(50 * count):
        if len(seen) == count:
            return
        kind = random.choice(CHANGES)
        change = kind(binding, random)
        if change is not None and change[0] not in seen:
            seen.add(change[0])
            yield change


def _with(binding: Binding, unit: str, rows: list[Row]) -> Binding:
    return binding.model_copy(update={unit: tuple(rows)})


def _one(binding: Binding, random: Random) -> tuple[str, int, list[Row]]:
    unit = random.choice(UNITS)
    rows = list(binding.rows(unit))
    return unit, random.randrange(len(rows)), rows


def _changed(
    binding: Binding, random: Random, make: Callable[[Row, Random], dict[str, object] | None]
) -> Change | None:
    unit, i, rows = _one(binding, random)
    update = make(rows[i], random)
    if update is None:
        return None
    rows[i] = rows[i].model_copy(update=update)
    return f"{unit}[{i}] {rows[i].einsum} {rows[i].do}: {update}", _with(binding, unit, rows)


def _swap(binding: Binding, random: Random) -> Change | None:
    """Two micro-operations change places."""
    unit, i, rows = _one(binding, random)
    j = random.randrange(len(rows))
    if i == j or rows[i].variable != rows[j].variable:
        return None
    one, other = rows[i].at, rows[j].at
    rows[i], rows[j] = rows[i].model_copy(update={"at": other}), rows[j].model_copy(update={"at": one})
    return f"{unit}[{min(i, j)}] and [{max(i, j)}] swapped", _with(binding, unit, rows)


def _drop(binding: Binding, random: Random) -> Change | None:
    """A micro-operation is left out."""
    unit, i, rows = _one(binding, random)
    gone = rows.pop(i)
    return f"{unit}[{i}] {gone.einsum} {gone.do} left out", _with(binding, unit, rows)


def _factor(binding: Binding, random: Random) -> Change | None:
    """A factor or term of an operation becomes neutral: a correction is dropped."""

    def make(row: Row, random: Random) -> dict[str, object] | None:
        i = random.randrange(len(row.of))
        neutral = 1.0 if row.do in ("mul", "mac", "div") and i < 2 else 0.0
        of = (*row.of[:i], neutral, *row.of[i + 1 :])
        return {"of": of, "read": row.read if "memory" in of else None}

    return _changed(binding, random, make)


def _lag(binding: Binding, random: Random) -> Change | None:
    """A stage comes an epoch too early."""
    sizes = Sizes(4, 4, 4, method("poly5"))
    lags = dict(timing(binding, sizes).lags)
    late = [stage for stage, lag in lags.items() if lag]
    if not late:
        return None
    stage = random.choice(late)
    return f"lag of {stage} shortened", binding.model_copy(update={"lags": lags | {stage: lags[stage] - 1}})


def _shift(binding: Binding, random: Random) -> Change | None:
    """A micro-operation comes some slots earlier or later."""
    by = random.choice((-2, -1, 1, 2))
    return _changed(binding, random, lambda row, _: {"at": f"{row.at} + {by}"})


def _register(binding: Binding, random: Random) -> Change | None:
    """Another register is read."""
    unit, i, rows = _one(binding, random)
    names = sorted({row.to for row in rows if row.to is not None})
    places = [k for k, o in enumerate(rows[i].of) if isinstance(o, str) and o not in LINKS]
    if not places:
        return None
    k = random.choice(places)
    other = random.choice([name for name in names if name != rows[i].of[k]])
    rows[i] = rows[i].model_copy(update={"of": (*rows[i].of[:k], other, *rows[i].of[k + 1 :])})
    return f"{unit}[{i}] {rows[i].einsum} reads {other} as operand {k}", _with(binding, unit, rows)


def _target(binding: Binding, random: Random) -> Change | None:
    """The result goes to another register, or nowhere."""
    unit, i, rows = _one(binding, random)
    names = [*sorted({row.to for row in rows if row.to is not None} - {rows[i].to}), None]
    to = random.choice(names)
    if rows[i].to is None:
        return None
    rows[i] = rows[i].model_copy(update={"to": to})
    return f"{unit}[{i}] {rows[i].einsum} {rows[i].do} to {to}", _with(binding, unit, rows)


def _operation(binding: Binding, random: Random) -> Change | None:
    """Another operation of as many operands."""

    def make(row: Row, random: Random) -> dict[str, object] | None:
        others = [do for do in ("mul", "add", "sub", "max", "div") if do != row.do]
        return {"do": random.choice(others)} if len(row.of) == 2 else {"do": "msub"} if row.do == "mac" else None

    return _changed(binding, random, make)


def _order(binding: Binding, random: Random) -> Change | None:
    """Operands in another order."""

    def make(row: Row, _: Random) -> dict[str, object] | None:
        return {"of": tuple(reversed(row.of))} if len(row.of) > 1 else None

    return _changed(binding, random, make)


def _stage(binding: Binding, random: Random) -> Change | None:
    """A micro-operation works for another tile."""
    stages = binding.stages

    def make(row: Row, random: Random) -> dict[str, object] | None:
        others = [stage for stage in stages if stage != row.tile]
        return {"tile": random.choice(others)} if others else None

    return _changed(binding, random, make)


def _word(binding: Binding, random: Random) -> Change | None:
    """Another word of the buffer is read, fed or written."""

    def make(row: Row, random: Random) -> dict[str, object] | None:
        others = {"RM": "RD", "RD": "RM", "RNV[f]": "RNV[0]", "BK[e]": "BK[0]", "Q[e]": "Q[0]", "BV[f]": "BV[0]"}
        others |= {"S[n]": "S[0]", "A[n]": "A[0]", "GM": "SD", "SD": "GM", "AV[f]": "AV[0]", "LAST": "FIRST"}
        if row.read in others:
            return {"read": others[row.read]}
        feed = {side: others.get(str(word), 0 if word == float("-inf") else word) for side, word in row.feed.items()}
        return {"feed": feed} if feed != dict(row.feed) else None

    return _changed(binding, random, make)


def _unsent(binding: Binding, random: Random) -> Change | None:
    """A word is not sent on, not stored or not rounded, or the wrong one is."""

    def make(row: Row, random: Random) -> dict[str, object] | None:
        choices: list[dict[str, object]] = []
        choices += [{"right": None}] if row.right else []
        choices += [{"down": None}, {"down": "top" if row.down == "result" else "result"}] if row.down else []
        choices += [{"write": {}}] if row.write else []
        return random.choice(choices) if choices else None

    return _changed(binding, random, make)


def _condition(binding: Binding, random: Random) -> Change | None:
    """A condition is lost or turned into another."""

    def make(row: Row, random: Random) -> dict[str, object] | None:
        other = {"last": "always", "above": "below", "below": "above"}
        return {"when": other[row.when]} if row.when in other else None

    return _changed(binding, random, make)


CHANGES: tuple[Callable[[Binding, Random], Change | None], ...] = (
    _swap, _drop, _factor, _lag, _shift, _register, _target, _operation, _order, _stage, _word, _unsent, _condition,
)  # fmt: skip
