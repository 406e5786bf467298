"""Motion's pixel counting, from its constants, with the settings Debian installs it with.

Luma at 640x480. A camera gives 15 a second by Debian's settings, of which Motion looks at 3: above
5 a second it limits both detection and the updates of its reference. A pixel has changed where it
differs from the reference picture by more than a noise level that follows the picture once a
second; despeckled by "EedDl"; connected groups of more than 1500 pixels are motion. The reference
takes every pixel that is near it, moves half way to one that changed for a moment, and takes one
that keeps changing after some 10 s.

Source: Motion 4.5, `src/alg.c` and `src/motion.c` (constants beside their names here) and Debian's
`/etc/motion/motion.conf`. Left out, as they are off by default: smart mask, light switch, areas,
threshold tuning; and the quick look at every 31st pixel, which only saves time.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from scripts.bench.seeing_events import Box
from scripts.bench.seeing_shot import Rate, Shot

FPS = 3.0  # mlp_prepare: process_thisframe, at more than 5 a second (framerate is 15)
WIDTH_PX, HEIGHT_PX = 640, 480  # width, height
THRESHOLD_PX = 1500  # threshold
FIRST_NOISE = 32  # noise_level
NOISE_BASE, NOISE_TIMES = 4, 3  # alg_noise_tune: noise = 4 + (noise + 3 (mean + 1)) / 2
STATIC_S = 10  # ACCEPT_STATIC_OBJECT_TIME
EXCLUDE = 0.20  # EXCLUDE_LEVEL_PERCENT of the noise level
SQUARE = np.ones((3, 3), np.uint8)  # erode9, dilate9
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)  # erode5, dilate5


class Motion:
    """Motion's detection. `threshold_px` is its natural sensitivity."""

    def __init__(self, threshold_px: float = THRESHOLD_PX) -> None:
        self._threshold_px = threshold_px
        self._rate = Rate(FPS)
        self._noise = FIRST_NOISE
        self._second = 0
        self._reference = np.zeros((0, 0), np.uint8)
        self._held = np.zeros((0, 0), np.int16)
        # Looks for which a changing pixel is held: alg_update_reference_frame divides the pictures
        # of 10 s by a third of their rate, as so many are looked at.
        self._hold = int(FPS) * STATIC_S

    def look(self, shot: Shot) -> list[Box] | None:
        """See `Contestant`."""
        if not self._rate.is_due(shot.at_s):
            return None
        luma = shot.small(WIDTH_PX, HEIGHT_PX, cv2.INTER_LINEAR)
        if self._reference.size == 0:
            self._reference = luma.copy()
            self._held = np.zeros(luma.shape, np.int16)
            return []
        distance = np.asarray(cv2.absdiff(luma, self._reference), np.uint8)
        changed = np.asarray(distance > self._noise, np.uint8)
        boxes = self._despeckled(changed)
        is_new_second, self._second = int(shot.at_s) != self._second, int(shot.at_s)
        if is_new_second and not boxes:  # mlp_tuning: at the first picture of each second
            mean = float(cv2.mean(distance)[0])
            self._noise = int(NOISE_BASE + (self._noise + NOISE_TIMES * (mean + 1)) / 2)
        self._follow(luma, distance, changed)
        return boxes

    def _despeckled(self, changed: npt.NDArray[np.uint8]) -> list[Box]:
        """Despeckle `changed` in place; boxes of the groups that are large enough."""
        for operation, kernel in (
            (cv2.erode, SQUARE), (cv2.erode, CROSS), (cv2.dilate, CROSS), (cv2.dilate, SQUARE),
        ):  # fmt: skip
            if not cv2.countNonZero(changed):
                return []
            operation(changed, kernel, dst=changed)
        if cv2.countNonZero(changed) <= self._threshold_px:
            return []
        stats = cv2.connectedComponentsWithStats(changed, connectivity=4)[2][1:]
        return [
            (left / WIDTH_PX, top / HEIGHT_PX, wide / WIDTH_PX, high / HEIGHT_PX)
            for left, top, wide, high, area_px in stats.tolist()
            if area_px > self._threshold_px
        ]

    def _follow(
        self,
        luma: npt.NDArray[np.uint8],
        distance: npt.NDArray[np.uint8],
        changed: npt.NDArray[np.uint8],
    ) -> None:
        """alg_update_reference_frame: what is near is taken, what changes is held for a while."""
        reference, held = self._reference, self._held
        far = distance > int(self._noise * EXCLUDE)
        is_new = far & (held == 0)
        is_old = far & (held > self._hold)
        is_held = far & ~is_new & ~is_old & (changed > 0)
        is_freed = far & ~is_new & ~is_old & (changed == 0)
        half = ((reference.astype(np.uint16) + luma) // 2).astype(np.uint8)
        np.copyto(reference, half, where=is_freed)
        np.copyto(reference, luma, where=~far | is_old)
        held += is_held
        held[~far | is_old | is_freed] = 0
        held[is_new] = 1
