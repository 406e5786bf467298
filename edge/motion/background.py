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
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge.media.frame import Luma

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]
Window = tuple[slice, slice]

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
CELL_PX = 8  # of the map that tells where pixels change to and fro
MIN_SHIFT_PX, MAX_SHIFT_PX = 0.3, 12.0  # of the whole picture, when its pole shakes
SHAKE_GRID, SHAKE_PARTS = (4, 4), 10  # parts of the picture, and how many must have changed
SHAKING_S = 10.0  # for which each frame is looked at for a shift, after one that had it
RETRY_S = 0.25  # between two looks for a shift in a busy picture that had none
SHIFT_ROWS, SHIFT_COLUMNS = 128, 192  # the picture's middle, which tells it; quick to transform
SHIFT_S = 3.0  # time constant of the shift that stays ...
STAYING_PX = 1.0  # ... from which on it is learnt
UNEXPLAINED = 0.5  # of what changed, at most, that a shift leaves unexplained
VISITED = 0.05  # part of a cell's pixels that must have changed for it to be visited
VISITS_S = 60.0  # after which visits are forgotten
FLICKER_S = 20.0  # time constant of how often pixels change sides
FLICKERING = 0.05  # of a cell's pixels in a frame
HAUNTED = 8.0  # comings and goings: leaves, water, a thread before the lens; a passer-by has two
RECENT_FACTOR = 0.7  # of the threshold, for a pixel that is not at rest
LOW_FACTOR = 0.6  # of the threshold, for pixels that complete a changed region
SAMPLE_STEP = 8  # every eighth pixel both ways tells the light
MIN_SAMPLES = 50
NEAR_WHITE = 248.0  # clipped pixels do not follow gain
LIGHT_DEAD_BAND = 0.35  # levels of median difference that are left to the slow update
MIN_VARIANCE = 25.0  # of the samples' luma, below which gain cannot be told from offset


