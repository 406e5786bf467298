"""Notices that the wall clock was set, and says by how much.

The kernel steers wall and monotonic time alike, so their difference only changes when somebody
sets the clock: by a step, or for good with the first synchronisation after a start without a clock
battery. Asked once a second by the agent, which journals what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from edge.base.clock import Clock
from edge.contract.parts import ClockState
from edge.contract.record import ClockStepped

MIN_STEP = timedelta(seconds=0.5)  # what slewing leaves, and what nobody sees in a list of events


class ClockWatch:
    """Compares both clocks with how they stood at the last report. One thread at a time."""

    def __init__(self, clock: Clock, state: Callable[[], ClockState]) -> None:
        self._clock = clock
        self._state = state
        self._known = self._origin()
        self._was_unsynced = state() == "unsynced"

    def check(self) -> ClockStepped | None:
        """The step since the last one that was returned, if there is one to tell.

        Also a small one that comes with the first synchronisation: times before it are known to be
        right only now. It is repeated until `told`, for it must not be lost by a full disk.
        """
        origin = self._origin()
        step = origin - self._known
        is_first_sync = self._was_unsynced and self._state() != "unsynced"
        if abs(step) < MIN_STEP and not is_first_sync:
            return None
        after = self._clock.utc()
        return ClockStepped(after - step, after, round(step / timedelta(milliseconds=1)))

    def told(self, stepped: ClockStepped) -> None:
        """`stepped` is in the journal."""
        self._known += stepped.after_utc - stepped.before_utc
        if self._was_unsynced and self._state() != "unsynced":
            self._was_unsynced = False

    def _origin(self) -> timedelta:
        """Wall time minus monotonic time, as a distance from an arbitrary fixed moment."""
        before_ns = self._clock.mono_ns()
        utc = self._clock.utc()
        mono_ns = (before_ns + self._clock.mono_ns()) // 2
        return timedelta(seconds=utc.timestamp()) - timedelta(microseconds=mono_ns / 1000)
