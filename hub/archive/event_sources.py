"""Where the events that fit a filter are read from: indices that hold them in the order of time.

A source is a piece of SQL over one index. `split` gives sources that together hold just the events
that fit, each once, so that reading a page from their tops costs no more than the page; there may
be thousands of them. `whole` gives one source that is walked in time order and tests each event on
the way: cheap as long as many fit. What is tested often stands in the index itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from hub.archive.event_state import MAX_INT64, to_ms
from hub.archive.values import MARKS, EventFilter, PageKey
from hub.archive.windows import Window

LONG = ((300_000, "events_longest"), (60_000, "events_long"))  # milliseconds, as in the indices
MAX_SPLIT = 4000  # sources; each costs a step into an index
SAMPLE = 500  # events by which it is told which of two orders is the sparser one
# Materialized and of integers, SQLite indexes it by camera; else it reads it for each event.
_WINDOWS = """WITH windows AS MATERIALIZED (
    SELECT CAST(json_extract(value, '$[0]') AS INTEGER) AS camera_id,
        CAST(json_extract(value, '$[1]') AS INTEGER) AS from_ms,
        CAST(json_extract(value, '$[2]') AS INTEGER) AS until_ms
    FROM json_each(?)) """
_TAGGED = (
    "EXISTS (SELECT 1 FROM {0} AS tag WHERE tag.{1} = ? AND tag.started_ms = {2}"
    " AND tag.event_id = {3})"
)


@dataclass(frozen=True)
class Source:
    """FROM and WHERE of events in time order, and what their columns are called there; `windows` is
    the JSON of those that it is joined with."""

    tables: str
    tests: tuple[str, ...] = ()
    values: tuple[object, ...] = ()
    windows: str | None = None
    started: str = "events.started_ms"
    number: str = "events.id"
    camera: str = "events.camera_id"

    def test(self, condition: str, *values: object) -> Source:
        """The source with one condition more."""
        return replace(self, tests=(*self.tests, condition), values=(*self.values, *values))

    def during(self, window: Window) -> Source:
        """The source within a camera's window."""
        found = self.test(f"{self.camera} = ?", window.camera_id)
        return found.between(window.from_ms, window.until_ms)

    def between(self, from_ms: int | None, until_ms: int | None) -> Source:
        """The source from `from_ms` to before `until_ms`."""
        found = self
        if from_ms is not None and from_ms > -MAX_INT64:
            found = found.test(f"{self.started} >= ?", from_ms)
        if until_ms is not None and until_ms < MAX_INT64:
            found = found.test(f"{self.started} < ?", until_ms)
        return found

    def beyond(self, key: PageKey | None, *, is_rising: bool) -> Source:
        """What comes after `key` in the order of time, or before it."""
        if key is None:
            return self
        comparison = ">" if is_rising else "<"
        return self.test(f"({self.started}, {self.number}) {comparison} (?, ?)", *key)

    def order(self, *, is_rising: bool) -> str:
        """The ORDER BY of pages."""
        way = "ASC" if is_rising else "DESC"
        return f"ORDER BY {self.started} {way}, {self.number} {way}"

    def within(self, windows: Sequence[Window] | None) -> Source:
        """The source within any of the windows; each moment is in one at most."""
        if windows is None:
            return self
        joined = (
            f"{self.tables} CROSS JOIN windows ON windows.camera_id = {self.camera}"
            f" AND {self.started} >= windows.from_ms AND {self.started} < windows.until_ms"
        )
        return replace(self, tables=joined, windows=json.dumps(windows))

    def sql(self, columns: str, tail: str = "") -> str:
        """A SELECT of these columns."""
        tests = " AND ".join(self.tests) or "true"
        first = "" if self.windows is None else _WINDOWS
        return f"{first}SELECT {columns} FROM {self.tables} WHERE {tests} {tail}"  # noqa: S608

    @property
    def bound(self) -> tuple[object, ...]:
        """The values for `sql`, in its order."""
        return self.values if self.windows is None else (self.windows, *self.values)


def whole(where: EventFilter, windows: Sequence[Window] | None) -> Source:
    """One source in time order, that tests what does not stand in its order."""
    if where.zone is not None or where.label is not None:
        return tested(_tag_source(where, is_by_camera=False).within(windows), where)
    for least_ms, index in LONG:
        if where.min_duration_ms >= least_ms:
            source = Source(f"events INDEXED BY {index}").test(f"events.duration_ms >= {least_ms}")
            break
    else:
        source = Source("events INDEXED BY events_by_time")
    source = spanned(source, where)
    return tested(source.within(windows), where)


