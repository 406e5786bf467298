"""A yard drawn with simple things, as a camera's small luma, and what may be done to the camera."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edge.media.frame import Luma
from edge.motion.tamper import Over, Tampering, TamperJudge

WIDTH, HEIGHT = 320, 180
START_NS = 10**12
Levels = npt.NDArray[np.float32]


class Yard:
    """A picture of a yard with windows, a fence and a tree, fresh noise in each one."""

    def __init__(self, seed: int = 1, noise: float = 1.5) -> None:
        self._rng = np.random.default_rng(seed)
        self._noise = noise
        self.still = self._drawn()

    def picture(self, light: float = 1.0) -> Levels:
        """What the camera shows in that much light."""
        noise = self._rng.normal(0, self._noise, self.still.shape)
        return np.asarray(self.still * light + noise, np.float32)

    def _drawn(self) -> Levels:
        plane = np.full((HEIGHT, WIDTH), 90, np.float32)
        plane[: HEIGHT // 3] = 170
        for _ in range(60):
            left, top = self._rng.integers(0, WIDTH), self._rng.integers(0, HEIGHT)
            width, height = self._rng.integers(6, 50, 2)
            level = float(self._rng.uniform(30, 220))
            plane[top : top + height, left : left + width] = level
        for x in range(0, WIDTH, 9):
            cv2.line(plane, (x, 120), (x, 150), 40.0, 2)
        return np.asarray(cv2.GaussianBlur(plane, (3, 3), 0), np.float32)


class Watched:
    """A judge that is shown pictures, one a second."""

    def __init__(self, sensitivity: int = 5) -> None:
        self.judge = TamperJudge(sensitivity)
        self.at_ns = START_NS
        self.told: list[tuple[float, Tampering | Over]] = []

    def show(self, picture: Levels, *, step_s: float = 1.0, is_frozen: bool = False) -> None:
        """The next picture, `step_s` after the last."""
        self.at_ns += round(step_s * 1e9)
        found = self.judge.observe(luma(picture), self.at_ns, is_frozen=is_frozen)
        if found is not None:
            self.told.append((self.at_s, found))

    @property
    def at_s(self) -> float:
        """Seconds shown."""
        return (self.at_ns - START_NS) / 1e9

    @property
    def faults(self) -> list[str]:
        """What was found."""
        return [each.fault for _, each in self.told if isinstance(each, Tampering)]

    @property
    def outcomes(self) -> list[str]:
        """How it ended."""
        return [each.outcome for _, each in self.told if isinstance(each, Over)]


def luma(levels: Levels) -> Luma:
    """As the decoder gives it."""
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


def moved(picture: Levels, right_px: float, down_px: float, turn_deg: float = 0.0) -> Levels:
    """The camera was turned: the picture lies elsewhere, and its border is drawn out."""
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), turn_deg, 1.0)
    matrix[:, 2] += np.array([right_px, down_px])
    shown = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(shown, np.float32)


def blurred(picture: Levels, sigma: float) -> Levels:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def veiled(picture: Levels, share: float, level: float = 40.0) -> Levels:
    """Something soft before the left part of the lens."""
    veil = np.zeros((HEIGHT, WIDTH), np.float32)
    veil[:, : round(share * WIDTH)] = 1.0
    veil = np.asarray(cv2.GaussianBlur(veil, (0, 0), 5), np.float32)
    return picture * (1 - veil) + level * veil


def painted(picture: Levels, share: float = 0.5, level: float = 45.0) -> Levels:
    """Splashes of paint on the lens, the same whenever called."""
    rough = np.random.default_rng(1).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    splashes = np.asarray(cv2.GaussianBlur(rough, (0, 0), 0.05 * WIDTH), np.float32)
    height = (splashes - np.quantile(splashes, 1 - share)) / splashes.std()
    paint = np.asarray(np.clip(3 * height + 0.5, 0, 1), np.float32)
    paint = np.asarray(cv2.GaussianBlur(paint, (0, 0), 0.012 * WIDTH), np.float32)
    return picture * (1 - paint) + level * paint
