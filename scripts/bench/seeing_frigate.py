"""Frigate's "improved motion", from its constants: a slow mean after contrast stretching.

Luma at 100 px height by nearest neighbours; stretched between the means of the 4th and the 96th
percentile over the last 50 pictures; a small Gaussian; difference to a running mean; outlines of
what is left after one dilation. When more than LIGHTNING of the picture changes it calibrates: it
learns fast, and what it sees meanwhile is not looked at (`frigate/video.py`).

Source: Frigate 0.18, `frigate/motion/improved_motion.py` and the defaults in
`frigate/config/camera/motion.py` and `detect.py`. Its objects are found by a network that looks
where this says so; what is scored here is the motion alone. It looks at Frigate's default of 5 a
second. Left out: moving cameras (PTZ), masks (none), and its first half minute, in which contrast
and mean settle: it starts with those of the first picture, as if it had run for long.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from scripts.bench.seeing_events import Box
from scripts.bench.seeing_shot import Rate, Shot, boxes_of

FPS = 5.0  # detect.fps
HEIGHT_PX = 100  # motion.frame_height
THRESHOLD = 30  # motion.threshold, levels of the stretched picture
CONTOUR_AREA_PX = 10  # motion.contour_area
MEAN_RATE = 0.01  # motion.frame_alpha
CALIBRATION_RATE = 0.2  # improved_motion.py
LIGHTNING = 0.8  # motion.lightning_threshold
PERCENTILES = (4, 96)  # improved_motion.py
CONTRAST_PICTURES = 50  # improved_motion.py
CALM_SHARE, CALM_BOXES = 0.05, 4  # improved_motion.py: less is calibrated
FROZEN_PICTURES = 10  # improved_motion.py: so long the mean stands still while something moves
BLUR = (3, 3)  # a radius of 1, with ...
BLUR_SIGMA = 1.0  # ... a sigma of 1


class Frigate:
    """The motion part of Frigate. `threshold` is its natural sensitivity."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._rate = Rate(FPS)
        self._mean: npt.NDArray[np.float32] | None = None
        self._limits = np.zeros((0, 2))
        self._turn = 0
        self._is_calibrating = False
        self._moving = 0

    def look(self, shot: Shot) -> list[Box] | None:
        """See `Contestant`."""
        if not self._rate.is_due(shot.at_s):
            return None
        full_height, full_width = shot.luma.shape
        width = HEIGHT_PX * full_width // full_height
        luma = self._stretched(shot.small(width, HEIGHT_PX, cv2.INTER_NEAREST))
        luma = np.asarray(cv2.GaussianBlur(luma, BLUR, BLUR_SIGMA), np.uint8)
        if self._mean is None:
            self._mean = luma.astype(np.float32)
        distance = cv2.absdiff(luma, cv2.convertScaleAbs(self._mean))
        changed = cv2.threshold(distance, self._threshold, 255, cv2.THRESH_BINARY)[1]
        grown = cv2.dilate(changed, np.ones((3, 3), np.uint8))
        contours = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        areas_px = [cv2.contourArea(each) for each in contours]
        large = [
            np.asarray(each, np.int32)
            for each, area_px in zip(contours, areas_px, strict=True)
            if area_px > CONTOUR_AREA_PX
        ]
        self._learn(luma, len(large), sum(areas_px) / luma.size)
        return [] if self._is_calibrating else boxes_of(large, width, HEIGHT_PX)

    def _stretched(self, luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        dark, bright = (float(int(each)) for each in np.percentile(luma, PERCENTILES))
        if dark >= bright:
            return luma
        if not len(self._limits):
            self._limits = np.tile(np.array([dark, bright]), (CONTRAST_PICTURES, 1))
        self._limits[self._turn] = dark, bright
        self._turn = (self._turn + 1) % CONTRAST_PICTURES
        low, high = self._limits.mean(axis=0)
        clipped = np.clip(luma, low, high)
        return np.asarray((clipped - low) / (high - low) * 255, np.uint8)

    def _learn(self, luma: npt.NDArray[np.uint8], boxes: int, share: float) -> None:
        assert self._mean is not None
        if share < CALM_SHARE and boxes <= CALM_BOXES:
            self._is_calibrating = False
        if share > LIGHTNING:
            self._is_calibrating = True
        self._moving = self._moving + 1 if boxes else 0
        if not boxes or self._moving >= FROZEN_PICTURES:
            rate = CALIBRATION_RATE if self._is_calibrating else MEAN_RATE
            cv2.accumulateWeighted(luma, self._mean, rate)
