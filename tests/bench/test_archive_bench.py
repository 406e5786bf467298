"""The archive's benchmark fills an archive that is like any other."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.archive.values import EventFilter
from scripts.bench import archive_asked, archive_fill
from scripts.bench.archive_asked import AskedArchive
from scripts.bench.archive_questions import Questions


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of 3,000 events, of which 500 were made one by one."""
    monkeypatch.setattr(archive_fill, "MOST_MADE", 500)
    monkeypatch.setattr(archive_fill, "ACCOUNT_DAYS", 0)
    archive_fill.fill(tmp_path / "archive.sqlite", 3000)
    return tmp_path / "archive.sqlite"


def test_a_filled_archive_is_sound_and_whole(path: Path, tmp_path: Path) -> None:
    """So many events, each its own; the schema and the references of an archive that a hub made."""
    SqliteArchive(tmp_path / "fresh.sqlite").close()
    schemas = []
    for each in (path, tmp_path / "fresh.sqlite"):
        with contextlib.closing(sqlite3.connect(each)) as db:
            rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            schemas.append(sorted((name, sql.replace('"', "")) for name, sql in rows))
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert schemas[0] == schemas[1]
    archive = SqliteArchive(path)
    assert archive.integrity(is_full=False) == []
    events = archive.events(EventFilter(), limit=5000)
    archive.close()
    assert len({event.id for event in events}) == len(events) == 3000


def test_every_question_can_be_asked(path: Path) -> None:
    """And those that every town has answers to are answered."""
    archive = SqliteArchive(path, is_read_only=True)
    rng, registry = random.Random(1), archive.registry()
    asked = AskedArchive(archive, archive_asked.some_scopes(registry, rng))
    questions = Questions(asked, registry, rng).all()
    for question in questions:
        question.run()
    archive.close()
    answers = {question.name: question.answers for question in questions}
    assert answers["newest events"] == 50
    assert answers["count: everything"] == 3000
    assert answers["text: nothing"] == answers["nothing: an area and a zone it has not"] == 0
