"""Times as an operator types them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.registry import when

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")  # UTC+7 all year
NOW = datetime(2026, 3, 10, 20, 30, tzinfo=UTC)  # 03:30 on the 11th over there


def utc(text: str, *, is_end: bool = False, zone: ZoneInfo = ZONE) -> str:
    """The parsed moment, short."""
    return when.parse(text, now=NOW, zone=zone, is_end=is_end).strftime("%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "03-10 20:30:00"),
        ("2h", "03-10 18:30:00"),
        ("1d12h", "03-09 08:30:00"),
        ("today", "03-10 17:00:00"),
        ("yesterday", "03-09 17:00:00"),
        ("yesterday 22:15", "03-10 15:15:00"),
        ("hôm nay", "03-10 17:00:00"),
        ("Hôm qua 22:15", "03-10 15:15:00"),
        ("1/3/2026", "02-28 17:00:00"),
        ("01/03/2026 07:00", "03-01 00:00:00"),
        ("02:10", "03-10 19:10:00"),
        ("2026-03-01", "02-28 17:00:00"),
        ("2026-03-01 07:00:30", "03-01 00:00:30"),
        ("2026-03-01T07:00", "03-01 00:00:00"),
        ("2026-03-01T07:00Z", "03-01 07:00:00"),
        ("2026-03-01T07:00:00-05:00", "03-01 12:00:00"),
    ],
)
def test_a_time_means_what_it_says_in_the_hubs_zone(text: str, expected: str) -> None:
    """Durations, named days, dates, times of day, ISO 8601."""
    assert utc(text) == expected


def test_a_day_as_an_end_is_the_whole_day() -> None:
    """--until yesterday keeps yesterday's events."""
    assert utc("yesterday", is_end=True) == utc("today")
    assert utc("2026-03-01", is_end=True) == utc("2026-03-02")


def test_a_day_of_a_clock_change_is_its_own_length() -> None:
    """In a zone with summer time, 29 March 2026 has 23 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    assert utc("2026-03-29", zone=berlin) == "03-28 23:00:00"
    assert utc("2026-03-29", zone=berlin, is_end=True) == "03-29 22:00:00"


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "25:00", "today 9", "99999999999d"])
def test_nonsense_is_refused(text: str) -> None:
    """With an error that shows examples, not with a guess."""
    with pytest.raises(ValueError):
        utc(text)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001-01-02T00:00", "1969-12-30", "2200-01-01", "9999-12-31T10:00", "99999w"],
)
def test_a_year_that_nothing_was_filmed_in_is_refused_with_those_that_are(text: str) -> None:
    """Sums of days around it would leave the calendar."""
    for is_end in (False, True):
        with pytest.raises(ValueError, match="not within the years 1970 to 2199"):
            utc(text, is_end=is_end)


def test_the_first_and_last_years_are_those_of_the_hubs_zone() -> None:
    """A link has them in UTC, where the first begins in the year before (UTC+8 then)."""
    assert utc("1970-01-01") == utc("1969-12-31T16:00Z") == "12-31 16:00:00"
    assert utc("2199-12-31") == "12-30 17:00:00"


@pytest.mark.parametrize("text", ["25:00", "today 9", "yesterday 12:60"])
def test_a_time_of_day_that_is_none_is_said_so(text: str) -> None:
    """In this project's words, not in the library's."""
    with pytest.raises(ValueError, match=r"is not a time of day such as 14:30"):
        utc(text)


@given(st.text(max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    """Anything typed gives a time or a ValueError."""
    with contextlib.suppress(ValueError):
        assert when.parse(text, now=NOW, zone=ZONE, is_end=True).tzinfo is UTC
