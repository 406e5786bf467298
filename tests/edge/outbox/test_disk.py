"""Disks that are full, read-only or failing: the journal goes on, and nothing goes unsaid."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.durable import reserve
from edge.contract import names, record
from edge.contract.ack import Ack
from edge.outbox import journal as journal_module
from edge.outbox.outbox import Limits, Outbox
from tests.disks import ErringDisk, mounts, tmpfs, turn_read_only
from tests.edge.outbox.rig import NODE, Place, ack, booted, fill, gaps, versions, waiting

QUOTA_BYTES = 256 * 1024
RETRY_S = journal_module.RETRY_S + 0.1


class SickConnection(sqlite3.Connection):
    """Fails at every statement that begins with one of `fails_at`, with SQLite's code `code`."""

    fails_at: tuple[str, ...] = ()
    code = sqlite3.SQLITE_IOERR

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if self.fails_at and statement.startswith(self.fails_at):
            err = sqlite3.OperationalError("the disk is sick")
            err.sqlite_errorcode = self.code
            raise err
        return super().execute(statement, *values)  # type: ignore[arg-type]


@pytest.fixture
def sick(monkeypatch: pytest.MonkeyPatch) -> type[SickConnection]:
    monkeypatch.setattr(SickConnection, "fails_at", ())
    monkeypatch.setattr(SickConnection, "code", sqlite3.SQLITE_IOERR)
    return SickConnection


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, factory=SickConnection)


def opened_by_another(place: Place) -> Outbox:
    """What the disk holds, seen by the next process."""
    other = Place(place.folder, clock=place.clock)
    return other.open()


def covered(outbox: Outbox) -> set[int]:
    """The seqs that are here or declared lost; none is both."""
    told = {seq for gap in gaps(outbox) for seq in range(gap.first_seq, (gap.last_seq or 0) + 1)}
    held = {each.header.seq for each in waiting(outbox)}
    assert not held & told
    return held | told


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
def test_records_wait_in_memory_while_the_disk_fails(
    place: Place, sick: type[SickConnection], code: int
) -> None:
    """Numbered and chained as usual, sent, and written as soon as it works again."""
    outbox = place.open()
    fill(outbox, 2)
    sick.fails_at, sick.code = ("COMMIT",), code
    fill(outbox, 3)
    assert "memory" in outbox.problem
    assert [each.header.seq for each in waiting(outbox)] == [1, 2, 3, 4, 5]
    assert outbox.depth().records == 5
    sick.fails_at = ()
    fill(outbox, 1)  # too early to try again
    assert outbox.problem
    place.clock.advance(RETRY_S)
    outbox.mend()
    assert not outbox.problem
    outbox.close()
    again = opened_by_another(place)
    assert again.epoch == outbox.epoch
    assert versions(again) == [f"v{number}" for number in range(1, 7)]
    again.close()


def test_after_an_io_error_the_file_is_opened_anew(
    place: Place, sick: type[SickConnection]
) -> None:
    """A flush that failed is never tried again on the same descriptor."""
    outbox = place.open()
    before = outbox._journal.store
    sick.fails_at = ("COMMIT",)
    fill(outbox, 1)
    sick.fails_at = ()
    place.clock.advance(RETRY_S)
    fill(outbox, 1)
    assert outbox._journal.store is not before
    assert versions(outbox) == ["v1", "v2"]
    outbox.close()


def test_a_commit_that_took_place_though_it_failed_is_not_written_twice(
    place: Place,
) -> None:
    """SQLite could not say so; the reopened file does."""

    class Lying(sqlite3.Connection):
        is_lying = False

        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
            cursor = super().execute(statement, *values)  # type: ignore[arg-type]
            if statement == "COMMIT" and Lying.is_lying:
                Lying.is_lying = False
                err = sqlite3.OperationalError("disk I/O error")
                err.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise err
            return cursor

    place.factory = Lying
    outbox = place.open()
    Lying.is_lying = True
    epoch = outbox.epoch
    fill(outbox, 1)
    place.clock.advance(RETRY_S)
    fill(outbox, 1)
    assert outbox.epoch == epoch
    assert versions(outbox) == ["v1", "v2"]
    outbox.close()


