"""SQLite as a durable store."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from edge.base import sqlite
from edge.base.errors import DiskFullError, StorageError

ONE = "CREATE TABLE one (id INTEGER PRIMARY KEY, text TEXT) STRICT;"
TWO = "ALTER TABLE one ADD COLUMN size INTEGER;\nCREATE TABLE two (id INTEGER REFERENCES one (id));"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def schema_of(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    rows = db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
    return [(row["type"], row["name"], " ".join((row["sql"] or "").split())) for row in rows]


def pragma(db: sqlite3.Connection, name: str) -> object:
    (value,) = db.execute(f"PRAGMA {name}").fetchone()
    return value


def test_a_store_is_opened_for_full_durability(path: Path) -> None:
    """WAL with synchronous=FULL: COMMIT returns after the log is on the disk."""
    db = sqlite.open_database(path, [ONE])
    assert pragma(db, "journal_mode") == "wal"
    assert pragma(db, "synchronous") == 2  # FULL, sqlite.org/pragma.html#pragma_synchronous
    assert pragma(db, "foreign_keys") == 1
    db.close()


def test_a_new_store_is_private(path: Path) -> None:
    """The database, its log and its shared memory: nobody else reads them."""
    db = sqlite.open_database(path, [ONE])
    with sqlite.transaction(db):
        db.execute("INSERT INTO one (text) VALUES ('x')")
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
    db.close()


def test_an_upgraded_store_equals_a_fresh_one(path: Path, tmp_path: Path) -> None:
    """Step by step or at once, the schema is the same, and the rows are kept."""
    old = sqlite.open_database(path, [ONE])
    with sqlite.transaction(old):
        old.execute("INSERT INTO one (text) VALUES ('kept')")
    old.close()
    upgraded = sqlite.open_database(path, [ONE, TWO])
    fresh = sqlite.open_database(tmp_path / "fresh.db", [ONE, TWO])
    assert schema_of(upgraded) == schema_of(fresh)
    assert pragma(upgraded, "user_version") == 2
    assert upgraded.execute("SELECT text FROM one").fetchone()["text"] == "kept"
    upgraded.close()
    fresh.close()


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    """The statements before the bad one are rolled back, the version with them."""
    sqlite.open_database(path, [ONE]).close()
    with pytest.raises(StorageError, match="nonsense"):
        sqlite.open_database(path, [ONE, "CREATE TABLE two (id);\nnonsense;"])
    db = sqlite.open_database(path, [ONE])
    assert [name for _, name, _ in schema_of(db)] == ["one"]
    db.close()


def test_a_migration_without_a_last_semicolon_is_not_dropped(path: Path) -> None:
    """The statement most easily forgotten is the last."""
    db = sqlite.open_database(path, ["CREATE TABLE a (id);\nCREATE TABLE b (id)"])
    assert [name for _, name, _ in schema_of(db)] == ["a", "b"]
    db.close()


def test_a_script_is_split_where_sqlite_ends_a_statement() -> None:
    """Semicolons in texts, comments and triggers do not split."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END;"
    script = "SELECT 'x;y'; -- one; two\n" + trigger + " SELECT 1;\n-- the end\n"
    statements = sqlite.split_statements(script)
    assert len(statements) == 4
    assert statements[1].endswith(trigger)
    assert sqlite.split_statements(" \n") == []


def test_two_processes_may_upgrade_at_the_same_time(path: Path) -> None:
    """The second waits, sees that it was done, and goes on."""
    migrations = [f"CREATE TABLE t{number} (id);" for number in range(12)]
    problems: list[BaseException] = []

    def upgrade() -> None:
        try:
            sqlite.open_database(path, migrations).close()
        except StorageError as err:
            problems.append(err)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    db = sqlite.open_database(path, migrations)
    assert len(schema_of(db)) == 12
    db.close()


def test_a_newer_schema_is_refused_with_advice(path: Path) -> None:
    """An older program would misread it."""
    sqlite.open_database(path, [ONE, TWO]).close()
    with pytest.raises(StorageError, match="schema 2, this software knows 1") as caught:
        sqlite.open_database(path, [ONE])
    assert caught.value.hint
    assert not caught.value.is_retryable


