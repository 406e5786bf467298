"""What every archive must tell of many cameras at once: events on a timeline, coverage by hour."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from edge.contract.record import Span
from hub.archive import Archive
from hub.archive.registry_values import Camera, Place
from hub.archive.scope import EVERYTHING, NOTHING, Scope
from hub.archive.values import CameraKey, Event, EventFilter, HourCell
from hub.registry.neighbours import neighbours
from tests.hub.archive.conformance import OpenArchive, batch
from tests.hub.archive.registry_conformance import put
from tests.hub.archive.search_conformance import fill, random_filter
from tests.hub.journals import START_UTC, Journal, Line

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOUR_MS = 3_600_000


class OverviewConformance:
    """Subclasses give a fixture `open_archive`: each call opens the same store anew."""

    @pytest.fixture
    def archive(self, open_archive: OpenArchive) -> Archive:
        """The store, opened once."""
        return open_archive()

    def test_a_timeline_counts_what_pages_list(self, archive: Archive) -> None:
        """For every filter, by camera and bucket; also with the first and last bucket cut."""
        rng = random.Random(3)
        fill(archive, rng)
        since, until = START_UTC + HOUR, START_UTC + 9 * HOUR + 10 * MINUTE
        for _ in range(60):
            where = random_filter(rng)
            listed = [
                event
                for event in archive.events(where, limit=1000)
                if since <= event.started_utc < until
            ]
            found = archive.density(where, since, until, 30 * 60_000)
            assert _as_counter(found) == _counted(listed, since, 30 * MINUTE)
            assert all(len(buckets) == 17 for buckets in found.values())

    def test_a_timeline_of_too_many_buckets_is_refused(self, archive: Archive) -> None:
        """Before anything is read."""
        for until in (START_UTC, START_UTC + 7 * HOUR):
            with pytest.raises(ValueError, match="buckets"):
                archive.density(EventFilter(), START_UTC, until, 1000)

    def test_an_hour_is_told_from_its_accounts(self, archive: Archive) -> None:
        """Watched, blind with its cause, and unknown before the first and after the last."""
        journal = Journal()
        spans = [Span(0, 50 * 60_000, "watched"), Span(50 * 60_000, HOUR_MS, "blind", "black")]
        lines = [
            *_accounts(journal, START_UTC, 12),
            journal.account(START_UTC + HOUR, START_UTC + 2 * HOUR, spans),
            *_accounts(journal, START_UTC + 2 * HOUR, 6),
        ]
        archive.write(batch(lines))
        ((camera, cells),) = archive.coverage_hours(
            EVERYTHING, START_UTC - HOUR, START_UTC + 4 * HOUR
        )
        assert camera == ("gate-1", "door")
        assert cells == (
            HourCell(0, 0, HOUR_MS, "not_heard"),
            HourCell(HOUR_MS, 0, 0, None),
            HourCell(50 * 60_000, 10 * 60_000, 0, "black"),
            HourCell(HOUR_MS // 2, 0, HOUR_MS // 2, "not_heard"),
            HourCell(0, 0, HOUR_MS, "not_heard"),
        )

    @pytest.mark.parametrize("seed", range(6))
    def test_hours_say_what_the_coverage_of_each_camera_says(
        self, archive: Archive, seed: int
    ) -> None:
        """Whatever overlaps, is missing, comes late, twice, or under a clock that was set later."""
        rng = random.Random(seed)
        lines = [line for node in ("gate-1", "gate-2") for line in _odd_day(Journal(node), rng)]
        rng.shuffle(lines)
        for first in range(0, len(lines), 7):
            archive.write(batch(lines[first : first + 7]))
        archive.write(batch(lines[:20]))
        since, until = START_UTC - 2 * HOUR, START_UTC + 30 * HOUR
        rows = archive.coverage_hours(EVERYTHING, since, until)
        assert [row.camera for row in rows] == [("gate-1", "door"), ("gate-2", "door")]
        for row in rows:
            for number, cell in enumerate(row.cells):
                start = since + number * HOUR
                assert cell is not None
                assert sum(cell[:3]) == HOUR_MS
                told = _told(archive, row.camera, start)
                differences = [abs(one - other) for one, other in zip(cell[:3], told, strict=True)]
                assert max(differences) <= 5000, (row.camera, start, cell, told)

    def test_hours_keep_to_the_scope(self, archive: Archive) -> None:
        """By where the camera was; an hour that is not wholly one's own is not told."""
        for node in ("gate-1", "gate-2"):
            archive.write(batch(_accounts(Journal(node), START_UTC, 36)))
        moved = START_UTC + HOUR + 20 * MINUTE
        put(
            archive,
            Camera("gate-1", "door", "", (Place(None, "cum-2"), Place(moved, "to-6"))),
            Camera("gate-2", "door", "", (Place(None, "to-6"),)),
        )
        watched = HourCell(HOUR_MS, 0, 0, None)

        def cells(area: str) -> dict[str, tuple[HourCell | None, ...]]:
            scope = Scope(areas=frozenset({area}))
            rows = archive.coverage_hours(scope, START_UTC, START_UTC + 3 * HOUR)
            return {row.camera.node: row.cells for row in rows}

        assert cells("to-5") == {"gate-1": (watched, None, None)}
        assert cells("to-6") == {"gate-1": (None, None, watched), "gate-2": (watched,) * 3}
        assert archive.coverage_hours(NOTHING, START_UTC, START_UTC + HOUR) == []

    def test_neighbours_are_of_the_smallest_area_with_others(self, archive: Archive) -> None:
        """The nearest first, within the scope; of a camera that is nowhere, those of its node."""
        for number, node in enumerate(("gate-1", "gate-2", "gate-3", "gate-1", "gate-4")):
            journal = Journal(node, seed=number, start_utc=START_UTC + number * MINUTE)
            archive.write(batch(journal.event()))
        put(
            archive,
            Camera("gate-1", "door", "", (Place(None, "cum-2"),)),
            Camera("gate-2", "door", "", (Place(None, "to-5"),)),
            Camera("gate-3", "door", "", (Place(None, "to-6"),)),
            Camera("gate-4", "door"),
        )
        one, three, two, first = archive.events(EventFilter(), limit=9)[1:]
        assert [event.node for event in (first, two, three, one)] == [
            "gate-1", "gate-2", "gate-3", "gate-1",
        ]  # fmt: skip
        assert neighbours(archive, two, EVERYTHING, limit=5) == ("to-5", (first,), (one,))
        assert neighbours(archive, three, EVERYTHING, limit=1) == ("lien-chieu", (two,), (one,))
        near = neighbours(archive, three, EVERYTHING, limit=5, within=1.5 * MINUTE)
        assert (near.earlier, near.later) == ((two,), (one,))
        own = Scope(areas=frozenset({"cum-2"}))
        assert neighbours(archive, first, own, limit=5) == ("to-5", (), ())
        (stray,) = archive.events(EventFilter(node="gate-4"), limit=2)
        assert neighbours(archive, stray, EVERYTHING, limit=5) == (None, (), ())

    @pytest.mark.parametrize("is_placed", [True, False])
    def test_a_busy_camera_leaves_its_event_s_neighbours_to_others(
        self, archive: Archive, is_placed: bool
    ) -> None:
        """Its own events do not fill the places: neither in its area, nor of its node."""
        for minute in range(9):
            journal = Journal("gate-1", seed=minute, start_utc=START_UTC + minute * MINUTE)
            camera = "yard" if minute in (0, 8) else "door"
            archive.write(batch(journal.event(camera=camera)))
        if is_placed:
            places = (Place(None, "to-5"),)
            put(archive, Camera("gate-1", "door", "", places), Camera("gate-1", "yard", "", places))
        last, *busy, first = archive.events(EventFilter(), limit=9)
        area = "to-5" if is_placed else None
        assert neighbours(archive, busy[3], EVERYTHING, limit=2) == (area, (first,), (last,))