def test_a_disk_that_loses_commits_is_found_out(place: Place, sick: type[SickConnection]) -> None:
    """What was durable is gone after reopening: a new epoch, and the gap is said."""
    outbox = place.open()
    fill(outbox, 2)
    outbox.close()
    copy = place.path.read_bytes()
    outbox = place.open()
    fill(outbox, 2)
    old_epoch = outbox.epoch
    sick.fails_at = ("COMMIT",)
    fill(outbox, 1)
    sick.fails_at = ()
    place.path.write_bytes(copy)
    place.clock.advance(RETRY_S)
    fill(outbox, 1)
    while outbox.mend():
        pass
    assert outbox.epoch != old_epoch
    assert gaps(outbox)[0].lost_epoch == old_epoch
    assert set(versions(outbox)) == {"v5", "v6", "v1", "v2"}
    outbox.close()


def test_acknowledgements_count_while_the_disk_fails(
    place: Place, sick: type[SickConnection]
) -> None:
    """What the hub has is not sent again, and not written again either."""
    outbox = place.open()
    fill(outbox, 2)
    sick.fails_at = ("COMMIT",)
    fill(outbox, 3)
    outbox.apply(ack(outbox, 4))
    assert outbox.acked_seq == 4
    assert versions(outbox) == ["v5"]
    sick.fails_at = ()
    place.clock.advance(RETRY_S)
    outbox.mend()
    outbox.close()
    again = opened_by_another(place)
    assert (again.acked_seq, versions(again)) == (4, ["v5"])
    again.close()


def test_a_file_is_freed_only_when_its_row_is_gone(
    place: Place, sick: type[SickConnection]
) -> None:
    """Otherwise a crash would leave a row that names a missing file."""
    outbox = place.open()
    place.end(outbox, event := place.new_event())
    outbox.apply(ack(outbox, 1))
    sick.fails_at = ("COMMIT",)
    head = outbox._journal.acked_hash
    outbox.apply(Ack(names.VERSION, NODE, outbox.epoch, 1, head, (), (f"{event}.0",)))
    assert place.freed == []
    sick.fails_at = ()
    place.clock.advance(RETRY_S)
    outbox.mend()
    assert place.freed == [f"{event}.0.mp4"]
    outbox.close()


def test_memory_is_bounded_and_what_it_loses_is_declared(
    place: Place, sick: type[SickConnection]
) -> None:
    """The oldest records go; once the disk works, a journal.gap record says which."""
    place.limits = Limits(max_unwritten=10)
    outbox = place.open()
    fill(outbox, 2)
    sick.fails_at = ("COMMIT",)
    fill(outbox, 25)
    assert len(waiting(outbox)) == 12
    sick.fails_at = ()
    place.clock.advance(RETRY_S)
    outbox.mend()
    (gap,) = gaps(outbox)
    assert (gap.lost_epoch, gap.first_seq, gap.last_seq) == (outbox.epoch, 3, 17)
    assert gap.cause == "storage"
    assert outbox.depth().records == 13
    outbox.close()
    again = opened_by_another(place)
    assert versions(again) == ["v1", "v2", *(f"v{number}" for number in range(18, 28))]
    assert len(gaps(again)) == 1
    again.close()


def test_a_hub_that_listens_hears_of_losses_though_the_disk_still_fails(
    place: Place, sick: type[SickConnection]
) -> None:
    """The gap's own record may be lost in turn: then the next one tells of both."""
    place.limits = Limits(max_unwritten=10)
    outbox = place.open()
    sick.fails_at = ("COMMIT",)
    fill(outbox, 15)
    outbox.apply(Ack(names.VERSION, NODE, outbox.epoch, 0, names.FIRST_HASH))
    assert [(gap.first_seq, gap.last_seq) for gap in gaps(outbox)] == [(1, 5)]
    fill(outbox, 20)
    place.clock.advance(RETRY_S)
    outbox.apply(Ack(names.VERSION, NODE, outbox.epoch, 0, names.FIRST_HASH))
    sick.fails_at = ()
    place.clock.advance(RETRY_S)
    outbox.mend()
    assert covered(outbox) == set(range(1, outbox.last_seq + 1))
    outbox.close()
    again = opened_by_another(place)
    assert again.epoch == outbox.epoch
    again.close()


