"""An archive whose disk or file fails: nothing is believed that is not there, and it heals."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.base import sqlite
from edge.base.errors import StorageError
from edge.base.sqlite import DamagedDatabaseError
from hub.archive import SqliteArchive, damage
from hub.archive.damage import flush_log_again
from hub.archive.opening import open_to_read, open_to_write, refuse_damage
from hub.config import HubSettings
from tests.hub.archive.conformance import EVERYTHING, batch
from tests.hub.journals import Journal


class Failing(sqlite3.Connection):
    """A connection whose commits fail while `failures` is not zero, as a failing disk's do."""

    failures = 0
    opened = 0

    def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:
        if sql == "COMMIT" and Failing.failures:
            Failing.failures -= 1
            err = sqlite3.OperationalError("disk I/O error")
            err.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise err
        return super().execute(sql, *arguments)  # type: ignore[arg-type]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> type[Failing]:
    """Every archive that is opened in this test has such connections."""
    real_open = sqlite.open_database
    Failing.failures = Failing.opened = 0

    def open_database(*arguments: object, **options: object) -> sqlite3.Connection:
        Failing.opened += 1
        return real_open(*arguments, **options, factory=Failing)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite, "open_database", open_database)
    return Failing


def test_after_an_io_error_the_archive_is_opened_anew_and_goes_on(
    tmp_path: Path, failing: type[Failing]
) -> None:
    """The failed write is kept in no part; the same write works when the disk does."""
    archive = SqliteArchive(tmp_path / "archive.sqlite")
    journal = Journal()
    archive.write(batch(journal.event()))
    lines = journal.event()
    failing.failures = 1
    with pytest.raises(StorageError, match="disk I/O error"):
        archive.write(batch(lines))
    assert archive.progress(journal.node, journal.epoch).upto == 2
    assert archive.write(batch(lines)).outcomes == ("stored", "stored")
    assert failing.opened == 2
    archive.close()


def test_a_disk_that_goes_on_failing_is_tried_again_and_again(
    tmp_path: Path, failing: type[Failing]
) -> None:
    """Each call fails by itself; none ends the hub."""
    archive = SqliteArchive(tmp_path / "archive.sqlite")
    lines = Journal().event()
    failing.failures = 5
    for _ in range(2):
        with pytest.raises(StorageError):
            archive.write(batch(lines))
    failing.failures = 0
    archive.write(batch(lines))
    assert len(archive.events(EVERYTHING, limit=9, before=None)) == 1
    archive.close()


def test_an_archive_that_is_gone_is_not_begun_anew_while_running(
    tmp_path: Path, failing: type[Failing]
) -> None:
    """Its file is missed, not replaced by an empty one."""
    path = tmp_path / "archive.sqlite"
    archive = SqliteArchive(path)
    failing.failures = 1
    with pytest.raises(StorageError):
        archive.write(batch(Journal().event()))
    for each in tmp_path.glob("archive.sqlite*"):
        each.unlink()
    with pytest.raises(StorageError, match="is gone"):
        archive.write(batch(Journal().event()))
    assert list(tmp_path.iterdir()) == []
    archive.close()


def test_the_log_is_written_over_with_its_own_content(tmp_path: Path) -> None:
    """Every byte of it once more, so that what only memory had comes to the disk; nothing of it
    changes."""
    path = tmp_path / "archive.sqlite"
    archive = SqliteArchive(path)
    archive.write(batch(Journal().event()))
    log = tmp_path / "archive.sqlite-wal"
    before, stamp_ns = log.read_bytes(), log.stat().st_mtime_ns
    os.utime(log, ns=(0, 0))
    flush_log_again(path)
    assert log.read_bytes() == before
    assert log.stat().st_mtime_ns >= stamp_ns > 0
    archive.close()


def test_without_a_log_there_is_nothing_to_write_over(tmp_path: Path) -> None:
    """A database that was closed in good order has none."""
    flush_log_again(tmp_path / "archive.sqlite")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def settings(tmp_path: Path) -> HubSettings:
    """A hub with some hundred archived events."""
    made = HubSettings(state_dir=str(tmp_path / "state"))
    archive, _ = open_to_write(made)
    journal = Journal()
    archive.write(batch([line for _ in range(300) for line in journal.event()]))
    archive.close()
    return made


def _spoil_pages(path: Path) -> None:
    """Overwrite every page but the first few."""
    rng = random.Random(5)
    with path.open("r+b") as file:
        for page in range(4, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(rng.randbytes(4096))


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize(
    "spoil",
    [_spoil_pages, _cut, lambda path: path.write_bytes(b"not a database at all" * 999)],
    ids=["pages", "cut", "other"],
)
def test_a_damaged_archive_is_refused_at_start(
    settings: HubSettings, spoil: Callable[[Path], None]
) -> None:
    """With what to do, and without touching it."""
    spoil(settings.archive_path)
    content = settings.archive_path.read_bytes()
    with pytest.raises(DamagedDatabaseError) as caught:
        archive, _ = open_to_write(settings)
        try:
            refuse_damage(archive)
        finally:
            archive.close()
    assert "check --full" in caught.value.hint
    assert settings.archive_path.read_bytes() == content


def test_a_sound_archive_is_let_through(settings: HubSettings) -> None:
    """The check at start finds nothing."""
    archive, _ = open_to_write(settings)
    refuse_damage(archive)
    assert archive.check_quickly(60.0)
    archive.close()


def test_a_check_without_time_leaves_the_archive_in_use(settings: HubSettings) -> None:
    """Whatever was cut short."""
    archive, _ = open_to_write(settings)
    archive.check_quickly(0.0)
    assert len(archive.events(EVERYTHING, limit=999, before=None)) == 300
    archive.close()


def test_the_check_at_start_is_bounded_in_time(tmp_path: Path) -> None:
    """Also where all of it is one step of SQLite's, as for minutes in ten million events."""
    path = tmp_path / "large.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE ballast (data BLOB)")
        db.execute("INSERT INTO ballast VALUES (zeroblob(200000000))")
        db.commit()
        assert not damage.check_quickly(db, path, 0.0)
        assert damage.check_quickly(db, path, 600.0)


def test_a_reader_of_a_damaged_archive_is_told(settings: HubSettings) -> None:
    """Also the commands give a clear answer."""
    settings.archive_path.write_bytes(b"not a database at all" * 999)
    with pytest.raises(DamagedDatabaseError):
        open_to_read(settings)


def test_a_row_that_no_row_can_be_is_damage(tmp_path: Path) -> None:
    """Rot that SQLite reads as NULL, in a column that forbids it."""
    archive = SqliteArchive(tmp_path / "archive.sqlite")
    archive.write(batch(Journal().event()))
    (event,) = archive.events(EVERYTHING, limit=9, before=None)
    with sqlite3.connect(tmp_path / "archive.sqlite") as db:
        db.execute("PRAGMA writable_schema=ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'at_ms INTEGER NOT NULL', 'at_ms')"
            " WHERE name = 'records'"
        )
    with sqlite3.connect(tmp_path / "archive.sqlite") as db:
        db.execute("UPDATE records SET at_ms = NULL")
    with pytest.raises(DamagedDatabaseError, match="a row cannot be read"):
        archive.records_of(event)
    archive.close()
