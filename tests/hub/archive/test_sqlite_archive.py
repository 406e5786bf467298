"""The SQLite archive: the suite of all archives, and what only this one has."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.base.errors import StorageError
from hub.archive import Archive, SqliteArchive
from hub.archive.event_pages import page
from hub.archive.scope import Scope
from hub.archive.values import EventFilter, PageKey
from tests.hub.archive.absence_conformance import AbsenceConformance
from tests.hub.archive.conformance import ArchiveConformance, OpenArchive, batch
from tests.hub.archive.coverage_conformance import CoverageConformance
from tests.hub.archive.health_conformance import HealthConformance
from tests.hub.archive.loss_conformance import LossConformance
from tests.hub.archive.overview_conformance import OverviewConformance
from tests.hub.archive.registry_conformance import RegistryConformance
from tests.hub.archive.remark_conformance import RemarkConformance
from tests.hub.archive.search_conformance import SearchConformance, fill
from tests.hub.archive.settings_conformance import SettingsConformance
from tests.hub.archive.tamper_conformance import TamperConformance
from tests.hub.archive.time_conformance import TimeConformance
from tests.hub.journals import START_UTC, Journal


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


class TestSqliteLosses(LossConformance):
    """Runs the suite of losses over SQLite."""


class TestSqliteHealth(HealthConformance):
    """Runs the suite of health over time over SQLite."""


class TestSqliteRemarks(RemarkConformance):
    """Runs the suite of remarks over SQLite."""


class TestSqliteRegistry(RegistryConformance):
    """Runs the suite of the registry over SQLite."""


class TestSqliteSettings(SettingsConformance):
    """Runs the suite of nodes' settings over SQLite."""


class TestSqliteSearch(SearchConformance):
    """Runs the suite of search over SQLite."""


class TestSqliteSearchInALargeArchive(SearchConformance):
    """The same with the ways of reading that only large archives need."""

    @pytest.fixture(autouse=True, params=["many sources", "too many sources"])
    def small_limits(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if every probe were too short, and every number of sources too large."""
        monkeypatch.setattr("hub.archive.event_pages.PROBE", 3)
        monkeypatch.setattr("hub.archive.event_pages.CHUNK", 2)
        monkeypatch.setattr("hub.archive.event_sources.SAMPLE", 2)
        if request.param == "too many sources":
            monkeypatch.setattr("hub.archive.event_sources.MAX_SPLIT", 1)


class TestSqliteTampering(TamperConformance):
    """Runs the suite of tampering over SQLite."""


class TestSqliteOverviews(OverviewConformance):
    """Runs the suite of overviews over SQLite."""


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


AREA = EventFilter(area="lien-chieu")


@pytest.mark.parametrize(
    "where",
    [
        EventFilter(),
        EventFilter(node="gate-1"),
        EventFilter(zone="path"),
        EventFilter(label="person"),
        EventFilter(label="person", zone="path"),
        EventFilter(kinds=("tampered",)),
        EventFilter(marks=("confirmed",), kinds=("motion", "lost")),
        EventFilter(min_duration_ms=90_000),
        EventFilter(min_duration_ms=400_000, marks=("seen",)),
        EventFilter(zone="path", kinds=("motion",), marks=("confirmed",)),
        EventFilter(text="cong xe"),
        AREA,
        replace(AREA, kinds=("motion",), marks=("new",)),
        replace(AREA, zone="path"),
        replace(AREA, label="person", since_utc=START_UTC),
        EventFilter(scope=Scope(areas=frozenset({"to-5"})), until_utc=START_UTC),
    ],
)
@pytest.mark.parametrize("key", [None, PageKey(1_700_000_000_000, 5)])
def test_a_page_is_read_in_index_order_without_sorting(
    open_archive: OpenArchive, tmp_path: Path, where: EventFilter, key: PageKey | None
) -> None:
    """A page costs as much as its length, however large the archive: nothing sorts the events, and
    no table is read from one end to the other but in the order of the page."""
    fill(open_archive(), random.Random(1))
    with contextlib.closing(sqlite3.connect(tmp_path / "archive.sqlite")) as db:
        db.row_factory = sqlite3.Row
        statements: list[str] = []
        db.set_trace_callback(statements.append)
        page(db, where, limit=5, before=key)
        db.set_trace_callback(None)
        asked = [each for each in statements if "FROM event" in each or "FROM note" in each]
        assert asked
        for statement in asked:
            plan = [row["detail"] for row in db.execute("EXPLAIN QUERY PLAN " + statement)]
            assert not any("TEMP B-TREE FOR" in step for step in plan), (statement, plan)
            scans = [each for each in plan if each.startswith("SCAN") and "json_each" not in each]
            whole = (
                "events_by_time",
                "events_long",
                "events_longest",
                "note_index",
                "(subquery",
                "listed",
            )
            assert all(any(name in scan for name in whole) for scan in scans), (statement, plan)
