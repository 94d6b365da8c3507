"""What `--explain` adds: every law that does not apply, and inputs that show why."""

from __future__ import annotations

from dataclasses import replace

from fusemax.derive.derivation import Derivation


def explained(found: Derivation) -> Derivation:
    """The derivation with the witnesses and failed preconditions spelt out."""
    return replace(found, is_explained=True)
