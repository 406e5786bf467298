"""Times as an operator types them, in the hub's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge.base.units import parse_duration_s

EXAMPLES = "2h, today, yesterday, 2026-01-31, '2026-01-31 14:30'"
FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Beyond them nothing was filmed, and sums of days leave the calendar."""
VIETNAMESE = {"bây giờ": "now", "hôm nay": "today", "hôm qua": "yesterday"}
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)  # as Vietnam writes it
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


def parse(text: str, *, now: datetime, zone: ZoneInfo, is_end: bool) -> datetime:
    """The moment that `text` means, in UTC, of the years that there can be. Raises ValueError.

    A day means its first moment, or with `is_end` the first of the next day; 2h means that long
    before `now`; a time of day alone is today's. Vietnamese words for days and 31/1/2026 are
    taken too.
    """
    text = " ".join(text.split())
    for word, meaning in VIETNAMESE.items():
        if text.casefold().startswith(word):
            text = meaning + text[len(word) :]
    today = now.astimezone(zone).date()
    if text == "now":
        return now
    try:
        moment = _before(now, text) or _moment(text, today, zone, is_end=is_end)
        check_year(moment.astimezone(zone).date())
    except OverflowError as err:
        raise _beyond() from err
    return moment


def check_year(day: date) -> None:
    """Raises ValueError for a day that no question can mean."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _beyond()


def _beyond() -> ValueError:
    return ValueError(f"it is not within the years {FIRST_YEAR} to {LAST_YEAR}")


def _before(now: datetime, text: str) -> datetime | None:
    """The moment so long before `now`; None where the text is no duration."""
    try:
        duration_s = parse_duration_s(text)
    except ValueError:
        return None
    return now - timedelta(seconds=duration_s)


def _moment(text: str, today: date, zone: ZoneInfo, *, is_end: bool) -> datetime:
    day_text, _, clock_text = text.partition(" ")
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    if _CLOCK.fullmatch(text):
        return _local(today, text, zone)
    day = named.get(day_text) or _day(day_text)
    if day is None:
        return _iso(text, zone)
    if clock_text:
        return _local(day, clock_text, zone)
    return _local(day + timedelta(days=1) if is_end else day, "00:00", zone)


def _day(text: str) -> date | None:
    if match := _DAY.fullmatch(text):
        text = f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _local(day: date, clock_text: str, zone: ZoneInfo) -> datetime:
    clock = _clock(clock_text)
    if clock is None:
        raise ValueError(f"{clock_text!r} is not a time of day such as 14:30")
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _clock(text: str) -> time | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(each or 0) for each in match.groups())
    is_one = hour < 24 and minute < 60 and second < 60
    return time(hour, minute, second) if is_one else None


def _iso(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise ValueError(f"{text!r} is not a time such as {EXAMPLES}") from err
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
