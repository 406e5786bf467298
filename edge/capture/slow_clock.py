"""Knows a camera whose PTS stand still, or run far too slowly: pictures closer than any camera's.

Such times would have the analysis look at a picture each two seconds. That they fall behind the
time of arrival is not enough: so do a sound camera's on a box that is too busy to read it, and
those must not be changed. There, pictures still lie as far apart as the camera took them.
"""

from __future__ import annotations

WINDOW_S = 4.0
WINDOWS = 2  # in a row
MIN_PICTURES = 4  # in each
SLOW, WELL = 0.5, 0.75  # of the time that passed
MIN_PICTURE_S = 0.01  # between two pictures of any camera, on average


class SlowClock:
    """One stream's. One thread."""

    def __init__(self, ns_per_tick: float) -> None:
        self._ns_per_tick = ns_per_tick
        self._first: tuple[int, int] | None = None
        self._pictures = 0
        self._windows = 0

    @property
    def is_slow(self) -> bool:
        """Whether its times are not to be gone by."""
        return self._windows >= WINDOWS

    def note(self, dts: int, arrival_mono_ns: int) -> None:
        """A picture's time as the camera gave it, in ticks, and when it arrived."""
        if self._first is None:
            self._first = dts, arrival_mono_ns
        self._pictures += 1
        passed_ns = arrival_mono_ns - self._first[1]
        if passed_ns < WINDOW_S * 1e9:
            return
        own_ns = (dts - self._first[0]) * self._ns_per_tick
        is_dense = 0 <= own_ns < MIN_PICTURE_S * 1e9 * self._pictures
        is_behind = own_ns < (WELL if self.is_slow else SLOW) * passed_ns
        if self._pictures > MIN_PICTURES and is_dense and is_behind:
            self._windows += 1
        else:
            self._windows = 0
        self._first, self._pictures = (dts, arrival_mono_ns), 1
