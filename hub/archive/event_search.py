"""Questions about events: filtered pages by time, changes since, by id, and what belongs to one."""

from __future__ import annotations

import sqlite3

from hub.archive.event_rows import EVENT_COLUMNS, event_in
from hub.archive.event_state import to_ms
from hub.archive.media_rows import (
    CLIP_COLUMNS,
    CLIP_TABLES,
    SNAPSHOT_COLUMNS,
    SNAPSHOT_TABLES,
    clip_in,
    snapshot_in,
)
from hub.archive.record_rows import STORED_COLUMNS, STORED_TABLES, stored_in
from hub.archive.values import Clip, Event, EventFilter, PageKey, Snapshot, StoredRecord

_EVENT_TABLES = "events JOIN nodes ON nodes.id = node_id"
_ZONE_TABLES = (
    "event_zones CROSS JOIN events ON events.id = event_id JOIN nodes ON nodes.id = node_id"
)


def page(
    db: sqlite3.Connection, where: EventFilter, *, limit: int, before: PageKey | None
) -> list[Event]:
    """Events newest first; a page begins after `before` by comparing keys, never by counting."""
    # A zone's events are walked in the order of event_zones, so that a rare zone costs no more
    # than a page; CROSS JOIN keeps SQLite from choosing the other way round.
    tables, started, number = _EVENT_TABLES, "events.started_ms", "events.id"
    if where.zone is not None:
        tables, started, number = _ZONE_TABLES, "event_zones.started_ms", "event_id"
    tests, values = _tests_of(db, where, started)
    if where.zone is not None:
        tests.append("zone = ?")
        values.append(where.zone)
    if before is not None:
        tests.append(f"({started}, {number}) < (?, ?)")
        values += before
    rows = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM {tables} WHERE {' AND '.join(tests) or 'true'}"  # noqa: S608
        f" ORDER BY {started} DESC, {number} DESC LIMIT ?",
        (*values, limit),
    )
    return [event_in(row) for row in rows]


def changes(db: sqlite3.Connection, where: EventFilter, *, after: int, limit: int) -> list[Event]:
    """Events that changed after change number `after`, by change."""
    tests, values = _tests_of(db, where, "events.started_ms")
    tests.append("change > ?")
    values.append(after)
    if where.zone is not None:
        tests.append(
            "EXISTS (SELECT 1 FROM event_zones AS touched WHERE touched.event_id = events.id"
            " AND zone = ? AND touched.started_ms = events.started_ms)"
        )
        values.append(where.zone)
    rows = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM {_EVENT_TABLES} WHERE {' AND '.join(tests)}"  # noqa: S608
        " ORDER BY change LIMIT ?",
        (*values, limit),
    )
    return [event_in(row) for row in rows]


def _tests_of(
    db: sqlite3.Connection, where: EventFilter, started: str
) -> tuple[list[str], list[object]]:
    tests: list[str] = []
    values: list[object] = []

    def test(condition: str, value: object) -> None:
        tests.append(condition)
        values.append(value)

    if where.since_utc is not None:
        test(f"{started} >= ?", to_ms(where.since_utc))
    if where.until_utc is not None:
        test(f"{started} < ?", to_ms(where.until_utc))
    if where.node is not None:
        row = db.execute("SELECT id FROM nodes WHERE name = ?", (where.node,)).fetchone()
        test("node_id = ?", -1 if row is None else row["id"])
    if where.camera is not None:
        test("camera = ?", where.camera)
    if where.kind is not None:
        test("kind = ?", where.kind)
    if where.min_duration_ms:
        test("duration_ms >= ?", where.min_duration_ms)
    return tests, values


def by_number(db: sqlite3.Connection, number: int) -> Event:
    """The event of that archive number, which exists."""
    row = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM {_EVENT_TABLES} WHERE events.id = ?",  # noqa: S608
        (number,),
    ).fetchone()
    return event_in(row)


def by_id(db: sqlite3.Connection, prefix: str, *, limit: int) -> list[Event]:
    """Events whose id begins with `prefix`, oldest id first."""
    rows = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM {_EVENT_TABLES}"  # noqa: S608
        " WHERE event >= ? AND event < ? ORDER BY event LIMIT ?",
        (prefix, prefix + "g", limit),  # g sorts after every hexadecimal digit and -
    )
    return [event_in(row) for row in rows]


def records_of(db: sqlite3.Connection, event: Event) -> list[StoredRecord]:
    """The event's records in journal order."""
    rows = db.execute(
        f"SELECT {STORED_COLUMNS} FROM {STORED_TABLES}"  # noqa: S608 - ours
        " WHERE event = ? AND name = ? ORDER BY epoch_id, seq",
        (event.id, event.node),
    )
    return [stored_in(row) for row in rows]


def clips_of(db: sqlite3.Connection, event: Event) -> list[Clip]:
    """The event's clips by part, then as announced."""
    rows = db.execute(
        f"SELECT {CLIP_COLUMNS} FROM {CLIP_TABLES} WHERE event_id = ?"  # noqa: S608
        " ORDER BY part, epoch_id, seq",
        (event.number,),
    )
    return [clip_in(row) for row in rows]


def snapshots_of(db: sqlite3.Connection, event: Event) -> list[Snapshot]:
    """The event's snapshots as announced."""
    rows = db.execute(
        f"SELECT {SNAPSHOT_COLUMNS} FROM {SNAPSHOT_TABLES} WHERE event_id = ?"  # noqa: S608
        " ORDER BY epoch_id, seq",
        (event.number,),
    )
    return [snapshot_in(row) for row in rows]
