"""The audit trail in a real SQLite file: what is added stays, and what was done to it shows."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.base.errors import StorageError
from hub.archive import SqliteArchive, audit, audit_head
from hub.archive.audit import EMPTY, AuditFilter, AuditHead, AuditRow, ChainError, Deed
from tests.hub.journals import START_UTC

Edit = Callable[[sqlite3.Connection], object]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """An archive with ten deeds."""
    made = SqliteArchive(tmp_path / "archive.sqlite")
    for number in range(10):
        made.audit.append([deed(number)])
    yield made
    made.close()


def deed(number: int, **more: str) -> Deed:
    """The deed of that number, a minute after the one before."""
    return Deed(
        START_UTC + timedelta(minutes=number),
        "anna" if number % 2 else "bình",
        "session",
        "192.0.2.1",
        ("clip.play", "clip.download", "event.view")[number % 3],
        f"event:{number}",
        detail=more,
    )


def rows(archive: SqliteArchive) -> list[AuditRow]:
    """All rows, as verifying reads them."""
    return archive.audit.rows_after(0, 1000)


def edit(archive: SqliteArchive, how: Edit) -> None:
    """Change the file as somebody would who can write to it: the triggers are in their way only
    until they drop them."""
    with contextlib.closing(sqlite3.connect(archive._path)) as db, db:
        db.execute("DROP TRIGGER audit_is_not_changed")
        db.execute("DROP TRIGGER audit_is_not_cut")
        how(db)


def test_an_untouched_trail_is_whole(archive: SqliteArchive) -> None:
    """From the first entry to the head, also against heads remembered on the way."""
    remembered = archive.audit.head()
    archive.audit.append([deed(10), deed(11)])
    report = audit.check(rows(archive), [remembered])
    assert report.faults == ()
    assert report.head == archive.audit.head() != remembered
    assert report.head.seq == 12


def test_an_empty_trail_is_whole(tmp_path: Path) -> None:
    """Before the first deed."""
    archive = SqliteArchive(tmp_path / "archive.sqlite")
    assert (archive.audit.head(), audit.check(rows(archive)).faults) == (EMPTY, ())
    archive.close()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET payload = replace(payload, 'anna', 'nobody') WHERE seq = 4",
         "entry 4: was changed"),
        ("UPDATE audit SET user = 'nobody' WHERE seq = 4",
         "entry 4: its columns are not what was hashed"),
        ("DELETE FROM audit WHERE seq = 4", "entries 4 to 4: are missing"),
        ("DELETE FROM audit WHERE seq <= 2", "entries 1 to 2: are missing"),
        ("DELETE FROM audit WHERE seq > 8",
         "entry 10: was remembered and is not there; the trail ends at 8"),
        ("DELETE FROM audit", "entry 10: was remembered and is not there; the trail ends at 0"),
    ],
)  # fmt: skip
def test_edits_deletions_and_cuts_in_the_file_are_detected(
    archive: SqliteArchive, statement: str, fault: str
) -> None:
    """Each is named with its entry. The cut at the end by the remembered head alone."""
    head = archive.audit.head()
    edit(archive, lambda db: db.execute(statement))
    assert fault in audit.check(rows(archive), [head]).faults


def test_a_forged_entry_with_a_fitting_hash_breaks_the_chain(archive: SqliteArchive) -> None:
    """Whoever hashes an edited entry anew would have to forge all that follow it."""
    found = archive.audit.entries(AuditFilter(), limit=1, before=5)[0]
    row = rows(archive)[3]
    prev = audit.decode(row.payload)[1]
    forged = audit.encode(deed(3, note="nothing happened"), found.seq, prev)

    def forge(db: sqlite3.Connection) -> None:
        digest = bytes.fromhex(audit.digest_of(forged))
        db.execute("UPDATE audit SET payload = ?, hash = ? WHERE seq = 4", (forged, digest))

    edit(archive, forge)
    assert "entry 5: does not continue the one before it" in audit.check(rows(archive)).faults


def test_a_trail_written_anew_from_some_entry_on_is_detected_by_a_remembered_head(
    archive: SqliteArchive,
) -> None:
    """It fits itself, but not what somebody remembers."""
    head = archive.audit.head()
    edit(archive, lambda db: db.execute("DELETE FROM audit WHERE seq > 3"))
    archive.audit.append([deed(number) for number in range(20, 30)])
    assert audit.check(rows(archive)).faults == ()
    faults = audit.check(rows(archive), [head]).faults
    assert faults == ("entry 10: is not the one that was remembered",)


def test_the_archive_itself_refuses_to_change_or_remove_entries(archive: SqliteArchive) -> None:
    """So that no mistake in the code does it."""
    for statement in ("UPDATE audit SET user = ''", "DELETE FROM audit"):
        with pytest.raises(StorageError, match="append-only"), archive.writing() as db:
            db.execute(statement)
    assert audit.check(rows(archive)).faults == ()


def test_entries_are_found_by_who_what_when_and_paged(archive: SqliteArchive) -> None:
    """Newest first."""

    def numbers(where: AuditFilter, limit: int = 100, before: int | None = None) -> list[int]:
        return [each.seq for each in archive.audit.entries(where, limit=limit, before=before)]

    assert numbers(AuditFilter()) == list(range(10, 0, -1))
    assert numbers(AuditFilter(), limit=3, before=8) == [7, 6, 5]
    assert numbers(AuditFilter(user="bình")) == [9, 7, 5, 3, 1]
    assert numbers(AuditFilter(action="clip.play")) == [10, 7, 4, 1]
    assert numbers(AuditFilter(action="clip.")) == [10, 8, 7, 5, 4, 2, 1]
    assert numbers(AuditFilter(target="event:6")) == [7]
    since, until = START_UTC + timedelta(minutes=2), START_UTC + timedelta(minutes=5)
    assert numbers(AuditFilter(since, until)) == [5, 4, 3]


def test_a_deed_comes_back_as_it_was_given_and_long_texts_are_cut(archive: SqliteArchive) -> None:
    """Nobody can blow the trail up with a long name."""
    long = "x" * 5000
    given = Deed(START_UTC, "đào \ud800", "nobody", long, "login", long, "refused", {"a": long})
    archive.audit.append([given])
    (entry,) = archive.audit.entries(AuditFilter(), limit=1)
    assert entry.deed.target == entry.deed.address == entry.deed.detail["a"] == "x" * 300
    assert entry.deed.outcome == "refused"
    assert audit.check(rows(archive)).faults == ()


def test_a_remembered_head_follows_the_trail_and_never_goes_back(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    """A cut trail is told of; what was remembered before it stays, as proof."""
    audit_head.follow(tmp_path, archive.audit)
    archive.audit.append([deed(10)])
    audit_head.follow(tmp_path, archive.audit)
    head = archive.audit.head()
    assert audit_head.read(tmp_path) == head
    edit(archive, lambda db: db.execute("DELETE FROM audit WHERE seq > 5"))
    for number in range(20):
        with pytest.raises(ChainError, match="entry 11"):
            audit_head.follow(tmp_path, archive.audit)
        archive.audit.append([deed(number)])
    assert audit_head.read(tmp_path) == head


def test_a_head_is_printed_and_read_back() -> None:
    """As an operator types it from paper; anything else is refused."""
    head = AuditHead(42, "ab" * 32)
    assert AuditHead.parse(f" {head}\n") == head
    for text in (
        "",
        "42",
        "42:ab",
        "x:" + "ab" * 32,
        "42:" + "AB" * 32,
        "9" * 30 + ":" + "ab" * 32,
    ):
        with pytest.raises(ValueError, match="head"):
            AuditHead.parse(text)
