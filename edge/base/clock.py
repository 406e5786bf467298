"""Wall time, monotonic time and the boot they belong to.

Monotonic time is CLOCK_BOOTTIME, so that suspend counts. Passed in wherever time matters; tests
pass a FakeClock. A monotonic reading means something only together with its boot id.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")  # proc(5)
RATE_ENV = "CAMWATCH_CLOCK_RATE"  # for tests: this process's time runs so many times as fast
# For tests: a file with seconds to add to the wall clock and whether it is synced, such as
# "-3600.5 unsynced"; it may be replaced at any time, as the clock may be set at any time.
SKEW_ENV = "CAMWATCH_CLOCK_SKEW_FILE"
BOOT_ID_ENV = "CAMWATCH_BOOT_ID"  # set to systemd's %b by units that hide /proc
BOOT_ID = re.compile(r"[0-9a-f]{32}")
# RFC 3339 section 5.6 without its leap seconds; ASCII digits only.
UTC_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Clock(Protocol):
    """Where time comes from."""

    @property
    def boot(self) -> str:
        """The id of this boot, 32 hexadecimal digits."""

    def mono_ns(self) -> int:
        """Nanoseconds since boot, never stepping."""

    def utc(self) -> datetime:
        """Aware wall time in UTC; may step when the clock is set."""


@dataclass(frozen=True)
class Skew:
    """What a test says of the wall clock."""

    offset_s: float
    state: str


def read_skew() -> Skew | None:
    """What the file named by CAMWATCH_CLOCK_SKEW_FILE says now; None outside of tests."""
    path = os.environ.get(SKEW_ENV)
    if not path:
        return None
    offset_s, state = Path(path).read_text(encoding="ascii").split()
    return Skew(float(offset_s), state)


class SystemClock:
    """The machine's clocks; sped up by CAMWATCH_CLOCK_RATE, to be tested with fast cameras."""

    def __init__(self) -> None:
        self._boot = read_boot_id()
        self._rate = float(os.environ.get(RATE_ENV, "1"))
        self._utc_start = datetime.now(UTC)
        self._mono_start_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    @property
    def boot(self) -> str:
        return self._boot

    def mono_ns(self) -> int:
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if self._rate == 1:
            return now_ns
        return self._mono_start_ns + round((now_ns - self._mono_start_ns) * self._rate)

    def utc(self) -> datetime:
        now = datetime.now(UTC)
        if self._rate != 1:
            now = self._utc_start + (now - self._utc_start) * self._rate
        skew = read_skew()
        return now if skew is None else now + timedelta(seconds=skew.offset_s)


class FakeClock:
    """A clock that moves only when told; for tests and for replaying recordings."""

    def __init__(
        self,
        utc: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        *,
        mono_ns: int = 0,
        boot: str = "0" * 32,
    ) -> None:
        self._utc = utc
        self._mono_ns = mono_ns
        self._boot = boot

    @property
    def boot(self) -> str:
        return self._boot

    def mono_ns(self) -> int:
        return self._mono_ns

    def utc(self) -> datetime:
        return self._utc

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._mono_ns += round(seconds * 1e9)
        self._utc += timedelta(seconds=seconds)

    def set_utc(self, utc: datetime) -> None:
        """Step the wall clock only, as a first synchronisation does."""
        self._utc = utc


def read_boot_id() -> str:
    """This boot's id as 32 hexadecimal digits; a random one where the kernel's cannot be read."""
    texts = [os.environ.get(BOOT_ID_ENV, "")]
    with contextlib.suppress(OSError, ValueError):
        texts.append(BOOT_ID_FILE.read_text(encoding="ascii"))
    for text in texts:
        boot = text.strip().replace("-", "").lower()
        if BOOT_ID.fullmatch(boot):
            return boot
    return uuid.uuid4().hex


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, the one spelling used on the wire and in archives.

    Raises ValueError for a naive time, which could mean any zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_utc(text: str) -> datetime:
    """The aware UTC time that an RFC 3339 text names, as `utc_text` writes it.

    Any offset is taken, a missing one is not. Raises ValueError for everything else.
    """
    if not re.fullmatch(UTC_PATTERN, text):
        raise ValueError(f"{text[:40]!r} is not a time such as 2026-01-31T23:59:59.000Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as err:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999") from err
