"""PTS to monotonic time and back: when a frame was captured, judged from when its packets arrived.

A packet can arrive late but never early, so the smallest (arrival - PTS) seen lately is the best
estimate of the offset. It is followed at a bounded rate, so that network jitter does not show and
a camera clock that drifts (up to MAX_SLEW_PPM) is tracked. A PTS that jumps, or falls behind or
runs ahead of arrival by more than STEP_S, starts the estimate anew.
"""

from __future__ import annotations

from fractions import Fraction

STEP_S = 2.0
MAX_SLEW_PPM = 1000  # quartz clocks stay below 200 ppm; cameras that count frames are worse


class Timeline:
    """Maps one stream's PTS to nanoseconds on the monotonic clock. One thread at a time."""

    def __init__(self, time_base: Fraction) -> None:
        # Whole numbers: exact, and a tenth of the cost of fractions, once a packet.
        self._ns_per, self._ticks = (time_base * 1_000_000_000).as_integer_ratio()
        self._offset_ns: int | None = None
        self._last_media_ns = 0
        self.steps = 0

    def observe(self, pts: int, arrival_mono_ns: int) -> None:
        """Learn from a packet that was read at `arrival_mono_ns`."""
        media_ns = self._media_ns(pts)
        seen_ns = arrival_mono_ns - media_ns
        if self._offset_ns is None or abs(seen_ns - self._offset_ns) > STEP_S * 1e9:
            self.steps += self._offset_ns is not None
            self._offset_ns = seen_ns
        elif seen_ns < self._offset_ns:
            self._offset_ns = seen_ns
        else:
            elapsed_ns = max(0, media_ns - self._last_media_ns)
            self._offset_ns += min(
                seen_ns - self._offset_ns, elapsed_ns * MAX_SLEW_PPM // 1_000_000
            )
        self._last_media_ns = media_ns

    def mono_ns(self, pts: int) -> int:
        """When the frame with `pts` was captured. Raises ValueError before the first packet."""
        if self._offset_ns is None:
            raise ValueError("no packet was observed yet")
        return self._media_ns(pts) + self._offset_ns

    def pts(self, mono_ns: int) -> int:
        """The PTS of what was captured at `mono_ns`, to the nearest tick, as far as is known now.

        Raises ValueError before the first packet.
        """
        if self._offset_ns is None:
            raise ValueError("no packet was observed yet")
        ticks = (mono_ns - self._offset_ns) * self._ticks
        return (ticks + self._ns_per // 2) // self._ns_per

    def _media_ns(self, pts: int) -> int:
        return pts * self._ns_per // self._ticks
