"""What every archive must do with losses of cameras. A store's test module subclasses it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from edge.contract.record import CameraFound, CameraLost
from hub.archive.values import EventFilter
from tests.hub.archive.conformance import OpenArchive, batch
from tests.hub.journals import Journal, Line

LOST = "01a209db-b412-703d-8000-0123456789ab"
LOSSES = EventFilter(kinds=("lost",))


def lines_of(journal: Journal, *, lost_ms: int | None = 30_000) -> list[Line]:
    """A camera that is lost, tried once more, and found half a minute later."""
    last = journal.instant(journal.now_utc - timedelta(seconds=10))
    lost = CameraLost("unreachable", "no answer", last)
    lines = [journal.add(lost, event=LOST), journal.add(lost, event=LOST)]
    journal.now_utc += timedelta(seconds=20)
    return [*lines, journal.add(CameraFound("h264", 640, 360, lost_ms=lost_ms), event=LOST)]


class LossConformance:
    """Subclasses give the fixture `open_archive`."""

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_a_loss_is_an_event_from_the_last_packet_on_in_any_order(
        self, open_archive: OpenArchive, order: tuple[int, ...]
    ) -> None:
        """However its records come, it begins where the pictures ended, and ends when found."""
        journal = Journal()
        began_utc = journal.now_utc - timedelta(seconds=10)
        lines = lines_of(journal)
        archive = open_archive()
        for index in order:
            archive.write(batch([lines[index]]))
        (event,) = archive.events(LOSSES, limit=10)
        assert (event.id, event.kind, event.state) == (LOST, "lost", "ended")
        assert event.started_utc == began_utc and event.duration_ms == 30_000
        assert event.ended_utc == journal.now_utc and event.reason == "found"
        assert archive.count(EventFilter(kinds=("motion",)), limit=10).number == 0

    def test_a_loss_that_goes_on_is_open_and_one_over_a_boot_has_no_length(
        self, open_archive: OpenArchive
    ) -> None:
        """An operator sees that a camera is away still."""
        journal, archive = Journal(), open_archive()
        lines = lines_of(journal, lost_ms=None)
        archive.write(batch(lines[:1]))
        assert [each.state for each in archive.events(LOSSES, limit=10)] == ["open"]
        archive.write(batch(lines[1:]))
        (event,) = archive.events(LOSSES, limit=10)
        assert (event.state, event.duration_ms) == ("ended", None)

    def test_losses_of_nodes_that_name_no_event_are_no_events(
        self, open_archive: OpenArchive
    ) -> None:
        """As nodes of before wrote them; they are in the records and in the coverage."""
        journal, archive = Journal(), open_archive()
        archive.write(batch([journal.add(CameraLost("stalled", "")), journal.add(
            CameraFound("h264", 640, 360))]))  # fmt: skip
        assert archive.events(LOSSES, limit=10) == []