def test_a_reader_writes_nothing(path: Path) -> None:
    """Neither rows nor a schema."""
    db = sqlite.open_database(path, [ONE])
    reader = sqlite.open_database(path, [ONE], is_read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO one (text) VALUES ('x')")
    reader.close()
    db.close()
    with pytest.raises(StorageError, match="older schema") as caught:
        sqlite.open_database(path, [ONE, TWO], is_read_only=True)
    assert caught.value.hint


def test_a_reader_does_not_make_a_missing_store(path: Path) -> None:
    """A query against the wrong folder must say so."""
    with pytest.raises(StorageError, match="unable to open"):
        sqlite.open_database(path, [ONE], is_read_only=True)
    assert not path.exists()


def test_a_path_with_signs_of_a_uri_is_that_file(tmp_path: Path) -> None:
    """? and # in a folder's name belong to it."""
    path = tmp_path / "a?mode=rw#b %41" / "store.db"
    path.parent.mkdir()
    sqlite.open_database(path, [ONE]).close()
    sqlite.open_database(path, [ONE], is_read_only=True).close()


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    """What raised is rolled back, what ended is there."""
    db = sqlite.open_database(path, [ONE])
    with pytest.raises(RuntimeError), sqlite.transaction(db):
        db.execute("INSERT INTO one (text) VALUES ('lost')")
        raise RuntimeError
    with sqlite.transaction(db):
        db.execute("INSERT INTO one (text) VALUES ('kept')")
    assert [row["text"] for row in db.execute("SELECT text FROM one")] == ["kept"]
    assert not db.in_transaction
    db.close()


def test_the_first_error_of_a_transaction_is_the_one_reported(path: Path) -> None:
    """Not that the connection it left behind cannot roll back."""
    db = sqlite.open_database(path, [ONE])
    with pytest.raises(RuntimeError, match="first"), sqlite.transaction(db):
        db.close()
        raise RuntimeError("first")


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be read as one" * 20]
)
def test_a_file_that_is_no_database_is_a_storage_error(path: Path, content: bytes) -> None:
    """And is left as it is, for a person to look at."""
    path.write_bytes(content)
    with pytest.raises(StorageError, match="not a database"):
        sqlite.open_database(path, [ONE])
    assert path.read_bytes() == content


def test_a_schema_that_is_no_text_is_damage(path: Path) -> None:
    """SQLite repeats the bytes in its message, which Python cannot read."""
    sqlite.open_database(path, ["CREATE TABLE pairs (number INTEGER NOT NULL)"]).close()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"NOT NULL", b"NOT NU\xff\xff"))
    for is_read_only in (False, True):
        with pytest.raises(sqlite.DamagedDatabaseError, match="no text"):
            sqlite.open_database(path, [ONE], is_read_only=is_read_only)


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_schema_of_other_columns_is_damage(path: Path, is_read_only: bool) -> None:
    """One changed letter leaves a sound database, in which nothing finds what it looks for."""
    migration = "CREATE TABLE pairs (number INTEGER NOT NULL)"
    sqlite.open_database(path, [migration]).close()
    path.write_bytes(path.read_bytes().replace(b"(number", b"(numbes"))
    with pytest.raises(sqlite.DamagedDatabaseError, match="pairs number"):
        sqlite.open_database(path, [migration], is_read_only=is_read_only)


def test_a_full_database_is_a_full_disk(path: Path) -> None:
    """SQLITE_FULL has a class of its own, so that callers can free space."""
    db = sqlite.open_database(path, [ONE])
    db.execute("PRAGMA max_page_count=4")
    with pytest.raises(DiskFullError), sqlite.errors_named(path), sqlite.transaction(db):
        db.execute("INSERT INTO one (text) VALUES (?)", ("x" * 100_000,))
    assert not db.in_transaction
    db.close()


def test_a_full_disk_of_the_system_is_a_full_disk_too(path: Path) -> None:
    """Making the file can fail before SQLite is asked."""
    with pytest.raises(DiskFullError), sqlite.errors_named(path):
        raise OSError(28, "No space left on device")


def test_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    """With the path in it."""
    with pytest.raises(StorageError, match="nowhere"):
        sqlite.open_database(tmp_path / "nowhere" / "store.db", [ONE])


def test_a_failed_opening_leaves_nothing_open(path: Path) -> None:
    """While the error is still at hand, the file is closed, so it can be moved away."""
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(StorageError) as caught:
        sqlite.open_database(path, [ONE])
    links = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert caught.value.path == str(path)
    assert path not in links


def test_software_that_was_taken_back_goes_on_with_what_the_newer_one_only_added_to(
    path: Path,
) -> None:
    """The newer software says in the file since which schema that is so; both write rows."""
    added = "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;"
    newer = sqlite.open_database(path, [ONE, added], usable_from=1)
    with sqlite.transaction(newer):
        newer.execute("INSERT INTO one (text) VALUES ('by the newer one')")
    newer.close()
    older = sqlite.open_database(path, [ONE], usable_from=1)
    with sqlite.transaction(older):
        older.execute("INSERT INTO one (text) VALUES ('by the older one')")
    older.close()
    again = sqlite.open_database(path, [ONE, added], usable_from=1)
    assert pragma(again, "user_version") == 2
    texts = [row["text"] for row in again.execute("SELECT text FROM one ORDER BY id")]
    assert texts == ["by the newer one", "by the older one"]
    again.close()


@pytest.mark.parametrize("usable_from", [0, 2])
def test_a_newer_store_that_does_not_say_so_is_refused(path: Path, usable_from: int) -> None:
    """Nothing is said, or that it takes the newer software."""
    sqlite.open_database(path, [ONE, TWO], usable_from=usable_from).close()
    with pytest.raises(StorageError, match="has schema 2, this software knows 1"):
        sqlite.open_database(path, [ONE])
