"""What the gate spares costs no event: the same recordings with and without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from edge.contract.motion import MotionSettings
from scripts.bench.seeing_footage import known
from tests.footage.gate_replay import Viewed, view
from tests.footage.plays import LONGEST, by_recording, of_recording
from tests.harness.footage import Footage, find_footage

pytestmark = pytest.mark.footage

FOOTAGE = find_footage()
NAMES = FOOTAGE.names if FOOTAGE else []
LABELLED = [each for each in NAMES if FOOTAGE and FOOTAGE.recording(each).labels.static]
LATE_S = 0.125  # one analysed frame: at 25 a second, every third is looked at

Mode = Literal["all", "auto"]
Views = Callable[[str, Mode], Viewed]


@pytest.fixture(scope="session")
def views(footage: Footage) -> Views:
    """Each recording is played once each way, when first asked for."""
    done: dict[tuple[str, Mode], Viewed] = {}

    def get(name: str, decode: Mode) -> Viewed:
        if (name, decode) not in done:
            done[name, decode] = view(footage.recording(name).path, MotionSettings(decode=decode))
        return done[name, decode]

    return get


@by_recording("gate", NAMES, slow=LONGEST)
def test_every_event_of_full_decoding_is_found_and_none_later(views: Views, name: str) -> None:
    """On each recording, labelled or not: what full decoding finds is the truth here."""
    wanted, seen = views(name, "all").events, views(name, "auto")
    assert not seen.lost(wanted), seen.events
    assert all(late_s <= LATE_S for late_s in seen.late_s(wanted)), seen.events


@by_recording("gate", NAMES, slow=LONGEST)
def test_the_gate_adds_nothing_to_the_events_of_full_decoding(views: Views, name: str) -> None:
    """No event of its own, and none that begins before, ends after or goes on between them."""
    wanted, seen = views(name, "all").events, views(name, "auto")
    assert not seen.added(wanted), seen.events
    assert all(beyond_s <= LATE_S for beyond_s in seen.beyond_s(wanted)), seen.events


@by_recording("gate", LABELLED)
def test_what_the_gate_lets_through_raises_no_alarm_for_nothing(
    footage: Footage, views: Views, name: str
) -> None:
    """By the rules of the scores: none where nobody is, and none that goes on when he has gone."""
    (recording,) = known(footage, frozenset({name}))
    sums = views(name, "auto").tally(recording)
    assert sums.alarms == 0
    assert sums.met == sums.required


@of_recording("gate", "street-day")
def test_a_street_that_is_mostly_still_is_mostly_not_decoded(views: Views) -> None:
    """Ten minutes with 20 crossings; the sizes of the packets see more of them than they miss."""
    seen = views("street-day", "auto")
    assert seen.share < 0.55
    assert seen.counts.missed < seen.counts.events / 2
    assert seen.counts.false <= 6
    assert seen.modes["gate"] > 0.8 * seen.counts.packets
