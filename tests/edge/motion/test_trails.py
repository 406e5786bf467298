"""Where things came from and went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract import names, record
from edge.contract.parts import Box, ClockStamp, Instant, Track
from edge.motion.observation import Moment, Observation, Region
from edge.motion.trails import MAX_POINTS, MAX_TRACKS, MAX_TRAILS, Trails

FPS = 10
Place = Callable[[int], Box | None]


def moment(number: int) -> Moment:
    """Frame `number` at 10 frames a second."""
    return Moment(number, number * 1_000_000_000 // FPS)


def region(track: int, box: Box, *, is_moving: bool, zones: tuple[str, ...]) -> Region:
    """One changed part of the picture."""
    return Region(track=track, since=moment(0), is_moving=is_moving, box=box,
                  area=box[2] * box[3], is_cut=False, zones=zones)  # fmt: skip


def observation(number: int, regions: Sequence[Region]) -> Observation:
    """A frame with these regions."""
    return Observation(
        at=moment(number), has_motion=any(each.is_moving for each in regions),
        is_stirring=bool(regions), since=None, score=0.1, box=None, zones=(),
        regions=tuple(regions), changed=0.0, brightness=100.0, noise=1.0, is_settled=True,
    )  # fmt: skip


def cut(left: float, top: float, width: float, height: float) -> Box:
    """A box as it is seen: without what lies beyond the picture's border."""
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    left, top = max(0.0, left), max(0.0, top)
    return left, top, max(0.0, right - left), max(0.0, bottom - top)


def nowhere(_: Box) -> tuple[str, ...]:
    """No zones."""
    return ()


def tracks(
    *places: Place,
    frames: int,
    believed: int = 4,
    zones: Callable[[Box], tuple[str, ...]] = nowhere,
) -> tuple[Track, ...]:
    """The tracks of things that are at `places`, each believed to move from some frame on."""
    trails = Trails()
    for number in range(frames):
        boxes = [(track, place(number)) for track, place in enumerate(places)]
        trails.observe(observation(number, [
            region(track, box, is_moving=number >= believed, zones=zones(box))
            for track, box in boxes if box is not None and box[2] > 0 and box[3] > 0
        ]))  # fmt: skip
    return trails.tracks(moment(0))


@pytest.mark.parametrize(
    ("place", "entry", "exit_", "way"),
    [
        (lambda n: cut(n * 0.02 - 0.1, 0.4, 0.1, 0.3), "left", "right", "right"),
        (lambda n: cut(1 - n * 0.02, 0.4, 0.1, 0.3), "right", "left", "left"),
        (lambda n: cut(0.4, n * 0.02 - 0.3, 0.1, 0.3), "top", "bottom", "down"),
        (lambda n: cut(0.3 + n * 0.004, 1 - n * 0.014, 0.1, 0.3), "bottom", "inside", "up"),
        (lambda n: cut(0.5 + n * 0.012, 0.4, 0.1, 0.3), "inside", "right", "right"),
        (lambda n: cut(0.5 + 0.01 * (n % 3), 0.4, 0.1, 0.3), "inside", "inside", "none"),
    ],
    ids=["left to right", "right to left", "top to bottom", "from below", "out of a door", "there"],
)
def test_a_track_tells_where_it_came_in_and_left(
    place: Place, entry: str, exit_: str, way: str
) -> None:
    """By the borders that its box touched when it was first and last seen."""
    (track,) = tracks(place, frames=56)
    assert (track.entry, track.exit, track.way) == (entry, exit_, way)


def test_a_fast_car_came_over_the_border_though_it_was_first_seen_inside() -> None:
    """A step before, it would have been at the border."""
    (track,) = tracks(lambda n: cut(0.12 + n * 0.2, 0.5, 0.2, 0.2), frames=4, believed=2)
    assert track.entry == "left"


def test_a_walker_along_the_lower_border_came_in_at_the_side() -> None:
    """Cut by both borders at first: the one that he moves away from counts."""
    (track,) = tracks(lambda n: cut(n * 0.02 - 0.1, 0.7, 0.1, 0.4), frames=40)
    assert track.entry == "left"


