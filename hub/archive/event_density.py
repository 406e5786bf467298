"""How many events each camera had in each piece of a time: what a timeline draws."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import datetime

from hub.archive import camera_rows, event_sources, text_search
from hub.archive.event_sources import Source
from hub.archive.event_state import to_ms
from hub.archive.values import CameraKey, EventFilter

MAX_BUCKETS = 5000
FEW_WINDOWS = 50  # each is a read of its own then; more are found in one read of the whole time


def density(
    db: sqlite3.Connection, where: EventFilter, since: datetime, until: datetime, bucket_ms: int
) -> dict[CameraKey, list[int]]:
    """Events by camera and bucket from `since` on; cameras without an event are left out."""
    since_ms = to_ms(since)
    buckets = count_of(since, until, bucket_ms)
    where = _narrowed(where, since, until)
    found: Counter[tuple[int, int]] = Counter()
    for source in _sources(db, where):
        sql = source.sql(
            f"{source.camera}, ({source.started} - {since_ms:d}) / {bucket_ms:d}, count(*)",
            "GROUP BY 1, 2",
        )
        for camera_id, bucket, count in db.execute(sql, source.bound):
            found[camera_id, bucket] += count
    keys = {
        row["id"]: CameraKey(row["node"], row["name"])
        for row in db.execute("SELECT id, node, name FROM cameras")
    }
    result: dict[CameraKey, list[int]] = {}
    for (camera_id, bucket), count in found.items():
        result.setdefault(keys[camera_id], [0] * buckets)[bucket] = count
    return dict(sorted(result.items()))


def count_of(since: datetime, until: datetime, bucket_ms: int) -> int:
    """How many buckets that time has. Raises ValueError for none and for too many."""
    buckets = -(-(to_ms(until) - to_ms(since)) // bucket_ms)
    if not 0 < buckets <= MAX_BUCKETS:
        raise ValueError(f"{buckets} buckets; 1 to {MAX_BUCKETS} can be told")
    return buckets


def _narrowed(where: EventFilter, since: datetime, until: datetime) -> EventFilter:
    return replace(
        where,
        since_utc=max(since, where.since_utc or since),
        until_utc=min(until, where.until_utc or until),
    )


def _sources(db: sqlite3.Connection, where: EventFilter) -> list[Source]:
    if where.text:
        return text_search.sources(db, where, is_split=False)
    windows = camera_rows.windows(db, where)
    if windows is not None and len(windows) <= FEW_WINDOWS:
        split = event_sources.split(db, where, windows)
        if split is not None:
            return split
    return [event_sources.whole(where, windows)]
