"""What every archive must make of the records of a tampering."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from edge.contract import ids
from edge.contract.record import (
    CameraRestored,
    CameraTampered,
    EventEnded,
    EventStarted,
    EventUpdated,
)
from hub.archive import Archive
from hub.archive.values import EventFilter
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal, Line, clip_ref, snapshot_ref

TAMPERED = EventFilter(kinds=("tampered",))
LASTED = timedelta(seconds=40)


def tampering(journal: Journal) -> list[Line]:
    """A camera is covered and uncovered: five records of one event."""
    since_utc = journal.now_utc
    event, since = ids.new_event(since_utc), journal.instant()
    over = journal.instant(since_utc + LASTED)
    earlier = journal.instant(since_utc - timedelta(seconds=3))
    told = CameraTampered(
        "covered", since, journal.instant(since_utc + timedelta(seconds=5)), 0.9,
        snapshot_ref(b"before", earlier), snapshot_ref(b"after", since),
    )  # fmt: skip
    bodies = (
        EventStarted("tampered", since, (), 0.9),
        told,
        EventUpdated(clip_ref(b"clip", since), ()),
        CameraRestored("covered", since, over, 40_000, "restored"),
        EventEnded("tampered", since, over, 40_000, "quiet", (), 0.9, 1),
    )
    return [journal.add(body, event=event) for body in bodies]


class TamperConformance:
    """Subclasses give a fixture `archive`."""

    @pytest.mark.parametrize("order", list(permutations(range(5)))[::7])
    def test_a_tampering_is_an_event_whatever_order_its_records_come_in(
        self, archive: Archive, order: tuple[int, ...]
    ) -> None:
        """With its fault, how it ended, both pictures and its clip."""
        lines = tampering(Journal())
        for number in order:
            archive.write(batch([lines[number]]))
        (event,) = archive.events(TAMPERED, limit=10, before=None)
        assert (event.kind, event.tampering, event.tamper_outcome) == (
            "tampered", "covered", "restored",
        )  # fmt: skip
        assert (event.state, event.duration_ms, event.parts) == ("ended", 40_000, 1)
        assert len(archive.snapshots_of(event)) == 2
        assert len(archive.clips_of(event)) == 1

    def test_a_tampering_that_lasts_is_open(self, archive: Archive) -> None:
        """And says so."""
        archive.write(batch(tampering(Journal())[:3]))
        (event,) = archive.events(TAMPERED, limit=10, before=None)
        assert (event.state, event.tampering, event.tamper_outcome) == ("open", "covered", None)

    def test_motion_is_not_among_tampering(self, archive: Archive) -> None:
        """Each kind is found by its name."""
        journal = Journal()
        archive.write(batch([*journal.event(), *tampering(journal)]))
        kinds = [each.kind for each in archive.events(EventFilter(), limit=10, before=None)]
        assert sorted(map(str, kinds)) == ["motion", "tampered"]
        (event,) = archive.events(EventFilter(kinds=("motion",)), limit=10, before=None)
        assert event.tampering is None
