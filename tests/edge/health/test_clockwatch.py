"""Steps of the wall clock are told once, with how far they went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.base.clock import FakeClock
from edge.contract.parts import ClockState
from edge.contract.record import ClockStepped
from edge.health.clockwatch import MIN_STEP, ClockWatch


class Scene:
    """A clock that is looked at once a second, and whether it is synced."""

    def __init__(self, state: ClockState = "synced") -> None:
        self.clock = FakeClock(datetime(2026, 5, 5, tzinfo=UTC), mono_ns=10**12)
        self.state: ClockState = state
        self.watch = ClockWatch(self.clock, lambda: self.state)
        self.told: list[ClockStepped] = []

    def turn(self) -> None:
        """What the accountant does."""
        if (stepped := self.watch.check()) is not None:
            self.told.append(stepped)
            self.watch.told(stepped)

    def step(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.clock.set_utc(self.clock.utc() + timedelta(seconds=seconds))

    def run(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.turn()


@pytest.mark.parametrize("seconds", [3600, -3600, 0.6, -0.6, 86_400 * 365 * 12, -86_400 * 365 * 20])
def test_a_step_is_told_once_and_exactly(seconds: float) -> None:
    """Forwards and backwards, by a second or by years."""
    scene = Scene()
    scene.run(60)
    scene.step(seconds)
    scene.run(60)
    (told,) = scene.told
    assert told.step_ms == round(seconds * 1000)
    assert told.after_utc - told.before_utc == timedelta(seconds=seconds)


def test_slow_drift_is_no_step_until_it_adds_up() -> None:
    """500 ppm for a quarter of an hour are nothing; for an hour they are more than a second."""
    scene = Scene()
    for _ in range(900):
        scene.step(0.0005)
        scene.run(1)
    assert scene.told == []
    for _ in range(2700):
        scene.step(0.0005)
        scene.run(1)
    assert [each.step_ms for each in scene.told] == [500, 500, 500]


def test_the_first_synchronisation_is_told_however_small_its_step() -> None:
    """From then on the hub knows what the times before it were worth."""
    scene = Scene("unsynced")
    scene.run(30)
    scene.state = "synced"
    scene.run(30)
    assert [each.step_ms for each in scene.told] == [0]


def test_a_step_before_the_first_synchronisation_does_not_hide_it() -> None:
    """A person sets the clock by hand, later the network confirms it."""
    scene = Scene("unsynced")
    scene.step(1000)
    scene.run(3)
    scene.state = "synced"
    scene.run(3)
    assert [each.step_ms for each in scene.told] == [1_000_000, 0]


def test_losing_and_regaining_the_network_is_no_step() -> None:
    """Holdover goes over into synced without a word."""
    scene = Scene()
    states: list[ClockState] = ["holdover", "synced", "holdover", "synced"]
    for scene.state in states:
        scene.run(10)
    assert scene.told == []


def test_what_could_not_be_written_is_told_again() -> None:
    """With all that was stepped until then."""
    scene = Scene()
    scene.step(100)
    assert scene.watch.check() is not None
    scene.clock.advance(60)
    scene.step(-40)
    scene.run(5)
    assert [each.step_ms for each in scene.told] == [60_000]


@settings(derandomize=True, deadline=None, database=None)
@given(st.lists(st.tuples(st.floats(-1e8, 1e8), st.integers(1, 50)), max_size=20))
def test_the_steps_told_always_add_up_to_the_clock(schedule: list[tuple[float, int]]) -> None:
    """Whatever happens to the clock: the sum of what was told explains it to half a second."""
    scene = Scene()
    origin = scene.clock.utc() - timedelta(microseconds=scene.clock.mono_ns() / 1000)
    for seconds, passing_s in schedule:
        scene.step(seconds)
        scene.run(passing_s)
    now = scene.clock.utc() - timedelta(microseconds=scene.clock.mono_ns() / 1000)
    explained = timedelta(milliseconds=sum(each.step_ms for each in scene.told))
    assert abs(now - origin - explained) <= MIN_STEP + timedelta(milliseconds=len(scene.told))
