"""Times as an operator types them, in the hub's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge.base.units import parse_duration_s

EXAMPLES = "2h, today, yesterday, 2026-01-31, '2026-01-31 14:30'"
VIETNAMESE = {"bây giờ": "now", "hôm nay": "today", "hôm qua": "yesterday"}
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)  # as Vietnam writes it
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


def parse(text: str, *, now: datetime, zone: ZoneInfo, is_end: bool) -> datetime:
    """The moment that `text` means, in UTC. Raises ValueError.

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
        return now - timedelta(seconds=parse_duration_s(text))
    except (ValueError, OverflowError):
        pass
    try:
        return _moment(text, today, zone, is_end=is_end)
    except OverflowError as err:
        raise ValueError(f"{text!r} is beyond all calendars") from err


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
    match = _CLOCK.fullmatch(clock_text)
    if match is None:
        raise ValueError(f"{clock_text!r} is not a time of day such as 14:30")
    hour, minute, second = (int(each or 0) for each in match.groups())
    return datetime.combine(day, time(hour, minute, second), zone).astimezone(UTC)


def _iso(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise ValueError(f"{text!r} is not a time such as {EXAMPLES}") from err
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
