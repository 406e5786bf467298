"""How far the wall clock can be trusted, from what the machine says and for how long it said so."""

from __future__ import annotations

from collections.abc import Callable

from edge.base.clock import Clock
from edge.base.timesync import Machine, Reading
from edge.contract.parts import ClockStamp, ClockState

__all__ = ["ClockTrust", "Reading"]

# A quartz of a small board stays below 100 ppm over its temperatures; the kernel reckons with 500
# (MAXFREQ in <linux/timex.h>), and so do we: an error that is stated too small is worse.
HOLDOVER_PPM = 500


class ClockTrust:
    """Stamps for records: is the clock set, and by how much may it be wrong?"""

    def __init__(self, clock: Clock, read: Callable[[], Reading | None] | None = None) -> None:
        """`read` asks the machine; None stands for a clock that was never set in this boot."""
        self._clock = clock
        self._read = read or Machine().read
        self._last: tuple[int, int] | None = None
        """When it was last known to be synced, in monotonic ns, and its error then in ms."""

    def stamp(self) -> ClockStamp:
        """The stamp of this moment. Costs a system call; any thread may ask."""
        mono_ns = self._clock.mono_ns()
        state, error_ms = self._judge(self._read(), mono_ns)
        return ClockStamp(state=state, boot=self._clock.boot, mono_ns=mono_ns, error_ms=error_ms)

    def state(self) -> ClockState:
        """Only whether the clock is set."""
        return self.stamp().state

    def _judge(self, reading: Reading | None, mono_ns: int) -> tuple[ClockState, int | None]:
        if reading is not None and reading.is_synced:
            self._last = (mono_ns, reading.error_ms)
            return "synced", reading.error_ms
        if reading is not None and self._last is None:
            self._last = (mono_ns - round(reading.age_s * 1e9), reading.error_ms)
        if self._last is None:
            return "unsynced", None
        last_ns, error_ms = self._last
        return "holdover", error_ms + (mono_ns - last_ns) * HOLDOVER_PPM // 10**12
