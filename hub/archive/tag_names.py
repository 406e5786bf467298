"""The names of zones and labels that events have, from one name to the next: a look at each name,
not at each event."""

from __future__ import annotations

import sqlite3

from hub.archive import camera_rows
from hub.archive.scope import Scope
from hub.archive.values import EventFilter, Tagged


def names(db: sqlite3.Connection, of: Tagged, scope: Scope) -> set[str]:
    """Those that an event within the scope has."""
    table = f"event_{of}s"
    windows = camera_rows.windows(db, EventFilter(scope=scope))
    if windows is None:
        return set(_walk(db, table, of, "TRUE", ()))
    within = "camera_id = ?"
    return {
        name
        for window in windows
        for name in _walk(db, table, of, within, (window.camera_id,))
        if db.execute(
            f"SELECT 1 FROM {table} WHERE {within} AND {of} = ?"  # noqa: S608 - of our own words
            " AND started_ms >= ? AND started_ms < ? LIMIT 1",
            (window.camera_id, name, window.from_ms, window.until_ms),
        ).fetchone()
    }


def _walk(
    db: sqlite3.Connection, table: str, column: str, test: str, bound: tuple[object, ...]
) -> list[str]:
    """The names in turn, each the least above the last."""
    found: list[str] = []
    while True:
        (name,) = db.execute(
            f"SELECT min({column}) FROM {table} WHERE {test} AND {column} > ?",  # noqa: S608
            (*bound, found[-1] if found else ""),
        ).fetchone()
        if name is None:
            return found
        found.append(str(name))
