"""Sums of what accounts say of each hour of each camera, kept as accounts come in.

They only add up; what the accounts together mean, coverage.py alone knows. So an hour's sums are
believed only where nothing could be made of them but one thing: no account overlaps another, none
moved or lacks its time. Other hours are contested and are read from the accounts themselves.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator

from hub.archive.coverage import SNAP_MS
from hub.archive.event_state import MAX_INT64

HOUR_MS = 3_600_000
SUMMING = "1"  # raise it when what is summed changes
DAY_MS = 86_400_000  # the longest span that the wire can carry


def add(
    db: sqlite3.Connection, camera_id: int, from_ms: int, to_ms: int, blind: str | None
) -> None:
    """Count a span that was just kept; `blind` is its cause, None for watched."""
    for hour, start_ms, end_ms in hours_of(from_ms, to_ms):
        lasted_ms = end_ms - start_ms
        watched_ms = lasted_ms if blind is None else 0
        db.execute(
            "INSERT INTO coverage_hours (hour, camera_id, watched_ms, blind_ms, first_ms, last_ms,"
            " is_contested) VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (hour, camera_id) DO UPDATE"
            " SET watched_ms = watched_ms + excluded.watched_ms,"
            " blind_ms = blind_ms + excluded.blind_ms,"
            " first_ms = min(first_ms, excluded.first_ms),"
            " last_ms = max(last_ms, excluded.last_ms)",
            (hour, camera_id, watched_ms, lasted_ms - watched_ms, start_ms, end_ms),
        )
        if blind is not None:
            _add_cause(db, camera_id, hour, blind, lasted_ms)


def contest(db: sqlite3.Connection, camera_id: int, from_ms: int, to_ms: int) -> None:
    """Believe no sums of the hours of that time."""
    db.executemany(
        "INSERT INTO coverage_hours (hour, camera_id, watched_ms, blind_ms, first_ms, last_ms,"
        " is_contested) VALUES (?, ?, 0, 0, ?, ?, 1)"
        " ON CONFLICT (hour, camera_id) DO UPDATE SET is_contested = 1",
        [
            (hour, camera_id, start_ms, end_ms)
            for hour, start_ms, end_ms in hours_of(from_ms, to_ms)
        ],
    )


def overlaps(
    db: sqlite3.Connection, node_id: int, camera: str, from_ms: int, to_ms: int
) -> list[tuple[int, int]]:
    """Where accounts that are kept speak of that time too, beyond what a slewed clock explains."""
    rows = db.execute(
        "SELECT max(from_ms, ?) AS one, min(to_ms, ?) AS other FROM spans WHERE node_id = ?"
        " AND camera = ? AND from_ms > ? AND from_ms < ? AND to_ms > ?",
        (from_ms, to_ms, node_id, camera, from_ms - DAY_MS, to_ms, from_ms),
    )
    return [(one, other) for one, other in rows if other - one > SNAP_MS]


def make_again(
    db: sqlite3.Connection, camera_id: int, node_id: int, camera: str, hours: Iterable[int]
) -> None:
    """Make the sums of these hours anew, since spans moved into or out of them."""
    for hour in hours:
        start_ms, end_ms = hour * HOUR_MS, (hour + 1) * HOUR_MS
        db.execute("DELETE FROM coverage_hours WHERE hour = ? AND camera_id = ?", (hour, camera_id))
        rows = db.execute(
            "SELECT from_ms, to_ms, state, cause, placed FROM spans WHERE node_id = ?"
            " AND camera = ? AND from_ms > ? AND from_ms < ? AND to_ms > ? ORDER BY from_ms",
            (node_id, camera, start_ms - DAY_MS, end_ms, start_ms),
        ).fetchall()
        _sum(db, camera_id, rows, start_ms, end_ms)


def make_all(db: sqlite3.Connection) -> None:
    """Make the sums anew from all accounts."""
    db.execute("DELETE FROM coverage_hours")
    for camera_id, node_id, camera in db.execute(
        "SELECT cameras.id, nodes.id, cameras.name FROM cameras JOIN nodes ON nodes.name = node"
    ).fetchall():
        rows = db.execute(
            "SELECT from_ms, to_ms, state, cause, placed FROM spans WHERE node_id = ?"
            " AND camera = ? ORDER BY from_ms",
            (node_id, camera),
        )
        _sum(db, camera_id, rows, -MAX_INT64, MAX_INT64)


def _sum(
    db: sqlite3.Connection, camera_id: int, rows: Iterable[sqlite3.Row], from_ms: int, to_ms: int
) -> None:
    """Count spans in the order of their starts, as far as they lie in that time."""
    last_ms = -MAX_INT64
    for row in rows:
        start_ms, end_ms = max(row["from_ms"], from_ms), min(row["to_ms"], to_ms)
        add(db, camera_id, start_ms, end_ms, blind_cause(row["state"], row["cause"]))
        if row["placed"] == "bounded":
            contest(db, camera_id, start_ms, end_ms)
        other_ms = min(last_ms, row["to_ms"])
        if other_ms - row["from_ms"] > SNAP_MS:
            contest(db, camera_id, start_ms, min(other_ms, to_ms))
        last_ms = max(last_ms, row["to_ms"])


def blind_cause(state: str, cause: str | None) -> str | None:
    """Why a span is blind; None for a watched one."""
    return None if state == "watched" else cause or ""


def hours_of(from_ms: int, to_ms: int) -> Iterator[tuple[int, int, int]]:
    """The hours that a stretch touches, with its part in each."""
    while from_ms < to_ms:
        hour = from_ms // HOUR_MS
        end_ms = min(to_ms, (hour + 1) * HOUR_MS)
        yield hour, from_ms, end_ms
        from_ms = end_ms


def _add_cause(
    db: sqlite3.Connection, camera_id: int, hour: int, cause: str, lasted_ms: int
) -> None:
    key = (hour, camera_id)
    (text,) = db.execute(
        "SELECT causes FROM coverage_hours WHERE hour = ? AND camera_id = ?", key
    ).fetchone()
    causes = json.loads(text or "{}")
    causes[cause] = causes.get(cause, 0) + lasted_ms
    db.execute(
        "UPDATE coverage_hours SET causes = ? WHERE hour = ? AND camera_id = ?",
        (json.dumps(causes, sort_keys=True), *key),
    )
