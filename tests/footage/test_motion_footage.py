"""Motion on real recordings, all with the default settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.contract.motion import MotionSettings
from tests.footage.motion_replay import Replay, Watch, replay, tally
from tests.footage.plays import by_recording, of_recording
from tests.harness.footage import HARD_KINDS, Footage

pytestmark = pytest.mark.footage

LABELLED = (
    "brightness-change", "cdnet-highway", "cdnet-office", "cdnet-pedestrians", "nest-atv",
    "nest-bicycle", "nest-walkers", "one-by-one-person", "one-by-one-person-h265", "sbi-caviar1",
    "sbi-hallandmonitor", "street-day", "waving-tree",
)  # fmt: skip
BUSY = ("traffic-camera", "traffic-camera-vfr", "vtest", "tamper-1")

SLOW_FPS = (1.0, 0.9)
LONG = ("street-day", "cdnet-office", "cdnet-pedestrians", "sbi-caviar1")  # visits of 3 s and more

Replays = Callable[[str], Replay]
SlowReplays = Callable[[str, float], Replay]


@pytest.fixture(scope="session")
def all_replays(footage: Footage) -> SlowReplays:
    """Each recording is decoded once, when first asked for; at 10 pictures a second, and slowly."""
    done: dict[str, dict[float, Replay]] = {}

    def get(name: str, fps: float) -> Replay:
        if name not in done:
            recording = footage.recording(name)
            slow = {fps: Watch(MotionSettings(analysis_fps=fps)) for fps in SLOW_FPS}
            full = replay(recording, MotionSettings(), beside=tuple(slow.values()))
            done[name] = {fps: each.finish(recording.labels) for fps, each in slow.items()}
            done[name][MotionSettings().analysis_fps] = full
        return done[name][fps]

    return get


@pytest.fixture(scope="session")
def replays(all_replays: SlowReplays) -> Replays:
    """By the default settings."""
    return lambda name: all_replays(name, MotionSettings().analysis_fps)


def test_every_labelled_recording_is_played(footage: Footage) -> None:
    """A recording that is added is not forgotten here."""
    labelled = {name for name in footage.names if footage.recording(name).labels.motion is not None}
    assert labelled == set(LABELLED)


@by_recording("motion", LABELLED)
def test_every_clear_motion_is_met_by_an_event(replays: Replays, name: str) -> None:
    """Two seconds of somebody in view are enough."""
    assert replays(name).missed() == []


@by_recording("motion", LABELLED)
def test_no_event_where_nothing_is(replays: Replays, name: str) -> None:
    """Trees in wind, refreshed blocks, a change of the light: nobody is called out for them."""
    assert replays(name).false() == []


@by_recording("motion", LABELLED)
def test_no_event_goes_on_where_nothing_is_any_more(
    footage: Footage, replays: Replays, name: str
) -> None:
    """By the rules of the scores, where an alarm that outlasts its visit is one for nothing."""
    sums = tally(footage, name, replays(name))
    assert sums.alarms == 0
    assert sums.met == sums.required


@by_recording("motion", LONG)
def test_whoever_stays_for_some_seconds_is_met_at_a_picture_a_second(
    all_replays: SlowReplays, name: str
) -> None:
    """As of a camera so slow, or on a box that looks so seldom."""
    assert all_replays(name, 1.0).missed() == []


@by_recording("motion", LONG)
def test_just_below_a_picture_a_second_does_not_blind(all_replays: SlowReplays, name: str) -> None:
    """But for a car that is through within three seconds."""
    result = all_replays(name, 0.9)
    assert all(last - first < 3.5 * result.labels.fps for first, last in result.missed())


@pytest.mark.parametrize("fps", SLOW_FPS)
@by_recording("motion", LABELLED)
def test_no_event_where_nothing_is_at_a_picture_a_second(
    all_replays: SlowReplays, name: str, fps: float
) -> None:
    """What makes it see with few pictures makes it see no ghosts."""
    assert all_replays(name, fps).false() == []


@by_recording("motion", BUSY)
def test_busy_scenes_without_labels_are_seen_as_busy(replays: Replays, name: str) -> None:
    """Where people and cars pass all the time, events fill a good part of the recording."""
    result = replays(name)
    covered = sum(event.last - event.first for event in result.found)
    assert covered > 0.25 * result.labels.frames


@of_recording("motion", "street-day")
def test_each_crossing_of_the_street_is_exactly_one_event(replays: Replays) -> None:
    """People of 32 px and taller, and vehicles; not split, not merged."""
    result = replays("street-day")
    crossings = result.labels.events or ()
    assert len(crossings) == 20
    for crossing in crossings:
        met = [each for each in result.found if each.meets((crossing.first, crossing.last))]
        if crossing.kind in HARD_KINDS:
            assert len(met) <= 1
        else:
            assert len(met) == 1, crossing
    for event in result.found:
        assert sum(event.meets((each.first, each.last)) for each in crossings) == 1


@of_recording("motion", "street-day")
def test_light_ramps_and_steps_of_the_street_raise_nothing(replays: Replays) -> None:
    """The labelled nuisances alone."""
    result = replays("street-day")
    assert result.labels.nuisances
    for nuisance in result.labels.nuisances:
        assert not [e for e in result.found if e.meets((nuisance.first, nuisance.last))]


@of_recording("motion", "street-day")
def test_events_of_the_street_begin_and_end_with_their_crossing(replays: Replays) -> None:
    """The first frame of the event is the first second of the crossing, and so is its end."""
    result = replays("street-day")
    slack = result.labels.fps * 1.5
    for crossing in result.labels.events or ():
        for event in result.found:
            if event.meets((crossing.first, crossing.last)):
                assert abs(event.first - crossing.first) <= slack
                assert abs(event.last - crossing.last) <= slack
