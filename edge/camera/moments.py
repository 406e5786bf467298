"""Monotonic readings as the wire's instants."""

from __future__ import annotations

from datetime import timedelta

from edge.base.clock import Clock
from edge.contract.parts import Instant


def instant(clock: Clock, mono_ns: int) -> Instant:
    """The moment `mono_ns` on both clocks, as the wall clock stands now."""
    age = timedelta(microseconds=(clock.mono_ns() - mono_ns) / 1000)
    return Instant(clock.utc() - age, max(0, mono_ns))
