"""What a camera's analysis leaves out when it lags, and how it comes back."""

from __future__ import annotations

import itertools

import pytest

from edge.camera.load import CALM_S, EFFECT_S, LAG_S, MAX_CALM_S, STEPS, Load, Step

FPS = 10


class Box:
    """Looks at pictures that cost `cost` seconds each at full rate, on simulated time."""

    def __init__(self, cost: float) -> None:
        self.cost = cost
        self.load = Load()
        self.lag_s = 0.0
        self.at_s = 0.0
        self.skipped_s = 0.0
        self.steps: list[Step] = [STEPS[0]]

    def run(self, seconds: float) -> None:
        """Picture after picture; the feed skips what lags by more than four seconds."""
        for _ in range(round(seconds * FPS)):
            self.at_s += 1 / FPS
            step = self.load.step
            filter_part = 0.6 if step.skips_loop_filter else 1.0
            cost_s = self.cost * step.share * (0.7 * filter_part + 0.3 * step.rate)
            self.lag_s = max(0.0, self.lag_s + cost_s - 1 / FPS)
            if self.lag_s > 4.0:
                self.skipped_s += self.lag_s
                self.lag_s = 0.0
            if self.load.note(self.at_s, self.lag_s):
                self.steps.append(self.load.step)


def test_a_box_that_keeps_up_leaves_nothing_out() -> None:
    """Up to nine tenths of its time."""
    box = Box(0.09)
    box.run(600)
    assert box.steps == [STEPS[0]]


def test_a_short_lag_is_caught_up_with() -> None:
    """An event's snapshot, a slow card: no reason to look at less."""
    load = Load()
    assert not any(load.note(at / FPS, LAG_S * 0.9) for at in range(100))


def test_a_box_that_cannot_keep_up_looks_at_less_and_skips_nothing() -> None:
    """At 1.4 times what it can do, half the rate is enough."""
    box = Box(0.14)
    box.run(600)
    assert box.skipped_s == 0
    assert box.steps[1] is STEPS[1]
    assert STEPS[2] not in box.steps


def test_it_stays_where_it_can_keep_up_rather_than_to_swing() -> None:
    """Each return that was too early is tried later: a handful in an hour."""
    box = Box(0.14)
    box.run(3600)
    assert box.skipped_s == 0
    assert len(box.steps) < 2 * 3600 / MAX_CALM_S + 16


def test_a_flood_is_looked_at_for_a_quarter_and_not_called_watched() -> None:
    """Four times what the box can do."""
    box = Box(0.45)
    box.run(60)
    assert box.load.is_blind
    assert box.load.step is STEPS[-1]


def test_when_the_load_is_gone_everything_is_looked_at_again() -> None:
    """Step by step."""
    box = Box(0.3)
    box.run(60)
    assert box.load.step is not STEPS[0]
    box.cost = 0.02
    box.run(6 * CALM_S + 60)
    assert box.load.step is STEPS[0]


def test_a_step_is_given_time_to_show_its_effect() -> None:
    """A backlog does not go at once."""
    load = Load()
    changes = [at / FPS for at in range(40) if load.note(at / FPS, 3.0)]
    assert all(b - a >= EFFECT_S for a, b in itertools.pairwise(changes))


def test_a_stream_with_an_earlier_time_changes_nothing() -> None:
    """A camera that restarts counts from zero again."""
    load = Load()
    for at in range(100):
        load.note(10**6 + at / FPS, 3.0)
    before = load.step
    assert not load.note(0.0, 0.0)
    assert load.step is before
    assert any(load.note(at / FPS, 0.0) for at in range(10 * 240))


def test_a_stream_that_begins_anew_every_few_seconds_is_looked_at_fully_again() -> None:
    """A recording in a loop, a camera that reconnects: calm adds up over its streams."""
    load = Load()
    for at in range(3 * FPS):
        load.note(at / FPS, 2 * LAG_S)
    assert load.step != STEPS[0]
    for _ in range(round(4 * CALM_S / 8) + 4):
        for at in range(8 * FPS):
            load.note(at / FPS, 0.0)
    assert load.step == STEPS[0]


def at_step(number: int, *, is_spread: bool = False) -> Load:
    """A box that has come so far down."""
    load = Load()
    load.is_spread = is_spread
    at_s = 0.0
    while load.step is not STEPS[number]:
        load.note(at_s, 2 * LAG_S)
        at_s += EFFECT_S
    return load


@pytest.mark.parametrize(("gop_s", "is_blind"), [(1.0, False), (2.0, False), (4.0, True)])
def test_more_than_a_second_left_out_in_a_row_is_not_watched(gop_s: float, is_blind: bool) -> None:
    """Half of a GOP: somebody who is by in two seconds may fall into it."""
    load = at_step(2)
    load.left_out(gop_s / 2)
    assert load.is_blind is is_blind
    longest_s = max(1, round(gop_s / 2))
    assert load.says == f"looked at half as often, and up to {longest_s} s in a row not at all"


def test_the_longest_part_left_out_at_a_step_counts_until_the_next() -> None:
    """GOPs of all lengths follow one another."""
    load = at_step(2)
    for seconds in (4.0, 0.5):
        load.left_out(seconds)
    was_blind = load.is_blind
    said = [load.says for at_s in range(5, 60) if load.note(at_s, 0.0)]
    assert (was_blind, load.is_blind) == (True, False)
    assert said == ["looked at half as often", ""]


@pytest.mark.parametrize(
    ("step", "says"),
    [(0, ""), (1, "looked at half as often"), (2, "looked at a quarter as often"),
     (3, "looked at an eighth as often")],
)  # fmt: skip
def test_where_pictures_stand_alone_they_are_left_out_evenly(step: int, says: str) -> None:
    """Motion JPEG has no GOPs."""
    load = at_step(step, is_spread=True)
    load.left_out(4.0)
    assert load.says == says
