"""Hypothesis profiles and what several rooms' tests share.

``HYPOTHESIS_PROFILE`` picks how hard the property tests look: ``default`` (``make test``: few, the same
ones every time, so that a failure is the change's doing) or ``proof`` (``make proof``: many, random).
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_TOLERATED = [HealthCheck.too_slow, HealthCheck.data_too_large]  # a loaded two-core machine is no failure

settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=_TOLERATED
)
settings.register_profile("proof", max_examples=2000, deadline=None, suppress_health_check=_TOLERATED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
