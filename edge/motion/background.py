"""The still picture behind what moves, and how far each pixel strays from it by noise alone.

Everything is float32 luma, shape (height, width), after a 3x3 box blur, in buffers made once.
Three pictures are kept: `still` (seconds to minutes: what is always there), `recent` (under a
second: what is there now, so that a thing at rest is told from one that moves), and `noise` (the
mean absolute deviation from `still`; sensor noise, compression and swaying leaves alike). A pixel
has changed where it differs from `still` by more than a floor plus a multiple of the noise around.

A change of exposure or daylight is fitted as gain and offset of the whole picture, robustly, and
applied to the background, so that ramps and steps of the light leave no difference behind.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from edge.media.frame import Luma

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

STILL_S = 8.0  # time constant of the background
RECENT_S = 0.8  # of the recent picture: a walker leaves his own place in less
NOISE_S = 20.0  # of the noise estimate
MAX_STEP_S = 2.0  # longer gaps between frames count as this
MOVING_LIMIT = 4.8  # levels by which a moving pixel pulls its background, at most
RESTING_LIMIT = 32.0  # the same for one that is at rest: absorbed within half a minute
NOISE_LIMIT = 2.0  # thresholds by which one frame pulls the noise estimate, at most
FIRST_NOISE = 1.0  # levels, until something was learnt
FIRST_THRESHOLD = 10.0
MAX_THRESHOLD = 40.0  # a person's contrast is mostly more: no restless region goes fully blind
THRESHOLD_EVERY = 8  # frames between two computations of the threshold; noise changes slowly
LEARNING_S = 1.5  # during which the threshold follows every frame
RECENT_FACTOR = 0.7  # of the threshold, for a pixel that is not at rest
LOW_FACTOR = 0.6  # of the threshold, for pixels that complete a changed region
SAMPLE_STEP = 8  # every eighth pixel both ways tells the light
MIN_SAMPLES = 50
NEAR_WHITE = 248.0  # clipped pixels do not follow gain
LIGHT_DEAD_BAND = 0.35  # levels of median difference that are left to the slow update
MIN_VARIANCE = 25.0  # of the samples' luma, below which gain cannot be told from offset


class Background:
    """The model of one camera's still picture. One thread at a time; no allocation per frame."""

    def __init__(self, floor: float, noise_factor: float) -> None:
        """A pixel has changed beyond `floor` + `noise_factor` x noise, in luma levels."""
        self._floor = floor
        self._noise_factor = noise_factor
        self._shape = (0, 0)
        self._kernel = np.ones((5, 5), np.uint8)
        self.age_s = 0.0
        self.light_shift = 0.0
        """Levels by which the light changed with this frame, as far as it was compensated."""

    def start(self, luma: Luma) -> None:
        """Forget everything and take `luma` for the still picture."""
        self._shape = luma.shape[:2]
        self.smooth = self._plane()
        self.still = self._plane()
        self.recent = self._plane()
        self.noise = self._plane(FIRST_NOISE)
        self.difference = self._plane()
        self.distance = self._plane()
        self._threshold = self._plane(FIRST_THRESHOLD)
        self._recent_threshold = self._plane(FIRST_THRESHOLD * RECENT_FACTOR)
        self._noise_limit = self._plane(FIRST_THRESHOLD * NOISE_LIMIT)
        self._scratch = self._plane()
        self.changed: Mask = np.zeros(self._shape, np.uint8)
        """255 where a pixel differs from the still picture."""
        self.restless: Mask = np.zeros(self._shape, np.uint8)
        """255 where it also differs from what was there a moment ago."""
        self._low: Mask = np.zeros(self._shape, np.uint8)
        self._frames = 0
        cv2.boxFilter(luma, cv2.CV_32F, (3, 3), dst=self.smooth)
        self.relearn()
        self.age_s = 0.0

    def fits(self, luma: Luma) -> bool:
        """Whether the model was made for pictures of this size."""
        return self._shape == luma.shape[:2]

    def relearn(self) -> None:
        """Take the frame last compared for the still picture; what is known of noise stays."""
        self.still[:] = self.smooth
        self.recent[:] = self.smooth
        self.age_s = min(self.age_s, 0.5)

    def compare(self, luma: Luma) -> None:
        """Compare a frame with the model: fills `difference`, `changed`, `restless`."""
        cv2.boxFilter(luma, cv2.CV_32F, (3, 3), dst=self.smooth)
        self.light_shift = self._follow_light()
        cv2.subtract(self.smooth, self.still, dst=self.difference)
        cv2.absdiff(self.smooth, self.still, dst=self.distance)
        cv2.compare(self.distance, self._threshold, cv2.CMP_GT, dst=self.changed)
        cv2.absdiff(self.smooth, self.recent, dst=self._scratch)
        cv2.compare(self._scratch, self._recent_threshold, cv2.CMP_GT, dst=self.restless)
        cv2.bitwise_and(self.restless, self.changed, dst=self.restless)

    def changed_faintly(self) -> Mask:
        """255 where the frame differs by a lower threshold: completes what `changed` found."""
        np.multiply(self._threshold, LOW_FACTOR, out=self._scratch)
        cv2.compare(self.distance, self._scratch, cv2.CMP_GT, dst=self._low)
        return self._low

    def learn(self, elapsed_s: float, *, is_alone: bool = False) -> None:
        """Take the compared frame into the model, `elapsed_s` after the frame before it.

        `is_alone`: a keyframe among frames that were not decoded. It differs from them by how it
        is coded, which says nothing of the noise in the others.
        """
        step_s = min(max(elapsed_s, 0.01), MAX_STEP_S)
        self.age_s += step_s
        self._frames += 1
        early = min(0.5, step_s / self.age_s)
        if not is_alone:
            self._learn_noise(max(step_s / NOISE_S, early))
        self._learn_still(max(step_s / STILL_S, early))
        cv2.accumulateWeighted(self.smooth, self.recent, 1.0 - math.exp(-step_s / RECENT_S))
        if self.age_s < LEARNING_S or self._frames % THRESHOLD_EVERY == 0:
            self._set_thresholds()

    def _learn_noise(self, rate: float) -> None:
        cv2.min(self.distance, self._noise_limit, dst=self._scratch)
        cv2.accumulateWeighted(self._scratch, self.noise, rate)

    def _learn_still(self, rate: float) -> None:
        """Move the background towards the frame, by bounded steps.

        The bound makes it nearly a running median: what passes leaves hardly a trace. A thing
        that came to rest may pull harder, so that it is absorbed and frees its place for others.
        """
        np.clip(self.difference, -MOVING_LIMIT, MOVING_LIMIT, out=self._scratch)
        cv2.scaleAdd(self._scratch, rate, self.still, dst=self.still)
        resting = cv2.subtract(self.changed, self.restless)
        if cv2.countNonZero(resting):
            np.subtract(self.difference, self._scratch, out=self._scratch)
            reach = RESTING_LIMIT - MOVING_LIMIT
            np.clip(self._scratch, -reach, reach, out=self._scratch)
            np.multiply(self._scratch, rate, out=self._scratch)
            cv2.add(self.still, self._scratch, dst=self.still, mask=resting)

    def _set_thresholds(self) -> None:
        cv2.dilate(self.noise, self._kernel, dst=self._threshold)
        np.multiply(self._threshold, self._noise_factor, out=self._threshold)
        np.add(self._threshold, self._floor, out=self._threshold)
        np.minimum(self._threshold, MAX_THRESHOLD, out=self._threshold)
        np.multiply(self._threshold, RECENT_FACTOR, out=self._recent_threshold)
        np.multiply(self._threshold, NOISE_LIMIT, out=self._noise_limit)

    def _follow_light(self) -> float:
        """Fit frame = gain x background + offset and apply it; the mean shift in levels."""
        frame, still = self._light_samples()
        if len(frame) < MIN_SAMPLES:
            return 0.0
        shift = frame - still
        middle = len(shift) // 2
        centre: npt.NDArray[np.float32] | np.float32 = np.partition(shift, middle)[middle]
        if abs(float(centre)) < LIGHT_DEAD_BAND:
            return 0.0
        gain = offset = mean_shift = 0.0
        for _ in range(2):  # the second round drops what the first one's fit shows as objects
            stray = np.abs(shift - centre)
            spread = float(np.partition(stray, middle)[middle])
            kept = stray <= 2.5 * spread + 0.5
            gain, offset, mean_shift = _line(still[kept], shift[kept])
            centre = (offset + gain * still).astype(np.float32)
        for plane in (self.still, self.recent):
            np.multiply(plane, 1.0 + gain, out=plane)
            np.add(plane, offset, out=plane)
        return mean_shift

    def _light_samples(self) -> tuple[Plane, Plane]:
        first = SAMPLE_STEP // 2
        frame = self.smooth[first::SAMPLE_STEP, first::SAMPLE_STEP].ravel()
        still = self.still[first::SAMPLE_STEP, first::SAMPLE_STEP].ravel()
        usable = np.maximum(frame, still) < NEAR_WHITE
        return frame[usable], still[usable]

    def _plane(self, value: float = 0.0) -> Plane:
        return np.full(self._shape, value, np.float32)


def _line(x: Plane, y: Plane) -> tuple[float, float, float]:
    """Least squares y = slope x + offset; slope, offset and the mean of y."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    variance = float(x.var())
    slope = 0.0
    if variance > MIN_VARIANCE:
        slope = float(((x - mean_x) * (y - mean_y)).mean()) / variance
        slope = min(1.0, max(-0.5, slope))
    return slope, mean_y - slope * mean_x, mean_y
