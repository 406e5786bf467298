"""How far the wall clock can be trusted, from what the kernel and systemd say.

The kernel's view (adjtimex) carries an error estimate, but a hardened unit may forbid the call;
systemd-timesyncd then still shows by a file that it has set the clock in this boot.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from pathlib import Path

from edge.base.clock import Clock
from edge.contract.parts import ClockStamp, ClockState

TIMESYNC_FILE = Path("/run/systemd/timesync/synchronized")  # systemd-timesyncd.service(8)
STA_UNSYNC = 0x0040  # adjtimex(2), <sys/timex.h>
MAX_HOLDOVER_ERROR_MS = 16_000  # the kernel stops counting maxerror there (NTP_PHASE_LIMIT)


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


class ClockTrust:
    """Stamps for records: is the clock set, and by how much may it be wrong?"""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
        self._was_synced = False

    def stamp(self) -> ClockStamp:
        """The stamp of this moment. Costs a system call; any thread may ask."""
        state, error_ms = self._state()
        return ClockStamp(
            state=state, boot=self._clock.boot, mono_ns=self._clock.mono_ns(), error_ms=error_ms
        )

    def _state(self) -> tuple[ClockState, int | None]:
        timex = _Timex()
        is_known = self._libc.adjtimex(ctypes.byref(timex)) >= 0
        if is_known and not timex.status & STA_UNSYNC:
            self._was_synced = True
            return "synced", max(1, timex.maxerror // 1000)
        if not is_known and TIMESYNC_FILE.exists():
            self._was_synced = True
            return "synced", None
        if self._was_synced or TIMESYNC_FILE.exists():
            return "holdover", MAX_HOLDOVER_ERROR_MS
        return "unsynced", None
