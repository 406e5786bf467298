"""Pages of events by key, both ways in time, and bounded counts; never by counting off rows."""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterator, Sequence

from hub.archive import camera_rows, event_sources, text_search
from hub.archive.event_rows import EVENT_COLUMNS, event_in
from hub.archive.event_sources import Source
from hub.archive.values import Count, Event, EventFilter, PageKey

CHUNK = 16  # events at a time from one of many sources
PROBE = 4000  # events to walk over in time order before many sources are asked one by one
Key = tuple[int, int]


def page(
    db: sqlite3.Connection,
    where: EventFilter,
    *,
    limit: int,
    before: PageKey | None,
    after: PageKey | None = None,
) -> list[Event]:
    """Events newest first: the newest, those next older than `before`, or newer than `after`."""
    reader = _Reader(db, limit, before, after)
    keys = reader.read(where)
    return events_of(db, keys if after is None else keys[::-1])


def count(db: sqlite3.Connection, where: EventFilter, *, limit: int) -> Count:
    """How many events fit, counted to `limit` at most and looking at not many more."""
    found = 0
    for source in sources(db, where):
        sql = f"SELECT count(*) FROM ({source.sql('1', 'LIMIT ?')})"  # noqa: S608 - ours
        (number,) = db.execute(sql, (*source.bound, limit + 1 - found)).fetchone()
        found += number
        if found > limit:
            return Count(limit, is_more=True)
    return Count(found, is_more=False)


def sources(db: sqlite3.Connection, where: EventFilter) -> Sequence[Source]:
    """Sources that together hold just the events that fit, each once."""
    if where.text:
        return text_search.sources(db, where)
    windows = camera_rows.windows(db, where)
    found = event_sources.split(db, where, windows)
    return [event_sources.whole(where, windows)] if found is None else found


def events_of(db: sqlite3.Connection, keys: Sequence[Key]) -> list[Event]:
    """The events of these keys, in their order."""
    rows = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM json_each(?) AS wanted CROSS JOIN events"  # noqa: S608 - ours
        " ON events.id = wanted.value JOIN nodes ON nodes.id = node_id",
        (json.dumps([number for _, number in keys]),),
    )
    found = {event.number: event for event in map(event_in, rows)}
    return [found[number] for _, number in keys]


class _Reader:
    """Reads one page's keys."""

    def __init__(
        self, db: sqlite3.Connection, limit: int, before: PageKey | None, after: PageKey | None
    ) -> None:
        self._db = db
        self._limit = limit
        self._key = before if after is None else after
        self._is_rising = after is not None

    def read(self, where: EventFilter) -> list[Key]:
        if where.text:
            return self._merge(text_search.sources(self._db, where))
        windows = camera_rows.windows(self._db, where)
        if windows is not None and len(windows) > 1 and where.zone is None and where.label is None:
            keys = self._probe(event_sources.whole(where, windows), where)
            if len(keys) == self._limit:
                return keys
        found = event_sources.split(self._db, where, windows)
        return self._merge([event_sources.whole(where, windows)] if found is None else found)

    def _probe(self, source: Source, where: EventFilter) -> list[Key]:
        """What fits of the next events of all cameras: often enough already."""
        all_cameras = EventFilter(
            since_utc=where.since_utc,
            until_utc=where.until_utc,
            min_duration_ms=where.min_duration_ms,
        )
        every = event_sources.whole(all_cameras, None).beyond(self._key, is_rising=self._is_rising)
        order = every.order(is_rising=self._is_rising)
        edge = self._db.execute(
            every.sql(every.started, f"{order} LIMIT 1 OFFSET {PROBE}"), every.bound
        ).fetchone()
        if edge is not None:
            comparison = "<" if self._is_rising else ">"
            source = source.test(f"{source.started} {comparison} ?", edge[0])
        return self._top(source.beyond(self._key, is_rising=self._is_rising), self._limit)

    def _merge(self, sources: Sequence[Source]) -> list[Key]:
        """The first of what all sources hold, in order."""
        if len(sources) == 1:
            return self._top(sources[0].beyond(self._key, is_rising=self._is_rising), self._limit)
        ordered = heapq.merge(
            *(self._stream(each) for each in sources), reverse=not self._is_rising
        )
        return [key for _, key in zip(range(self._limit), ordered, strict=False)]

    def _stream(self, source: Source) -> Iterator[Key]:
        key, size = self._key, 1
        while True:
            keys = self._top(source.beyond(key, is_rising=self._is_rising), size)
            yield from keys
            if len(keys) < size:
                return
            key, size = PageKey(*keys[-1]), CHUNK

    def _top(self, source: Source, limit: int) -> list[Key]:
        columns = f"{source.started}, {source.number}"
        order = source.order(is_rising=self._is_rising)
        rows = self._db.execute(source.sql(columns, f"{order} LIMIT ?"), (*source.bound, limit))
        return [(row[0], row[1]) for row in rows]
