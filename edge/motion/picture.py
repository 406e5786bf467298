"""Is there anything to see? Tells a frozen and a black picture from a living one.

Keyframes are coded anew from what the sensor gives, so in a living stream no two are the same:
their noise differs. Those of a hung sensor come out the same again and again, while the pictures
between them may well change, as the encoder refines them; where it goes on refining from one
keyframe to the next, their differences dwindle, which those of fresh noise do not. A black picture
has neither light nor shapes. Called by the camera's analysis; nearly free between keyframes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from edge.media.frame import Luma

# Mean absolute difference of two keyframes' small luma, in levels. Measured: living recordings
# never below 0.6; one picture coded over and over mostly 0, or a few repeating values where the
# rate is fixed. docs/design/coverage.md
SAME_LEVELS = 0.1
COMPARED = 2  # keyframes back, since a rate control may alternate; more would take a loop for it
MAX_MISSES = 1  # in a row, which a rate control that wanders makes
FROZEN_S = 30.0
FROZEN_MATCHES = 2
STUCK_S = 4.0  # the same where the stream is known to live by more than ...
ALIVE_LEVELS = 0.3  # ... this from keyframe to keyframe, in each of ...
ALIVE_SAMPLES = 6  # ... at least so many, and of so many at most:
ALIVE_KEPT = 60
RECENT, RECENT_S = 3, 10.0  # that do not count yet: it may have been frozen in them already
# A frozen picture that is refined differs from the keyframe before nowhere by more than the calm
# half of the living picture did, there by far less, and less than that one from the one before.
DWINDLED = 0.4  # of the least that the calm half differed by while the stream lived
DWINDLED_LEVELS = 0.6  # below every living recording that was measured
REFINED_LEVELS = 0.3  # once it is known to be stuck: a rate control wanders below this
DWINDLING = 0.92  # of the difference before; fresh noise stays within a few hundredths
HALVED = 0.55  # of the first of these small differences, for it to be stuck
DOUBTED = 0.8  # of what it differed by while it lived: more pictures are wanted to tell
EVENLY = 1.25  # times what the calm half differed by: nowhere may a doubted picture exceed it
FALLS = 3  # of the difference, one keyframe after the other, say more than matches do ...
COLLAPSED = 0.15  # ... and with them so little of what it differed by while it lived is enough
CALM = 0.5  # quantile of the cells: as calm as this are half of them
CELLS = (16, 9)
OTHER_LIGHT_LEVELS = 15.0  # by which even the calm half changed: its noise may be another
BACK_S = 60.0  # by which time may go back when pictures are looked at again
KEYLESS_S = 75.0  # no GOP in the field is so long: this stream refreshes without keyframes, and
KEYLESS_EVERY_S = 10.0  # then any frame does, at this distance
BLACK_MEAN = 24.0  # levels; video black is 16 in limited range
BLACK_DEVIATION = 3.0  # levels, over the picture: a lamp far away is more
BLACK_S = 10.0
DARK_EVERY_S = 0.5

State = Literal["live", "unproven", "frozen", "black", "tampered"]


@dataclass(frozen=True, slots=True)
class _Change:
    """How far two pictures differ, in levels: on average, in the calm half at most, where most."""

    mean: float
    calm: float
    most: float


class PictureCheck:
    """Watches one camera's pictures. One thread at a time."""

    def __init__(self) -> None:
        self.restart()

    def restart(self, *, nearest_s: float = 0.0) -> None:
        """The stream begins (anew): what was seen before says nothing about it.

        Where every picture is a keyframe, those nearer than `nearest_s` are not compared: a camera
        may repeat each one for a moment.
        """
        self._nearest_s = nearest_s
        self._samples: deque[Luma] = deque(maxlen=COMPARED)
        self._alive: deque[tuple[int, float]] = deque(maxlen=ALIVE_KEPT)  # when, the calm half's
        self._change: _Change | None = None
        self._nearest = 0.0  # levels between the last one and the most similar before it
        self._calm_mean: float | None = None  # the first of a row of small differences
        self._sample_ns: int | None = None
        self._before_ns: int | None = None  # the sample before it
        self._is_keyless = False
        self._run_ns: int | None = None
        self._streak, self._streak_ns = 0, 0  # matches in a row, and the picture that they repeat
        self._falls, self._falls_ns = 0, 0  # of the difference in a row, and the picture before
        self._matches = 0
        self._misses = 0
        self._dark_ns: int | None = None
        self._darkness_ns: int | None = None
        self._is_frozen = False
        self.is_stuck = False
        """Repeats one picture where it never did: sooner than frozen, and less sure."""
        self.is_in_doubt = False
        """The next keyframes would tell whether it is stuck."""

    def observe(self, luma: Luma, at_ns: int, *, is_keyframe: bool) -> State:
        """Judge the frame captured at `at_ns` on the monotonic clock.

        `live`: up to here the picture lived and was not black. `unproven`: a later frame will
        tell; the next keyframe at the soonest, half a minute after the last `live` in doubt.
        """
        is_new = False
        if self._is_sample(at_ns, is_keyframe=is_keyframe):
            is_new = self._is_new(luma, at_ns)
        self._look_for_light(luma, at_ns)
        if self._dark_ns is not None:
            return "black" if at_ns - self._dark_ns >= BLACK_S * 1e9 else "unproven"
        if self._is_frozen:
            return "frozen"
        return "live" if is_new else "unproven"

    def _is_sample(self, at_ns: int, *, is_keyframe: bool) -> bool:
        elapsed_s = 0.0 if self._sample_ns is None else (at_ns - self._sample_ns) / 1e9
        if self._sample_ns is not None and -BACK_S <= elapsed_s <= self._nearest_s:
            return False  # also one that is looked at again
        if is_keyframe or self._sample_ns is None:
            self._is_keyless = False
            return True
        if 0 <= elapsed_s < (KEYLESS_EVERY_S if self._is_keyless else KEYLESS_S):
            return False
        self._is_keyless = True
        return True

    def _is_new(self, luma: Luma, at_ns: int) -> bool:
        """Whether the stream lives, by a frame that was coded anew."""
        self._before_ns, self._sample_ns = self._sample_ns, at_ns
        if self._samples and self._samples[-1].shape != luma.shape:
            self._samples.clear()
            self._alive.clear()
            self._change, self._run_ns = None, None
        is_match = self._matches_before(luma, at_ns)
        self._samples.append(luma)
        if not is_match:
            if self._streak == 0 or not self.is_in_doubt:
                self._streak, self._streak_ns = 0, at_ns
            self._misses += self._run_ns is not None
        else:
            self._streak += 1
            if self._run_ns is None:
                self._run_ns, self._matches = self._before_ns, 0
            self._matches += 1
            self._misses = 0
        if self._run_ns is None or self._misses > MAX_MISSES:
            self._run_ns, self._misses, self._is_frozen, self.is_stuck = None, 0, False, False
            return not self.is_in_doubt
        self.is_stuck |= self._has_stuck(at_ns)
        if at_ns - self._run_ns >= FROZEN_S * 1e9 and self._matches >= FROZEN_MATCHES:
            self._is_frozen = True
        self.is_in_doubt &= not self.is_stuck
        return False

    def _has_stuck(self, at_ns: int) -> bool:
        """Whether the matches so far are enough to tell, where the stream is known to live."""
        living, change = self._living(at_ns), self._change
        if living is None or change is None or self._streak == 0:
            return False
        is_halved = self._nearest <= max(SAME_LEVELS, HALVED * (self._calm_mean or 0.0))
        is_repeated = self._streak >= FROZEN_MATCHES and _lasts(self._streak_ns, at_ns)
        is_dwindling = self._falls >= FALLS and _lasts(self._falls_ns, at_ns)
        has_collapsed = is_dwindling and change.calm <= COLLAPSED * living
        return (is_halved and (is_repeated or is_dwindling)) or has_collapsed

    def _matches_before(self, luma: Luma, at_ns: int) -> bool:
        """Whether it repeats one of the pictures before; learns how they differ if it does not."""
        self.is_in_doubt = False
        if not self._samples:
            return False
        before, self._change = self._change, _change(luma, self._samples[-1])
        now, living = self._change, self._living(at_ns)
        self._nearest = min(_levels_between(luma, each) for each in self._samples)
        is_match = self._nearest <= SAME_LEVELS
        if living is not None:
            is_calm = now.most <= EVENLY * living and now.calm <= DOUBTED * living
            self.is_in_doubt = is_match or is_calm
            is_match |= is_calm and self._is_refined(now, before, living)
        self._follow_doubt(now, before)
        if now.calm >= OTHER_LIGHT_LEVELS:
            self._alive.clear()
        elif not is_match:
            self._alive.append((at_ns, now.calm))
        return is_match

    def _follow_doubt(self, now: _Change, before: _Change | None) -> None:
        """How the differences go on from the first that raised a doubt."""
        if not self.is_in_doubt:
            self._calm_mean, self._falls = None, 0
            return
        if self._calm_mean is None:
            self._calm_mean = now.mean
        if before is None or now.mean > DWINDLING * before.mean:
            self._falls = 0
            return
        if self._falls == 0:
            self._falls_ns = self._before_ns or 0
        self._falls += 1

    def _living(self, at_ns: int) -> float | None:
        """What the calm half changed by at least while the stream lived, if that is known."""
        known = [
            calm
            for since_ns, calm in list(self._alive)[:-RECENT]
            if at_ns - since_ns >= RECENT_S * 1e9
        ]
        least = min(known, default=0.0)
        return least if len(known) >= ALIVE_SAMPLES and least >= ALIVE_LEVELS else None

    def _is_refined(self, now: _Change, before: _Change | None, living: float) -> bool:
        if now.calm > DWINDLED * living:
            return False
        if self.is_stuck:
            return now.mean <= REFINED_LEVELS
        is_dwindling = before is not None and now.mean <= DWINDLING * before.mean
        return is_dwindling and now.mean <= DWINDLED_LEVELS

    def _look_for_light(self, luma: Luma, at_ns: int) -> None:
        if self._darkness_ns is not None and 0 <= at_ns - self._darkness_ns < DARK_EVERY_S * 1e9:
            return
        self._darkness_ns = at_ns
        mean, deviation = cv2.meanStdDev(luma)
        if mean[0, 0] > BLACK_MEAN or deviation[0, 0] > BLACK_DEVIATION:
            self._dark_ns = None
        elif self._dark_ns is None:
            self._dark_ns = at_ns


def _lasts(since_ns: int, at_ns: int) -> bool:
    return at_ns - since_ns >= STUCK_S * 1e9


def _change(one: Luma, other: Luma) -> _Change:
    away = cv2.absdiff(one, other).astype(np.float32)
    cells = cv2.resize(away, CELLS, interpolation=cv2.INTER_AREA)
    return _Change(float(away.mean()), float(np.quantile(cells, CALM)), float(cells.max()))


def _levels_between(one: Luma, other: Luma) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L1)) / one.size
