"""A track's samples: their times, sizes and places, and camera timestamps made fit for a file.

Times are ticks of the track's timescale, counted from the clip's zero: the PTS of its first
keyframe. All integers; nothing is rounded where the timescale equals the camera's.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction

MAX_TIMESCALE = 1_000_000  # finer clocks would overflow 32-bit durations within hours
COMMON_TIMESCALE = 90_000
MAX_STEP_BACK_S = 1.0  # a DTS that goes back further starts a new count
MAX_STEP_AHEAD_S = 60.0  # so does one that runs this far ahead of its arrival
MAX_OFFSET_S = 60  # a PTS further from its DTS is taken for noise
MAX_REORDERED = 32  # pictures between decoding and showing; H.264 and H.265 allow 16


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample's times, in ticks from the clip's zero, and what the file says about it."""

    dts: int
    pts: int
    duration: int
    size_bytes: int
    is_sync: bool


@dataclass(frozen=True)
class TrackFormat:
    """What does not change over a track. `entry` is its sample entry box.

    `early` is how many ticks before the clip's zero its samples may begin: fragments count from
    there, since they cannot hold negative times.
    """

    track: int
    is_audio: bool
    timescale: int
    entry: bytes
    early: int
    width: int = 0
    height: int = 0


@dataclass
class SampleTable:
    """All samples of a track, compactly: about 25 bytes each."""

    dts: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("L"))
    syncs: array[int] = field(default_factory=lambda: array("L"))
    chunks: list[tuple[int, int]] = field(default_factory=list)
    last_duration: int = 0

    def __len__(self) -> int:
        return len(self.dts)

    def add_chunk(self, file_offset: int, samples: list[Sample]) -> None:
        """Samples that lie one after the other from `file_offset` on."""
        if not samples:
            return
        self.chunks.append((file_offset, len(samples)))
        for sample in samples:
            self.dts.append(sample.dts)
            self.offsets.append(sample.pts - sample.dts)
            self.sizes.append(sample.size_bytes)
            if sample.is_sync:
                self.syncs.append(len(self.dts))
        self.last_duration = samples[-1].duration

    @property
    def end(self) -> int:
        """When the sample that is shown last stops being shown."""
        tail = range(max(0, len(self.dts) - MAX_REORDERED), len(self.dts))
        return max((self.dts[at] + self.offsets[at] for at in tail), default=0) + self.last_duration


Track = tuple[TrackFormat, SampleTable]


def timescale_of(time_base: Fraction) -> int:
    """Ticks per second that hold `time_base` exactly, unless it is finer than a file can."""
    return time_base.denominator if time_base.denominator <= MAX_TIMESCALE else COMMON_TIMESCALE


class Ticker:
    """Turns a camera's timestamps into a track's: from zero on, DTS rising, PTS as it was.

    Mended, and counted: a DTS that does not rise is set one tick after the last; one that jumps
    (a camera that restarts its clock) goes on where the last left off, its PTS with it; a PTS far
    from its DTS is set to it.
    """

    def __init__(self, time_base: Fraction, zero_s: Fraction) -> None:
        self.timescale = timescale_of(time_base)
        ratio = time_base * self.timescale
        self._numerator, self._denominator = ratio.numerator, ratio.denominator
        self._shift = -round(zero_s * self.timescale)
        self._last: int | None = None
        self._last_arrival_ns = 0
        self.step = 0
        self.mended = 0

    def scaled(self, ticks: int) -> int:
        """A length in the camera's ticks as one in the track's."""
        return ticks * self._numerator // self._denominator

    def from_zero(self, ticks: int) -> int:
        """A timestamp counted from the clip's zero, before mending."""
        return self.scaled(ticks) + self._shift

    def stamp(self, dts: int, pts: int, arrival_mono_ns: int) -> tuple[int, int]:
        """The (dts, pts) of the next sample."""
        own_dts, own_pts = self.from_zero(dts), self.from_zero(pts)
        if self._last is not None:
            gap = own_dts - self._last
            if self._is_jump(gap, arrival_mono_ns - self._last_arrival_ns):
                jump = max(1, self.step) - gap
                self._shift += jump
                own_dts, own_pts = own_dts + jump, own_pts + jump
                self.mended += 1
            elif gap <= 0:
                own_dts = self._last + 1
                self.mended += 1
            else:
                self.step = gap
        if abs(own_pts - own_dts) > MAX_OFFSET_S * self.timescale:
            own_pts = own_dts
            self.mended += 1
        self._last, self._last_arrival_ns = own_dts, arrival_mono_ns
        return own_dts, own_pts

    def _is_jump(self, gap: int, arrival_gap_ns: int) -> bool:
        gap_s = gap / self.timescale
        return gap_s < -MAX_STEP_BACK_S or gap_s - arrival_gap_ns / 1e9 > MAX_STEP_AHEAD_S
