"""PTS and DTS as cameras leave them, and as they must be."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.timing import MAX_REORDER, Timing
from edge.capture.units import Unit

TIME_BASE = Fraction(1, 90_000)
STEP = 6_000  # 15 pictures a second
STEP_NS = 66_666_667

# Display order of the pictures as they are decoded: none, one and two B-frames, a pyramid.
ORDERS = {
    "no B-frames": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    "one B-frame": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11],
    "two B-frames": [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11],
    "pyramid": [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11],
}


def unit(pts: int | None, dts: int | None, number: int, *, is_keyframe: bool = False) -> Unit:
    return Unit(b"x", pts, dts, STEP, is_keyframe, number * STEP_NS)


def from_pts(order: list[int]) -> list[Unit]:
    """Pictures with a PTS each and no DTS."""
    return [unit(each * STEP, None, at, is_keyframe=at == 0) for at, each in enumerate(order)]


def settled(units: list[Unit]) -> list[tuple[int, int]]:
    """PTS and DTS of all pictures; the invariants are checked on the way."""
    timing = Timing(TIME_BASE)
    out = [each for one in units for each in timing.push(one)] + timing.flush()
    times: list[tuple[int, int]] = []
    last: int | None = None
    for each in out:
        assert each.pts is not None
        assert each.dts is not None
        assert each.dts <= each.pts
        assert last is None or each.is_jump or each.dts > last
        last = each.dts
        times.append((each.pts, each.dts))
    return times


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("undated", [0, 1])
def test_times_that_ffmpeg_gives_are_kept(order: list[int], undated: int) -> None:
    """PTS stays; a DTS that is sound stays; the first keyframe's own times are counted back."""
    depth = max(at - sorted(order).index(each) for at, each in enumerate(order))
    units = [
        unit(each * STEP, (at - depth) * STEP if at >= depth else None, at, is_keyframe=at == 0)
        for at, each in enumerate(order)
    ]
    for each in units[:undated]:
        each.pts = each.dts = None
    times = settled(units)
    assert [pts for pts, _ in times] == [each * STEP for each in order]
    assert [dts for _, dts in times] == [(at - depth) * STEP for at in range(len(order))]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_dts_is_derived_where_there_is_none_at_all(order: list[int]) -> None:
    """From PTS alone, every picture keeps its PTS, whatever the reordering."""
    rounds = [each + 13 * round_ for round_ in range(4) for each in order]
    times = settled(
        [unit(each * STEP, None, at, is_keyframe=at == 0) for at, each in enumerate(rounds)]
    )
    assert [pts for pts, _ in times] == [each * STEP for each in rounds]


def test_several_undated_pictures_after_the_keyframe_are_counted_back() -> None:
    """Without reordering nothing of the first GOP is lost, even if four pictures lack times."""
    units = [unit(None, None, at, is_keyframe=at == 0) for at in range(4)]
    units += [unit(at * STEP, at * STEP, at) for at in range(4, 8)]
    assert settled(units) == [(at * STEP, at * STEP) for at in range(8)]


def test_undated_pictures_before_any_keyframe_are_left_out() -> None:
    """What can be neither dated nor decoded is dropped."""
    units = [unit(None, None, 0), unit(None, None, 1), unit(0, 0, 2, is_keyframe=True)]
    assert settled(units) == [(0, 0)]


def test_a_stream_without_any_times_runs_at_its_own_rate() -> None:
    """A raw elementary stream starts at 0 and takes its pictures' durations."""
    units = [unit(None, None, at, is_keyframe=at == 0) for at in range(30)]
    assert settled(units) == [(at * STEP, at * STEP) for at in range(30)]


def test_equal_and_falling_dts_are_lifted() -> None:
    """Coarse or jittering time stamps still give a rising DTS, and no new time line."""
    times = settled([unit(at, at, 0, is_keyframe=True) for at in (0, 0, 9, 8, 20)])
    assert times == [(0, 0), (1, 1), (9, 9), (10, 10), (20, 20)]


