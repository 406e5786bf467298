"""Times for pictures that come without one."""

from __future__ import annotations

import itertools
import random
import statistics

from edge.capture.beat import TICKS_PER_S, Beat


def stamped(arrivals_s: list[float], fps: float | None = None) -> list[int]:
    beat = Beat(fps)
    return [beat.pts(round(1e9 * (5 + at))) for at in arrivals_s]


def test_jitter_of_arrival_does_not_show() -> None:
    """Pictures every 40 ms that come up to 20 ms late are stamped within 5 ms of each other."""
    chance = random.Random(7)
    arrivals = [n / 25 + chance.uniform(0, 0.02) for n in range(500)]
    steps = [b - a for a, b in itertools.pairwise(stamped(arrivals))][100:]
    assert statistics.pstdev(steps) < 0.003 * TICKS_PER_S
    assert all(abs(step - 3600) < 0.005 * TICKS_PER_S for step in steps)


def test_the_stamps_stay_with_arrival_for_hours() -> None:
    """A camera that claims 15 and sends 14.9 a second does not drift away."""
    arrivals = [n / 14.9 for n in range(100_000)]
    assert abs(stamped(arrivals, 15)[-1] / TICKS_PER_S - arrivals[-1]) < 0.01


def test_a_gap_is_a_gap() -> None:
    """Two seconds without a picture stand in the stamps too, at once."""
    arrivals = [n / 15 for n in range(60)] + [2 + n / 15 for n in range(60, 90)]
    stamps = stamped(arrivals, 15)
    assert abs((stamps[60] - stamps[59]) / TICKS_PER_S - (2 + 1 / 15)) < 0.01


def test_another_rate_is_followed() -> None:
    """A camera that slows down at night is stamped as slow as it is."""
    arrivals = [n / 15 for n in range(60)] + [4 + n / 5 for n in range(60)]
    steps = [b - a for a, b in itertools.pairwise(stamped(arrivals))][-30:]
    assert all(abs(step - TICKS_PER_S / 5) < 0.01 * TICKS_PER_S for step in steps)


def test_stamps_rise_whatever_comes() -> None:
    """A burst, or a clock that stands still, gives no two pictures one time."""
    arrivals = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0001, 9.0, 9.0, *[9.0] * 50]
    stamps = stamped(arrivals)
    assert stamps[0] == 0
    assert all(a < b for a, b in itertools.pairwise(stamps))
