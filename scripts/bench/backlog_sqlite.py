"""What SQLite alone commits: the same rows, as many at once as the hub takes, flushed as safely."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from edge.base.sqlite import open_database, transaction


def commit_again(archive: Path, copy: Path, batch: int) -> float:
    """Seconds to write every row of `archive` to a new database, `batch` records at a time.

    Tables and indexes are the archive's own. Rows of other tables are spread over the batches, so
    that a transaction holds about what the hub's held, without its reading, thinking and updating.
    """
    with contextlib.closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as source:
        schema = [sql for (sql,) in source.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
            " AND type IN ('table', 'index') ORDER BY type DESC, rowid"
        )]  # fmt: skip
        tables = [name for (name,) in source.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )]  # fmt: skip
        rows = {name: source.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608
    count = -(-len(rows["records"]) // batch)
    inserts = {
        name: f"INSERT INTO {name} VALUES ({','.join('?' * len(found[0]))})"  # noqa: S608
        for name, found in rows.items()
        if found
    }
    db = open_database(copy, (";\n".join(schema) + ";",))
    with contextlib.closing(db):
        db.execute("PRAGMA foreign_keys=OFF")
        began_s = time.monotonic()
        for number in range(count):
            with transaction(db):
                for name, insert in inserts.items():
                    found = rows[name]
                    part = found[len(found) * number // count : len(found) * (number + 1) // count]
                    db.executemany(insert, part)
        return time.monotonic() - began_s