def test_a_hub_that_has_records_from_memory_shows_a_crash_its_lost_tail(
    place: Place, sick: type[SickConnection]
) -> None:
    """What was sent from memory and never written is a lost tail at the next start."""
    outbox = place.open()
    fill(outbox, 2)
    sick.fails_at = ("COMMIT",)
    fill(outbox, 2)
    newest = outbox.pending(0, 9)[-1]
    sick.fails_at = ()
    again = opened_by_another(place)
    assert again.last_seq == 2
    beyond = Ack(names.VERSION, NODE, again.epoch, 4, record.digest(newest.payload))
    with pytest.raises(Exception, match="ends at 2"):
        again.apply(beyond)
    again.close()


def test_a_journal_that_cannot_be_opened_at_the_start_is_taken_over_later(place: Place) -> None:
    """A new epoch begins in memory; when the disk works, both are there."""
    outbox = place.open()
    fill(outbox, 3)
    outbox.close()

    class Closed(sqlite3.Connection):
        is_open = False

        def __init__(self, *values: object, **options: object) -> None:
            if not Closed.is_open:
                err = sqlite3.OperationalError("unable to open database file")
                err.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
                raise err
            super().__init__(*values, **options)  # type: ignore[arg-type]

    place.factory = Closed
    outbox = place.open()
    assert outbox.problem
    outbox.append(booted("meanwhile"))
    assert versions(outbox) == ["meanwhile"]
    Closed.is_open = True
    place.clock.advance(RETRY_S)
    while outbox.mend():
        pass
    assert versions(outbox) == ["meanwhile", "v1", "v2", "v3"]
    (gap,) = gaps(outbox)
    assert (gap.first_seq, gap.last_seq, gap.cause) == (1, 3, "storage")
    outbox.close()
    again = opened_by_another(place)
    assert (again.epoch, versions(again)) == (outbox.epoch, versions(again))
    again.close()


def test_past_the_quota_the_oldest_ordinary_records_are_given_up(place: Place) -> None:
    """Never those of a priority, never those that tell of gaps; each loss is declared."""
    place.limits = Limits(max_bytes=QUOTA_BYTES)
    outbox = place.open()
    outbox.append(booted("urgent"), priority=1)
    while not gaps(outbox):
        fill(outbox, 50)
    fill(outbox, 300)
    assert place.path.stat().st_size < 2 * QUOTA_BYTES
    found = versions(outbox)
    assert found[0] == "urgent"
    assert {gap.cause for gap in gaps(outbox)} == {"quota"}
    assert covered(outbox) == set(range(1, outbox.last_seq + 1))
    assert outbox.depth().records == len(waiting(outbox))
    outbox.close()
    again = opened_by_another(place)
    assert again.epoch == outbox.epoch
    again.close()


def test_a_hub_that_had_given_up_records_is_believed(place: Place) -> None:
    """Its acknowledgement of one of them was lost before; its hash is no longer here."""
    place.limits = Limits(max_bytes=QUOTA_BYTES)
    outbox = place.open()
    fill(outbox, 100)
    head = record.digest(outbox.pending(49, 1)[0].payload)
    while not gaps(outbox):
        fill(outbox, 50)
    outbox.apply(Ack(names.VERSION, NODE, outbox.epoch, 50, head))
    assert outbox.acked_seq == 50
    outbox.close()


