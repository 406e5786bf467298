"""What the gate spares costs no event: the same recordings with and without it."""

from __future__ import annotations

import pytest

from edge.contract.motion import MotionSettings
from tests.footage.gate_replay import view
from tests.harness.footage import Footage, find_footage

pytestmark = pytest.mark.footage

FOOTAGE = find_footage()
NAMES = FOOTAGE.names if FOOTAGE else []
LATE_S = 0.125  # one analysed frame: at 25 a second, every third is looked at


@pytest.mark.parametrize("name", NAMES)
def test_every_event_of_full_decoding_is_found_and_none_later(footage: Footage, name: str) -> None:
    """On each recording, labelled or not: what full decoding finds is the truth here."""
    path = footage.recording(name).path
    wanted = view(path, MotionSettings(decode="all")).events
    seen = view(path, MotionSettings(decode="auto"))
    assert not seen.lost(wanted), seen.events
    assert all(late_s <= LATE_S for late_s in seen.late_s(wanted)), seen.events


def test_a_street_that_is_mostly_still_is_mostly_not_decoded(footage: Footage) -> None:
    """Ten minutes with 20 crossings; the sizes of the packets see more of them than they miss."""
    seen = view(footage.recording("street-day").path, MotionSettings())
    assert seen.share < 0.55
    assert seen.counts.missed < seen.counts.events / 2
    assert seen.counts.false <= 6
    assert seen.modes["gate"] > 0.8 * seen.counts.packets
