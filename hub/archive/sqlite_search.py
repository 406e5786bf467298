"""Search in the SQLite archive."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from hub.archive import event_density, event_pages, event_search, heat, span_rows, tag_names
from hub.archive.event_state import to_ms
from hub.archive.hour_rows import HOUR_MS
from hub.archive.scope import Scope
from hub.archive.sqlite_file import SqliteFile
from hub.archive.values import CameraKey, Count, Event, EventFilter, HeatRow, PageKey, Tagged


class SqliteSearch(SqliteFile):
    """`Search`; see the interface."""

    def events(
        self,
        where: EventFilter,
        *,
        limit: int,
        before: PageKey | None = None,
        after: PageKey | None = None,
    ) -> list[Event]:
        with self.reading() as db:
            return event_pages.page(db, where, limit=limit, before=before, after=after)

    def count(self, where: EventFilter, *, limit: int) -> Count:
        with self.reading() as db:
            return event_pages.count(db, where, limit=limit)

    def density(
        self, where: EventFilter, since: datetime, until: datetime, bucket_ms: int
    ) -> dict[CameraKey, list[int]]:
        event_density.count_of(since, until, bucket_ms)  # what is asked is no damage of the store
        with self.reading() as db:
            return event_density.density(db, where, since, until, bucket_ms)

    def tags(self, of: Tagged, scope: Scope) -> set[str]:
        with self.reading() as db:
            return tag_names.names(db, of, scope)

    def coverage_hours(self, scope: Scope, since: datetime, until: datetime) -> list[HeatRow]:
        first, last = to_ms(since) // HOUR_MS, -(-to_ms(until) // HOUR_MS)
        with self.reading() as db:
            return heat.rows(db, scope, range(first, last), partial(span_rows.resolve, db))

    def save_filter(self, user: str, name: str, query: str, now_utc: datetime) -> None:
        with self.writing() as db:
            db.execute(
                "INSERT INTO saved_filters (user, name, query, saved_ms) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET query = excluded.query, saved_ms = excluded.saved_ms",
                (user, name, query, to_ms(now_utc)),
            )

    def remove_filter(self, user: str, name: str) -> bool:
        with self.writing() as db:
            gone = db.execute("DELETE FROM saved_filters WHERE user = ? AND name = ?", (user, name))
            return gone.rowcount == 1

    def saved_filters(self, user: str) -> dict[str, str]:
        with self.reading() as db:
            rows = db.execute(
                "SELECT name, query FROM saved_filters WHERE user = ? ORDER BY name", (user,)
            )
            return {row["name"]: row["query"] for row in rows}

    def changes(self, where: EventFilter, *, after: int, limit: int) -> list[Event]:
        with self.reading() as db:
            return event_search.changes(db, where, after=after, limit=limit)

    def last_change(self) -> int:
        with self.reading() as db:
            (number,) = db.execute("SELECT coalesce(max(change), 0) FROM events").fetchone()
            return int(number)

    def events_by_id(self, prefix: str, *, limit: int) -> list[Event]:
        with self.reading() as db:
            return event_search.by_id(db, prefix, limit=limit)
