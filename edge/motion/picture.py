"""Is there anything to see? Tells a frozen and a black picture from a living one.

A living picture differs from itself a second ago by its sensor's noise alone; one that a hung
camera repeats does not, not even in the next keyframe, which is coded anew. Called by the camera's
analysis with each frame it looks at; costs one pass over the small luma twice a second.
"""

from __future__ import annotations

from typing import Literal

import cv2

from edge.media.frame import Luma

# Measured on the labelled recordings and on one picture encoded over and over: living pictures
# stayed within this for 1.9 s at most (a GOP), frozen ones at constant quality for good.
SAME_LEVELS = 0.1  # mean absolute difference
FROZEN_S = 30.0
FROZEN_KEYFRAMES = 2  # coded anew so often without a difference
FROZEN_UNKEYED_S = 180.0  # for streams that have no keyframes; no GOP in the field is so long
BLACK_MEAN = 24.0  # levels; video black is 16 in limited range
BLACK_DEVIATION = 3.0  # levels, over the picture: a lamp far away is more
BLACK_S = 10.0
LOOK_EVERY_S = 0.5

State = Literal["live", "still", "frozen", "dark", "black"]


class PictureCheck:
    """Watches one camera's pictures. One thread at a time."""

    def __init__(self) -> None:
        self.state: State = "live"
        self._reference: Luma | None = None
        self._reference_ns = 0
        self._keyframes = 0
        self._dark_ns: int | None = None
        self._looked_ns: int | None = None

    def observe(self, luma: Luma, at_ns: int, keyframes: int) -> State:
        """Judge the frame captured at `at_ns`; `keyframes` counts those of the stream so far.

        `still` and `dark` are suspicions that a later frame confirms (`frozen`, `black`) or ends.
        """
        if self._looked_ns is not None and 0 <= at_ns - self._looked_ns < LOOK_EVERY_S * 1e9:
            return self.state
        self._looked_ns = at_ns
        darkness = self._darkness(luma, at_ns)
        stillness = self._stillness(luma, at_ns, keyframes)
        if darkness == "black" or stillness == "live":
            self.state = darkness
        else:
            self.state = stillness
        return self.state

    def restart(self) -> None:
        """The stream begins anew: what was seen before says nothing about it."""
        self._reference = self._dark_ns = self._looked_ns = None
        self.state = "live"

    def _stillness(self, luma: Luma, at_ns: int, keyframes: int) -> State:
        before = self._reference
        if before is None or before.shape != luma.shape or cv2.norm(
            luma, before, cv2.NORM_L1
        ) > SAME_LEVELS * luma.size:  # fmt: skip
            self._reference, self._reference_ns, self._keyframes = luma, at_ns, keyframes
            return "live"
        still_s = (at_ns - self._reference_ns) / 1e9
        is_coded_anew = keyframes - self._keyframes >= FROZEN_KEYFRAMES
        is_frozen = still_s >= FROZEN_UNKEYED_S or (still_s >= FROZEN_S and is_coded_anew)
        return "frozen" if is_frozen else "still"

    def _darkness(self, luma: Luma, at_ns: int) -> State:
        mean, deviation = cv2.meanStdDev(luma)
        if mean[0, 0] > BLACK_MEAN or deviation[0, 0] > BLACK_DEVIATION:
            self._dark_ns = None
            return "live"
        if self._dark_ns is None:
            self._dark_ns = at_ns
        return "black" if at_ns - self._dark_ns >= BLACK_S * 1e9 else "dark"
