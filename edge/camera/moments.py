"""Monotonic readings as the wire's instants.

Wall time may be set between two looks at it. What belongs together (an event's start, its end, its
clips and pictures; the two ends of an account) is therefore told by one `Anchor`, so that distances
stay those of the monotonic clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from edge.base.clock import Clock
from edge.contract.parts import Instant


class Anchor:
    """One reading of both clocks, by which any moment is told. Also a `Clock` that never steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._utc = clock.utc()
        self._mono_ns = clock.mono_ns()

    @property
    def boot(self) -> str:
        """The id of this boot."""
        return self._clock.boot

    def mono_ns(self) -> int:
        """Nanoseconds since boot."""
        return self._clock.mono_ns()

    def utc(self) -> datetime:
        """Wall time as it would be had nobody set the clock since the reading."""
        return self.instant(self._clock.mono_ns()).utc

    def instant(self, mono_ns: int) -> Instant:
        """The moment `mono_ns` on both clocks."""
        since = timedelta(microseconds=(mono_ns - self._mono_ns) / 1000)
        return Instant(self._utc + since, max(0, mono_ns))


def instant(clock: Clock, mono_ns: int) -> Instant:
    """The moment `mono_ns` on both clocks, as the wall clock stands now."""
    return Anchor(clock).instant(mono_ns)
