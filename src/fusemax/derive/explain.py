"""What `--explain` adds: each barrier that stays, the law that fails on it, inputs that show it; what laws rest on."""

from __future__ import annotations

from dataclasses import replace

from fusemax.base.errors import FusemaxError
from fusemax.derive.certificate import Certificate
from fusemax.derive.counterexample import counterexample
from fusemax.derive.derivation import Derivation, derive, inputs_text
from fusemax.derive.forced import forced
from fusemax.derive.laws import LAWS
from fusemax.derive.laws.iterate import flat_passes
from fusemax.derive.names import Names
from fusemax.derive.precision import precisions
from fusemax.derive.roles import Unsupported, roles_of
from fusemax.derive.separation import separations

MANY = 1 << 20
"""Elements of a long fiber: where narrow accumulators lose what they add."""

TILE = 1024


def explained(found: Derivation) -> Derivation:
    """The derivation with every barrier's failing law spelt out, with a counterexample where one is found."""
    lines: list[str] = []
    law = next(law for law in LAWS if law.name == "iterate")
    difference = None
    certificates = [] if found.certificate is None else [found.certificate, *found.certificate.others]
    for certificate in certificates:
        lines += _of(found, certificate, f"law {law.name} needs: {law.precondition}")
    broken = forced(found.source, found.rank) if certificates else None
    if broken is not None:
        difference = counterexample(found.source, broken, found.rank)
        if difference is not None:
            lines.append(f"streamed without a correction it is wrong: {difference}, with {inputs_text(difference)}")
    lines += _digits(found)
    return replace(
        found,
        explanations=tuple(dict.fromkeys(lines)),
        example=difference,
        forced=broken,
        separations=separations(found),
    )


def _digits(found: Derivation) -> list[str]:
    """Digits kept over a thousand elements one by one, and over a million in tiles, as accelerators take them."""
    if found.best is None:
        return []
    lines = [str(one) for one in precisions(found.source, found.best.cascade, found.rank)]
    try:
        tile = Names(found.source).tensor(f"{found.rank}0"), TILE
        tiled = derive(found.source, found.rank, tile=tile).best
    except FusemaxError:  # the rank is partitioned already, or tied to another
        return lines
    if tiled is not None:
        many = precisions(found.source, tiled.cascade, found.rank, MANY)
        lines += [f"in tiles of {TILE}: {one}" for one in many]
    return lines


def _of(found: Derivation, certificate: Certificate, needs: str) -> list[str]:
    try:
        barriers = flat_passes(roles_of(found.source, found.rank)) - 1
    except Unsupported:
        return [f"barrier {certificate.barrier or '-'}: {certificate.kind}"]
    words = f"barrier {certificate.barrier or '-'} ({barriers} in the source): {certificate.kind}"
    return [words, needs] if certificate.witness is not None else [words]
