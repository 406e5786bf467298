"""Whether a re-run has an event from its beginning, told frame by frame."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from edge.contract.parts import Box
from edge.motion.observation import Moment, Region
from edge.trace.onset import Onsets
from edge.trace.tape import Found
from tests.edge.trace import made

UTC_THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE: Box = (0.4, 0.4, 0.1, 0.2)
ELSEWHERE: Box = (0.1, 0.7, 0.1, 0.2)
BEGAN_S, MOVED_S, OVER_S = 60.0, 61.0, 80.0


def found(first_s: float, last_s: float = OVER_S, event: str = "") -> Found:
    """An event between two seconds."""
    return Found(
        made.BOOT, round(first_s * 1e9), round(last_s * 1e9), UTC_THEN, UTC_THEN, event
    )  # fmt: skip


def is_found(now: Found, at_s: float, *, since_s: float = BEGAN_S, box: Box = HERE) -> bool:
    """Whether the event, whose thing the node sees move at `HERE` from 61 s on, is found by `now`,
    if something followed since `since_s` moves in `box` from `at_s` on."""
    onsets = Onsets([found(BEGAN_S, event=made.EVENT)])
    blob = made.blob(0.45 * made.WIDTH, 0.5 * made.HEIGHT)
    region = Region(
        track=1, since=Moment(0, round(since_s * 1e9)), is_moving=True, box=box, area=0.01,
        is_cut=False, zones=(),
    )  # fmt: skip
    for step in range(30, 250):
        second = BEGAN_S - 4 + step / 10
        look = made.look(second, [blob] if second >= MOVED_S else [])
        onsets.watch(made.head(), look, [region] if second >= at_s else [])
    return made.EVENT not in onsets.missing([now])


@pytest.mark.parametrize(
    ("now", "at_s", "since_s", "is_there"),
    [
        (found(60.0), 61.0, 60.0, True),
        (found(30.0), 61.0, 30.0, True),  # of two events one was made
        (found(61.9), 62.9, 61.9, True),
        (found(62.1), 62.9, 62.1, False),  # it begins too late
        (found(60.0), 65.9, 61.9, True),  # slow to be told, but followed from the beginning
        (found(60.0), 63.1, 62.1, False),  # something else began it
        (found(60.0), 66.1, 60.0, False),  # told too late
        (found(60.0, 60.9), 61.0, 60.0, False),  # over before it
        (found(79.2), 79.2, 79.2, False),
    ],
)
def test_an_event_is_found_from_its_beginning_or_not_at_all(
    now: Found, at_s: float, since_s: float, is_there: bool
) -> None:
    """By when a re-run's event begins, and when what moves in it is told."""
    assert is_found(now, at_s, since_s=since_s) is is_there


def test_an_event_is_found_where_it_was_and_in_the_same_boot() -> None:
    """What moves elsewhere, or by another boot's clock, is another."""
    assert is_found(found(60.0), 61.0)
    assert not is_found(found(60.0), 61.0, box=ELSEWHERE)
    assert not is_found(dataclasses.replace(found(60.0), boot="cd" * 16), 61.0)


@pytest.mark.parametrize(("first_s", "is_there"), [(58.1, True), (61.9, True), (62.1, False)])
def test_an_event_of_which_nothing_was_seen_to_move_is_told_by_its_time(
    first_s: float, is_there: bool
) -> None:
    """As far as the trace tells."""
    onsets = Onsets([found(BEGAN_S, event=made.EVENT)])
    assert (made.EVENT not in onsets.missing([found(first_s)])) is is_there
