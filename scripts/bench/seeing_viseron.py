"""Viseron's MOG2 motion, from its defaults: one look a second at 300x300, 8 % of it in one piece.

Luma scaled to 300x300 whatever its shape; OpenCV's MOG2; one erosion, four dilations; the largest
outline's area against `area`. It starts with the first picture learnt.

Source: Viseron, `viseron/components/mog2/const.py` and `motion_detector.py`,
`viseron/domains/motion_detector/const.py` and `contours.py`.
"""

from __future__ import annotations

import cv2
import numpy as np

from scripts.bench.seeing_events import Box
from scripts.bench.seeing_shot import Rate, Shot, boxes_of

FPS = 1.0  # DEFAULT_FPS
SIDE_PX = 300  # DEFAULT_WIDTH, DEFAULT_HEIGHT
AREA = 0.08  # DEFAULT_AREA, part of the picture
HISTORY = 500  # DEFAULT_HISTORY
VARIANCE = 15  # DEFAULT_THRESHOLD, MOG2's varThreshold
LEARNING_RATE = 0.01  # DEFAULT_LEARNING_RATE
DILATIONS = 4  # motion_detector.py, after one erosion


class Viseron:
    """Viseron with its mog2 component. `area` is its natural sensitivity."""

    def __init__(self, area: float = AREA) -> None:
        self._area_px = area * SIDE_PX * SIDE_PX
        self._rate = Rate(FPS)
        self._model = cv2.createBackgroundSubtractorMOG2(HISTORY, VARIANCE, False)
        self._kernel = np.ones((3, 3), np.uint8)
        self._is_first = True

    def look(self, shot: Shot) -> list[Box] | None:
        """See `Contestant`."""
        if not self._rate.is_due(shot.at_s):
            return None
        luma = shot.small(SIDE_PX, SIDE_PX, cv2.INTER_LINEAR)
        mask = self._model.apply(luma, learningRate=1.0 if self._is_first else LEARNING_RATE)
        if self._is_first:
            self._is_first = False
            return []
        mask = cv2.dilate(cv2.erode(mask, self._kernel), self._kernel, iterations=DILATIONS)
        contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        large = [
            np.asarray(each, np.int32) for each in contours if cv2.contourArea(each) > self._area_px
        ]
        return boxes_of(large, SIDE_PX, SIDE_PX)
