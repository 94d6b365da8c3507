"""The roofline: what a machine can reach at an operational intensity (Williams et al. 2009)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roofline:
    """`operations` and the least `traffic_bytes` of a computation under a machine's roof.

    `peak` is in operations/s, `bandwidth` in B/s.
    """

    operations: int
    traffic_bytes: int
    peak: float
    bandwidth: float

    @property
    def intensity(self) -> float:
        """Operational intensity in operations per byte: the largest any schedule can have."""
        return self.operations / self.traffic_bytes

    @property
    def ridge(self) -> float:
        """The intensity from which on the machine computes at full rate."""
        return self.peak / self.bandwidth

    @property
    def performance(self) -> float:
        """The most operations per second any schedule can reach."""
        return min(self.peak, self.intensity * self.bandwidth)

    @property
    def bound(self) -> str:
        """What limits: `compute` or `memory`."""
        return "compute" if self.intensity >= self.ridge else "memory"

    @property
    def least_seconds(self) -> float:
        """The shortest time of any schedule."""
        return max(self.operations / self.peak, self.traffic_bytes / self.bandwidth)
