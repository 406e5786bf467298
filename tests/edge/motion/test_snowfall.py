"""Flakes fall together; walkers, traffic and midges do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.motion.snowfall import ENOUGH, KEPT_S, Passage, Snowfall
from edge.motion.tracks import Blob, Tracker
from tests.edge.motion.test_tracks import at, blob, new_tracker

SHAPE = (180, 320)
FPS = 10
Way = tuple[float, float]


def passage(x: float, y: float, way: Way, *, speed: float = 60.0, area_px: float = 40.0) -> Passage:
    """A thing that got on by `way`."""
    return Passage(x, y, *way, speed, area_px)


def fallen(passages: list[Passage]) -> Snowfall:
    """After all of them, one a second."""
    snowfall = Snowfall(SHAPE)
    for number, each in enumerate(passages):
        snowfall.note(each, number * 10**9)
    return snowfall


def spread(count: int, way: Way, **more: float) -> list[Passage]:
    """So many that pass the same way, all over the picture."""
    return [passage(20 + 280 * n / count, 30 + 37 * n % 120, way, **more) for n in range(count)]


def test_small_things_that_fall_all_over_the_picture_are_snow() -> None:
    """And the next one that falls so is a flake, also where the wind drives it a little aside."""
    snowfall = fallen(spread(ENOUGH, (3, 40)))
    assert snowfall.is_falling
    assert snowfall.holds(passage(50, 50, (0, 30)))
    assert snowfall.holds(passage(50, 50, (20, 30)))


@pytest.mark.parametrize(
    "passages",
    [
        spread(ENOUGH - 1, (3, 40)),
        spread(20, (3, -40)),
        spread(20, (40, 3)),
        spread(20, (3, 40), speed=5.0),
        spread(20, (3, 40), area_px=900.0),
        [passage(100 + n, 90, (3, 40)) for n in range(20)],
        [passage(15 * n, 90, (40 * math.sin(n), 40 * math.cos(n))) for n in range(20)],
        spread(10, (3, 40)) + spread(10, (3, -40)),
    ],
    ids=["few", "rising", "aside", "slow", "large", "one lane", "midges", "both lanes"],
)
def test_what_passes_otherwise_is_not(passages: list[Passage]) -> None:
    """Each lacks one of the marks."""
    assert not fallen(passages).is_falling


@pytest.mark.parametrize(
    "walker",
    [
        passage(50, 50, (30, 5)),
        passage(50, 50, (0, -30)),
        passage(50, 50, (0, 30), area_px=400.0),
        passage(50, 50, (0, 30), speed=10.0),
    ],
    ids=["crosses", "goes away", "is larger", "is slower"],
)
def test_who_is_unlike_the_flakes_is_none_of_them(walker: Passage) -> None:
    """In the thickest snow."""
    assert not fallen(spread(60, (3, 40))).holds(walker)


def test_snow_ends_half_a_minute_after_the_last_flake() -> None:
    """Then what comes down the path is seen again."""
    snowfall = fallen(spread(ENOUGH, (3, 40)))
    for second in range(ENOUGH, ENOUGH + round(KEPT_S) + 1):
        snowfall.tick(second * 10**9)
    assert not snowfall.is_falling
    assert not snowfall.holds(passage(50, 50, (0, 30)))


class Storm:
    """Flakes that fall at their own speeds, and appear again at the top."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(3)
        self._places = rng.uniform(0, 1, (count, 2)) * SHAPE[::-1]
        self._speeds = rng.uniform(40, 80, count)

    def blobs(self, number: int) -> list[Blob]:
        """Those of frame `number`."""
        fallen_px = self._speeds * number / FPS
        return [
            dot(x, (y + fall) % SHAPE[0])
            for (x, y), fall in zip(self._places, fallen_px, strict=True)
        ]


def dot(x: float, y: float, width: int = 6, height: int = 6) -> Blob:
    """A sharp, new, small thing around a point."""
    return blob(x, y, size=(width, height), novelty=0.9, sharpness=0.8)


@pytest.fixture
def tracker() -> Tracker:
    """With the default settings."""
    return new_tracker()


def moving(tracker: Tracker, number: int, blobs: list[Blob]) -> list[Blob]:
    """What moves in frame `number`."""
    tracks = tracker.observe(blobs, at(number), is_settled=True)
    return [each.blob for each in tracks if each.is_moving]


@pytest.mark.parametrize("count", [4, 12])
def test_it_may_snow_without_an_alarm(tracker: Tracker, count: int) -> None:
    """However few flakes are in view at a time; the first few seconds are needed to know it."""
    storm = Storm(count)
    told = [bool(moving(tracker, number, storm.blobs(number))) for number in range(30 * FPS)]
    assert not any(told[8 * FPS :])


@pytest.mark.parametrize("count", [4, 8])
def test_a_walker_is_seen_through_the_snow(tracker: Tracker, count: int) -> None:
    """Who crosses the picture."""
    storm = Storm(count)
    for number in range(15 * FPS):
        moving(tracker, number, storm.blobs(number))
    seen: list[Blob] = []
    for number in range(15 * FPS, 20 * FPS):
        walker = dot(40 + 2.5 * (number - 15 * FPS), 90, 8, 18)
        seen += [
            each
            for each in moving(tracker, number, [walker, *storm.blobs(number)])
            if each.height >= 18
        ]
    assert seen


def test_a_car_that_runs_into_a_flake_begins_when_it_comes(tracker: Tracker) -> None:
    """It does not go on as the flake, which came earlier and fell."""
    storm = Storm(8)
    for number in range(15 * FPS):
        moving(tracker, number, storm.blobs(number))
    met = min(storm.blobs(15 * FPS), key=lambda flake: abs(flake.y - 90))
    for number in range(15 * FPS, 17 * FPS):
        car = dot(met.x, met.y + 0.5 * (number - 15 * FPS), 40, 30)
        others = [each for each in storm.blobs(number) if abs(each.x - car.x) > 24]
        blobs = [car, *others]
        tracks = tracker.observe(blobs, at(number), is_settled=True)
        (driven,) = [each for each in tracks if each.blob is car]
        assert driven.since == at(15 * FPS)
