"""The names that hold for each stretch of each camera's time, folded, for free text.

Kept whole: made anew when the registry changes, which is seldom, and read whole for a question,
which costs a thousand cameras a few milliseconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby

from hub.archive.event_state import MAX_INT64
from hub.archive.fold import words
from hub.archive.windows import ALWAYS_MS, Window


def stays(db: sqlite3.Connection) -> Iterator[tuple[Window, str]]:
    """All cameras' time, each moment once, with its names: folded words between spaces."""
    for row in db.execute("SELECT camera_id, from_ms, until_ms, names FROM camera_names"):
        yield Window(*row[:3]), row[3]


def make_all(db: sqlite3.Connection) -> None:
    """Make the names of all cameras anew."""
    db.execute("DELETE FROM camera_names")
    _keep(db, _made(db))


def make(db: sqlite3.Connection, camera_id: int, node: str, camera: str) -> None:
    """Make those of a camera that was just heard of and is nowhere yet."""
    _keep(db, [(Window(camera_id, ALWAYS_MS, MAX_INT64), _folded(f"{node} {camera}"))])


def _keep(db: sqlite3.Connection, named: Iterable[tuple[Window, str]]) -> None:
    db.executemany(
        "INSERT INTO camera_names (camera_id, from_ms, until_ms, names) VALUES (?, ?, ?, ?)",
        [(*window, names) for window, names in named],
    )


def _made(db: sqlite3.Connection) -> Iterator[tuple[Window, str]]:
    areas = _area_names(db)
    organisations = {
        row["code"]: _folded(row["name"])
        for row in db.execute("SELECT code, name FROM organisations")
    }
    rows = db.execute(
        "SELECT id, node, name, title, since_ms, area, organisation FROM cameras"
        " LEFT JOIN placements ON camera_id = id ORDER BY id, since_ms"
    )
    for camera_id, places in groupby(rows, key=lambda row: int(row["id"])):
        start_ms, names = ALWAYS_MS, ""
        for row in places:
            own = _folded(f"{row['node']} {row['name']}") + _folded(row["title"])
            if row["since_ms"] is not None and row["since_ms"] > start_ms:
                yield Window(camera_id, start_ms, row["since_ms"]), names or own
                start_ms = row["since_ms"]
            names = own + areas.get(row["area"], "") + organisations.get(row["organisation"], "")
        yield Window(camera_id, start_ms, MAX_INT64), names


def _area_names(db: sqlite3.Connection) -> dict[str, str]:
    """Each area's names up to its town."""
    rows = {row["code"]: row for row in db.execute("SELECT code, name, parent FROM areas")}
    own = {code: _folded(row["name"]) for code, row in rows.items()}
    found: dict[str, str] = {}
    for code in rows:
        names, at, seen = "", code, set[str]()
        while at in rows and at not in seen:
            seen.add(at)
            names += own[at]
            at = rows[at]["parent"]
        found[code] = names
    return found


def _folded(text: str) -> str:
    """Words with a space before and after each; names of two entries never read as one."""
    return f" {' '.join(found)} " if (found := words(text)) else ""