@pytest.mark.parametrize("leap_s", [3600, -3600, 60, -3])
def test_a_jump_starts_a_new_time_line_at_the_next_keyframe(leap_s: int) -> None:
    """Between the jump and the keyframe the old line goes on: no picture loses its GOP."""
    leap = leap_s * 90_000
    units = [unit(at * STEP, at * STEP, at, is_keyframe=at % 5 == 0) for at in range(13)]
    for each in units[7:]:
        assert each.pts is not None
        each.pts += leap
        each.dts = each.pts
    timing = Timing(TIME_BASE)
    out = [each for one in units for each in timing.push(one)]
    assert [each.pts for each in out[:10]] == [at * STEP for at in range(10)]
    assert [each.is_jump for each in out] == [at == 10 for at in range(13)]
    assert [each.pts for each in out[10:]] == [at * STEP + leap for at in range(10, 13)]


@pytest.mark.parametrize("speed", [0.0, 0.05, 0.1])
def test_times_that_stand_still_or_are_slow_go_on_by_arrival(speed: float) -> None:
    """Within ten seconds, and without a new time line at each keyframe."""
    units = [
        unit(round(n * speed * STEP), None, n, is_keyframe=n % 15 == 0) for n in range(15 * 30)
    ]
    times = settled(units)
    assert not any(each.is_jump for each in units)
    for (_, before), (_, after) in itertools.pairwise(times[15 * 10 :]):
        assert after - before == pytest.approx(STEP, abs=2)


@pytest.mark.parametrize("slowness", [2, 5, 30])
def test_a_box_too_busy_to_read_changes_no_times(slowness: int) -> None:
    """Packets are read long after they came; the camera's times are as good as ever."""
    units = [unit(n * STEP, None, n * slowness, is_keyframe=n % 15 == 0) for n in range(15 * 20)]
    assert [pts for pts, _ in settled(units)] == [n * STEP for n in range(15 * 20)]


@pytest.mark.parametrize("speed", [0.4, 0.6, 1.0, 1.5])
def test_other_speeds_are_the_cameras_own(speed: float) -> None:
    """Nor is a burst after a time in which nothing came a slow clock."""
    late = [unit(round(n * speed * STEP), None, n - n % 90) for n in range(15 * 60)]
    assert [pts for pts, _ in settled(late)] == [round(n * speed * STEP) for n in range(15 * 60)]


def test_a_gap_in_which_time_passed_is_no_jump() -> None:
    """A camera that sent nothing for a minute goes on with the same time line."""
    timing = Timing(TIME_BASE)
    minute = unit(60 * 90_000, 60 * 90_000, 900, is_keyframe=True)
    out = timing.push(unit(0, 0, 0, is_keyframe=True)) + timing.push(minute)
    assert [each.is_jump for each in out] == [False, False]
    assert out[1].pts == 60 * 90_000


def test_pictures_that_a_camera_skipped_are_no_jump() -> None:
    """Seconds missing between two pictures that arrive together are a stall, not a new clock."""
    timing = Timing(TIME_BASE)
    late = unit(8 * 90_000, 8 * 90_000, 1, is_keyframe=True)
    out = timing.push(unit(0, 0, 0, is_keyframe=True)) + timing.push(late)
    assert not out[1].is_jump


def test_a_pts_far_ahead_of_its_dts_is_not_believed() -> None:
    """A forged composition offset cannot put a picture hours into the future."""
    times = settled([unit(0, 0, 0, is_keyframe=True), unit(10**12, STEP, 1)])
    assert times[1] == (STEP, STEP)


TIMES = st.one_of(st.none(), st.integers(-(2**62), 2**62), st.integers(0, 100))


@given(st.lists(st.tuples(TIMES, TIMES, st.booleans()), max_size=60))
def test_any_times_come_out_sound(rows: list[tuple[int | None, int | None, bool]]) -> None:
    """Whatever is sent: DTS rises within a time line and PTS is never before it."""
    settled([unit(pts, dts, at, is_keyframe=key) for at, (pts, dts, key) in enumerate(rows)])


@given(st.integers(0, MAX_REORDER), st.randoms(use_true_random=False))
def test_any_bounded_reordering_is_followed(depth: int, rng: random.Random) -> None:
    """Pictures shuffled within blocks keep their order by DTS once the depth is learnt."""
    order: list[int] = []
    for block in range(12):
        part = list(range(block * (depth + 1), (block + 1) * (depth + 1)))
        rng.shuffle(part)
        order += part
    times = settled(
        [unit(each * STEP, None, at, is_keyframe=at == 0) for at, each in enumerate(order)]
    )
    assert len(times) == len(order)
