"""What every archive must do with health over time. A store's test module subclasses it."""

from __future__ import annotations

from datetime import datetime, timedelta

from edge.contract import health, names
from edge.contract.health import CameraHealth, Health, OutboxHealth
from edge.contract.parts import ClockStamp
from hub.archive import Archive
from hub.archive.values import Batch, HealthNote
from tests.hub.journals import BOOT, START_UTC

DAY = timedelta(days=1)


def report(at_utc: datetime, *, cpu: float = 5.0, lost: bool = False) -> HealthNote:
    """A report of a node with one camera."""
    camera = CameraHealth(
        "door", "lost" if lost else "watching", 15, 1e6, 4, 6, 1000, 0, 0, False, 30, None
    )
    told = Health(
        names.VERSION, at_utc, ClockStamp("synced", BOOT, 1, 7), 1, cpu, 90_000_000, 5, 9,
        (camera,), OutboxHealth(3, 0, 1, 2000, 1.0), temperature_c=48.5,
    )  # fmt: skip
    return HealthNote("gate-1", health.encode(told), at_utc)


def write(archive: Archive, *notes: HealthNote) -> None:
    """Archive them, each in a batch of its own, as they come."""
    for note in notes:
        archive.write(Batch(healths=(note,)))


class HealthConformance:
    """Subclasses give the fixture `archive`."""

    def test_health_is_kept_every_ten_minutes_with_what_can_be_drawn(
        self, archive: Archive
    ) -> None:
        """The first report of each slot; the others are news for a moment only."""
        write(archive, *(report(START_UTC + timedelta(minutes=n), cpu=n) for n in range(25)))
        found = archive.health_samples("gate-1", START_UTC, START_UTC + DAY)
        assert [each.at_utc for each in found] == [
            START_UTC + timedelta(minutes=n) for n in (0, 10, 20)
        ]
        assert [each.cpu_percent for each in found] == [0, 10, 20]
        (first, *_) = found
        assert (first.memory_bytes, first.temperature_c, first.clock_error_ms) == (
            90_000_000, 48.5, 7,
        )  # fmt: skip
        assert (first.waiting_records, first.waiting_clip_bytes) == (3, 2000)
        assert (first.watching, first.cameras, first.bits_per_s) == (1, 1, 1e6)

    def test_more_than_a_week_is_told_by_the_hour_and_old_samples_go(
        self, archive: Archive
    ) -> None:
        """So that a node costs a bounded number of rows, however long it runs."""
        hours = [START_UTC + timedelta(hours=n) for n in range(0, 70 * 24, 6)]
        write(archive, *(report(each) for each in hours))
        end = hours[-1] + timedelta(hours=1)
        kept = archive.health_samples("gate-1", START_UTC, end)
        assert kept[0].at_utc >= hours[-1] - 62 * DAY and len(kept) == 62 * 4 + 1
        fine = archive.health_samples("gate-1", end - 7 * DAY, end)
        assert len(fine) == 7 * 4

    def test_health_of_another_node_or_that_cannot_be_read_is_no_sample(
        self, archive: Archive
    ) -> None:
        """The newest report is kept all the same, for whoever can read it."""
        write(archive, report(START_UTC), HealthNote("gate-2", b"{}", START_UTC))
        assert archive.health_samples("gate-2", START_UTC, START_UTC + DAY) == []
        assert archive.health_samples("gate-9", START_UTC, START_UTC + DAY) == []
        lost = START_UTC + timedelta(minutes=10)
        write(archive, report(lost, lost=True))
        assert [
            each.watching for each in archive.health_samples("gate-1", START_UTC, START_UTC + DAY)
        ] == [1, 0]
