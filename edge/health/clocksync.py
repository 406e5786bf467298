"""How far the wall clock can be trusted, from what the kernel and systemd say.

The kernel's view (adjtimex) carries an error estimate, but a hardened unit may forbid the call;
systemd-timesyncd then still shows by a file that it has set the clock in this boot, and by the
file's time when it last did.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.base.clock import Clock, read_skew
from edge.contract.parts import ClockStamp, ClockState

TIMESYNC_FILE = Path("/run/systemd/timesync/synchronized")  # systemd-timesyncd.service(8)
STA_UNSYNC = 0x0040  # adjtimex(2), <sys/timex.h>
# A quartz of a small board stays below 100 ppm over its temperatures; the kernel reckons with 500
# (MAXFREQ in <linux/timex.h>), and so do we: an error that is stated too small is worse.
HOLDOVER_PPM = 500
TIMESYNC_FRESH_S = 3 * 2048.0  # three of timesyncd's longest polls; older is holdover
TIMESYNC_ERROR_MS = 500  # it says nothing of its error; over a bad uplink it stays below this


@dataclass(frozen=True)
class Reading:
    """What the machine says now. `age_s`: since the clock was last set from the network."""

    is_synced: bool
    error_ms: int
    age_s: float = 0.0


class ClockTrust:
    """Stamps for records: is the clock set, and by how much may it be wrong?"""

    def __init__(self, clock: Clock, read: Callable[[], Reading | None] | None = None) -> None:
        """`read` asks the machine; None stands for a clock that was never set in this boot."""
        self._clock = clock
        self._read = read or _Machine().read
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


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), its first fields; the rest is space."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


class _Machine:
    """Asks kernel and systemd."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)

    def read(self) -> Reading | None:
        """The clock now; None where nothing says that it was ever set in this boot."""
        if (skew := read_skew()) is not None:
            return Reading(skew.state == "synced", 1) if skew.state != "unsynced" else None
        timex = _Timex()
        is_known = self._libc.adjtimex(ctypes.byref(timex)) >= 0
        if is_known and not timex.status & STA_UNSYNC:
            return Reading(True, max(1, timex.maxerror // 1000))
        try:
            age_s = max(0.0, time.time() - TIMESYNC_FILE.stat().st_mtime)
        except OSError:
            return None
        is_fresh = not is_known and age_s <= TIMESYNC_FRESH_S
        return Reading(is_fresh, TIMESYNC_ERROR_MS, age_s)