class Background:
    """The model of one camera's still picture. One thread at a time; no allocation per frame."""

    def __init__(self) -> None:
        self._floor: Plane | float = 0.0
        self._noise_factor: Plane | float = 0.0
        self._shape = (0, 0)
        self._kernel = np.ones((5, 5), np.uint8)
        self.age_s = 0.0
        self.times_set = 0
        """How often `around` was made anew; it changes only with this number."""
        self.light_shift = 0.0
        """Levels by which the light changed with this frame, as far as it was compensated."""

    def start(self, luma: Luma, floor: Plane | float, noise_factor: Plane | float) -> None:
        """Forget everything and take `luma` for the still picture.

        A pixel has changed beyond `floor` + `noise_factor` x noise, in luma levels; each of them
        one number, or one a pixel.
        """
        self._shape = luma.shape[:2]
        self._floor, self._noise_factor = floor, noise_factor
        self.smooth = self._plane()
        self.still = self._plane()
        self.recent = self._plane()
        self.noise = self._plane(FIRST_NOISE)
        self.difference = self._plane()
        self.distance = self._plane()
        self.around = self._plane(FIRST_NOISE)
        """The most noise near each pixel, as the thresholds were last made from it."""
        self.times_set += 1
        self._threshold = self._plane(FIRST_THRESHOLD)
        self._recent_threshold = self._plane(FIRST_THRESHOLD * RECENT_FACTOR)
        self._low_threshold = self._plane(FIRST_THRESHOLD * LOW_FACTOR)
        self._noise_limit = self._plane(FIRST_THRESHOLD * NOISE_LIMIT)
        self._scratch = self._plane()
        self.changed: Mask = np.zeros(self._shape, np.uint8)
        """255 where a pixel differs from the still picture."""
        self.restless: Mask = np.zeros(self._shape, np.uint8)
        """255 where it also differs from what was there a moment ago."""
        self.haunted: Mask = np.zeros(self._shape, np.uint8)
        """255 where things come and go all the time, as in leaves and water."""
        self._low: Mask = np.zeros(self._shape, np.uint8)
        self._mean_shift = (0.0, 0.0)
        self._shaking_s = self._retry_s = 0.0
        self._unexplained: Mask = np.zeros(self._shape, np.uint8)
        self._is_explained = False
        cells = tuple(max(1, side // CELL_PX) for side in self._shape)
        self._celled = tuple(slice(0, min(side, cell * CELL_PX))
                             for side, cell in zip(self._shape, cells, strict=True))  # fmt: skip
        self._visited: Mask = np.zeros(cells, np.uint8)
        self._visits = np.zeros(cells, np.float32)
        self._flicker = np.zeros(cells, np.float32)
        self._before: Mask = np.zeros(self._shape, np.uint8)
        self._middle = _middle(self._shape[0], SHIFT_ROWS), _middle(self._shape[1], SHIFT_COLUMNS)
        rows, columns = self._middle
        size = columns.stop - columns.start, rows.stop - rows.start
        self._window = cv2.createHanningWindow(size, cv2.CV_32F)
        self._frames = 0
        cv2.boxFilter(luma, cv2.CV_32F, (3, 3), dst=self.smooth)
        self.relearn()
        self.age_s = 0.0

    def retune(self, floor: Plane | float, noise_factor: Plane | float) -> None:
        """Judge by other thresholds, within THRESHOLD_EVERY frames; what was learnt stays."""
        self._floor, self._noise_factor = floor, noise_factor

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
        self._differ()

    def _differ(self) -> None:
        cv2.subtract(self.smooth, self.still, dst=self.difference)
        cv2.absdiff(self.smooth, self.still, dst=self.distance)
        cv2.compare(self.distance, self._threshold, cv2.CMP_GT, dst=self.changed)
        cv2.absdiff(self.smooth, self.recent, dst=self._scratch)
        cv2.compare(self._scratch, self._recent_threshold, cv2.CMP_GT, dst=self.restless)
        cv2.bitwise_and(self.restless, self.changed, dst=self.restless)

    def steady(self, elapsed_s: float) -> bool:
        """Move the frame compared back to where the still picture is, if it was shifted as a whole.

        As a pole in the wind shifts it: then edges change everywhere. Only where they do, and for
        SHAKING_S after, what else is needed to tell is done, which costs thrice as much as all of
        `compare`. True if it was shifted and is compared anew; a strip as wide as the shift is
        unknown then, and unchanged. A shift that stays, as of a camera that was pushed, is learnt
        within seconds.
        """
        self._shaking_s = max(0.0, self._shaking_s - elapsed_s)
        is_shaking = self._shaking_s > 0
        self._retry_s = max(0.0, self._retry_s - elapsed_s)
        if not is_shaking and (self._retry_s > 0 or not self._is_changed_everywhere()):
            return False
        self._retry_s = RETRY_S
        middle = self._middle
        still, smooth = self.still[middle].copy(), self.smooth[middle].copy()  # it writes into both
        (dx, dy), _ = cv2.phaseCorrelate(still, smooth, self._window)
        if not MIN_SHIFT_PX <= math.hypot(dx, dy) <= MAX_SHIFT_PX:
            return False
        before = cv2.countNonZero(self.changed)
        _shift(self.smooth, -dx, -dy, self._scratch)
        cv2.absdiff(self._scratch, self.still, dst=self.distance)
        cv2.compare(self.distance, self._threshold, cv2.CMP_GT, dst=self._low)
        if cv2.countNonZero(self._low) > (1.0 if is_shaking else UNEXPLAINED) * before:
            cv2.absdiff(self.smooth, self.still, dst=self.distance)
            return False
        self._shaking_s = SHAKING_S
        self.smooth, self._scratch = self._scratch, self.smooth
        self._differ()
        for plane in (self.changed, self.restless):
            _blank_edge(plane, dx, dy)
        self._follow_shift(dx, dy, elapsed_s)
        return True

    @property
    def is_shaking(self) -> bool:
        """Whether the whole picture was shifted within the last SHAKING_S."""
        return self._shaking_s > 0

    def _is_changed_everywhere(self) -> bool:
        parts = cv2.resize(self.changed, SHAKE_GRID, interpolation=cv2.INTER_AREA)
        return cv2.countNonZero(parts) >= SHAKE_PARTS

    def _follow_shift(self, dx: float, dy: float, elapsed_s: float) -> None:
        """Take a shift that stays into the model; one to and fro has a mean of nothing."""
        weight = 1.0 - math.exp(-elapsed_s / SHIFT_S)
        mean_x, mean_y = self._mean_shift
        mean_x, mean_y = mean_x + weight * (dx - mean_x), mean_y + weight * (dy - mean_y)
        self._mean_shift = mean_x, mean_y
        if math.hypot(mean_x, mean_y) < STAYING_PX or math.hypot(dx - mean_x, dy - mean_y) > 1.0:
            return
        for plane in (self.still, self.recent):
            _shift(plane, dx, dy, self._scratch)
            plane[:] = self._scratch
        self._mean_shift = (0.0, 0.0)

    def changed_faintly(self) -> Mask:
        """255 where the frame differs by a lower threshold: completes what `changed` found."""
        cv2.compare(self.distance, self._low_threshold, cv2.CMP_GT, dst=self._low)
        return self._low

    def learn(
        self, elapsed_s: float, *, is_alone: bool = False, explained: Sequence[Window] = ()
    ) -> None:
        """Take the compared frame into the model, `elapsed_s` after the frame before it.

        `is_alone`: a keyframe among frames that were not decoded. It differs from them by how it
        is coded, which says nothing of the noise in the others. `explained`: windows (rows,
        columns) in which it is known what changed, so that it is no noise of the place.
        """
        step_s = min(max(elapsed_s, 0.01), MAX_STEP_S)
        self.age_s += step_s
        self._frames += 1
        early = min(0.5, step_s / self.age_s)
        if not is_alone:
            self._explain(explained)
            self._learn_noise(max(step_s / NOISE_S, early))
            self._learn_visits(step_s, early)
        self._learn_still(max(step_s / STILL_S, early))
        cv2.accumulateWeighted(self.smooth, self.recent, 1.0 - math.exp(-step_s / RECENT_S))
        if self.age_s < LEARNING_S or self._frames % THRESHOLD_EVERY == 0:
            self._set_thresholds()
            self._find_haunted()

    def _learn_noise(self, rate: float) -> None:
        cv2.min(self.distance, self._noise_limit, dst=self._scratch)
        mask = self._unexplained if self._is_explained else None
        cv2.accumulateWeighted(self._scratch, self.noise, rate, mask=mask)

    def _explain(self, windows: Sequence[Window]) -> None:
        self._is_explained = bool(windows)
        if not windows:
            return
        self._unexplained[:] = 255
        for window in windows:
            self._unexplained[window] = 0

    def _learn_visits(self, step_s: float, early: float) -> None:
        """Where pixels change to and fro; of two frames in a row, at every second one."""
        changed = self.changed
        if self._is_explained:
            cv2.bitwise_and(changed, self._unexplained, dst=self._unexplained)
            changed = self._unexplained
        if self._frames % 2:
            self._before[:] = changed
            return
        height, width = self._visits.shape
        toggled = cv2.bitwise_xor(changed, self._before, dst=self._before)
        rows, columns = self._celled
        cells = cv2.resize(toggled[rows, columns], (width, height), interpolation=cv2.INTER_AREA)
        cv2.accumulateWeighted(cells, self._flicker, max(2 * step_s / FLICKER_S, early))
        share = cv2.resize(changed[rows, columns], (width, height), interpolation=cv2.INTER_AREA)
        visited = (share > VISITED * 255).view(np.uint8)
        self._visits *= math.exp(-2 * step_s / VISITS_S)
        self._visits += visited ^ self._visited
        self._visited = visited

    def _find_haunted(self) -> None:
        is_haunted = (self._visits > HAUNTED) | (self._flicker > FLICKERING * 255)
        cells = is_haunted.astype(np.uint8) * 255
        size = self._shape[1], self._shape[0]
        cv2.resize(cells, size, dst=self.haunted, interpolation=cv2.INTER_NEAREST)

    def _learn_still(self, rate: float) -> None:
        """Move the background towards the frame, by bounded steps.

        The bound makes it nearly a running median: what passes leaves hardly a trace. A thing
        that came to rest may pull harder, so that it is absorbed and frees its place for others.
        """
        np.clip(self.difference, -MOVING_LIMIT, MOVING_LIMIT, out=self._scratch)
        cv2.scaleAdd(self._scratch, rate, self.still, dst=self.still)
        resting = cv2.subtract(self.changed, self.restless)
        if cv2.countNonZero(resting):
            where = np.flatnonzero(np.asarray(resting) > 0)
            reach = RESTING_LIMIT - MOVING_LIMIT
            rest = self.difference.ravel()[where] - self._scratch.ravel()[where]
            self.still.ravel()[where] += rate * np.clip(rest, -reach, reach)

    def _set_thresholds(self) -> None:
        cv2.dilate(self.noise, self._kernel, dst=self.around)
        self.times_set += 1
        np.multiply(self.around, self._noise_factor, out=self._threshold)
        np.add(self._threshold, self._floor, out=self._threshold)
        np.minimum(self._threshold, MAX_THRESHOLD, out=self._threshold)
        np.multiply(self._threshold, RECENT_FACTOR, out=self._recent_threshold)
        np.multiply(self._threshold, LOW_FACTOR, out=self._low_threshold)
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


def _middle(side: int, wanted: int) -> slice:
    """The `wanted` rows or columns in the middle of `side`, or all if it has no more."""
    first = max(0, (side - wanted) // 2)
    return slice(first, min(side, first + wanted))


def _shift(plane: Plane, dx: float, dy: float, target: Plane) -> None:
    """Write `plane`, moved to the right by `dx` and down by `dy`, into `target`."""
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = plane.shape[1], plane.shape[0]
    cv2.warpAffine(plane, matrix, size, dst=target, borderMode=cv2.BORDER_REPLICATE)


def _blank_edge(plane: Mask, dx: float, dy: float) -> None:
    """Clear the strips that a frame shifted by `dx` and `dy` pixels does not show."""
    columns, rows = math.ceil(abs(dx)) + 1, math.ceil(abs(dy)) + 1
    plane[:, -columns:] = 0 if dx < 0 else plane[:, -columns:]
    plane[:, :columns] = 0 if dx > 0 else plane[:, :columns]
    plane[-rows:] = 0 if dy < 0 else plane[-rows:]
    plane[:rows] = 0 if dy > 0 else plane[:rows]


def _line(x: Plane, y: Plane) -> tuple[float, float, float]:
    """Least squares y = slope x + offset; slope, offset and the mean of y."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    variance = float(x.var())
    slope = 0.0
    if variance > MIN_VARIANCE:
        slope = float(((x - mean_x) * (y - mean_y)).mean()) / variance
        slope = min(1.0, max(-0.5, slope))
    return slope, mean_y - slope * mean_x, mean_y
