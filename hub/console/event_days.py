"""Links to days beside the one that a filter shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.archive.values import EventFilter
from hub.registry import filters, when

FIRST = date(when.FIRST_YEAR, 1, 1)
NIGHT_BEGINS, NIGHT_ENDS = time(18), time(6)


@dataclass(frozen=True)
class Day:
    """A day and the filter that shows it; `is_shown` where it is the one shown now."""

    day: date
    link: str
    is_shown: bool


def around(where: EventFilter, now: datetime, zone: ZoneInfo) -> tuple[Day, ...]:
    """The day before the shown one, the shown one, the one after if it has begun, and today."""
    today = now.astimezone(zone).date()
    shown = today if where.since_utc is None else where.since_utc.astimezone(zone).date()
    days = {shown - timedelta(days=1), shown, shown + timedelta(days=1), today}
    return tuple(_day(where, day, zone) for day in sorted(days) if FIRST <= day <= today)


def last_night(where: EventFilter, now: datetime, zone: ZoneInfo) -> Day:
    """From yesterday's evening to this morning."""
    today = now.astimezone(zone).date()
    start = datetime.combine(today - timedelta(days=1), NIGHT_BEGINS, zone).astimezone(UTC)
    end = datetime.combine(today, NIGHT_ENDS, zone).astimezone(UTC)
    return _link(where, today, start, end)


def _day(where: EventFilter, day: date, zone: ZoneInfo) -> Day:
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return _link(where, day, start, end)


def _link(where: EventFilter, day: date, start: datetime, end: datetime) -> Day:
    is_shown = (where.since_utc, where.until_utc) == (start, end)
    link = filters.text_of(replace(where, since_utc=start, until_utc=end))
    return Day(day, link, is_shown)
