"""What every archive must do. A store's test module subclasses `ArchiveConformance`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from edge.contract import names, record
from edge.contract.record import EventUpdated
from edge.contract.status import Status
from hub.archive import Archive
from hub.archive.registry_values import Area, Camera, Place
from hub.archive.scope import NOTHING, Scope
from hub.archive.values import (
    Arrival,
    Batch,
    CameraKey,
    Credential,
    EventFilter,
    HealthNote,
    PageKey,
    Refusal,
    StatusNote,
)
from tests.hub.journals import BOOT, START_UTC, Journal, Line, clip_ref

EVERYTHING = EventFilter()
OpenArchive = Callable[[], Archive]


def arrival(line: Line, received_utc: datetime = START_UTC) -> Arrival:
    """The line as ingest hands it over."""
    return Arrival(
        record.decode(line.payload), line.payload, line.signature, line.digest, received_utc
    )


def batch(lines: Iterable[Line]) -> Batch:
    """A batch of records only."""
    return Batch(arrivals=tuple(arrival(line) for line in lines))


class ArchiveConformance:
    """Subclasses give a fixture `open_archive`: each call opens the same store anew."""

    @pytest.fixture
    def archive(self, open_archive: OpenArchive) -> Archive:
        """The store, opened once."""
        return open_archive()

    def test_a_record_comes_back_byte_for_byte(self, archive: Archive) -> None:
        """Payload and signature are kept exactly as received, for later proof."""
        journal = Journal()
        lines = journal.event()
        archive.write(batch(lines))
        (event,) = archive.events(EVERYTHING, limit=10, before=None)
        stored = archive.records_of(event)
        assert [(each.payload, each.signature, each.digest) for each in stored] == [
            (line.payload, line.signature, line.digest) for line in lines
        ]
        assert [(each.epoch, each.seq) for each in stored] == [
            (journal.epoch, 1), (journal.epoch, 2),
        ]  # fmt: skip

    def test_what_was_written_is_there_after_reopening(self, open_archive: OpenArchive) -> None:
        """A returned write is durable."""
        journal, archive = Journal(), open_archive()
        archive.write(batch(journal.event()))
        archive.close()
        again = open_archive()
        assert len(again.events(EVERYTHING, limit=10, before=None)) == 1
        assert again.progress(journal.node, journal.epoch).upto == 2

    def test_a_record_sent_again_is_known_and_changes_nothing(self, archive: Archive) -> None:
        """Duplicates are harmless."""
        lines = Journal().event()
        archive.write(batch(lines))
        change = archive.last_change()
        written = archive.write(batch(lines))
        assert written.outcomes == ("known", "known")
        assert written.ended == ()
        assert archive.last_change() == change

    def test_a_record_twice_in_one_batch_is_stored_once(self, archive: Archive) -> None:
        """Duplicates within a transaction are as harmless as later ones."""
        (line,) = [Journal().booted()]
        assert archive.write(batch([line, line])).outcomes == ("stored", "known")

    def test_another_record_under_a_known_number_is_refused_and_counted(
        self, archive: Archive
    ) -> None:
        """The same (node, epoch, seq) with another hash is a security alarm."""
        one, other = Journal(), Journal()
        archive.write(batch([one.booted()]))
        other.event()
        written = archive.write(batch(other.lines[:1]))
        assert written.outcomes == ("conflict",)
        assert archive.counts() == {("alarm.conflict", "gate-1"): 1}
        assert archive.quarantined(limit=9)[0].payload == other.lines[0].payload
        assert archive.progress(one.node, one.epoch).head == one.lines[0].digest

    def test_progress_is_the_end_of_what_has_no_gap(self, archive: Archive) -> None:
        """`upto` stops before the first missing record; what came beyond it is `also`."""
        journal = Journal()
        lines = [journal.booted() for _ in range(6)]
        archive.write(batch([lines[0], lines[1], lines[3], lines[5]]))
        progress = archive.progress(journal.node, journal.epoch)
        assert (progress.upto, progress.head) == (2, lines[1].digest)
        assert progress.also == (4, 6)

    def test_a_filled_gap_moves_progress_over_what_came_early(self, archive: Archive) -> None:
        """Reordering is harmless."""
        journal = Journal()
        lines = [journal.booted() for _ in range(6)]
        for line in reversed(lines):
            archive.write(batch([line]))
        progress = archive.progress(journal.node, journal.epoch)
        assert (progress.upto, progress.head, progress.also) == (6, lines[-1].digest, ())

    def test_progress_of_an_unknown_journal_is_nothing(self, archive: Archive) -> None:
        """A node that starts afresh learns that nothing of it is archived."""
        progress = archive.progress("gate-1", "0" * 16)
        assert (progress.upto, progress.head) == (0, names.FIRST_HASH)

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_a_broken_chain_is_never_archived_whole(
        self, archive: Archive, order: tuple[int, ...]
    ) -> None:
        """Of records that do not continue each other, those that come later are refused."""
        one, other = Journal(), Journal()
        lines = [one.booted() for _ in range(3)]
        other.event()
        forged = other.booted()
        assert forged.header.seq == 3
        lines[2] = forged
        outcomes = [archive.write(batch([lines[index]])).outcomes[0] for index in order]
        assert outcomes.count("chain") == 1
        assert archive.counts() == {("alarm.chain", "gate-1"): 1}

    def test_a_first_record_that_claims_a_predecessor_is_refused(self, archive: Archive) -> None:
        """A chain begins with zeros."""
        journal = Journal()
        journal.booted()
        second = journal.booted()
        text = second.payload.replace(b'"seq":2', b'"seq":1')
        assert archive.write(batch([journal.sign(text, second.header)])).outcomes == ("chain",)

    @pytest.mark.parametrize("seed", range(12))
    def test_events_end_in_the_same_state_whatever_the_order(
        self, archive: Archive, seed: int
    ) -> None:
        """An event ended before it started, or updated before either, is the same event."""
        journal = Journal()
        lines = journal.event(clip=b"c" * 9, more_parts=(b"a" * 9, b"b" * 9), zones=("x", "y"))
        random.Random(seed).shuffle(lines)
        for line in lines:
            archive.write(batch([line]))
        (event,) = archive.events(EVERYTHING, limit=10, before=None)
        assert (event.state, event.kind, event.reason) == ("ended", "motion", "quiet")
        assert (event.started_utc, event.duration_ms) == (START_UTC, 4200)
        assert (event.zones, event.parts, event.clips_announced) == (("x", "y"), 3, 3)
        assert [clip.part for clip in archive.clips_of(event)] == [0, 1, 2]
        assert archive.events(EventFilter(zone="y"), limit=10, before=None) == [event]

    def test_a_write_tells_which_events_it_ended_once(self, archive: Archive) -> None:
        """The caller can announce each event once, however often its records come."""
        first, last = Journal().event()
        assert archive.write(batch([first])).ended == ()
        ended = archive.write(batch([last])).ended
        assert [(event.state, event.duration_ms) for event in ended] == [("ended", 4200)]
        assert archive.write(batch([first, last])).ended == ()

    def test_an_event_id_belongs_to_its_node(self, archive: Archive) -> None:
        """A node that uses another's event id makes an event of its own."""
        journal = Journal()
        lines = journal.event()
        thief = Journal("gate-2")
        body = record.decode(lines[1].payload).body
        assert body is not None
        archive.write(batch([*lines, thief.add(body, event=lines[1].header.event)]))
        events = archive.events_by_id(str(lines[0].header.event), limit=5)
        assert sorted(event.node for event in events) == ["gate-1", "gate-2"]

    def test_the_largest_numbers_of_the_wire_are_archived(self, archive: Archive) -> None:
        """A signed record with absurd numbers is archived like any other."""
        journal = Journal()
        lines = journal.event(clip=b"c")
        huge = lines[1].payload.replace(b'"duration_ms":4200', b'"duration_ms":%d' % (2**63 - 1))
        archive.write(batch([lines[0], journal.sign(huge, lines[1].header)]))
        update = EventUpdated(clip_ref(b"x", journal.instant()), ())
        line = journal.add(update, event=lines[0].header.event)
        odd = line.payload.replace(b'"pre_roll_ms":3000', b'"pre_roll_ms":%d' % (2**63 - 1))
        odd = odd.replace(line.header.prev.encode(), record.digest(huge).encode())
        assert archive.write(batch([journal.sign(odd, line.header)])).outcomes == ("stored",)

    def test_pages_go_back_in_time_without_gap_or_repeat(self, archive: Archive) -> None:
        """Keyset paging, also where events start in the same millisecond."""
        lines = []
        for number in range(7):
            journal = Journal(f"gate-{number}")
            lines += [*journal.event(), *journal.event()]
        archive.write(batch(lines))
        whole = archive.events(EVERYTHING, limit=100, before=None)
        paged, before = [], None
        while page := archive.events(EVERYTHING, limit=3, before=before):
            paged += page
            before = PageKey.parse(str(page[-1].key))
        assert paged == whole
        assert len(whole) == 14
        assert [event.started_utc for event in whole] == sorted(
            (event.started_utc for event in whole), reverse=True
        )

    def test_filters_select_by_every_field(self, archive: Archive) -> None:
        """Time, node, camera, kind, zone and least duration; together they all hold."""
        one, two = Journal("gate-1"), Journal("gate-2", start_utc=START_UTC + timedelta(hours=1))
        archive.write(batch(one.event(camera="door", zones=("path",), duration_ms=1000)))
        archive.write(batch(two.event(camera="yard", zones=("lawn",), duration_ms=9000)))
        border = START_UTC + timedelta(minutes=30)

        def nodes(**where: object) -> list[str]:
            found = archive.events(EventFilter(**where), limit=9, before=None)  # type: ignore[arg-type]
            return [event.node for event in found]

        assert nodes() == ["gate-2", "gate-1"]
        assert nodes(since_utc=border) == nodes(node="gate-2") == nodes(camera="yard")
        assert nodes(zone="lawn") == nodes(min_duration_ms=2000) == nodes(since_utc=border)
        assert nodes(until_utc=border) == nodes(node="gate-1", kinds=("motion",)) == ["gate-1"]
        assert nodes(since_utc=START_UTC, until_utc=START_UTC) == []
        assert (
            nodes(zone="lawn", until_utc=border)
            == nodes(node="gate-3")
            == nodes(kinds=("x",))
            == []
        )

    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_the_newest_labels_of_an_event_count_whatever_the_order(
        self, archive: Archive, order: tuple[int, ...]
    ) -> None:
        """An event is found by what it was taken for last, the surest label first."""
        journal = Journal()
        lines = journal.event()
        lines += [journal.labels(lines[0], animal=0.6)]
        lines += [journal.labels(lines[0], vehicle=0.5, person=0.9)]
        for number in order:
            archive.write(batch([lines[number]]))
        (event,) = archive.events(EVERYTHING, limit=9, before=None)
        assert event.labels is not None
        assert [(each.label, each.confidence) for each in event.labels] == [
            ("person", 0.9), ("vehicle", 0.5),
        ]  # fmt: skip
        assert (event.state, event.zones, event.started_utc) == ("ended", ("path",), START_UTC)
        for label, found in (("person", [event]), ("vehicle", [event]), ("animal", [])):
            where = EventFilter(label=label)
            assert archive.events(where, limit=9, before=None) == found
            assert archive.changes(where, after=0, limit=9) == found
        both = EventFilter(label="person", zone="path")
        assert archive.events(both, limit=9, before=None) == [event]
        assert archive.events(EventFilter(label="person", zone="x"), limit=9, before=None) == []

    def test_an_event_is_there_though_only_its_labels_came(self, archive: Archive) -> None:
        """Its other records may be lost, or still on their way."""
        journal = Journal()
        first, _ = journal.event()
        archive.write(batch([journal.labels(first, person=0.8)]))
        (event,) = archive.events(EventFilter(label="person"), limit=9, before=None)
        assert (event.id, event.state, event.kind) == (first.header.event, "open", None)

    def test_no_labels_is_told_from_not_looked_at(self, archive: Archive) -> None:
        """A model that found nothing says so."""
        journal = Journal()
        first, last = journal.event()
        archive.write(batch([first, last]))
        assert archive.events(EVERYTHING, limit=9, before=None)[0].labels is None
        archive.write(batch([journal.labels(first)]))
        assert archive.events(EVERYTHING, limit=9, before=None)[0].labels == ()

    def test_changes_list_each_event_at_its_newest_change(self, archive: Archive) -> None:
        """Following the archive shows an event when it starts, ends, and gets its clip."""
        first, last = Journal().event(clip=b"clip")
        archive.write(batch([first]))
        seen = archive.last_change()
        assert [e.state for e in archive.changes(EVERYTHING, after=0, limit=9)] == ["open"]
        assert archive.changes(EVERYTHING, after=seen, limit=9) == []
        archive.write(batch([last]))
        (event,) = archive.changes(EventFilter(zone="path"), after=seen, limit=9)
        assert (event.state, event.clips_stored) == ("ended", 0)
        archive.clip_stored(archive.clips_of(event)[0], START_UTC)
        (event,) = archive.changes(EVERYTHING, after=event.change, limit=9)
        assert event.clips_stored == 1
        assert archive.changes(EventFilter(zone="lawn"), after=0, limit=9) == []

    def test_an_event_is_found_by_the_beginning_of_its_id(self, archive: Archive) -> None:
        """People copy the part of an id that they see."""
        journal = Journal()
        archive.write(batch([*journal.event(), *journal.event()]))
        (one, two) = archive.events(EVERYTHING, limit=9, before=None)
        assert archive.events_by_id(one.id, limit=9) == [one]
        assert archive.events_by_id(two.id[:-1], limit=9) == [two]
        assert len(archive.events_by_id(one.id[:6], limit=9)) == 2
        assert archive.events_by_id("ffff", limit=9) == []

    def test_only_the_clip_that_a_record_announced_is_known(self, archive: Archive) -> None:
        """An upload is checked against node, event, part and hash of a signed record."""
        lines = Journal().event(clip=b"clip")
        archive.write(batch(lines))
        event = str(lines[0].header.event)
        (clip,) = archive.clips_of(archive.events_by_id(event, limit=1)[0])
        assert archive.announced_clip("gate-1", event, 0, clip.sha256) == clip
        assert archive.announced_clip("gate-2", event, 0, clip.sha256) is None
        assert archive.announced_clip("gate-1", event, 1, clip.sha256) is None
        assert archive.announced_clip("gate-1", event, 0, "0" * 64) is None

    def test_a_stored_clip_is_marked_once(self, archive: Archive) -> None:
        """The first time of storing stays; saying it again is harmless."""
        archive.write(batch(Journal().event(clip=b"clip")))
        (event,) = archive.events(EVERYTHING, limit=1, before=None)
        (clip,) = archive.clips_of(event)
        assert archive.clip_stored(clip, START_UTC).clips_stored == 1
        archive.clip_stored(clip, START_UTC + timedelta(days=1))
        (stored,) = archive.clips_of(event)
        assert stored.stored_utc == START_UTC
        assert archive.recently_stored("gate-1", 5)[0] == [stored]

    def test_the_newest_snapshot_follows_the_journal_not_the_clock(self, archive: Archive) -> None:
        """A node whose clock stepped back still shows its last picture."""
        journal = Journal()
        old = journal.event(snapshot=b"old")
        journal.now_utc -= timedelta(days=365)
        new = journal.event(snapshot=b"new")
        archive.write(batch([*old, *new]))
        shots = [
            archive.snapshots_of(archive.events_by_id(str(line.header.event), limit=1)[0])[0]
            for line in (new[0], old[0])
        ]
        for shot in shots:
            archive.snapshots_stored([shot], START_UTC)
        (newest,) = archive.newest_snapshots("gate-1")
        assert newest.event == new[0].header.event
        assert newest.stored_utc == START_UTC
        assert len(archive.recently_stored("gate-1", 5)[1]) == 2
        found = archive.announced_snapshot("gate-1", newest.event, newest.sha256)
        assert found == newest
        assert archive.announced_snapshot("gate-2", newest.event, newest.sha256) is None

    def test_a_camera_s_picture_is_for_who_may_see_its_event(self, archive: Archive) -> None:
        """Where the camera hung when it was taken counts, not where it hangs now."""
        lines = [*Journal("gate-1").event(camera="door", snapshot=b"door")]
        lines += Journal("gate-1", seed=2).event(camera="yard", snapshot=b"yard")
        lines += Journal("gate-2").event(camera="door", snapshot=b"other")
        archive.write(batch(lines))
        for event in archive.events(EventFilter(), limit=9, before=None):
            archive.snapshots_stored(archive.snapshots_of(event), START_UTC)
        later = START_UTC + timedelta(hours=1)
        before = archive.registry()
        cameras = (
            Camera("gate-1", "door", places=(Place(area="north"), Place(later, "south"))),
            Camera("gate-1", "yard", places=(Place(area="south"),)),
            Camera("gate-2", "door"),
        )
        areas = (Area("north", "town", "North"), Area("south", "town", "South"))
        assert archive.replace_registry(before, replace(before, areas=areas, cameras=cameras))

        def seen(scope: Scope, of: CameraKey | None = None) -> list[tuple[str, str]]:
            return [(each.node, each.camera) for each in archive.pictures(scope, of)]

        door, yard, other = (each.key for each in cameras)
        assert seen(Scope(is_everything=True)) == [door, yard, other]
        assert seen(Scope(is_everything=True), yard) == [yard]
        north, south = (Scope(areas=frozenset({each.code})) for each in areas)
        assert (seen(north), seen(south), seen(NOTHING)) == ([door], [yard], [])
        assert (seen(north, door), seen(south, door)) == ([door], [])

    def test_the_first_key_of_a_node_stays(self, archive: Archive) -> None:
        """A later key does not replace the pinned one."""
        assert archive.pin_key("gate-1", b"a" * 32, START_UTC) == b"a" * 32
        assert archive.pin_key("gate-1", b"b" * 32, START_UTC) == b"a" * 32
        assert archive.pinned_keys() == {"gate-1": b"a" * 32}

    def test_a_replaced_box_may_bring_a_new_key(self, archive: Archive) -> None:
        """After the operator said so, the next key is pinned."""
        archive.pin_key("gate-1", b"a" * 32, START_UTC)
        archive.unpin_key("gate-1", START_UTC)
        assert archive.pinned_keys() == {}
        assert archive.pin_key("gate-1", b"b" * 32, START_UTC) == b"b" * 32

    def test_a_node_is_online_since_its_state_or_boot_changed(self, archive: Archive) -> None:
        """Hearing the same retained status again does not move `since`."""
        online = Status(1, "online", BOOT, "0.1.0", "a" * 16, "A" * 43 + "=", ("door",))
        for hours, boot in ((0, BOOT), (1, BOOT), (2, "c" * 32), (3, "c" * 32)):
            status = Status(1, "online", boot, "0.1.0", "a" * 16, online.key, ("door",))
            note = StatusNote("gate-1", status, START_UTC + timedelta(hours=hours))
            archive.write(Batch(statuses=(note,)))
        (node,) = archive.nodes()
        assert (node.state, node.since_utc) == ("online", START_UTC + timedelta(hours=2))
        assert (node.cameras, node.version) == (("door",), "0.1.0")

    def test_nodes_tell_health_progress_and_counts(self, archive: Archive) -> None:
        """One place shows all that is known of a node."""
        journal = Journal()
        line = journal.booted()
        archive.write(
            Batch(
                arrivals=(arrival(line),),
                healths=(HealthNote("gate-1", b"{}", START_UTC),),
                counts={("snapshots.unannounced", "gate-1"): 2, ("other", ""): 1},
            )
        )
        (node,) = archive.nodes()
        assert (node.health, node.health_utc, node.state) == (b"{}", START_UTC, "never seen")
        assert [(each.epoch, each.upto) for each in node.journals] == [(journal.epoch, 1)]
        assert node.counts == {"snapshots.unannounced": 2}
        assert node.last_record_utc == START_UTC

    def test_the_quarantine_is_bounded_and_keeps_the_newest(self, archive: Archive) -> None:
        """A flood of bad messages costs bounded space; every one is counted."""
        for block in range(3):
            refusals = tuple(
                Refusal("t", "", "refused.not_json", "", b"%d-%d" % (block, each), START_UTC)
                for each in range(500)
            )
            archive.write(Batch(refusals=refusals))
        kept = archive.quarantined(limit=5000)
        assert len(kept) == 1000
        assert kept[0].payload == b"2-499"
        assert archive.counts() == {("refused.not_json", ""): 1500}

    def test_a_large_refused_payload_is_kept_in_part(self, archive: Archive) -> None:
        """Its size is told, its beginning kept."""
        archive.write(Batch(refusals=(Refusal("t", "", "r", "d", b"x" * 300_000, START_UTC),)))
        (kept,) = archive.quarantined(limit=1)
        assert (kept.size_bytes, len(kept.payload)) == (300_000, 8192)

    def test_accounts_are_kept_and_replaced(self, archive: Archive) -> None:
        """A new secret for a name takes the old one's place; nodes with accounts are listed."""
        account = Credential("gate-1", "node", b"s" * 32, "$7$1$a$b", START_UTC)
        archive.put_credential(Credential("gate-1", "node", b"o" * 32, "$7$1$c$d", START_UTC))
        archive.put_credential(account)
        archive.put_credential(Credential("display", "reader", b"d" * 32, "$7$1$e$f", START_UTC))
        assert archive.credential("gate-1") == account
        assert archive.credential("gate-9") is None
        assert [each.name for each in archive.credentials()] == ["display", "gate-1"]
        assert [node.name for node in archive.nodes()] == ["gate-1"]
