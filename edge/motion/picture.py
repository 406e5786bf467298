"""Is there anything to see? Tells a frozen and a black picture from a living one.

Keyframes are coded anew from what the sensor gives, so in a living stream no two are the same:
their noise differs. Those of a hung sensor come out the same again and again, while the pictures
between them may well change, as the encoder refines them. A black picture has neither light nor
shapes. Called by the camera's analysis; costs next to nothing between keyframes.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import cv2

from edge.media.frame import Luma

# Mean absolute difference of two keyframes' small luma, in levels. Measured: living recordings
# never below 0.6; one picture coded over and over mostly 0, or a few repeating values where the
# rate is fixed. docs/design/coverage.md
SAME_LEVELS = 0.1
COMPARED = 2  # keyframes back, since a rate control may alternate; more would take a loop for it
MAX_MISSES = 1  # in a row, which a rate control that wanders makes
FROZEN_S = 30.0
FROZEN_MATCHES = 2
KEYLESS_S = 75.0  # no GOP in the field is so long: this stream refreshes without keyframes, and
KEYLESS_EVERY_S = 10.0  # then any frame does, at this distance
BLACK_MEAN = 24.0  # levels; video black is 16 in limited range
BLACK_DEVIATION = 3.0  # levels, over the picture: a lamp far away is more
BLACK_S = 10.0
DARK_EVERY_S = 0.5

State = Literal["live", "unproven", "frozen", "black"]


class PictureCheck:
    """Watches one camera's pictures. One thread at a time."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The stream begins (anew): what was seen before says nothing about it."""
        self._samples: deque[Luma] = deque(maxlen=COMPARED)
        self._sample_ns: int | None = None
        self._is_keyless = False
        self._run_ns: int | None = None
        self._matches = 0
        self._misses = 0
        self._dark_ns: int | None = None
        self._darkness_ns: int | None = None
        self._is_frozen = False

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
        if is_keyframe or self._sample_ns is None:
            self._is_keyless = False
            return True
        limit_s = KEYLESS_EVERY_S if self._is_keyless else KEYLESS_S
        if at_ns - self._sample_ns < limit_s * 1e9:
            return False
        self._is_keyless = True
        return True

    def _is_new(self, luma: Luma, at_ns: int) -> bool:
        """Whether the stream lives, by a frame that was coded anew."""
        before_ns, self._sample_ns = self._sample_ns, at_ns
        if self._samples and self._samples[-1].shape != luma.shape:
            self._samples.clear()
            self._run_ns = None
        is_match = any(_is_same(luma, each) for each in self._samples)
        self._samples.append(luma)
        if is_match:
            if self._run_ns is None:
                self._run_ns, self._matches = before_ns, 0
            self._matches += 1
            self._misses = 0
        elif self._run_ns is not None:
            self._misses += 1
        if self._run_ns is None or self._misses > MAX_MISSES:
            self._run_ns, self._misses, self._is_frozen = None, 0, False
            return True
        if at_ns - self._run_ns >= FROZEN_S * 1e9 and self._matches >= FROZEN_MATCHES:
            self._is_frozen = True
        return False

    def _look_for_light(self, luma: Luma, at_ns: int) -> None:
        if self._darkness_ns is not None and 0 <= at_ns - self._darkness_ns < DARK_EVERY_S * 1e9:
            return
        self._darkness_ns = at_ns
        mean, deviation = cv2.meanStdDev(luma)
        if mean[0, 0] > BLACK_MEAN or deviation[0, 0] > BLACK_DEVIATION:
            self._dark_ns = None
        elif self._dark_ns is None:
            self._dark_ns = at_ns


def _is_same(one: Luma, other: Luma) -> bool:
    return cv2.norm(one, other, cv2.NORM_L1) <= SAME_LEVELS * one.size
