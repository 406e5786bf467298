"""The SQLite archive: the suite of all archives, and what only this one has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.errors import StorageError
from hub.archive import Archive, SqliteArchive
from hub.archive.event_search import page
from hub.archive.values import EventFilter
from tests.hub.archive.absence_conformance import AbsenceConformance
from tests.hub.archive.conformance import ArchiveConformance, OpenArchive, batch
from tests.hub.archive.coverage_conformance import CoverageConformance
from tests.hub.archive.time_conformance import TimeConformance
from tests.hub.journals import Journal


@pytest.fixture
def open_archive(tmp_path: Path) -> Iterator[OpenArchive]:
    """Opens the archive in this test's folder; closes what was opened."""
    opened: list[SqliteArchive] = []

    def open_it() -> SqliteArchive:
        opened.append(SqliteArchive(tmp_path / "archive.sqlite"))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


@pytest.fixture
def archive(open_archive: OpenArchive) -> Archive:
    """The store, opened once."""
    return open_archive()


class TestSqliteArchive(ArchiveConformance):
    """Runs the suite over SQLite."""


class TestSqliteAbsences(AbsenceConformance):
    """Runs the suite of absences over SQLite."""


class TestSqliteTimes(TimeConformance):
    """Runs the suite of times over SQLite."""


class TestSqliteCoverage(CoverageConformance):
    """Runs the suite of coverage over SQLite."""


def test_a_reader_sees_what_the_running_hub_commits(tmp_path: Path) -> None:
    """Queries read the archive while the hub writes it."""
    path = tmp_path / "archive.sqlite"
    hub = SqliteArchive(path)
    reader = SqliteArchive(path, is_read_only=True)
    hub.write(batch(Journal().event()))
    assert len(reader.events(EventFilter(), limit=5, before=None)) == 1
    with pytest.raises(StorageError, match="readonly"):
        reader.write(batch(Journal("gate-2").event()))
    reader.close()
    hub.close()


def test_a_reader_opens_the_archive_of_a_stopped_hub(tmp_path: Path) -> None:
    """Queries work while the hub is not running."""
    path = tmp_path / "archive.sqlite"
    SqliteArchive(path).close()
    reader = SqliteArchive(path, is_read_only=True)
    assert reader.events(EventFilter(), limit=5, before=None) == []
    reader.close()


def test_a_reader_without_an_archive_is_told_so(tmp_path: Path) -> None:
    """A query before the hub ever ran names the remedy and makes no file."""
    path = tmp_path / "archive.sqlite"
    with pytest.raises(StorageError, match="no archive yet"):
        SqliteArchive(path, is_read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (EventFilter(), "events_by_time"),
        (EventFilter(node="gate-1"), "events_by_node"),
        (EventFilter(camera="door"), "events_by_camera"),
        (EventFilter(zone="path"), "PRIMARY KEY"),
    ],
)
def test_a_page_is_read_in_index_order_without_sorting(
    tmp_path: Path, where: EventFilter, index: str
) -> None:
    """A page costs as much as its length, however large the archive."""
    SqliteArchive(tmp_path / "archive.sqlite").close()
    db = sqlite3.connect(tmp_path / "archive.sqlite")
    db.row_factory = sqlite3.Row
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    page(db, where, limit=5, before=None)
    plan = [row["detail"] for row in db.execute("EXPLAIN QUERY PLAN " + statements[-1])]
    db.close()
    assert any(index in step for step in plan), plan
    assert not any("TEMP B-TREE FOR ORDER" in step for step in plan), plan
