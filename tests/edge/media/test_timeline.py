"""From PTS to the monotonic clock."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.timeline import MAX_SLEW_PPM, STEP_S, Timeline

TIME_BASE = Fraction(1, 90_000)
FRAME = 6_000  # ticks, 15 a second
FRAME_NS = 66_666_667
SECOND_NS = 1_000_000_000


def fed(arrivals_ns: list[int], *, start_pts: int = 0) -> Timeline:
    """A timeline that has seen a picture every FRAME ticks, arriving at these times."""
    timeline = Timeline(TIME_BASE)
    for number, arrival_ns in enumerate(arrivals_ns):
        timeline.observe(start_pts + number * FRAME, arrival_ns)
    return timeline


def test_a_pts_before_any_packet_has_no_time() -> None:
    """There is nothing to tell it from."""
    with pytest.raises(ValueError, match="packet"):
        Timeline(TIME_BASE).mono_ns(0)


def test_the_first_packet_sets_the_time() -> None:
    """PTS may start anywhere, also below zero."""
    for start_pts in (0, -FRAME, 2**33, 90_000 * 86_400 * 365):
        timeline = fed([5 * SECOND_NS], start_pts=start_pts)
        assert timeline.mono_ns(start_pts) == 5 * SECOND_NS
        assert timeline.mono_ns(start_pts + 90_000) == pytest.approx(6 * SECOND_NS, abs=2)


def test_late_packets_do_not_move_the_time() -> None:
    """Network jitter delays packets; the pictures were still taken at even distances."""
    rng = random.Random(1)
    even = [number * FRAME_NS for number in range(150)]
    timeline = fed([each + (rng.randrange(80_000_000) if each else 0) for each in even])
    assert timeline.mono_ns(149 * FRAME) == pytest.approx(even[-1], abs=10_500_000)
    assert timeline.steps == 0


def test_an_earlier_packet_corrects_the_time_at_once() -> None:
    """A packet cannot come before its picture was taken, so the smallest delay is the truest."""
    timeline = fed([300_000_000, FRAME_NS])
    assert timeline.mono_ns(FRAME) == FRAME_NS


@pytest.mark.parametrize("drift_ppm", [-900, -50, 50, 900])
def test_a_drifting_camera_clock_is_followed(drift_ppm: int) -> None:
    """After an hour the error is still below a frame, whichever way the clock runs wrong."""
    rng = random.Random(drift_ppm)
    count = 15 * 3600
    ticks_ns = FRAME_NS * (1 + drift_ppm / 1e6)
    arrivals = [int(number * ticks_ns) + rng.randrange(30_000_000) for number in range(count)]
    timeline = fed(arrivals)
    truth_ns = (count - 1) * ticks_ns
    assert timeline.mono_ns((count - 1) * FRAME) == pytest.approx(truth_ns, abs=FRAME_NS)
    assert timeline.steps == 0


def test_the_time_never_slews_faster_than_it_says() -> None:
    """A stall of less than a step moves the time by at most the bound, then not back."""
    arrivals = [number * FRAME_NS for number in range(30)]
    arrivals += [each + SECOND_NS for each in (number * FRAME_NS for number in range(30, 60))]
    timeline = fed(arrivals)
    moved_ns = timeline.mono_ns(59 * FRAME) - 59 * FRAME_NS
    assert 0 <= moved_ns <= 31 * FRAME_NS * MAX_SLEW_PPM / 1e6 + 1000


def test_a_jump_of_the_cameras_clock_is_stepped_and_counted() -> None:
    """The time goes on with the arrival, not with the jumped PTS."""
    for leap_s in (3600, -3600, STEP_S + 1):
        timeline = fed([0, FRAME_NS])
        leap = int(leap_s * 90_000)
        timeline.observe(2 * FRAME + leap, 2 * FRAME_NS)
        assert timeline.steps == 1
        assert timeline.mono_ns(2 * FRAME + leap) == pytest.approx(2 * FRAME_NS, abs=2)


def test_pictures_shown_out_of_order_keep_their_distances() -> None:
    """With B-frames PTS goes back and forth; the time between two pictures is their PTS'."""
    timeline = Timeline(TIME_BASE)
    for number, shown in enumerate((0, 3, 1, 2, 6, 4, 5)):
        timeline.observe(shown * FRAME, number * FRAME_NS + 50_000_000)
    gap_ns = timeline.mono_ns(6 * FRAME) - timeline.mono_ns(5 * FRAME)
    assert gap_ns == pytest.approx(FRAME_NS, abs=2)


@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), st.integers(0, 2**50)), min_size=1))
def test_no_frame_is_later_than_its_packet(rows: list[tuple[int, int]]) -> None:
    """Whatever arrives: right after a packet, its picture's time is not in the future."""
    timeline = Timeline(TIME_BASE)
    for pts, arrival_ns in rows:
        timeline.observe(pts, arrival_ns)
        assert timeline.mono_ns(pts) <= arrival_ns + 1
