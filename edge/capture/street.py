"""A synthetic street with known truth, cheap enough to render and encode live on a small board.

The still scene is drawn once; a frame is a copy of it, the actor who is passing, and sensor noise.
Daylight drifts slowly. The same seed gives the same frames in any order of asking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge.capture.street_actors import Kind, draw
from edge.capture.street_canvas import BLACK_Y, Canvas, Plane
from edge.capture.street_scene import draw_scene
from edge.capture.street_schedule import LANES, Crossing, Schedule
from edge.contract.parts import Box

NOISE_LEVELS = 2.2  # standard deviation of the sensor noise in luma, a small camera by day
NOISE_CENTRE = 16  # noise is kept as bytes around this
NOISE_ROOM_PX = 256  # how much larger than the picture the noise field is, both ways
DRIFT_PERIOD_S = 240.0
DRIFT = 0.06  # of the light, up and down
DRIFT_STEPS = 512  # a circle of the drift is cut into so many: none is a visible step
BEHIND_LANE = 0  # what stands on the far pavement hides only who walks there


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone in view: `box` is the visible part's left, top, width, height, each 0 to 1."""

    kind: Kind
    box: Box


class Street:
    """One street. One thread at a time."""

    def __init__(
        self, width: int = 1280, height: int = 720, fps: float = 15.0, seed: int = 1
    ) -> None:
        """`width` and `height` in pixels, multiples of 4. Drawing the scene blocks for 0.3 s."""
        if width % 4 or height % 4 or width < 64 or height < 64 or fps <= 0:
            raise ValueError(f"cannot draw a street of {width} x {height} at {fps} frames/s")
        self.width, self.height, self.fps = width, height, fps
        self._seed = seed
        self._schedule = Schedule(seed, width / height)
        self._scene, self._front = draw_scene(width, height, seed)
        self._lit = self._scene.copy()
        self._lit_step = -1
        self._packed = np.empty_like(self._scene)
        self._centre: Plane = np.full((height, width), NOISE_CENTRE, np.uint8)
        rng = np.random.default_rng(seed)
        shape = (height + NOISE_ROOM_PX, width + NOISE_ROOM_PX)
        grain = rng.normal(0, 1, shape).astype(np.float32)
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.5))  # lens and demosaicing smear it
        grain *= NOISE_LEVELS / float(grain.std())
        self._noise: Plane = np.clip(np.rint(grain) + NOISE_CENTRE, 0, 255).astype(np.uint8)

    def frame(self, number: int) -> Plane:
        """Frame `number`, from 0: packed yuv420p, uint8, shape (height * 3 // 2, width).

        The array is overwritten by the next call.
        """
        gain = self._light(number)
        np.copyto(self._packed, self._lit)
        canvas = Canvas(self._packed, gain)
        crossing = self._schedule.at(number / self.fps)
        if crossing is not None:
            self._draw(canvas, crossing, number / self.fps)
        rng = np.random.default_rng((self._seed, number))
        top, left = (int(value) for value in rng.integers(0, NOISE_ROOM_PX, 2))
        noise = self._noise[top : top + self.height, left : left + self.width]
        cv2.add(canvas.y, noise, dst=canvas.y)
        cv2.subtract(canvas.y, self._centre, dst=canvas.y)
        return self._packed

    def truth(self, number: int) -> list[Actor]:
        """Who is in view in frame `number`."""
        time_s = number / self.fps
        crossing = self._schedule.at(time_s)
        box = crossing.box(time_s, self.width / self.height) if crossing else None
        return [Actor(crossing.kind, box)] if crossing and box else []

    def intervals(self, frames: int) -> list[tuple[int, int]]:
        """First and last frame of every crossing that begins in the first `frames` frames."""
        return [
            (math.ceil(crossing.enters_s * self.fps),
             math.ceil(crossing.leaves_s * self.fps) - 1)
            for crossing in self._schedule.until((frames - 1) / self.fps)
        ]  # fmt: skip

    def _light(self, number: int) -> float:
        """Bring the lit scene up to date with the daylight of a frame; the gain."""
        turn = number / self.fps / DRIFT_PERIOD_S
        step = round(turn * DRIFT_STEPS) % DRIFT_STEPS
        gain = 1.0 + DRIFT * math.sin(2 * math.pi * step / DRIFT_STEPS)
        if step != self._lit_step:
            levels = BLACK_Y + (np.arange(256, dtype=np.float32) - BLACK_Y) * gain
            table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
            self._lit[: self.height] = cv2.LUT(self._scene[: self.height], table)
            self._lit_step = step
        return gain

    def _draw(self, canvas: Canvas, crossing: Crossing, time_s: float) -> None:
        aspect_ratio = self.width / self.height
        middle_px = crossing.middle(time_s, aspect_ratio) * self.width
        foot = (middle_px, LANES[crossing.lane].ground * self.height)
        gone = (time_s - crossing.enters_s) / (crossing.leaves_s - crossing.enters_s)
        way_px = gone * self.width * (1 + 2 * crossing.half_width(aspect_ratio))
        size_px = crossing.height * self.height
        draw(canvas, crossing.kind, foot, size_px, crossing.facing, crossing.paint, way_px)
        if crossing.lane == BEHIND_LANE:
            self._put_front_back(canvas, middle_px, size_px)

    def _put_front_back(self, canvas: Canvas, middle_px: float, size_px: float) -> None:
        """Draw the trunks and posts over who passes behind them."""
        left = min(self.width, max(0, 2 * int((middle_px - size_px) / 2)))
        right = min(self.width, max(0, 2 * int((middle_px + size_px) / 2)))
        front = self._front[:, left:right] > 0
        if not front.any():
            return
        lit = Canvas(self._lit)
        np.copyto(canvas.y[:, left:right], lit.y[:, left:right], where=front)
        half, columns = front[::2, ::2], slice(left // 2, right // 2)
        np.copyto(canvas.u[:, columns], lit.u[:, columns], where=half)
        np.copyto(canvas.v[:, columns], lit.v[:, columns], where=half)
