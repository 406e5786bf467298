"""The rules by which events are held against labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench.seeing_events import QUIET_S, Found, Runs
from scripts.bench.seeing_footage import Known, Span, Visit
from scripts.bench.seeing_score import Tally, judge, percentile


def found(first_s: float, last_s: float, told_s: float | None = None) -> Found:
    return Found(Span(first_s, last_s), first_s if told_s is None else told_s)


def recording(
    visits: list[tuple[float, float]],
    static: list[tuple[float, float]],
    *,
    uncertain: list[tuple[float, float]] | None = None,
    hard: bool = False,
) -> Known:
    return Known(
        name="made", path=Path("made.mp4"), conditions=("day",), scene="made",
        visits=tuple(Visit(Span(*each), "", not hard) for each in visits),
        static=tuple(Span(*each) for each in static),
        uncertain=tuple(Span(*each) for each in uncertain or []),
        nuisances=(), length_s=100.0,
    )  # fmt: skip


def tally(known: Known, *events: Found) -> Tally:
    sums = Tally()
    sums.add(known, judge(known, events))
    return sums


STREET = recording([(20, 30), (60, 70)], [(0, 19), (31, 59), (71, 100)])


def test_motion_less_than_the_quiet_time_apart_is_one_event() -> None:
    """And the largest box of it is kept."""
    runs = Runs()
    runs.take(1.0, has_motion=True, box=(0, 0, 0.1, 0.1))
    runs.take(1.0 + QUIET_S - 0.1, has_motion=True, box=(0.5, 0.5, 0.2, 0.2))
    runs.take(1.5 + QUIET_S, has_motion=True, box=(0, 0, 0.1, 0.1))
    runs.take(20.0, has_motion=False)
    (event,) = runs.finish()
    assert event.span == Span(1.0, 1.5 + QUIET_S)
    assert event.box == (0.5, 0.5, 0.2, 0.2)


def test_motion_after_the_quiet_time_is_another_event() -> None:
    """Whether anything was looked at in between or not."""
    runs = Runs()
    runs.take(1.0, has_motion=True)
    runs.take(1.0 + QUIET_S, has_motion=True)
    assert [each.span.first_s for each in runs.finish()] == [1.0, 1.0 + QUIET_S]


def test_an_event_that_touches_a_visit_is_true_and_meets_it() -> None:
    """By its last moment is enough."""
    sums = tally(STREET, found(15, 20))
    assert (sums.met, sums.required, sums.true, sums.alarms) == (1, 2, 1, 0)
    assert (sums.recall, sums.precision) == (0.5, 1.0)
    assert sums.f1 == pytest.approx(2 / 3)


def test_an_event_wholly_within_static_time_is_a_false_alarm() -> None:
    """Counted for each hour of static time."""
    sums = tally(STREET, found(40, 41), found(22, 28), found(60, 61))
    assert (sums.false, sums.true, sums.recall) == (1, 2, 1.0)
    assert sums.alarms_per_h == pytest.approx(3600 / (19 + 28 + 29))


def test_an_event_in_uncertain_or_unlabelled_time_is_not_scored() -> None:
    """Neither true nor false, also where it reaches into static time."""
    known = recording([(20, 30)], [(0, 15)], uncertain=[(15, 18)])
    sums = tally(known, found(14, 16), found(50, 60))
    assert (sums.not_scored, sums.true, sums.false) == (2, 0, 0)


def test_an_event_that_goes_on_through_static_time_pays_for_each_stretch() -> None:
    """One that never ends meets everybody; it must not look perfect."""
    sums = tally(STREET, found(2, 100))
    assert (sums.recall, sums.false, sums.overruns, sums.alarms) == (1.0, 0, 3, 3)
    assert sums.time_on == pytest.approx(1.0, abs=0.02)
    assert sums.precision == pytest.approx(1 / 4)


def test_the_end_of_a_visit_may_be_late_by_some_seconds() -> None:
    """Shadows, the closing door: less than BRIDGE_S is no overrun, but it is time on."""
    sums = tally(STREET, found(20, 39))
    assert sums.alarms == 0
    assert 0.05 < (sums.time_on or 0) < 0.15


def test_onset_and_telling_are_counted_from_the_visits_first_frame() -> None:
    """Negative where the event begins before."""
    sums = tally(STREET, found(19.8, 25, told_s=20.6), found(61.0, 62, told_s=61.5))
    assert sums.onsets_s == pytest.approx([-0.2, 1.0])
    assert sums.tellings_s == pytest.approx([0.6, 1.5])


def test_no_onset_is_taken_of_a_visit_that_a_running_event_meets() -> None:
    """It began for the visit before, or in time of which nothing is known, or with the film."""
    assert tally(STREET, found(20, 65)).onsets_s == [0.0]
    assert tally(recording([(20, 30)], []), found(10, 25)).onsets_s == []
    assert tally(recording([(0, 30)], []), found(3, 25)).onsets_s == []


def test_what_happens_as_a_recording_begins_is_left_out() -> None:
    """Every detector learns its scene then."""
    assert tally(STREET, found(0, 1.5)).alarms == 0
    assert judge(STREET, [found(0, 4)]).events[0].found.span == Span(2.0, 4)


def test_hard_visits_excuse_an_event_but_are_not_required() -> None:
    """They are counted by themselves."""
    sums = tally(recording([(20, 30)], [(0, 19)], hard=True), found(22, 23))
    assert (sums.required, sums.recall, sums.f1) == (0, None, None)
    assert (sums.optional, sums.optional_met, sums.false) == (1, 1, 0)


def test_nothing_found_is_no_recall_and_no_precision() -> None:
    """F1 is 0 then, not unknown."""
    sums = tally(STREET)
    assert (sums.recall, sums.precision, sums.f1) == (0.0, None, 0.0)


def test_percentiles_lie_between_neighbours_in_proportion() -> None:
    """And there is none of nothing."""
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([0, 10], 0.95) == pytest.approx(9.5)
    assert percentile([], 0.5) is None
