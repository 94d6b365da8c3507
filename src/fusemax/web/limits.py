"""What a request may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and processes; a computation past its time or memory is ended and its client told."""

    body_bytes: int = 1 << 20
    body_s: float = 10.0
    """Until a body has arrived."""
    quick_s: float = 10.0
    """Passes, model and what a page asks for while its user types."""
    long_s: float = 120.0
    """Derivations and the tables of everything that ships."""
    memory_bytes: int = 1 << 30
    """Address space of a worker."""
    quick_workers: int = 2
    long_workers: int = 2
    wait_s: float = 30.0
    """Until a worker is free."""
    num_waiting: int = 400
    num_jobs: int = 2
    """Sweeps and searches that run at once."""
    job_s: float = 12 * 3600.0
    job_memory_bytes: int = 8 << 30
    num_kept_jobs: int = 500
