"""What `--explain` adds: each barrier that stays, the law that fails on it, and inputs that show the failure."""

from __future__ import annotations

from dataclasses import replace

from fusemax.derive.certificate import Certificate
from fusemax.derive.counterexample import counterexample
from fusemax.derive.derivation import Derivation, inputs_text
from fusemax.derive.forced import forced
from fusemax.derive.laws import LAWS
from fusemax.derive.laws.iterate import flat_passes
from fusemax.derive.precision import precisions
from fusemax.derive.roles import Unsupported, roles_of


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
            lines.append(
                f"streamed without a correction it is wrong: {difference}, with {inputs_text(difference)}"
            )
    if found.best is not None:
        lines += [str(one) for one in precisions(found.source, found.best.cascade, found.rank)]
    return replace(found, explanations=tuple(dict.fromkeys(lines)), example=difference, forced=broken)


def _of(found: Derivation, certificate: Certificate, needs: str) -> list[str]:
    try:
        barriers = flat_passes(roles_of(found.source, found.rank)) - 1
    except Unsupported:
        return [f"barrier {certificate.barrier or '-'}: {certificate.kind}"]
    words = f"barrier {certificate.barrier or '-'} ({barriers} in the source): {certificate.kind}"
    return [words, needs] if certificate.witness is not None else [words]