def test_a_straight_way_has_two_points_and_a_bend_three() -> None:
    """The line is as short as it can be."""
    (straight,) = tracks(lambda n: cut(0.1 + n * 0.01, 0.4, 0.1, 0.3), frames=60)
    assert len(straight.path) == 2
    (bent,) = tracks(
        lambda n: cut(0.1 + min(n, 30) * 0.01, 0.1 + max(0, n - 30) * 0.01, 0.1, 0.3), frames=60
    )
    assert len(bent.path) == 3
    assert bent.path[1] == pytest.approx((0.45, 0.25), abs=0.02)


def test_the_zones_are_in_the_order_of_this_thing() -> None:
    """Also those that it touched before it was believed to move."""
    (track,) = tracks(
        lambda n: cut(n * 0.02 - 0.1, 0.4, 0.1, 0.3), frames=50,
        zones=lambda box: ("gate",) if box[0] < 0.05 else ("yard",) if box[0] > 0.5 else (),
    )  # fmt: skip
    assert track.zones == ("gate", "yard")


def test_what_never_moved_has_no_track() -> None:
    """A leaf stirs beside a walker."""
    trails = Trails()
    for number in range(1, 50):
        walker = cut(number * 0.02 - 0.1, 0.4, 0.1, 0.3)
        trails.observe(observation(number, [
            region(7, walker, is_moving=True, zones=()),
            region(8, (0.8, 0.1, 0.05, 0.05), is_moving=False, zones=()),
        ]))  # fmt: skip
    assert len(trails.tracks(moment(0))) == 1


def test_what_moved_in_an_event_before_is_not_told_again() -> None:
    """Each event has the tracks of its own time."""
    trails = Trails()
    for number in range(20):
        box = cut(0.1 + number * 0.02, 0.4, 0.1, 0.3)
        trails.observe(observation(number, [region(1, box, is_moving=True, zones=())]))
    assert trails.tracks(moment(0))
    trails.finish(moment(19))
    assert trails.tracks(moment(20)) == ()


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 60),
                st.floats(0, 0.9, allow_nan=False),
                st.floats(0, 0.9, allow_nan=False),
                st.booleans(),
            ),
            max_size=12,
        ),
        max_size=80,
    )
)
def test_whatever_moves_the_tracks_fit_into_a_record(
    frames: list[list[tuple[int, float, float, bool]]],
) -> None:
    """Bounded in memory and on the wire, with the longest names of zones in every place."""
    trails = Trails()
    zones = tuple(f"{number:02}{'z' * 30}" for number in range(32))
    for number, things in enumerate(frames):
        trails.observe(observation(number, [
            region(track, (x, y, 0.1, 0.1), is_moving=moves, zones=zones)
            for track, x, y, moves in things
        ]))  # fmt: skip
        assert len(trails._trails) <= MAX_TRAILS
    told = trails.tracks(moment(0))
    assert len(told) <= MAX_TRACKS
    assert all(1 <= len(each.path) <= MAX_POINTS for each in told)
    assert len(record.encode(_header(), _ended(told, zones))) <= names.MAX_RECORD_BYTES


def _header() -> record.Header:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return record.Header(
        v=1, node="n" * 32, epoch="e" * 16, seq=names.MAX_SEQ, prev="f" * 64, type="event.ended",
        at_utc=at, clock=ClockStamp("unsynced", "b" * 32, 2**60, 10**9), camera="c" * 32,
        event="019b8f6c-7a00-7abc-8def-0123456789ab",
    )  # fmt: skip


def _ended(told: tuple[Track, ...], zones: tuple[str, ...]) -> record.EventEnded:
    at = Instant(datetime(2026, 1, 1, tzinfo=UTC), 2**60)
    return record.EventEnded(
        kind="motion", started=at, ended=at, duration_ms=10**9, reason="interrupted", zones=zones,
        score=0.123456789, parts=10000, fault="é" * names.MAX_FAULT_CHARS, tracks=told,
    )  # fmt: skip
