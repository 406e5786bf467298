"""The tamper judge on a drawn yard: what it must find, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.motion.tamper import ACCEPT_S, Tampering
from tests.edge.motion.tamper_scenes import (
    HEIGHT,
    WIDTH,
    Levels,
    Watched,
    Yard,
    blurred,
    moved,
    painted,
    veiled,
)

LEARNT_S = 30
WITHIN_S = 10.0


def learnt(yard: Yard, sensitivity: int = 5) -> Watched:
    """A judge that knows the yard."""
    watched = Watched(sensitivity)
    for _ in range(LEARNT_S):
        watched.show(yard.picture())
    assert watched.told == []
    return watched


def glare(picture: Levels) -> Levels:
    """A lamp into the lens."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    lamp = 900 * np.exp(-(((x - 150) / 110) ** 2) - ((y - 80) / 80) ** 2)
    return np.asarray(picture + lamp, np.float32)


FAULTS: list[tuple[str, Callable[[Levels], Levels]]] = [
    ("covered", lambda picture: picture * 0 + 60),
    ("covered", lambda picture: blurred(picture, 60)),
    ("covered", lambda picture: veiled(picture, 0.6)),
    ("covered", lambda picture: veiled(picture, 0.35)),
    ("covered", painted),
    ("black", lambda picture: picture * 0 + 16),
    ("defocused", lambda picture: blurred(picture, 2.5)),
    ("moved", lambda picture: moved(picture, 3, 2)),
    ("moved", lambda picture: moved(picture, 70, 10)),
    ("moved", lambda picture: moved(picture, 0, 0, turn_deg=8)),
    ("blinded", glare),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("fault", "change"), FAULTS)
def test_a_fault_is_found_within_ten_seconds_and_named(
    fault: str, change: Callable[[Levels], Levels], seed: int
) -> None:
    """By day, whatever the yard looks like."""
    yard = Yard(seed)
    watched = learnt(yard)
    for _ in range(int(WITHIN_S)):
        watched.show(change(yard.picture()))
    assert watched.faults == [fault]
    (tampering,) = [each for _, each in watched.told if isinstance(each, Tampering)]
    assert tampering.since_ns < tampering.at_ns
    assert 0 < tampering.score <= 1


@pytest.mark.parametrize(("fault", "change"), FAULTS[:-1])
def test_a_fault_is_found_in_a_noisy_night(fault: str, change: Callable[[Levels], Levels]) -> None:
    """With little light and a sensor turned up."""
    yard = Yard(4, noise=5.0)
    yard.still *= 0.4
    watched = learnt(yard)
    for _ in range(int(WITHIN_S)):
        watched.show(change(yard.picture()))
    assert len(watched.faults) == 1
    if fault in ("black", "covered"):
        assert watched.faults[0] in ("black", "covered", "defocused")


@pytest.mark.parametrize("seed", [1, 2])
def test_what_began_goes_on_with_somewhat_less(seed: int) -> None:
    """Paint runs: a cover that would be too small to tell of, after one that was not."""
    never, once = learnt(Yard(seed)), learnt(Yard(seed))
    yard = Yard(seed)
    once.show(veiled(yard.picture(), 0.5))
    for _ in range(int(WITHIN_S)):
        for watched in (never, once):
            watched.show(veiled(yard.picture(), 0.2))
    assert (never.faults, once.faults) == ([], ["covered"])


@pytest.mark.parametrize("light", [0.25, 0.6, 1.5])
def test_light_that_comes_or_goes_is_no_fault(light: float) -> None:
    """A lamp, a cloud, an exposure that jumps: the edges stay."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(60):
        watched.show(yard.picture(light))
    assert watched.told == []


def test_night_that_comes_with_infrared_is_no_fault_the_first_time_or_later() -> None:
    """Other contrasts, some the other way round, and noise; and the day again, three times."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(3):
        for _ in range(150):
            night = 30 + 0.5 * np.abs(yard.picture() - 140)
            watched.show(np.asarray(night, np.float32))
        for _ in range(150):
            watched.show(yard.picture())
    assert watched.told == []


