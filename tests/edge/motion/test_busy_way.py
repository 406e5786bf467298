"""What crosses again and again on the same way is seen each time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edge.contract.motion import MotionSettings
from edge.media.frame import Frame, Luma
from edge.motion.detector import Detector
from tests.edge.motion.test_detector import NoPixels

Still = npt.NDArray[np.float64]
HEIGHT, WIDTH, FPS = 144, 256, 10
CROSSINGS = 30


def picture(rng: np.random.Generator, still: Still, step: int) -> Luma:
    """A still scene with sensor noise; a box crosses it from the step 0 on."""
    luma = still.copy()
    left = 16 * step - 20
    if 0 <= left < WIDTH - 24:
        luma[80:100, left : left + 24] = 220
        luma[84:96:4, left : left + 24 : 3] = 40
    noise = rng.normal(0, 1.5, luma.shape)
    return np.clip(luma + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("every_frames", "least"), [(40, CROSSINGS - 1), (20, 20)])
def test_a_fast_thing_is_seen_each_time_that_it_crosses(every_frames: int, least: int) -> None:
    """A street does not become blind by its traffic; every two seconds, most are seen still."""
    rng = np.random.default_rng(7)
    blocks = rng.integers(90, 130, (HEIGHT // 8, WIDTH // 8)).astype(np.float64)
    still = blocks.repeat(8, 0).repeat(8, 1)
    detector = Detector(MotionSettings())
    seen = set()
    for number in range(every_frames * CROSSINGS):
        luma = picture(rng, still, number % every_frames)
        frame = Frame(number, number * 10**9 // FPS + 1, luma, NoPixels())
        if detector.observe(frame).has_motion:
            seen.add(number // every_frames)
    assert len(seen) >= least
