"""Questions about events: changes since, by id, and what belongs to one. Pages: event_pages.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from hub.archive import camera_rows, event_sources, text_search
from hub.archive.event_rows import EVENT_COLUMNS, event_in
from hub.archive.event_sources import Source
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
from hub.archive.values import Clip, Event, EventFilter, Snapshot, StoredRecord

_EVENT_TABLES = "events JOIN nodes ON nodes.id = node_id"
_IN_TURN = "events INDEXED BY events_by_change CROSS JOIN nodes ON nodes.id = node_id"


def changes(db: sqlite3.Connection, where: EventFilter, *, after: int, limit: int) -> list[Event]:
    """Events that changed after change number `after`, by change."""
    source = event_sources.tested(
        event_sources.tag_tested(event_sources.spanned(Source(_IN_TURN), where), where), where
    ).within(camera_rows.windows(db, where))
    texts = text_search.sources(db, where, is_split=False) if where.text else None
    found: list[Event] = []
    while len(found) < limit:
        turn = source.test("change > ?", after)
        rows = db.execute(
            turn.sql(EVENT_COLUMNS, "ORDER BY change LIMIT ?"), (*turn.bound, limit)
        ).fetchall()
        events = [event_in(row) for row in rows]
        found += [each for each in events if texts is None or _is_in(db, texts, each)]
        if len(events) < limit:
            break
        after = events[-1].change
    return found[:limit]


def _is_in(db: sqlite3.Connection, sources: Sequence[Source], event: Event) -> bool:
    """Whether one of the sources holds the event."""
    started_ms = to_ms(event.started_utc)
    for source in sources:
        one = source.between(started_ms, started_ms + 1).test(f"{source.number} = ?", event.number)
        if db.execute(one.sql("1", "LIMIT 1"), one.bound).fetchone():
            return True
    return False


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
