"""Gives every picture a PTS and a strictly rising DTS that is never later than its PTS.

What cameras and FFmpeg leave open, and what is done about it:
- The first packets of an RTSP session have no times, or no DTS until FFmpeg knows how pictures
  are reordered. They are held until one is complete, and their times counted back from it.
- DTS is missing or not rising: it is the smallest PTS among the last ones, as many as pictures
  are reordered over (ITU-T H.264 C.4.5.3), and at least one tick after the one before.
- PTS jumps (a camera sets its clock, a recording is pasted together): until the next keyframe the
  old time line goes on, so that no picture is lost; the keyframe then starts a new one, `is_jump`.
- PTS stands still or hardly moves for seconds, so that pictures would lie closer than any camera's
  (`slow_clock`): then times go on by arrival, unless pictures are reordered.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from fractions import Fraction

from edge.capture.slow_clock import SlowClock
from edge.capture.units import Unit

MAX_REORDER = 16  # pictures, H.264 A.3.1 (MaxDpbFrames) and H.265 A.4.2
MAX_BACK_S = 1.0  # a DTS that falls back by less is jitter
MAX_GAP_S = 10.0  # as is one ahead of the time that passed by less; cameras do drop seconds
DEFAULT_STEP_S = Fraction(1, 25)


class Timing:
    """Repairs the times of one video stream. One thread."""

    def __init__(self, time_base: Fraction) -> None:
        self._back_ticks = int(MAX_BACK_S / time_base)
        self._gap_ticks = int(MAX_GAP_S / time_base)
        self._ns_per_tick = time_base * 1_000_000_000
        self._step = max(1, round(DEFAULT_STEP_S / time_base))
        self._waiting: list[Unit] = []
        self._window: list[int] = []
        self._depth = 0
        self._last: Unit | None = None
        self._shift = 0
        self._clock = SlowClock(float(self._ns_per_tick))
        self._behind = 0  # ticks that a slow clock lacks

    @property
    def is_shifted(self) -> bool:
        """Whether times are those of a line that the camera has left already."""
        return self._shift != 0

    def push(self, unit: Unit) -> list[Unit]:
        """Take the next picture; those whose times are settled now, in order."""
        if unit.duration > 0:
            self._step = unit.duration
        if self._last is not None:
            return [self._settle(unit)]
        self._waiting.append(unit)
        is_settled = unit.pts is not None and unit.dts is not None
        return self.flush() if is_settled or len(self._waiting) > MAX_REORDER else []

    def flush(self) -> list[Unit]:
        """Settle what waits for times, as well as it can be."""
        waiting, self._waiting = _from_first_time(self._waiting, self._step), []
        if waiting:
            self._count_back(waiting)
        return [self._settle(unit) for unit in waiting]

    def _count_back(self, units: list[Unit]) -> None:
        """Fill in the missing DTS before the first that is known."""
        order = sorted(unit.pts for unit in units if unit.pts is not None)
        known = units[-1].dts
        self._depth = _depth_to(order, known, self._step) if known is not None else _depth(units)
        for index, unit in enumerate(units):
            at = index - self._depth
            if unit.dts is None:
                unit.dts = order[at] if at >= 0 else order[0] + at * self._step
        for unit, after in zip(reversed(units[:-1]), reversed(units), strict=False):
            if unit.dts is not None and after.dts is not None:
                unit.dts = min(unit.dts, after.dts - 1)

    def _settle(self, unit: Unit) -> Unit:
        last = self._last
        pts, dts = self._both(unit)
        self._clock.note(dts, unit.arrival_mono_ns)
        if last is not None and last.dts is not None:
            self._behind += self._lacks(last, dts, unit.arrival_mono_ns)
            pts, dts = pts + self._shift + self._behind, dts + self._shift + self._behind
            if self._jumps(last, dts, unit.arrival_mono_ns):
                leap = last.dts + self._step - dts
                self._shift += leap
                pts, dts = pts + leap, dts + leap
                self._window = [pts - self._shift - self._behind]
            if self._shift and unit.is_keyframe:
                pts, dts = pts - self._shift, dts - self._shift
                self._shift, unit.is_jump = 0, True
            elif dts <= last.dts:
                dts = last.dts + 1
        if pts - dts > self._gap_ticks:
            pts = dts
        unit.pts, unit.dts = max(pts, dts), dts
        self._last = unit
        return unit

    def _both(self, unit: Unit) -> tuple[int, int]:
        pts, dts = unit.pts, unit.dts
        if pts is None:
            last = self._last
            shift = self._shift + self._behind
            follows = last.dts + self._step - shift if last and last.dts is not None else 0
            pts = dts if dts is not None else follows
        derived = self._derived_dts(pts)
        return pts, derived if dts is None else dts

    def _derived_dts(self, pts: int) -> int:
        """The DTS that PTS alone tells; looks at every picture, to know it when one lacks its own.

        A picture shown before all that were decoded lately proves that the reordering is deeper.
        """
        insort(self._window, pts)
        if len(self._window) > self._depth + 1:
            if self._window[0] == pts < self._window[-1] and self._depth < MAX_REORDER:
                self._depth += 1
            else:
                self._window.pop(0)
        return self._window[0]

    def _lacks(self, last: Unit, dts: int, arrival_mono_ns: int) -> int:
        """How many more ticks than the camera says have passed, where its clock is slow."""
        if not self._clock.is_slow or self._depth or last.dts is None:
            return 0
        passed = int((arrival_mono_ns - last.arrival_mono_ns) / self._ns_per_tick)
        return max(0, last.dts + passed - dts - self._shift - self._behind)

    def _jumps(self, last: Unit, dts: int, arrival_mono_ns: int) -> bool:
        if last.dts is None:
            return False
        ahead = dts - last.dts
        if -self._back_ticks <= ahead <= self._gap_ticks:
            return False
        passed = int((arrival_mono_ns - last.arrival_mono_ns) / self._ns_per_tick)
        return not 0 < ahead <= self._gap_ticks + passed


def _from_first_time(units: list[Unit], step: int) -> list[Unit]:
    """From the first picture with a PTS on, with the keyframe's before it counted back."""
    first = next((at for at, unit in enumerate(units) if unit.pts is not None), None)
    if first is None:  # a raw elementary stream; the keyframe's time is as good as any
        first = next((at for at, unit in enumerate(units) if unit.is_keyframe), None)
        if first is None:
            return []
        units[first].pts = 0
    known = [unit.pts for unit in units[first:] if unit.pts is not None]
    keyframe = max((at for at in range(first) if units[at].is_keyframe), default=first)
    is_reordered = known != sorted(known) or any(
        unit.dts not in (None, unit.pts) for unit in units[first:]
    )
    if is_reordered and first - keyframe > 1:
        keyframe = first
    shown_next = min(known)
    dts = units[-1].dts
    if dts is not None and dts < shown_next:  # it is the PTS of a picture shown before all of these
        shown_next = dts + step
    for at in range(first - 1, keyframe - 1, -1):
        units[at].pts = shown_next - (first - at) * step
    for at in range(first + 1, len(units)):
        if units[at].pts is None:
            units[at].pts = (units[at - 1].pts or 0) + step
    return units[keyframe:]


def _depth_to(order: list[int], known_dts: int, step: int) -> int:
    """How many pictures DTS lags, where the last of `order`'s pictures has `known_dts`."""
    at = bisect_right(order, known_dts) - 1
    if at < 0:
        at = -1 - (order[0] - known_dts - 1) // max(1, step)
    return max(0, min(MAX_REORDER, len(order) - 1 - at))


def _depth(units: list[Unit]) -> int:
    """The smallest lag with which no picture is decoded after it is shown."""
    order = sorted(unit.pts for unit in units if unit.pts is not None)
    lag = (
        at + 1 - bisect_right(order, unit.pts)  # equal times are no reordering
        for at, unit in enumerate(units)
        if unit.pts is not None
    )
    return max(0, *lag)
