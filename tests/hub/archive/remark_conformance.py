"""What every archive must do with what people say of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.archive import Archive
from hub.archive.remarks import UnknownEventError
from hub.archive.values import Event, EventFilter, Remark
from tests.hub.archive.conformance import EVERYTHING, OpenArchive, batch
from tests.hub.journals import START_UTC, Journal

LATER_UTC = START_UTC + timedelta(hours=2)


def one_event(archive: Archive) -> Event:
    """An event, archived just now."""
    archive.write(batch(Journal().event()))
    (event,) = archive.events(EVERYTHING, limit=2, before=None)
    return event


class RemarkConformance:
    """Subclasses give a fixture `open_archive`: each call opens the same store anew."""

    @pytest.fixture
    def archive(self, open_archive: OpenArchive) -> Archive:
        """The store, opened once."""
        return open_archive()

    def test_an_event_is_new_until_somebody_marks_it(self, archive: Archive) -> None:
        """The newest mark is the event's, and the whole history stays."""
        event = one_event(archive)
        assert (event.mark, archive.remarks_of(event)) == ("new", [])
        said = [
            Remark("lan", START_UTC, "seen"),
            Remark("minh", LATER_UTC, "confirmed", "đường đào, trước cổng"),
            Remark("lan", LATER_UTC, note="police told"),
            Remark("lan", LATER_UTC, "false_alarm"),
        ]
        marks = [archive.remark(event, remark).mark for remark in said]
        assert marks == ["seen", "confirmed", "confirmed", "false_alarm"]
        assert archive.remarks_of(event) == said

    def test_remarks_are_there_after_reopening(self, open_archive: OpenArchive) -> None:
        """A returned remark is durable, and later records leave it alone."""
        archive, journal = open_archive(), Journal()
        first, last = journal.event()
        archive.write(batch([first]))
        (event,) = archive.events(EVERYTHING, limit=2, before=None)
        archive.remark(event, Remark("lan", LATER_UTC, "confirmed", "two men"))
        archive.close()
        again = open_archive()
        again.write(batch([last]))
        (event,) = again.events(EVERYTHING, limit=2, before=None)
        assert (event.state, event.mark) == ("ended", "confirmed")
        assert [remark.note for remark in again.remarks_of(event)] == ["two men"]

    def test_events_are_found_by_their_mark(self, archive: Archive) -> None:
        """By one, and by any of several."""
        journal = Journal()
        archive.write(batch([*journal.event(), *journal.event(), *journal.event()]))
        new, seen, confirmed = archive.events(EVERYTHING, limit=9, before=None)
        archive.remark(seen, Remark("lan", LATER_UTC, "seen"))
        archive.remark(confirmed, Remark("lan", LATER_UTC, "confirmed"))

        def found(*marks: str) -> list[str]:
            where = EventFilter(marks=marks)  # type: ignore[arg-type]
            return [event.id for event in archive.events(where, limit=9, before=None)]

        assert found("seen") == [seen.id]
        assert found("new", "confirmed") == [new.id, confirmed.id]
        assert found("false_alarm") == []

    def test_a_mark_is_a_change_of_its_event(self, archive: Archive) -> None:
        """Whoever follows the archive sees it."""
        event = one_event(archive)
        seen = archive.last_change()
        archive.remark(event, Remark("lan", LATER_UTC, note="a cat"))
        (changed,) = archive.changes(EVERYTHING, after=seen, limit=9)
        assert changed.id == event.id
        assert archive.changes(EventFilter(marks=("seen",)), after=seen, limit=9) == []

    def test_saying_the_same_again_changes_nothing(self, archive: Archive) -> None:
        """A page that was loaded twice makes no history; a note always does."""
        event = one_event(archive)
        archive.remark(event, Remark("lan", LATER_UTC, "seen"))
        change = archive.last_change()
        archive.remark(event, Remark("minh", LATER_UTC, "seen"))
        assert (len(archive.remarks_of(event)), archive.last_change()) == (1, change)
        archive.remark(event, Remark("minh", LATER_UTC, "seen", "still there"))
        assert len(archive.remarks_of(event)) == 2

    def test_a_mark_may_depend_on_the_one_before(self, archive: Archive) -> None:
        """Merely opening an event never takes back what somebody else decided meanwhile."""
        event = one_event(archive)
        opened = Remark("lan", LATER_UTC, "seen")
        assert archive.remark(event, opened, only_if="new").mark == "seen"
        archive.remark(event, Remark("minh", LATER_UTC, "confirmed"))
        assert archive.remark(event, opened, only_if="new").mark == "confirmed"
        assert len(archive.remarks_of(event)) == 2

    def test_an_event_of_another_archive_is_refused(self, archive: Archive) -> None:
        """Nothing is said of what is not here."""
        other = Journal("gate-9").event()
        event = one_event(archive)
        archive.write(batch(other))
        stranger = archive.events(EventFilter(node="gate-9"), limit=1, before=None)[0]
        mixed = replace(event, id=stranger.id)
        with pytest.raises(UnknownEventError):
            archive.remark(mixed, Remark("lan", LATER_UTC, "seen"))
        assert archive.remarks_of(event) == []
