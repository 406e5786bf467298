"""How far apart the frames of a camera come lately, for what would else presuppose many a second.

At SLOW_S and less nothing depends on it: all that is counted in frames was made for those.
"""

from __future__ import annotations

import statistics
from collections import deque

SLOW_S = 0.6  # between frames; two a second and the jitter of them are not slow
KEPT = 5  # intervals, of which the middle one counts: a viewer that was closed leaves a gap
ENOUGH = 3  # of them, before anything is called slow


class Cadence:
    """One camera's. One thread at a time."""

    def __init__(self) -> None:
        self._intervals_s: deque[float] = deque(maxlen=KEPT)
        self._last_ns: int | None = None
        self.slow_s = 0.0
        """Seconds between two frames where they come slowly; 0 where they do not."""

    def note(self, mono_ns: int) -> None:
        """A frame was captured at `mono_ns`, later than the one before."""
        if self._last_ns is not None:
            interval_s = (mono_ns - self._last_ns) / 1e9
            self._intervals_s.append(interval_s)
            self._last_ns = mono_ns
            if not self.slow_s and interval_s <= SLOW_S:
                return
            middle_s = statistics.median_low(self._intervals_s)
            is_slow = middle_s > SLOW_S and len(self._intervals_s) >= ENOUGH
            self.slow_s = middle_s if is_slow else 0.0
        self._last_ns = mono_ns
