"""What every archive must do with the times of clocks that were not set."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edge.contract import record
from edge.contract.record import ClockStepped, EventEnded
from edge.contract.status import Status
from hub.archive import Archive
from hub.archive.values import Batch, Event, EventFilter, StatusNote
from tests.hub.archive.conformance import EVERYTHING, arrival, batch
from tests.hub.journals import START_UTC, Journal, Line

LONG_AGO = datetime(1970, 1, 1, tzinfo=START_UTC.tzinfo) - START_UTC
SECOND_BOOT, THIRD_BOOT = "c" * 32, "d" * 32


def events(archive: Archive, where: EventFilter = EVERYTHING) -> list[Event]:
    """All that fit, newest first."""
    return archive.events(where, limit=99, before=None)


class TimeConformance:
    """Subclasses give a fixture `archive`."""

    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize("is_stepped", [True, False])
    def test_an_event_before_the_sync_is_placed_whatever_the_order(
        self, archive: Archive, seed: int, is_stepped: bool
    ) -> None:
        """By clock.stepped, or by the first record of the same boot whose clock was set."""
        journal = Journal()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        true_utc = journal.now_utc
        lines = [*journal.event(zones=("path",)), *journal.event(zones=("path",))]
        journal.now_utc += timedelta(hours=2)
        if is_stepped:
            lines.append(journal.sync())
        else:
            journal.clock, journal.wrong_by = "synced", timedelta(0)
            lines.append(journal.booted())
        random.Random(seed).shuffle(lines)
        for line in lines:
            archive.write(batch([line]))
        later, first = events(archive, EventFilter(zone="path"))
        assert events(archive) == [later, first]
        assert (first.started_utc, later.started_utc) == (true_utc, true_utc + timedelta(seconds=2))
        assert first.started_claimed_utc == true_utc + LONG_AGO
        assert first.ended_utc == true_utc + timedelta(milliseconds=4200)
        assert (first.is_corrected, first.clock, first.duration_ms) == (True, "unsynced", 4200)
        assert first.error_ms is not None and 5 <= first.error_ms <= 5 + 7300 * 0.5 + 1
        where = EventFilter(since_utc=true_utc, until_utc=true_utc + timedelta(seconds=1))
        assert events(archive, where) == [first]

    def test_correcting_shows_as_a_change_once(self, archive: Archive) -> None:
        """Whoever follows the archive sees the better time; hearing it again changes nothing."""
        journal = Journal()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        archive.write(batch(journal.event()))
        seen = archive.last_change()
        anchor = journal.sync()
        archive.write(batch([anchor]))
        (event,) = archive.changes(EVERYTHING, after=seen, limit=9)
        assert event.is_corrected
        seen = archive.last_change()
        archive.write(batch([anchor, journal.booted()]))
        assert archive.last_change() == seen

    def test_a_set_clock_is_believed(self, archive: Archive) -> None:
        """Its own times stand, and another boot's anchor does not move them."""
        journal = Journal()
        lines = journal.event()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        archive.write(batch([*lines, journal.sync()]))
        (event,) = events(archive)
        assert event.started_utc == event.started_claimed_utc == START_UTC
        assert (event.is_corrected, event.clock, event.error_ms) == (False, "synced", 5)

    @pytest.mark.parametrize("repeats_old_time", [True, False])
    def test_an_event_that_ends_after_the_sync_is_placed_by_its_end(
        self, archive: Archive, repeats_old_time: bool
    ) -> None:
        """Its last record's clock was set, whatever wall times of the start it repeats."""
        journal = Journal()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        true_utc = journal.now_utc
        started, _ = journal.event()
        archive.write(batch([started]))
        journal.lines.pop()
        begun, end = journal.instant(true_utc), journal.instant(true_utc + timedelta(seconds=2))
        journal.clock, journal.wrong_by = "synced", timedelta(0)
        if not repeats_old_time:
            begun, end = (replace(each, utc=each.utc - LONG_AGO) for each in (begun, end))
        ended = EventEnded("motion", begun, end, 2000, "quiet", (), 0.1, 0)
        archive.write(batch([journal.add(ended, event=started.header.event)]))
        (event,) = events(archive)
        assert (event.started_utc, event.clock) == (true_utc, "synced")
        assert event.ended_utc == true_utc + timedelta(seconds=2)
        assert event.is_corrected == repeats_old_time

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_a_step_within_an_event_moves_its_start_not_its_duration(
        self, archive: Archive, hours: int
    ) -> None:
        """Also of a clock that was believed before."""
        journal = Journal()
        true_utc = journal.now_utc
        journal.wrong_by = timedelta(hours=hours)
        started, ended = journal.event()
        body = record.decode(ended.payload).body
        assert isinstance(body, EventEnded)
        journal.lines.pop()
        journal.sync()
        ended = journal.add(body, event=started.header.event)
        archive.write(batch([started, journal.lines[1], ended]))
        (event,) = events(archive)
        assert (event.started_utc, event.duration_ms, event.is_corrected) == (true_utc, 4200, True)
        assert event.ended_utc == true_utc + timedelta(milliseconds=4200)

    @pytest.mark.parametrize("seed", range(6))
    def test_an_event_ended_by_the_next_boot_keeps_its_own_start(
        self, archive: Archive, seed: int
    ) -> None:
        """The record after a crash repeats moments of a clock that it does not have itself."""
        journal = Journal()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        true_utc = journal.now_utc
        started, _ = journal.event()
        journal.lines.pop()
        begun, ended = journal.instant(true_utc), journal.instant(true_utc + timedelta(seconds=9))
        lines = [started, journal.sync()]
        journal.now_utc += timedelta(hours=1)
        journal.reboot(THIRD_BOOT)
        lines.append(
            journal.add(
                EventEnded("motion", begun, ended, 9000, "interrupted", (), 0.1, 0),
                event=started.header.event,
            )
        )
        random.Random(seed).shuffle(lines)
        for line in lines:
            archive.write(batch([line]))
        (event,) = events(archive)
        assert (event.started_utc, event.is_corrected) == (true_utc, True)
        assert event.ended_utc == true_utc + timedelta(seconds=9)
        assert event.reason == "interrupted"

    def test_a_boot_that_was_never_set_shows_a_range(self, archive: Archive) -> None:
        """Between the last that is known of the boot before it, and its own receipt."""
        journal = Journal()
        before = journal.booted()
        journal.now_utc += timedelta(hours=1)
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        true_utc = journal.now_utc
        lines = journal.event()
        received_utc = true_utc + timedelta(minutes=5)
        archive.write(
            Batch(arrivals=tuple(arrival(each, received_utc) for each in [before, *lines]))
        )
        (event,) = events(archive)
        assert (event.placed, event.is_corrected, event.error_ms) == ("bounded", False, None)
        assert event.earliest_utc == before.header.at_utc
        assert event.latest_utc == received_utc - timedelta(seconds=2)  # the end came 2 s later
        assert event.started_claimed_utc == true_utc + LONG_AGO

    def test_receipts_narrow_the_range_of_a_boot_never_set(self, archive: Archive) -> None:
        """A record that comes at once tells how late the earlier ones were."""
        journal = Journal()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        true_utc = journal.now_utc
        lines = journal.event()
        late_utc = true_utc + timedelta(hours=9)
        archive.write(Batch(arrivals=tuple(arrival(each, late_utc) for each in lines)))
        journal.now_utc = late_utc + timedelta(minutes=3)
        archive.write(Batch(arrivals=(arrival(journal.booted(), journal.now_utc),)))
        (event,) = events(archive)
        assert event.latest_utc == event.started_utc == true_utc

    def test_the_receipt_bounds_the_next_boot_only_if_the_node_was_online_in_its_boot(
        self, archive: Archive
    ) -> None:
        """What a later boot sent of an earlier one says nothing of when the later one began."""
        sent_utc = START_UTC + timedelta(hours=3)
        for online_in, expected in ((THIRD_BOOT, None), (SECOND_BOOT, START_UTC)):
            journal = Journal(f"gate-{online_in[0]}")
            journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
            early = arrival(journal.booted(), START_UTC)
            journal.reboot(THIRD_BOOT, clock="unsynced", wrong_by=LONG_AGO)
            late = [arrival(each, sent_utc) for each in journal.event()]
            archive.write(Batch(statuses=(_online(journal, online_in),), arrivals=(early,)))
            status = _online(journal, THIRD_BOOT)
            archive.write(Batch(statuses=(status,), arrivals=tuple(late)))
            (event,) = events(archive, EventFilter(node=journal.node))
            assert event.earliest_utc == expected

    def test_a_record_whose_clock_held_over_is_the_last_resort(self, archive: Archive) -> None:
        """A step tells better than a clock that ran on alone, a set clock better than both."""
        journal = Journal()
        journal.reboot(SECOND_BOOT, clock="unsynced", wrong_by=LONG_AGO)
        true_utc = journal.now_utc
        archive.write(batch(journal.event()))
        journal.clock, journal.wrong_by = "holdover", timedelta(minutes=-7)
        archive.write(batch([journal.booted()]))
        assert events(archive)[0].started_utc == true_utc - timedelta(minutes=7)
        body = ClockStepped(START_UTC, journal.now_utc + timedelta(minutes=2, seconds=1), 1)
        journal.clock, journal.wrong_by = "unsynced", timedelta(0)
        archive.write(batch([journal.add(body, camera=None)]))
        assert events(archive)[0].started_utc == true_utc + timedelta(minutes=2)
        journal.clock, journal.wrong_by = "synced", timedelta(0)
        archive.write(batch([journal.booted()]))
        assert events(archive)[0].started_utc == true_utc

    def test_steps_do_not_reorder_merge_or_lose_events_of_a_journal(self, archive: Archive) -> None:
        """Whatever the wall clock did, the records of a node stand in the order of its journal."""
        journal = Journal()
        lines: list[Line] = []
        for years in (0, 30, -40, 0, 12):
            journal.wrong_by = timedelta(days=365 * years)
            lines += journal.event()
        archive.write(batch(lines))
        found = events(archive)
        assert len({event.id for event in found}) == 5
        records = [
            (stored.epoch, stored.seq) for event in found for stored in archive.records_of(event)
        ]
        assert sorted(records) == [(journal.epoch, line.header.seq) for line in lines]


def _online(journal: Journal, boot: str) -> StatusNote:
    status = Status(1, "online", boot, "0.1.0", journal.epoch, "A" * 43 + "=", ("door",))
    return StatusNote(journal.node, status, START_UTC)
