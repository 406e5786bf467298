"""Lets packets pass when their time has come, as if a camera sent them now."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from edge.base.clock import Clock
from edge.capture.timing import MAX_GAP_S
from edge.media.packet import Packet, VideoStream

MAX_WAIT_S = 0.5  # between looks at the clock, which may be stepped or a test's


class Pacer:
    """Maps media time to monotonic time, across the seams of a looped or pasted recording."""

    def __init__(self, clock: Clock, wait: Callable[[float], bool], *, is_fast: bool) -> None:
        """`wait` waits for so many seconds, or less, and says whether to stop waiting."""
        self._clock = clock
        self._wait = wait
        self._is_fast = is_fast
        self._stream: VideoStream | None = None
        self._offset_s = Fraction(0)
        self._end_s = Fraction(0)
        self._start_ns = clock.mono_ns()

    def pass_by(self, packet: Packet) -> int:
        """Wait until `packet` is due; the monotonic time at which it arrives, in nanoseconds."""
        media_s = packet.dts * packet.time_base
        if packet.stream is not self._stream:
            self._join(packet.stream, media_s)
        line_s = media_s + self._offset_s
        self._end_s = max(self._end_s, line_s + packet.duration * packet.time_base)
        due_ns = self._start_ns + int(line_s * 1_000_000_000)
        if self._is_fast:
            return due_ns
        while (left_s := (due_ns - self._clock.mono_ns()) / 1e9) > 0:
            if self._wait(min(left_s, MAX_WAIT_S)):
                break
        return self._clock.mono_ns()

    def restart(self) -> None:
        """The recording begins again; the next packet follows at once on the last one."""
        self._stream = None

    def _join(self, stream: VideoStream, media_s: Fraction) -> None:
        """Where the time line has a seam, follow on; else keep the recorded distance."""
        ahead_s = media_s + self._offset_s - self._end_s
        if self._stream is None or not -1 <= ahead_s <= MAX_GAP_S:
            self._offset_s = self._end_s - media_s
        self._stream = stream
