"""Ranks of a cascade: which there are, which are one another's names, factors and wholes."""

from __future__ import annotations

from fusemax.cascade.ir import Cascade


def rank_of(variable: str) -> str:
    """The rank a rank variable walks, before aliases: its name with the first letter capitalised."""
    return variable[:1].upper() + variable[1:]


def variable_of(rank: str) -> str:
    """The rank variable of a rank."""
    return rank[:1].lower() + rank[1:]


def declared_ranks(cascade: Cascade) -> tuple[str, ...]:
    """Every rank's name, aliases too: from inputs, then partitions, aliases and sizes, first seen first."""
    names = [rank_of(variable) for declaration in cascade.inputs for variable in declaration.variables]
    for partition in cascade.partitions:
        names += [partition.rank, *partition.factors]
    for alias in cascade.aliases:
        names.append(alias.name)
    names += [size.rank for size in cascade.sizes]
    return tuple(dict.fromkeys(names))


def canonical(cascade: Cascade, rank: str) -> str:
    """The rank that `rank` is, following its alias (aliases do not chain)."""
    for alias in cascade.aliases:
        if alias.name == rank:
            return alias.target
    return rank


def rank_of_variable(cascade: Cascade, variable: str) -> str:
    """The rank a rank variable walks, aliases followed: with `alias I = K`, variable `i` walks K."""
    return canonical(cascade, rank_of(variable))


def factors_of(cascade: Cascade, rank: str) -> tuple[str, ...]:
    """The factors of a partitioned rank from the outermost in; empty for any other rank. Aliases are followed."""
    whole = canonical(cascade, rank)
    return next((p.factors for p in cascade.partitions if canonical(cascade, p.rank) == whole), ())


def whole_of(cascade: Cascade, rank: str) -> str | None:
    """The partitioned rank that `rank` is a factor of, or None. Aliases are followed."""
    factor = canonical(cascade, rank)
    for partition in cascade.partitions:
        if factor in (canonical(cascade, f) for f in partition.factors):
            return canonical(cascade, partition.rank)
    return None