def test_a_lorry_that_stands_before_half_of_the_view_is_no_fault() -> None:
    """It has edges of its own, and is in focus."""
    yard = Yard()
    watched = learnt(yard)
    rng = np.random.default_rng(5)
    side = np.repeat(np.repeat(rng.uniform(40, 220, (9, 16)), 12, 0), 12, 1)
    for _ in range(40):
        picture = yard.picture()
        picture[40:148, 60:252] = side
        watched.show(picture)
    assert watched.told == []


@pytest.mark.parametrize("level", [60.0, 200.0, 240.0])
def test_a_plain_van_that_stands_before_a_third_of_the_view_is_no_fault(level: float) -> None:
    """Its side shows nothing, but it has an outline."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(40):
        picture = yard.picture()
        picture[40:148, 60:252] = level + (picture[40:148, 60:252] - yard.still[40:148, 60:252])
        watched.show(picture)
    assert watched.told == []


def test_a_pole_that_shakes_in_the_wind_is_no_fault() -> None:
    """The view is where it was every other second."""
    yard = Yard()
    watched = learnt(yard)
    for number in range(60):
        away = 3 * np.sin(number * 1.9)
        watched.show(moved(yard.picture(), away, away / 2))
    assert watched.told == []


def test_fog_that_comes_at_once_is_no_fault() -> None:
    """A fifth of the contrast, but every edge is where it was, and as sharp."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(60):
        watched.show(yard.picture() * 0.25 + 120)
    assert watched.told == []


def test_a_hand_that_passes_is_no_fault() -> None:
    """Three seconds before the lens."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(4):
        for _ in range(3):
            watched.show(yard.picture() * 0 + 90)
        for _ in range(10):
            watched.show(yard.picture())
    assert watched.told == []


def test_the_view_that_is_back_ends_the_fault() -> None:
    """Soon, and once."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(60):
        watched.show(yard.picture() * 0 + 60)
    for _ in range(10):
        watched.show(yard.picture())
    assert (watched.faults, watched.outcomes) == (["covered"], ["restored"])
    assert watched.judge.fault is None


def test_a_view_that_stays_after_it_was_told_becomes_the_new_reference() -> None:
    """Told once as moved; then accepted; and what is done to the new view is found."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(int(ACCEPT_S) + 60):
        watched.show(moved(yard.picture(), 60, 0))
    assert (watched.faults, watched.outcomes) == (["moved"], ["accepted"])
    for _ in range(10):
        watched.show(yard.picture() * 0 + 60)
    assert watched.faults == ["moved", "covered"]


def test_a_cover_is_never_accepted() -> None:
    """It shows nothing that a view could be known by."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(int(ACCEPT_S) + 200):
        watched.show(yard.picture() * 0 + 60)
    assert (watched.faults, watched.outcomes) == (["covered"], [])


def test_single_looks_far_apart_confirm_each_other() -> None:
    """What keyframes show every eight seconds, and soon again once they ask for more."""
    yard = Yard()
    watched = Watched()
    for _ in range(30):
        watched.show(yard.picture(), step_s=8)
    watched.show(yard.picture() * 0 + 60, step_s=8)
    assert watched.judge.is_in_doubt
    for _ in range(5):
        watched.show(yard.picture() * 0 + 60, step_s=1)
    assert watched.faults == ["covered"]


def test_a_frozen_picture_is_told_at_once_and_ends() -> None:
    """The picture check has made sure already."""
    yard = Yard()
    watched = learnt(yard)
    for _ in range(3):
        watched.show(yard.picture(), is_frozen=True)
    assert watched.faults == ["frozen"]
    for _ in range(6):
        watched.show(yard.picture())
    assert watched.outcomes == ["restored"]


def test_a_picture_without_edges_is_not_judged() -> None:
    """A white wall shows nothing to be known by, and nothing is claimed of it."""
    watched = Watched()
    rng = np.random.default_rng(1)
    for _ in range(60):
        watched.show(np.asarray(180 + rng.normal(0, 1, (HEIGHT, WIDTH)), np.float32))
    assert watched.told == []


def test_higher_sensitivity_tells_sooner() -> None:
    """The setting is how long a fault must last."""
    delays = []
    for sensitivity in (1, 5, 10):
        yard = Yard()
        watched = learnt(yard, sensitivity)
        for _ in range(20):
            watched.show(yard.picture() * 0 + 60)
        delays.append(watched.told[0][0] - LEARNT_S)
    assert delays[0] > delays[1] > delays[2]
