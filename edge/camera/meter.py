"""Counts what flows through a camera, for the health report."""

from __future__ import annotations

from dataclasses import dataclass

from edge.base.clock import Clock


@dataclass(frozen=True)
class Flow:
    """Rates since the reading before."""

    packets_per_s: float
    bits_per_s: float
    looked_per_s: float


class Meter:
    """Counted by the capture thread, read by the reporter; a torn read costs one packet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._packets = 0
        self._bytes = 0
        self._before = (clock.mono_ns(), 0, 0, 0)
        self.connections = 0

    def count(self, size_bytes: int) -> None:
        """One video packet was received."""
        self._packets += 1
        self._bytes += size_bytes

    def read(self, looked: int) -> Flow:
        """The rates since the last call; `looked` is the count of frames looked at so far."""
        now = (self._clock.mono_ns(), self._packets, self._bytes, looked)
        before, self._before = self._before, now
        seconds = max(1e-3, (now[0] - before[0]) / 1e9)
        return Flow(
            packets_per_s=round((now[1] - before[1]) / seconds, 2),
            bits_per_s=round((now[2] - before[2]) * 8 / seconds),
            looked_per_s=round((now[3] - before[3]) / seconds, 2),
        )
