"""From observations to events: one crossing is one event."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.motion.activity import Activity, Ended, Event, Extended, Started, Transition
from edge.motion.observation import Moment, Observation, Region

FPS = 10
QUIET_S = 3.0


def moment(number: int) -> Moment:
    """Frame `number` at 10 frames a second."""
    return Moment(number * 9000, number * 1_000_000_000 // FPS)


def observation(
    number: int, *, motion: bool = True, stirring: bool | None = None, since: int | None = None,
    area: float = 0.01, is_cut: bool = False, zones: tuple[str, ...] = (), score: float = 0.1,
) -> Observation:  # fmt: skip
    """One frame, with one moving region where there is motion."""
    began = moment(number if since is None else since)
    region = Region(
        track=1, since=began, is_moving=motion, box=(0.4, 0.4, 0.1, 0.2), area=area,
        is_cut=is_cut, zones=zones,
    )  # fmt: skip
    is_stirring = motion if stirring is None else stirring
    return Observation(
        at=moment(number), has_motion=motion, is_stirring=is_stirring,
        since=began if motion else None, score=score if motion else 0.0,
        box=region.box if motion else None, zones=zones if motion else (),
        regions=(region,) if is_stirring else (), changed=0.0, brightness=100.0, noise=1.0,
        is_settled=True,
    )  # fmt: skip


def play(activity: Activity, observations: Iterable[Observation]) -> list[tuple[int, Transition]]:
    """Every transition with the number of the frame that brought it."""
    found = []
    for each in observations:
        transition = activity.observe(each)
        if transition is not None:
            found.append((each.at.pts // 9000, transition))
    return found


def ended(transitions: Iterable[tuple[int, Transition]]) -> list[Event]:
    """The finished events."""
    return [each.event for _, each in transitions if isinstance(each, Ended)]


@pytest.fixture
def activity() -> Activity:
    """With the defaults of a watched street."""
    return Activity(min_frames=3, quiet_s=QUIET_S)


def test_an_event_starts_with_the_third_frame_and_dates_back_to_the_first(
    activity: Activity,
) -> None:
    """Confirmed by the third frame, but the clip has to show the first."""
    found = play(activity, [observation(n, since=5) for n in range(5, 9)])
    number, started = found[0]
    assert number == 7
    assert isinstance(started, Started)
    assert started.event.started == moment(5)
    assert started.event.confirmed == moment(7)


def test_two_frames_of_motion_are_no_event(activity: Activity) -> None:
    """A flicker is not worth a clip."""
    assert play(activity, [observation(n, motion=n in (5, 6)) for n in range(60)]) == []


def test_stirring_alone_is_no_event(activity: Activity) -> None:
    """Leaves stir for a minute; nothing travels."""
    frames = [observation(n, motion=False, stirring=True) for n in range(600)]
    assert play(activity, frames) == []


def test_stirring_before_the_motion_counts_towards_the_minimum(activity: Activity) -> None:
    """A thing that was seen twice before it was believed needs no three frames more."""
    frames = [observation(1, motion=False, stirring=True),
              observation(2, motion=False, stirring=True), observation(3, since=1)]  # fmt: skip
    ((number, _),) = play(activity, frames)
    assert number == 3


def test_a_walker_who_is_lost_for_a_moment_stays_one_event(activity: Activity) -> None:
    """Seen two frames of three, and hidden by a tree for 2.5 s."""
    frames = [
        observation(n, motion=n < 150 and n % 3 != 0 and not 60 <= n < 85) for n in range(200)
    ]
    events = ended(play(activity, frames))
    assert len(events) == 1
    assert events[0].last == moment(149)


def test_two_crossings_ten_seconds_apart_are_two_events(activity: Activity) -> None:
    """Each is found in the archive by its own time."""
    frames = [
        observation(n, motion=n < 40 or 140 <= n < 190, since=0 if n < 100 else 140)
        for n in range(300)
    ]
    events = ended(play(activity, frames))
    assert [(each.started, each.last) for each in events] == [
        (moment(0), moment(39)), (moment(140), moment(189)),
    ]  # fmt: skip


def test_an_event_is_over_when_its_quiet_time_is(activity: Activity) -> None:
    """Not a frame earlier, and with the last frame of motion as its end."""
    found = play(activity, [observation(n, motion=n < 20) for n in range(100)])
    number, last = found[-1]
    assert isinstance(last, Ended)
    assert number == 19 + round(QUIET_S * FPS)
    assert last.event.last == moment(19)


def test_time_ends_an_event_without_frames(activity: Activity) -> None:
    """While a gate analyses nothing, the clock alone ends the event, once."""
    play(activity, [observation(n) for n in range(10)])
    assert activity.tick(moment(20).mono_ns) is None
    assert isinstance(activity.tick(moment(40).mono_ns), Ended)
    assert activity.tick(moment(400).mono_ns) is None
    assert activity.event is None


def test_finishing_ends_what_runs(activity: Activity) -> None:
    """A lost camera ends the event with what was seen; without one there is nothing to end."""
    assert activity.finish() is None
    play(activity, [observation(n) for n in range(10)])
    finished = activity.finish()
    assert finished is not None
    assert finished.event.last == moment(9)
    assert activity.event is None


def test_an_event_never_reaches_back_into_the_one_before(activity: Activity) -> None:
    """A thing that was there all along starts its second event after the first."""
    frames = [observation(n, motion=n < 20 or n >= 60, since=0) for n in range(80)]
    found = play(activity, frames)
    starts = [each.event for _, each in found if isinstance(each, Started)]
    assert starts[1].started.mono_ns > starts[0].last.mono_ns


def test_the_best_frame_is_large_and_complete(activity: Activity) -> None:
    """Entering at the border, near and whole, leaving small: the middle one is kept."""
    areas = {3: (0.02, True), 6: (0.012, False), 9: (0.005, False)}
    frames = []
    for number in range(12):
        area, is_cut = areas.get(number, (0.004, True))
        frames.append(observation(number, area=area, is_cut=is_cut))
    found = play(activity, frames)
    best = [number for number, each in found if isinstance(each, Extended) and each.is_best]
    assert best[-1] == 6
    assert activity.event is not None
    assert activity.event.best.at == moment(6)


def test_an_event_gathers_its_zones_and_its_highest_score(activity: Activity) -> None:
    """From the gate to the door: both, in that order."""
    frames = [observation(n, zones=("gate",) if n < 6 else ("door",), score=n / 100)
              for n in range(12)]  # fmt: skip
    play(activity, frames)
    assert activity.event is not None
    assert activity.event.zones == ("gate", "door")
    assert activity.event.score == pytest.approx(0.11)


def test_old_stirring_does_not_confirm(activity: Activity) -> None:
    """At a low analysis rate, frames from before a long gap say nothing about now."""
    frames = [observation(n, motion=n == 200, stirring=n in (0, 50, 200))
              for n in (0, 50, 200)]  # fmt: skip
    assert play(activity, frames) == []


@given(
    pattern=st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=40),
    min_frames=st.integers(1, 6),
)
def test_events_are_ordered_apart_and_hold_all_their_motion(
    pattern: list[tuple[bool, int]], min_frames: int
) -> None:
    """Whatever is observed: events do not overlap, lie at least the quiet time apart, and end
    with a frame of motion; started, extended and ended come in this order."""
    activity = Activity(min_frames=min_frames, quiet_s=QUIET_S)
    flags = [flag for flag, count in pattern for _ in range(count)]
    found = play(activity, [observation(n, motion=flag) for n, flag in enumerate(flags)])
    if (finished := activity.finish()) is not None:
        found.append((len(flags), finished))
    is_running = False
    for _, transition in found:
        assert isinstance(transition, Started) != is_running
        is_running = not isinstance(transition, Ended)
    assert not is_running
    events = ended(found)
    for event in events:
        assert event.started.mono_ns <= event.confirmed.mono_ns <= event.last.mono_ns
        assert flags[event.last.pts // 9000]
    for before, after in itertools.pairwise(events):
        assert after.confirmed.mono_ns - before.last.mono_ns >= QUIET_S * 1e9
        assert after.started.mono_ns > before.last.mono_ns
