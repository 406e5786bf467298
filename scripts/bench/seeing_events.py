"""Events, as every contestant's are made: runs of motion frames, closed by one quiet time.

The product makes its events itself, with the same quiet time. The others' own rules for the end
of an event (Frigate 30 s, Motion 60 s, DVR-Scan 2 s) would decide how many events there are, so
they are set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract.motion import MotionSettings
from scripts.bench.seeing_footage import Span

QUIET_S = MotionSettings().quiet_s

Box = tuple[float, float, float, float]
"""Left, top, width, height as parts of the picture, 0 to 1."""


@dataclass(frozen=True)
class Found:
    """One event of one contestant, in seconds since the recording's first frame.

    `span` is from the first to the last frame with motion. `told_s` is how much of the stream had
    come when the event was known: the start may be dated back. `box` is what moved at `box_s`.
    """

    span: Span
    told_s: float
    box: Box | None = None
    box_s: float = 0.0


class Runs:
    """Makes events of one contestant's verdicts on frames, given in order of time."""

    def __init__(self, quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._running: Found | None = None
        self._found: list[Found] = []

    def take(self, at_s: float, *, has_motion: bool, box: Box | None = None) -> None:
        """One frame that the contestant looked at."""
        running = self._running
        if running is not None and at_s - running.span.last_s >= self._quiet_s:
            self._found.append(running)
            running = self._running = None
        if not has_motion:
            return
        if running is None:
            self._running = Found(Span(at_s, at_s), at_s, box, at_s)
            return
        is_larger = box is not None and (running.box is None or _area(box) > _area(running.box))
        self._running = Found(
            Span(running.span.first_s, at_s),
            running.told_s,
            box if is_larger else running.box,
            at_s if is_larger else running.box_s,
        )

    def finish(self) -> tuple[Found, ...]:
        """All events; the one that runs ends with its last motion."""
        if self._running is not None:
            self._found.append(self._running)
            self._running = None
        return tuple(self._found)


def _area(box: Box) -> float:
    return box[2] * box[3]
