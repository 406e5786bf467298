"""Whether the wall clock is set from the network, by what the kernel and systemd say.

The kernel's view (adjtimex) carries an error estimate, but a hardened unit may forbid the call;
systemd-timesyncd then still shows by a file that it has set the clock in this boot, and by the
file's time when it last did.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import time
from dataclasses import dataclass
from pathlib import Path

from edge.base.clock import read_skew

TIMESYNC_FILE = Path("/run/systemd/timesync/synchronized")  # systemd-timesyncd.service(8)
STA_UNSYNC = 0x0040  # adjtimex(2), <sys/timex.h>
TIMESYNC_FRESH_S = 3 * 2048.0  # three of timesyncd's longest polls; older is holdover
TIMESYNC_ERROR_MS = 500  # it says nothing of its error; over a bad uplink it stays below this


@dataclass(frozen=True)
class Reading:
    """What the machine says now. `age_s`: since the clock was last set from the network."""

    is_synced: bool
    error_ms: int
    age_s: float = 0.0


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


class Machine:
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