def _accounts(journal: Journal, start: datetime, number: int) -> list[Line]:
    """Accounts of five watched minutes each."""
    return [
        journal.watched(start + each * 5 * MINUTE, start + (each + 1) * 5 * MINUTE)
        for each in range(number)
    ]


def _odd_day(journal: Journal, rng: random.Random) -> list[Line]:
    """Accounts of a day as a bad day leaves them."""
    lines: list[Line] = []
    at = START_UTC + rng.randrange(50) * MINUTE
    while at < START_UTC + 24 * HOUR:
        journal.now_utc = at
        dice = rng.random()
        end = at + rng.choice((5, 5, 5, 5, 30, 70)) * MINUTE
        if dice < 0.08:
            at = end  # the node says nothing
        elif dice < 0.11:
            clock = rng.choice(("synced", "unsynced"))
            wrong_by = timedelta(days=-900) if clock == "unsynced" else timedelta(0)
            journal.reboot(rng.randbytes(16).hex(), clock=clock, wrong_by=wrong_by)  # type: ignore[arg-type]
            lines.append(journal.booted())
        elif dice < 0.14:
            at -= 12 * MINUTE  # it claims a time again
        elif dice < 0.2 and journal.clock == "unsynced":
            lines.append(journal.sync())
        else:
            length_ms = (end - at) // timedelta(milliseconds=1)
            cut_ms = rng.randrange(1, length_ms)
            spans = [
                Span(0, cut_ms, "watched"),
                Span(cut_ms, length_ms, "blind", rng.choice(("black", "stream_lost"))),
            ]
            is_plain = rng.random() < 0.7
            journal.now_utc = end
            spans = [Span(0, length_ms, "watched")] if is_plain else spans
            lines.append(journal.account(at, end, spans))
            at = end
    drop = rng.randrange(len(lines))
    return [line for number, line in enumerate(lines) if number != drop]


def _told(archive: Archive, camera: CameraKey, start: datetime) -> tuple[int, int, int]:
    sums = Counter[str]()
    for stretch in archive.coverage(camera, start, start + HOUR):
        sums[stretch.state] += stretch.to_ms - stretch.from_ms
    return sums["watched"], sums["blind"], sums["unknown"]


def _counted(
    events: list[Event], since: datetime, bucket: timedelta
) -> Counter[tuple[str, str, int]]:
    return Counter(
        (event.node, event.camera, (event.started_utc - since) // bucket) for event in events
    )


def _as_counter(found: dict[CameraKey, list[int]]) -> Counter[tuple[str, str, int]]:
    return Counter(
        {
            (*key, number): count
            for key, buckets in found.items()
            for number, count in enumerate(buckets)
            if count
        }
    )
