"""Counts in words: how many passes, which Einsum ends which, and what each pass holds."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from fusemax.analysis.barriers import Barrier

if TYPE_CHECKING:
    from fusemax.analysis.passes import RankPasses

WIDTH = 100


def answer(rank: RankPasses) -> str:
    """One sentence or two.

    >>> from fusemax.analysis.passes import passes
    >>> from fusemax.cascade import load
    >>> print(answer(passes(load("c1_pedagogical")).ranks["K"]))
    2 passes over K: Y (sum over k, line 11) ends pass 1.
    """
    if rank.passes == 0:
        return f"Nothing walks over {rank.rank}."
    text = f"{rank.passes} {'pass' if rank.passes == 1 else 'passes'} over {rank.rank}"
    if rank.is_factor:
        return f"{text} within each setting of the other factors."
    ends = [_end(barrier) for barrier in rank.barriers]
    if isinstance(rank.passes, str) and ends:
        text += f": in every step {', '.join(ends)}."
    else:
        text += f": {', '.join(ends)}." if ends else "."
    if rank.sweeps != rank.passes:
        text += f" No input is walked more often, but one fused loop nest needs {rank.sweeps} sweeps of {rank.rank}."
    if rank.conflict:
        text += f" No one order of {rank.rank} serves all Einsums of a pass (conflict)."
    return text


def _end(barrier: Barrier) -> str:
    names = " and ".join(barrier.einsums)
    verb = "end" if len(barrier.einsums) > 1 else "ends"
    what = "a pass" if barrier.number is None else f"pass {barrier.number}"
    return f"{names} ({barrier.reason}, line {barrier.line}) {verb} {what}"


def split_lines(rank: RankPasses) -> list[str]:
    """The Einsums of each pass, and what each barrier is."""
    barriers = {barrier.number: barrier for barrier in rank.barriers}
    split = rank.split()
    names = [", ".join(names) for names in split]
    lines: list[str] = []
    for level, text in enumerate(names, start=1):
        lines += _wrapped(f"  pass {level}  ", text)
        barrier = barriers.get(level)
        if barrier is not None:
            waiting = ", ".join(split[level][:1])
            lines += _wrapped("          ", f"-- {_needs(rank.rank, barrier)}{f' before {waiting}' if waiting else ''}")
    if not rank.einsums:
        lines += [f"  each step: {_needs(rank.rank, barrier)}" for barrier in rank.barriers]
    return lines


def _needs(rank: str, barrier: Barrier) -> str:
    names = " and ".join(barrier.einsums)
    verb = "need" if len(barrier.einsums) > 1 else "needs"
    return f"{names} ({barrier.reason}) {verb} every coordinate of {rank}"


def _wrapped(head: str, text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [head.rstrip()]


def headline(name: str, ranks: Sequence[RankPasses], explained: bool) -> str:
    """A cascade's name with the answers for some ranks; explained ones with the Einsums of each pass."""
    lines: list[str] = []
    for rank in ranks:
        text = answer(rank)
        lines += wrap(f"{name}: {text}", WIDTH, subsequent_indent="  ")
        if explained:
            lines += split_lines(rank)
    return "\n".join(lines)
