"""Tracks: what travels moves, what sways or pops up does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.motion.observation import Moment
from edge.motion.tracks import MAX_TRACKS, ONSET_S, Blob, Track, Tracker

FRAME_S = 0.1


def blob(
    x: float, y: float = 90, *, size: tuple[int, int] = (5, 10), novelty: float = 0.8,
    noise: float = 1.0, core_px: int | None = None,
) -> Blob:  # fmt: skip
    """A blob of `size` around a point."""
    width, height = size
    area_px = width * height
    return Blob(
        left=round(x - width / 2), top=round(y - height / 2), width=width, height=height, x=x, y=y,
        area_px=area_px, core_px=area_px if core_px is None else core_px,
        novelty=novelty, noise=noise, zones=0,
    )  # fmt: skip


def at(number: int) -> Moment:
    """The moment of frame `number` at 10 frames a second."""
    return Moment(number * 9000, round(number * FRAME_S * 1e9))


def follow(tracker: Tracker, frames: list[list[Blob]]) -> list[list[Track]]:
    """The tracks seen in each frame."""
    return [
        tracker.observe(blobs, at(number), is_settled=True) for number, blobs in enumerate(frames)
    ]


@pytest.fixture
def tracker() -> Tracker:
    """As for a picture of 320 x 180."""
    return Tracker(min_area_px=17, bulk_px=690)


@pytest.mark.parametrize("px_per_s", [3.0, 6.0, 20.0, 80.0])
def test_a_walker_moves_within_a_second_and_a_half(tracker: Tracker, px_per_s: float) -> None:
    """From a far walker to a near car: even drift is recognised, in spite of jittery outlines."""
    rng = np.random.default_rng(1)
    frames = [[blob(50 + px_per_s * n * FRAME_S + rng.normal(0, 0.3))] for n in range(15)]
    seen = follow(tracker, frames)
    assert seen[-1][0].is_moving
    assert seen[-1][0].since == at(0)
    assert len({tracks[0].number for tracks in seen}) == 1


def test_a_swaying_branch_does_not_move(tracker: Tracker) -> None:
    """Large swings about one place, for a minute."""
    frames = [[blob(50 + 6 * math.sin(n / 2.3), 90 + 2 * math.sin(n / 1.7))] for n in range(600)]
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_patch_that_pops_up_and_stays_does_not_move(tracker: Tracker) -> None:
    """A refreshed block of the video stays where it appeared."""
    frames = [[blob(80, novelty=0.9)] for _ in range(50)]
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_patch_of_light_that_grows_does_not_move(tracker: Tracker) -> None:
    """Sun on a hedge: no new texture, and the centre shifts by less than the patch."""
    frames = [[blob(100 + n * 0.8, size=(20 + 2 * n, 20 + n), novelty=0.1)] for n in range(40)]
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_large_new_thing_moves_at_its_place(tracker: Tracker) -> None:
    """Somebody right before the camera needs not cross the picture to count."""
    frames = [[blob(160, size=(60, 120))] for _ in range(5)]
    assert follow(tracker, frames)[-1][0].is_moving


def test_what_is_smaller_than_the_minimum_never_moves(tracker: Tracker) -> None:
    """A fly crosses the picture in vain."""
    frames = [[blob(20 + 3 * n, size=(3, 3))] for n in range(60)]
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_walker_lost_for_two_seconds_is_the_same_walker(tracker: Tracker) -> None:
    """Behind a tree and out again: one track."""
    walk = [[blob(50 + 1.2 * n)] for n in range(60)]
    for number in range(25, 45):
        walk[number] = []
    seen = follow(tracker, walk)
    assert seen[24][0].number == seen[45][0].number
    assert seen[45][0].is_moving


def test_two_walkers_are_two_tracks(tracker: Tracker) -> None:
    """Towards each other on two lanes."""
    frames = [[blob(40 + n, 60), blob(200 - n, 130)] for n in range(40)]
    seen = follow(tracker, frames)
    assert [track.number for track in seen[-1]] == [0, 1]
    assert all(track.is_moving for track in seen[-1])


def test_a_crowd_of_changes_has_to_drift_more_clearly(tracker: Tracker) -> None:
    """In rain or wind many blobs wander a little; none of them is believed early."""
    rng = np.random.default_rng(3)
    walks = np.cumsum(rng.normal(0, 1.0, (300, 10, 2)), axis=0)
    frames = [
        [blob(30 + 28 * k + walks[n, k, 0] % 12, 90 + walks[n, k, 1] % 12) for k in range(10)]
        for n in range(300)
    ]
    moving = {
        track.number for tracks in follow(tracker, frames) for track in tracks if track.is_moving
    }
    assert len(moving) <= 2


def test_what_swayed_for_long_before_it_moved_began_when_it_moved(tracker: Tracker) -> None:
    """The event of a person who stood for minutes does not start minutes ago."""
    rng = np.random.default_rng(4)
    frames = [[blob(50 + rng.normal(0, 0.3))] for _ in range(600)]
    frames += [[blob(50 + 2.0 * n)] for n in range(1, 25)]
    track = follow(tracker, frames)[-1][0]
    assert track.is_moving
    assert (at(600).mono_ns - track.since.mono_ns) / 1e9 <= ONSET_S


def test_the_number_of_tracks_is_bounded(tracker: Tracker) -> None:
    """A snow storm takes no more memory than a walker."""
    frames = [[blob(10.0 * k, 20.0 + 40 * (n % 4)) for k in range(30)] for n in range(8)]
    for tracks in follow(tracker, frames):
        assert len(tracks) <= MAX_TRACKS


def test_nothing_moves_while_the_picture_is_not_settled(tracker: Tracker) -> None:
    """Just after a flash, what is left of it is not believed."""
    for number in range(20):
        (track,) = tracker.observe([blob(50 + 4 * number)], at(number), is_settled=False)
        assert not track.is_moving


def test_a_walker_who_vanished_in_a_bush_is_given_up(tracker: Tracker) -> None:
    """Its leaves sway on where he was last seen; the event must end all the same."""
    rng = np.random.default_rng(6)
    frames = [[blob(50 + 1.5 * n)] for n in range(40)]
    frames += [
        [blob(110 + rng.normal(0, 2), 90 + rng.normal(0, 2), size=(12, 12), noise=9.0)]
        for _ in range(300)
    ]
    is_moving = [
        any(track.is_moving for track in tracker.observe(blobs, at(number), is_settled=True))
        for number, blobs in enumerate(frames)
    ]
    assert is_moving[39]
    assert not any(is_moving[-150:])
