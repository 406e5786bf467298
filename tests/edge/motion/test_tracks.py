"""Tracks: what travels moves, what sways or pops up does not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edge.contract.motion import MotionSettings
from edge.motion.needs import ZoneNeeds
from edge.motion.observation import Moment
from edge.motion.tracks import MAX_TRACKS, ONSET_S, Blob, Track, Tracker

FRAME_S = 0.1


def blob(
    x: float, y: float = 90, *, size: tuple[int, int] = (5, 10), novelty: float = 0.8,
    noise: float = 1.0, core_px: int | None = None, calm: float = 1.0, sharpness: float = 0.6,
) -> Blob:  # fmt: skip
    """A blob of `size` around a point."""
    width, height = size
    area_px = width * height
    core = area_px if core_px is None else core_px
    return Blob(
        left=round(x - width / 2), top=round(y - height / 2), width=width, height=height, x=x, y=y,
        area_px=area_px, core_px=core, calm_px=round(calm * core), sharpness=sharpness,
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


def moving(tracker: Tracker, frames: list[list[Blob]]) -> list[bool]:
    """Whether anything moved, frame by frame."""
    return [
        any(track.is_moving for track in tracker.observe(blobs, at(number), is_settled=True))
        for number, blobs in enumerate(frames)
    ]


def new_tracker() -> Tracker:
    """As for a picture of 320 x 180, with the default settings."""
    return Tracker(ZoneNeeds(MotionSettings()), (180, 320))


@pytest.fixture
def tracker() -> Tracker:
    """As for a picture of 320 x 180."""
    return new_tracker()


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
    frames = [[blob(160, size=(60, 120))] for _ in range(12)]
    assert follow(tracker, frames)[-1][0].is_moving
    early = follow(new_tracker(), frames[:5])
    assert not early[-1][0].is_moving  # it may be gone in a moment, as an insect is


def test_a_large_thing_in_leaves_that_come_and_go_must_travel(tracker: Tracker) -> None:
    """A bush moves as a whole in each gust; somebody who walks before it moves on."""
    bush = [[blob(160 + 5 * math.sin(n / 3), size=(60, 50), calm=0.2)] for n in range(300)]
    assert not any(track.is_moving for tracks in follow(tracker, bush) for track in tracks)
    walker = [[blob(40 + 2 * n, size=(15, 40), calm=0.2)] for n in range(60)]
    assert follow(new_tracker(), walker)[-1][0].is_moving


@pytest.mark.parametrize("frames", [3, 5, 7])
def test_an_insect_before_the_lens_does_not_move(tracker: Tracker, frames: int) -> None:
    """Large, blurred and gone within a second, however straight it flies."""
    seen = follow(
        tracker, [[blob(40 + 30 * n, size=(30, 25), sharpness=0.15)] for n in range(frames)]
    )
    assert not any(track.is_moving for tracks in seen for track in tracks)


def test_what_is_blurred_and_stays_is_seen_all_the_same(tracker: Tracker) -> None:
    """A camera out of focus sees people, too: a second later."""
    frames = [[blob(40 + 3 * n, size=(20, 50), sharpness=0.15)] for n in range(20)]
    assert follow(tracker, frames)[-1][0].is_moving


def test_a_beam_of_light_that_sweeps_the_picture_does_not_move(tracker: Tracker) -> None:
    """Headlights of a car out of sight: large, and without anything new in it."""
    frames = [[blob(60 + 9 * n, size=(80, 60), novelty=0.03)] for n in range(22)]
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_beam_that_fades_does_not_move(tracker: Tracker) -> None:
    """What is left of the light at the border is small, and is light all the same."""
    frames = [[blob(60 + 12 * n, size=(80 - 4 * n, 60 - 3 * n), novelty=0.03)] for n in range(19)]
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_thread_before_the_lens_does_not_move(tracker: Tracker) -> None:
    """Long and thin, and it swings as a whole; its size is no bulk."""
    frames = []
    for number in range(300):
        thread = blob(160 + 12 * math.sin(number / 9), size=(100, 130))
        frames.append([replace(thread, area_px=820, core_px=600, calm_px=600)])
    assert not any(track.is_moving for tracks in follow(tracker, frames) for track in tracks)


def test_a_midge_does_not_move(tracker: Tracker) -> None:
    """Small, and many of its own lengths to and fro in a second."""
    frames = [
        [blob(160 + 30 * math.sin(0.9 * n), 90 + 25 * math.sin(1.7 * n), size=(12, 12))]
        for n in range(200)
    ]
    assert not any(moving(tracker, frames))


@pytest.mark.parametrize("calm", [1.0, 0.2])
def test_a_slow_walker_is_seen_even_where_things_come_and_go(calm: float) -> None:
    """At a third of his width a second, in leaves: it takes longer."""
    rng = np.random.default_rng(9)
    frames = [[blob(40 + 0.5 * n + rng.normal(0, 0.4), size=(14, 30), calm=calm)]
              for n in range(200)]  # fmt: skip
    assert follow(new_tracker(), frames)[-1][0].is_moving


def test_noise_where_somebody_vanished_is_not_he(tracker: Tracker) -> None:
    """A walker goes out of a door; the grain of the night there does not hold his event."""
    rng = np.random.default_rng(7)
    frames = [[blob(50 + 1.5 * n)] for n in range(40)]
    frames += [[blob(110 + rng.normal(0, 4), size=(9, 9), novelty=0.1)] for _ in range(60)]
    seen = moving(tracker, frames)
    assert seen[39]
    assert not any(seen[-25:])


def test_only_light_and_those_who_passed_explain_what_changes(tracker: Tracker) -> None:
    """A branch teaches its place that it is restless; a walker and a beam do not."""
    walker = follow(new_tracker(), [[blob(40 + 2 * n)] for n in range(40)])[-1][0]
    beam = follow(new_tracker(), [[blob(100, size=(80, 60), novelty=0.03)]] * 5)[-1][0]
    branch = follow(tracker, [[blob(50 + 4 * math.sin(n / 2))] for n in range(40)])[-1][0]
    assert [each.is_explained for each in (walker, beam, branch)] == [True, True, False]


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


def test_what_grows_together_began_with_its_first_part(tracker: Tracker) -> None:
    """A walker's head is seen first, then the legs, then both as one; the legs carry on."""
    head = [[blob(50 + 3 * n, 60, size=(8, 8))] for n in range(3)]
    both = [[blob(50 + 3 * n, 110, size=(14, 30)), blob(50 + 3 * n, 60, size=(8, 8))]
            for n in range(3, 6)]  # fmt: skip
    one = [[blob(50 + 3 * n, 100, size=(16, 90))] for n in range(6, 14)]
    seen = follow(tracker, head + both + one)
    (whole,) = seen[-1]
    assert whole.is_moving
    assert whole.number == seen[5][0].number
    assert whole.since == at(0)


def test_what_hides_an_old_candidate_does_not_begin_with_it(tracker: Tracker) -> None:
    """A leaf that swayed for long before somebody passed is not where that began."""
    leaf = blob(80, 100, size=(3, 3))
    frames = [[leaf]] * 30
    frames += [[blob(50 + 3 * n, 100, size=(20, 40)), leaf] for n in range(4)]
    frames += [[blob(62 + 3 * n, 100, size=(40, 40))] for n in range(8)]
    seen = follow(tracker, frames)
    (walker,) = seen[36]
    assert walker.is_moving
    assert walker.since == at(30)
