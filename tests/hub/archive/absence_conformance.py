"""What every archive must tell of what is not there: gaps in journals, and lost files."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from edge.contract.record import FileDropped, JournalGap
from hub.archive import Archive
from hub.archive.node_values import GapFilter
from hub.archive.values import Batch, EventFilter
from tests.hub.archive.conformance import EVERYTHING, arrival, batch
from tests.hub.journals import START_UTC, Journal, Line, clip_ref, snapshot_ref

ALL = GapFilter()


class AbsenceConformance:
    """Subclasses give a fixture `archive`."""

    def test_missing_numbers_are_told_until_they_come(self, archive: Archive) -> None:
        """A hole below the newest record is open; its filling closes it."""
        journal = Journal()
        lines = [journal.booted() for _ in range(8)]
        archive.write(batch([lines[0], lines[3], lines[4], lines[7]]))
        found = [(gap.state, gap.first_seq, gap.last_seq, gap.count) for gap in archive.gaps(ALL)]
        assert found == [("missing", 2, 3, 2), ("missing", 6, 7, 2)]
        assert archive.nodes()[0].missing_records == 4
        archive.write(batch([lines[1], lines[2]]))
        assert [(gap.first_seq, gap.last_seq) for gap in archive.gaps(ALL)] == [(6, 7)]
        archive.write(batch(lines))
        assert archive.gaps(ALL) == []
        assert archive.nodes()[0].missing_records == 0

    @pytest.mark.parametrize("seed", range(10))
    def test_a_told_gap_settles_its_numbers_whatever_comes_first(
        self, archive: Archive, seed: int
    ) -> None:
        """`upto` passes over it to a record that is here; the loss stays told with its cause."""
        journal = Journal()
        lines = _with_gap(journal, first=3, last=5)
        here = [line for line in lines if not 3 <= line.header.seq <= 5]
        random.Random(seed).shuffle(here)
        for line in here:
            archive.write(batch([line]))
        progress = archive.progress(journal.node, journal.epoch)
        assert (progress.upto, progress.head, progress.also) == (8, lines[7].digest, ())
        (gap,) = archive.gaps(ALL)
        assert (gap.state, gap.first_seq, gap.last_seq, gap.count) == ("lost", 3, 5, 3)
        assert (gap.cause, gap.detail, gap.told_by) == ("corrupt", "page 7", (journal.epoch, 7))
        node = archive.nodes()[0]
        assert (node.missing_records, node.lost_records) == (0, 3)

    def test_upto_always_names_a_record_that_is_here(self, archive: Archive) -> None:
        """A gap at the end of what is known is not passed over before something follows it."""
        journal = Journal()
        lines = _with_gap(journal, first=3, last=5)
        archive.write(batch([lines[6], lines[0], lines[1]]))
        assert archive.progress(journal.node, journal.epoch).upto == 2
        assert archive.progress(journal.node, journal.epoch).also == (7,)
        archive.write(batch([lines[5]]))
        assert archive.progress(journal.node, journal.epoch).upto == 7

    def test_only_what_was_told_is_settled(self, archive: Archive) -> None:
        """A missing record beside a gap is still missing, and asked for."""
        journal = Journal()
        lines = _with_gap(journal, first=4, last=5)
        archive.write(batch([line for line in lines if line.header.seq not in (3, 4, 5)]))
        progress = archive.progress(journal.node, journal.epoch)
        assert (progress.upto, progress.also) == (2, (6, 7, 8))
        found = [(gap.state, gap.first_seq, gap.last_seq) for gap in archive.gaps(ALL)]
        assert found == [("missing", 3, 3), ("lost", 4, 5)]

    def test_a_record_that_came_all_the_same_is_not_counted_as_lost(self, archive: Archive) -> None:
        """The node may have lost what was already on its way."""
        journal = Journal()
        lines = _with_gap(journal, first=3, last=5)
        archive.write(batch([line for line in lines if line.header.seq not in (3, 5)]))
        (gap,) = archive.gaps(ALL)
        assert gap.count == 2
        assert archive.nodes()[0].lost_records == 2
        archive.write(batch([lines[4], lines[2]]))
        assert archive.nodes()[0].lost_records == 0

    def test_a_forged_neighbour_of_a_gap_is_still_refused(self, archive: Archive) -> None:
        """A gap lifts the check of the chain only where a record of it is missing."""
        journal, other = Journal(), Journal()
        lines = _with_gap(journal, first=3, last=5)
        other.event()
        archive.write(batch([line for line in lines if not 3 <= line.header.seq <= 5]))
        forged = other.booted()
        assert forged.header.seq == 3
        assert archive.write(batch([forged])).outcomes == ("chain",)

    def test_a_replaced_journal_tells_the_loss_of_the_old_one(self, archive: Archive) -> None:
        """Also where the node cannot know how many records it lost, and of one never heard of."""
        old, new = Journal(seed=1), Journal(seed=2)
        lines = [old.booted() for _ in range(5)]
        archive.write(batch([lines[0], lines[1], lines[3]]))
        archive.write(batch([new.add(JournalGap(old.epoch, 3, "corrupt"), camera=None)]))
        archive.write(batch([new.add(JournalGap("e" * 16, 1, "storage", 9), camera=None)]))
        assert archive.progress(old.node, old.epoch).upto == 4
        found = {gap.epoch: (gap.first_seq, gap.last_seq, gap.count) for gap in archive.gaps(ALL)}
        assert found == {old.epoch: (3, None, None), "e" * 16: (1, 9, 9)}
        assert archive.nodes()[0].lost_records == 10
        archive.write(batch([lines[4]]))
        assert archive.progress(old.node, old.epoch).upto == 5

    def test_a_gap_of_one_node_settles_nothing_of_another(self, archive: Archive) -> None:
        """A node speaks for its own journals only."""
        one, thief = Journal("gate-1"), Journal("gate-2")
        lines = [one.booted() for _ in range(3)]
        archive.write(batch([lines[0], lines[2]]))
        archive.write(batch([thief.add(JournalGap(one.epoch, 2, "quota", 2), camera=None)]))
        assert archive.progress("gate-1", one.epoch).upto == 1
        assert [gap.node for gap in archive.gaps(GapFilter(node="gate-1"))] == ["gate-1"]

    def test_gaps_are_asked_for_by_node_and_time(self, archive: Archive) -> None:
        """The time is that of the hub's notice."""
        for number, name in enumerate(("gate-1", "gate-2")):
            journal = Journal(name)
            lines = [journal.booted() for _ in range(3)]
            received_utc = START_UTC + timedelta(hours=number)
            archive.write(Batch(arrivals=tuple(arrival(each, received_utc) for each in lines[::2])))
        later = START_UTC + timedelta(minutes=30)
        assert [gap.node for gap in archive.gaps(ALL)] == ["gate-1", "gate-2"]
        assert [gap.node for gap in archive.gaps(GapFilter(since_utc=later))] == ["gate-2"]
        assert [gap.node for gap in archive.gaps(GapFilter(node="gate-1"))] == ["gate-1"]
        assert archive.gaps(GapFilter(node="gate-1", since_utc=later)) == []

    @pytest.mark.parametrize("is_told_first", [False, True])
    def test_a_dropped_clip_is_lost_with_its_cause(
        self, archive: Archive, is_told_first: bool
    ) -> None:
        """Whichever comes first, the word of its loss or its announcement."""
        journal = Journal()
        lines = journal.event(clip=b"clip", snapshot=b"picture")
        dropped = drop(journal, lines, b"clip")
        for line in [dropped, *lines] if is_told_first else [*lines, dropped]:
            archive.write(batch([line]))
        (event,) = archive.events(EVERYTHING, limit=9, before=None)
        assert (event.clips_announced, event.clips_stored, event.clips_lost) == (1, 0, 1)
        (clip,) = archive.clips_of(event)
        assert (clip.lost_cause, clip.stored_utc) == ("quota", None)
        assert archive.snapshots_of(event)[0].lost_cause is None
        (lost,) = archive.lost_files(ALL)
        assert (lost.event, lost.part, lost.cause) == (event.id, 0, "quota")
        assert archive.nodes()[0].lost_files == 1

    def test_a_dropped_snapshot_is_lost_too(self, archive: Archive) -> None:
        """And the event changes, so that whoever follows sees it."""
        journal = Journal()
        lines = journal.event(clip=b"clip", snapshot=b"picture")
        archive.write(batch(lines))
        seen = archive.last_change()
        body = FileDropped(
            "snapshot", snapshot_ref(b"picture", journal.instant()).sha256, 7, "missing"
        )
        archive.write(batch([journal.add(body, event=lines[0].header.event)]))
        (event,) = archive.changes(EVERYTHING, after=seen, limit=9)
        assert archive.snapshots_of(event)[0].lost_cause == "missing"
        assert event.clips_lost == 0

    def test_a_file_that_came_all_the_same_is_not_lost(self, archive: Archive) -> None:
        """The bytes are here, whatever the node said."""
        journal = Journal()
        lines = journal.event(clip=b"clip")
        archive.write(batch([*lines, drop(journal, lines, b"clip")]))
        (event,) = archive.events(EVERYTHING, limit=9, before=None)
        event = archive.clip_stored(archive.clips_of(event)[0], START_UTC)
        assert (event.clips_stored, event.clips_lost) == (1, 0)
        assert archive.clips_of(event)[0].lost_cause is None
        assert archive.lost_files(ALL) == []

    def test_a_node_loses_only_its_own_files(self, archive: Archive) -> None:
        """The same event and hash under another node's name change nothing."""
        journal, thief = Journal("gate-1"), Journal("gate-2")
        lines = journal.event(clip=b"clip")
        archive.write(batch([*lines, drop(thief, lines, b"clip")]))
        (event,) = archive.events(EventFilter(node="gate-1"), limit=9, before=None)
        assert event.clips_lost == 0


def _with_gap(journal: Journal, *, first: int, last: int) -> list[Line]:
    """Eight records, of which the seventh tells that those from `first` to `last` are lost."""
    lines = [journal.booted() for _ in range(6)]
    lines.append(
        journal.add(JournalGap(journal.epoch, first, "corrupt", last, "page 7"), camera=None)
    )
    return [*lines, journal.booted()]


def drop(journal: Journal, lines: list[Line], content: bytes) -> Line:
    """The clip of these bytes, which the first of `lines` began an event for, will not come."""
    sha256 = clip_ref(content, journal.instant()).sha256
    body = FileDropped("clip", sha256, len(content), "quota", 0)
    return journal.add(body, event=lines[0].header.event)
