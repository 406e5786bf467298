"""PTS for pictures that come without one: from when they arrive, without the jitter of arrival.

A phase-locked loop: each picture is expected one interval after the last; a small part of what it
is early or late by corrects the phase, a smaller one the interval. One that is off by far (a
picture was dropped, the rate changed) is taken at its arrival. PTS rises strictly and never drifts
from arrival, whatever rate the camera claims.
"""

from __future__ import annotations

from fractions import Fraction

TIME_BASE = Fraction(1, 90_000)  # as RTP has it, RFC 6184 section 5.1
TICKS_PER_S = 90_000
DEFAULT_FPS = 15
PHASE_PART, INTERVAL_PART = 0.1, 0.01  # damped well: interval part below a quarter of phase squared
FIRST_PICTURES = 8  # while these come the interval is not known yet, and learnt faster
FAR_INTERVALS = 1.5
MIN_INTERVAL, MAX_INTERVAL = TICKS_PER_S / 240, TICKS_PER_S * 5.0


class Beat:
    """Gives PTS in TIME_BASE; the first is 0. One thread."""

    def __init__(self, fps: float | None = None) -> None:
        """`fps` is what the camera was set to, where that is known."""
        self._interval = TICKS_PER_S / (fps or DEFAULT_FPS)
        self._seen = FIRST_PICTURES if fps else 0
        self._start_ns: int | None = None
        self._expected = 0.0
        self._last_arrival = 0.0
        self._last_pts = -1

    @property
    def interval_ticks(self) -> int:
        """The distance of pictures lately."""
        return round(self._interval)

    def pts(self, arrival_mono_ns: int) -> int:
        """The PTS of the picture that came at `arrival_mono_ns`."""
        if self._start_ns is None:
            self._start_ns = arrival_mono_ns
        arrival = (arrival_mono_ns - self._start_ns) * TICKS_PER_S / 1e9
        off = arrival - self._expected
        if self._seen and abs(off) > FAR_INTERVALS * self._interval:
            self._learn(arrival - self._last_arrival, 0.5)
            at = arrival
        elif 0 < self._seen < FIRST_PICTURES:
            self._learn(arrival - self._last_arrival, 1 / self._seen)
            at = arrival
        else:
            at = self._expected + PHASE_PART * off
            self._learn(self._interval + off, INTERVAL_PART)
        self._seen += self._seen < FIRST_PICTURES
        self._expected = at + self._interval
        self._last_arrival = arrival
        self._last_pts = max(self._last_pts + 1, round(at))
        return self._last_pts

    def _learn(self, interval: float, part: float) -> None:
        learnt = self._interval + part * (interval - self._interval)
        self._interval = min(MAX_INTERVAL, max(MIN_INTERVAL, learnt))
