"""When frames are called slow."""

from __future__ import annotations

import pytest

from edge.motion.cadence import Cadence


def noted(*times_s: float) -> float:
    """What it says after frames at these times."""
    cadence = Cadence()
    for at_s in times_s:
        cadence.note(round(at_s * 1e9))
    return cadence.slow_s


@pytest.mark.parametrize("interval_s", [0.04, 0.1, 0.5, 0.55])
def test_two_frames_a_second_and_more_are_not_slow(interval_s: float) -> None:
    """With the jitter that they have."""
    assert noted(*(n * interval_s for n in range(10))) == 0.0


@pytest.mark.parametrize("interval_s", [1.0, 1.1, 2.0])
def test_a_frame_a_second_is_slow_and_its_interval_is_known(interval_s: float) -> None:
    """From the fourth frame on."""
    assert noted(*(n * interval_s for n in range(3))) == 0.0
    assert noted(*(n * interval_s for n in range(4))) == pytest.approx(interval_s)


def test_a_gap_makes_nothing_slow() -> None:
    """As a viewer that was closed leaves it, before and after; nor two."""
    assert noted(0.0, 0.1, 0.2, 8.2, 8.3, 16.3, 16.4) == 0.0


def test_what_was_slow_is_forgotten_within_a_few_frames() -> None:
    """Where the camera, or the box, has recovered."""
    assert noted(0, 1, 2, 3, 4, 4.1, 4.2, 4.3) == 0.0