def test_threads_share_commits(place: Place, sick: type[SickConnection]) -> None:
    """Four cameras that append at once need fewer flushes than records."""
    commits = [0]

    class Counting(sqlite3.Connection):
        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
            if statement == "COMMIT":
                commits[0] += 1
                threading.Event().wait(0.005)  # as long as a card takes
            return super().execute(statement, *values)  # type: ignore[arg-type]

    place.factory = Counting
    outbox = place.open()
    commits[0] = 0
    workers = [threading.Thread(target=fill, args=(outbox, 20)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outbox.last_seq == 160
    assert commits[0] < 150
    outbox.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB of its own."""
    with mounts() as make:
        yield make(tmp_path / "disk", *tmpfs("3M,mode=700")).path


def fill_disk(folder: Path, keep_bytes: int = 0) -> Path:
    """Take all space but so many bytes."""
    status = os.statvfs(folder)
    path = folder / "other"
    free = status.f_bavail * status.f_frsize - keep_bytes
    with path.open("ab") as file:
        try:
            os.posix_fallocate(file.fileno(), path.stat().st_size, max(1, free))
        except OSError as err:
            assert err.errno == errno.ENOSPC
    return path


def test_on_a_full_disk_the_ballast_keeps_the_journal_going(small_disk: Path) -> None:
    """Records stay durable; clips give way so that the ballast can come back."""
    place = Place(small_disk, limits=Limits(ballast_bytes=512 * 1024))
    asked: list[int] = []

    def give_way(need_bytes: int) -> None:
        asked.append(need_bytes)
        os.truncate(small_disk / "other", 2**20)

    place.give_way = give_way
    outbox = place.open()
    outbox.mend()
    ballast = small_disk / "journal.db.ballast"
    assert ballast.stat().st_blocks * 512 == 512 * 1024
    fill_disk(small_disk)
    while ballast.exists():
        fill(outbox, 10)
    assert not outbox.problem
    outbox.mend()
    assert asked
    assert ballast.exists()
    outbox.close()
    again = Place(small_disk).open()
    assert versions(again) == [f"v{number}" for number in range(1, outbox.last_seq + 1)]
    again.close()


def test_a_full_disk_without_ballast_is_lived_through(small_disk: Path) -> None:
    """Appending never raises, acknowledgements count, and space that returns is used."""
    place = Place(small_disk)
    outbox = place.open()
    fill(outbox, 5)
    other = fill_disk(small_disk)
    while not outbox.problem:
        fill(outbox, 20)
    last_seq = outbox.last_seq
    outbox.apply(ack(outbox, 3))
    assert versions(outbox)[0] == "v4"
    fill(outbox, 20)
    other.unlink()
    place.clock.advance(RETRY_S)
    outbox.mend()
    assert not outbox.problem
    outbox.close()
    again = Place(small_disk).open()
    assert again.epoch == outbox.epoch
    assert versions(again) == [f"v{number}" for number in range(4, last_seq + 21)]
    again.close()


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that turns read-only at its first error, as cards' are mounted."""
    with ErringDisk.mounted(tmp_path / "image", tmp_path / "ext4") as disk:
        yield disk.path


def test_a_disk_that_turns_read_only_is_lived_through(failing_disk: Path) -> None:
    """What is on it can still be read and sent; the rest waits in memory."""
    place = Place(failing_disk)
    outbox = place.open()
    place.end(outbox, event := place.new_event())
    fill(outbox, 3)
    turn_read_only(failing_disk)
    fill(outbox, 3)
    assert outbox.problem
    assert len(waiting(outbox)) == 7
    outbox.apply(ack(outbox, 2))
    assert [each.header.seq for each in waiting(outbox)] == [3, 4, 5, 6, 7]
    assert [clip.event for clip in outbox.waiting_clips(9)] == [event]
    place.clock.advance(RETRY_S)
    fill(outbox, 1)
    assert [each.header.seq for each in waiting(outbox)] == [3, 4, 5, 6, 7, 8]
    outbox.close()


def test_a_start_on_a_read_only_disk_goes_on_in_memory(small_disk: Path) -> None:
    """The old journal's records follow when it can be written again."""
    place = Place(small_disk)
    outbox = place.open()
    fill(outbox, 3)
    outbox.close()
    remount(small_disk, "ro")
    outbox = place.open()
    assert outbox.problem
    outbox.append(booted("meanwhile"))
    assert versions(outbox) == ["meanwhile"]
    remount(small_disk, "rw")
    place.clock.advance(RETRY_S)
    while outbox.mend():
        pass
    assert versions(outbox) == ["meanwhile", "v1", "v2", "v3"]
    outbox.close()


def test_a_disk_without_room_for_a_new_journal_is_lived_with(small_disk: Path) -> None:
    """A first start on a full disk."""
    reserve(small_disk / "other", 2 * 2**20)
    other = fill_disk(small_disk)
    place = Place(small_disk)
    place.spool.mkdir(exist_ok=True)
    outbox = place.open()
    fill(outbox, 3)
    assert versions(outbox) == ["v1", "v2", "v3"]
    other.unlink()
    place.clock.advance(RETRY_S)
    outbox.mend()
    outbox.close()
    again = Place(small_disk).open()
    assert (again.epoch, versions(again)) == (outbox.epoch, ["v1", "v2", "v3"])
    again.close()


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
