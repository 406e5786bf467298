"""Whoever crosses is seen also where a camera sends, or the box looks at, one picture a second."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.edge.motion.test_detector import Levels, grain, put_walker, scene, watch
from tests.edge.motion.test_tracks import at, blob, new_tracker

__all__ = ["scene"]
LEARN_S = 20.0
SLOW = pytest.mark.parametrize("fps", [1.0, 0.96, 0.9])


def moves(fps: float, xs: list[float]) -> bool:
    """Whether a thing at these places, frame by frame after a while of nothing, is believed."""
    tracker, step = new_tracker(), round(10 / fps)
    for number in range(5):
        tracker.observe([], at(number * step), is_settled=True)
    seen = [
        tracker.observe([blob(x)], at((number + 5) * step), is_settled=True)
        for number, x in enumerate(xs)
    ]
    return any(track.is_moving for tracks in seen for track in tracks)


@SLOW
@pytest.mark.parametrize("px_per_s", [4.0, 15.0, 30.0])
def test_a_walker_is_one_track_that_moves(fps: float, px_per_s: float) -> None:
    """From slow to hasty, within five frames, however far the steps are apart."""
    assert moves(fps, [50 + n * px_per_s / fps for n in range(5)])


@SLOW
def test_what_sways_does_not_move(fps: float) -> None:
    """For twenty minutes of a branch; and what jumps about at random."""
    assert not moves(fps, [50 + 6 * math.sin(n / 0.7) for n in range(1200)])
    rng = np.random.default_rng(2)
    assert not moves(fps, list(50 + rng.normal(0, 3, 1200)))


@SLOW
@pytest.mark.parametrize(("height", "px_per_s"), [(40, 30.0), (24, 12.0)])
def test_somebody_who_crosses_is_an_event(
    scene: Levels, fps: float, height: int, px_per_s: float
) -> None:
    """From the pixels on, by the default settings; and nothing else is."""
    noise = grain(4, 1.5)

    def draw(number: int) -> Levels:
        picture = scene + noise()
        way = (number / fps - LEARN_S) * px_per_s
        if 0 <= way <= 320:
            put_walker(picture, way, 150, height, 30.0)
        return picture

    events, _ = watch(round((LEARN_S + 320 / px_per_s + 15) * fps), draw, fps=fps)
    assert len(events) == 1
    started_s = events[0].started.mono_ns / 1e9 - LEARN_S
    assert -0.1 <= started_s <= 3 / fps
