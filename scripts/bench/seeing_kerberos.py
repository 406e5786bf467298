"""Kerberos agent's motion, from its constants: keyframes against the two before.

A pixel of the full luma has changed where it differs by more than 60 levels from both of the last
two keyframes; more than 150 changed pixels in the region are motion. Nothing else is looked at, so
its rate is the camera's keyframe interval. Without a region it detects nothing; here the region is
the whole picture, the setting that sees most.

Source: Kerberos agent, `machinery/src/computervision/main.go` (`FindMotion`).
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from edge.media.frame import Luma
from scripts.bench.seeing_events import Box
from scripts.bench.seeing_shot import Shot

LEVELS = 60  # main.go, FindMotion
CHANGED_PX = 150  # capture.pixelChangeThreshold


class Kerberos:
    """The agent's motion. `changed_px` is its natural sensitivity."""

    def __init__(self, changed_px: float = CHANGED_PX) -> None:
        self._changed_px = changed_px
        self._before: deque[Luma] = deque(maxlen=2)

    def look(self, shot: Shot) -> list[Box] | None:
        """See `Contestant`."""
        if not shot.is_keyframe:
            return None
        luma = shot.luma.copy()
        before = tuple(self._before)
        self._before.append(luma)
        if len(before) < 2 or before[0].shape != luma.shape:
            return []
        nearest = cv2.min(cv2.absdiff(luma, before[0]), cv2.absdiff(luma, before[1]))
        changed = np.asarray(nearest > LEVELS, np.uint8)
        if cv2.countNonZero(changed) <= self._changed_px:
            return []
        height, width = luma.shape
        left, top, wide, high = cv2.boundingRect(changed)
        return [(left / width, top / height, wide / width, high / height)]
