"""An archive of an older hub becomes what a fresh one would be."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.base.errors import StorageError
from edge.base.sqlite import open_database
from edge.contract.record import JournalGap
from hub.archive import SqliteArchive
from hub.archive.schema import MIGRATIONS
from tests.hub.archive.absence_conformance import drop
from tests.hub.archive.conformance import EVERYTHING, batch
from tests.hub.journals import START_UTC, Journal

# What depends on when, not on what, was received.
OF_THE_MOMENT = {"boots": {"known_ms", "placed_ms"}, "events": {"change"}}


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """An archive that this version wrote, with everything that is derived."""
    path = tmp_path / "fresh.sqlite"
    archive = SqliteArchive(path)
    journal = Journal()
    lines = [journal.booted(), *journal.event(clip=b"clip", more_parts=(b"one",), zones=("a", "b"))]
    lines += [journal.labels(lines[1], person=0.5), journal.labels(lines[1], person=0.7, dog=0.6)]
    lines.append(drop(journal, lines[1:], b"clip"))
    lines.append(journal.watched(START_UTC, START_UTC + timedelta(minutes=5)))
    journal.reboot("c" * 32, clock="unsynced", wrong_by=timedelta(days=-9000))
    lines += [journal.booted(), *journal.event(snapshot=b"picture")]
    lines.append(journal.watched(journal.now_utc, journal.now_utc + timedelta(minutes=5)))
    lines.append(journal.sync())
    journal.reboot("d" * 32, clock="unsynced", wrong_by=timedelta(days=-9000))
    lines += journal.event()
    lines.append(journal.labels(lines[-1], vehicle=0.7))
    lines.append(journal.add(JournalGap("e" * 16, 4, "corrupt", 7), camera=None))
    archive.write(batch(lines))
    archive.close()
    return path


def _old(fresh: Path, path: Path) -> None:
    """The same archive as the first version of the hub had written it."""
    with contextlib.closing(open_database(path, MIGRATIONS[:1])) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        db.execute("ATTACH ? AS fresh", (str(fresh),))
        for table in tables:
            columns = ", ".join(
                row["name"] for row in db.execute(f"PRAGMA main.table_info({table})")
            )
            db.execute(
                f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM fresh.{table}"  # noqa: S608
            )
        db.execute(
            "UPDATE event_zones SET started_ms ="
            " (SELECT claimed_ms FROM fresh.events WHERE events.id = event_id)"
        )
        db.execute(
            "UPDATE main.events AS old SET (started_ms, ended_ms) ="
            " (SELECT claimed_ms, ended_claimed_ms FROM fresh.events AS new WHERE new.id = old.id)"
        )


def _schema(path: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()


def _content(path: Path) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
        for (table,) in tables.fetchall():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(c for c in columns if c not in OF_THE_MOMENT.get(table, set()))
            yield table, sorted(db.execute(f"SELECT {kept} FROM {table}").fetchall(), key=repr)  # noqa: S608


def test_an_upgraded_archive_equals_a_fresh_one(fresh: Path, tmp_path: Path) -> None:
    """In its schema and in every row."""
    path = tmp_path / "old.sqlite"
    _old(fresh, path)
    SqliteArchive(path).close()
    assert _schema(path) == _schema(fresh)
    assert dict(_content(path)) == dict(_content(fresh))


def test_an_upgrade_that_was_cut_short_is_finished_at_the_next_start(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts over, and ends in the same archive."""
    path = tmp_path / "old.sqlite"
    _old(fresh, path)
    with monkeypatch.context() as patched:
        patched.setattr("hub.archive.upgrade.CHUNK", 3)
        patched.setattr("hub.archive.event_rows.put", _fail)
        with pytest.raises(ZeroDivisionError):
            SqliteArchive(path)
    SqliteArchive(path).close()
    assert dict(_content(path)) == dict(_content(fresh))


def test_an_upgraded_archive_is_read_as_the_fresh_one(fresh: Path, tmp_path: Path) -> None:
    """Events with their corrected times, page keys and clips."""
    path = tmp_path / "old.sqlite"
    _old(fresh, path)
    found = []
    for each in (path, fresh):
        archive = SqliteArchive(each)
        events = archive.events(EVERYTHING, limit=9, before=None)
        found.append([(e.id, e.key, e.placed, archive.clips_of(e)) for e in events])
        archive.close()
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_a_reader_leaves_the_upgrade_to_the_hub(fresh: Path, tmp_path: Path) -> None:
    """A query on an old archive says what to do and changes nothing."""
    path = tmp_path / "old.sqlite"
    _old(fresh, path)
    before = _schema(path)
    with pytest.raises(StorageError, match="older schema"):
        SqliteArchive(path, is_read_only=True)
    assert _schema(path) == before


def _fail(*_arguments: object) -> None:
    raise ZeroDivisionError("cut short")