def split(
    db: sqlite3.Connection, where: EventFilter, windows: Sequence[Window] | None
) -> list[Source] | None:
    """Sources that hold just what fits, each event once; None where they would be too many."""
    if where.zone is not None or where.label is not None:
        return _split_tags(db, where, windows)
    if not (where.kinds or where.marks):
        if windows is None:
            return [whole(where, None)]
        base = spanned(Source("events INDEXED BY events_by_camera"), where)
        return _per_window(tested(base, where), windows)
    combinations = list(product(where.kinds or _known_kinds(db), where.marks or MARKS))
    if windows is not None and len(windows) * len(combinations) > MAX_SPLIT:
        return None
    name = "events_by_kind" if windows is None else "events_by_camera_kind"
    base = _duration_tested(spanned(Source(f"events INDEXED BY {name}"), where), where)
    each = [
        base.test("events.kind IS ?", kind).test("events.mark = ?", mark)
        for kind, mark in combinations
    ]
    if windows is None:
        is_seldom = where.min_duration_ms >= LONG[0][0]  # so few that all may be walked over
        return [whole(where, None)] if is_seldom else each
    return [found for source in each for found in _per_window(source, windows) or ()]


def _split_tags(
    db: sqlite3.Connection, where: EventFilter, windows: Sequence[Window] | None
) -> list[Source] | None:
    if windows is None:
        if where.kinds or where.marks:
            of_kind = split(db, replace(where, zone=None, label=None), None) or []
            tagged = _tag_source(where, is_by_camera=False)
            if _last_ms(db, of_kind) < _last_ms(db, [tagged]):
                return [tag_tested(source, where) for source in of_kind]
        return [whole(where, None)]
    return _per_window(tested(_tag_source(where, is_by_camera=True), where), windows)


def _last_ms(db: sqlite3.Connection, sources: Sequence[Source]) -> int:
    """How far back the newest events of the fullest source reach: the farther, the sparser."""
    found = [-MAX_INT64]
    for source in sources:
        order = source.order(is_rising=False)
        row = db.execute(
            source.sql(source.started, f"{order} LIMIT 1 OFFSET {SAMPLE}"), source.bound
        ).fetchone()
        found.append(-MAX_INT64 if row is None else row[0])
    return max(found)


def _per_window(source: Source, windows: Sequence[Window]) -> list[Source] | None:
    if len(windows) > MAX_SPLIT:
        return None
    return [source.during(window) for window in windows]


def _tag_source(where: EventFilter, *, is_by_camera: bool) -> Source:
    """The events of a label or zone; of both, those of the label, tested for the zone."""
    is_label = where.label is not None
    table, column = ("event_labels", "label") if is_label else ("event_zones", "zone")
    order = f"INDEXED BY {table}_by_camera" if is_by_camera else "NOT INDEXED"
    source = Source(
        f"{table} AS tagged {order}", started="tagged.started_ms", number="tagged.event_id",
        camera="tagged.camera_id",
    )  # fmt: skip
    source = source.test(f"tagged.{column} = ?", where.label if is_label else where.zone)
    if is_label and where.zone is not None:
        source = tag_tested(source, replace(where, label=None))
    return spanned(source, where)


def tag_tested(source: Source, where: EventFilter) -> Source:
    """The source with a test for the filter's label and zone."""
    for table, column, value in (
        ("event_labels", "label", where.label),
        ("event_zones", "zone", where.zone),
    ):
        if value is not None:
            condition = _TAGGED.format(table, column, source.started, source.number)
            source = source.test(condition, value)
    return source


def spanned(source: Source, where: EventFilter) -> Source:
    """The source within the filter's times."""
    return source.between(
        None if where.since_utc is None else to_ms(where.since_utc),
        None if where.until_utc is None else to_ms(where.until_utc),
    )


def tested(source: Source, where: EventFilter) -> Source:
    """The source with tests of what stands in the event, which is joined where it is not there."""
    needs_event = where.kinds or where.marks or where.min_duration_ms or where.max_duration_ms
    if needs_event and source.number != "events.id":
        source = replace(
            source, tables=f"{source.tables} CROSS JOIN events ON events.id = {source.number}"
        )
    for column, words in (("kind", where.kinds), ("mark", where.marks)):
        if words:
            marks = ", ".join("?" * len(words))
            source = source.test(f"events.{column} IN ({marks})", *words)
    return _duration_tested(source, where)


def _duration_tested(source: Source, where: EventFilter) -> Source:
    if where.min_duration_ms:
        source = source.test("events.duration_ms >= ?", where.min_duration_ms)
    if where.max_duration_ms is not None:
        source = source.test("events.duration_ms <= ?", where.max_duration_ms)
    return source


def _known_kinds(db: sqlite3.Connection) -> Iterator[str | None]:
    """Every kind that an event has; steps over the index, not over the rows."""
    yield None
    kind = ""
    while (
        row := db.execute("SELECT min(kind) FROM events WHERE kind > ?", (kind,)).fetchone()
    ) and row[0] is not None:
        kind = row[0]
        yield kind
