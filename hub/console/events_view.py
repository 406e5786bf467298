"""What the page of events shows, gathered from the archive at once. Blocks; raises StorageError."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.archive import Archive
from hub.archive.registry_values import Registry
from hub.archive.values import CameraKey, Count, Event, EventFilter, PageKey, Snapshot
from hub.console.titles import title_of
from hub.registry import filters

PAGE = 48
MAX_COUNT = 1000
MAX_BARS = 96  # a day in quarters of an hour
BUCKETS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 720, 1440, 7 * 1440, 28 * 1440)
)
LONGEST = timedelta(days=366)  # that a timeline shows; of a longer time, the last part


@dataclass(frozen=True)
class Card:
    """One event of the grid. `title` is what people call its camera."""

    event: Event
    title: str
    area: str | None
    picture: Snapshot | None


@dataclass(frozen=True)
class Bar:
    """A stretch of the timeline: `height` in thousandths of the highest; `link` is the filter of
    that stretch alone."""

    since_utc: datetime
    until_utc: datetime
    number: int
    height: int
    link: str


@dataclass(frozen=True)
class EventsView:
    """A page of events and what stands around it."""

    where: EventFilter
    query: str
    cards: tuple[Card, ...]
    count: Count
    bars: tuple[Bar, ...]
    newer: PageKey | None
    older: PageKey | None
    saved: dict[str, str]


def gather(
    archive: Archive,
    where: EventFilter,
    user: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    before: PageKey | None = None,
    after: PageKey | None = None,
) -> EventsView:
    """The newest events that fit, or those next to one page's end."""
    events = archive.events(where, limit=PAGE + 1, before=before, after=after)
    has_more = len(events) > PAGE
    if after is None:
        page = events[:PAGE]
        newer = page[0].key if page and before is not None else None
        older = page[-1].key if has_more else None
    else:  # of what is newer, the part next to where the visitor comes from
        page = events[-PAGE:]
        newer = page[0].key if has_more else None
        older = page[-1].key if page else None
    registry = archive.registry()
    return EventsView(
        where=where,
        query=filters.text_of(where),
        cards=tuple(_card(archive, registry, event) for event in page),
        count=archive.count(where, limit=MAX_COUNT),
        bars=_bars(archive, where, now, zone),
        newer=newer,
        older=older,
        saved=archive.saved_filters(user),
    )


def _card(archive: Archive, registry: Registry, event: Event) -> Card:
    camera = registry.camera(CameraKey(event.node, event.camera))
    place = None if camera is None else camera.place_at(event.started_utc)
    area = None if place is None or place.area is None else registry.area(place.area)
    here = [shot for shot in archive.snapshots_of(event) if shot.stored_utc is not None]
    return Card(
        event,
        title_of(registry, event),
        None if area is None else area.name,
        here[-1] if here else None,
    )


def _bars(archive: Archive, where: EventFilter, now: datetime, zone: ZoneInfo) -> tuple[Bar, ...]:
    since, until = window(where, now, zone)
    bucket = next((each for each in BUCKETS if (until - since) <= each * MAX_BARS), BUCKETS[-1])
    sums = _sums(archive.density(where, since, until, bucket // timedelta(milliseconds=1)))
    highest = max(sums, default=0)
    bars = []
    for index, number in enumerate(sums):
        start = since + index * bucket
        end = min(until, start + bucket)
        part = replace(where, since_utc=start, until_utc=end)
        height = 0 if not number else max(60, round(1000 * number / highest))
        bars.append(Bar(start, end, number, height, filters.text_of(part)))
    return tuple(bars)


def _sums(by_camera: dict[CameraKey, list[int]]) -> Sequence[int]:
    return [sum(column) for column in zip(*by_camera.values(), strict=True)]


def window(where: EventFilter, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The time that the timeline shows: the filter's; without one, today in the hub's zone. It
    begins on a whole minute."""
    until = min(where.until_utc or now, now + timedelta(days=1))
    since = where.since_utc
    if since is None:
        local = until.astimezone(zone)
        since = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if since >= until:
            since = until - timedelta(days=1)
    since = max(since, until - LONGEST).astimezone(now.tzinfo).replace(second=0, microsecond=0)
    return (since, until) if since < until else (since, since + timedelta(minutes=1))
