"""Filters as text."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base.clock import utc_text
from hub.archive.scope import EVERYTHING, Scope
from hub.archive.values import EventFilter
from hub.registry import filters
from hub.registry.filters import FilterError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
names = st.none() | st.text("abcđà- &=%+", min_size=1, max_size=20).map(str.strip).filter(bool)
moments = st.none() | st.datetimes(
    datetime(2000, 1, 1),
    datetime(2100, 1, 1),  # made aware below
).map(lambda moment: moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000))


def forward(where: EventFilter) -> bool:
    """Whether it ends after it begins."""
    since, until, most = where.since_utc, where.until_utc, where.max_duration_ms
    return (since is None or until is None or since < until) and (
        most is None or where.min_duration_ms <= most
    )


wheres = st.builds(
    EventFilter,
    since_utc=moments, until_utc=moments, node=names, camera=names, zone=names, label=names,
    kinds=st.lists(st.sampled_from(["motion", "tampered", "lost"]), unique=True)
    .map(sorted).map(tuple),
    min_duration_ms=st.integers(0, 10**6), max_duration_ms=st.none() | st.integers(1, 10**6),
    marks=st.sampled_from([(), ("new",), ("new", "false_alarm")]),
    area=names, organisation=names, text=names.map(lambda text: text or ""),
).filter(forward)  # fmt: skip


def parse(*words: tuple[str, str], scope: Scope = EVERYTHING) -> EventFilter:
    """As people type them."""
    return filters.parse(words, now=NOW, zone=ZONE, scope=scope)


@given(wheres)
def test_the_canonical_text_means_the_same_filter(where: EventFilter) -> None:
    """Whatever stands in names and texts; and it is the same text again."""
    text = filters.text_of(where)
    again = filters.parse_text(text, now=NOW, zone=ZONE, scope=EVERYTHING)
    assert again == where and filters.text_of(again) == text


def test_times_are_taken_as_people_type_them_and_written_in_utc() -> None:
    """A day as an end means its end; of the hub's zone."""
    where = parse(("since", "yesterday"), ("until", "2026-03-01"), ("kind", "lost"))
    assert where.since_utc == datetime(2026, 2, 27, 17, tzinfo=UTC)
    assert where.until_utc == datetime(2026, 3, 1, 17, tzinfo=UTC)
    until = utc_text(where.until_utc).replace(":", "%3A")
    assert f"until={until}&kind=lost" in filters.text_of(where)


def test_a_link_does_not_carry_whose_footage_may_be_seen() -> None:
    """Each who opens it sees their own."""
    mine = parse(("camera", "door"), scope=Scope(areas=frozenset({"north"})))
    assert filters.text_of(mine) == "camera=door"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Each with its word."""
    with pytest.raises(FilterError) as caught:
        parse(
            ("since", "soon"), ("min_duration", "long"), ("mark", "good"), ("colour", "red"),
            ("node", "a"), ("node", "b"), ("text", "x" * 201),
        )  # fmt: skip
    assert set(caught.value.problems) == {
        "since", "min_duration", "mark", "colour", "node", "text",
    }  # fmt: skip


def test_a_time_or_a_duration_that_ends_before_it_begins_is_refused() -> None:
    """No event ever fits it; from today to today is the whole day."""
    for words, wrong in (
        ((("since", "today"), ("until", "yesterday")), "until"),
        ((("since", "1h"), ("until", "1h")), "until"),
        ((("min_duration", "10s"), ("max_duration", "5s")), "max_duration"),
    ):
        with pytest.raises(FilterError) as caught:
            parse(*words)
        assert list(caught.value.problems) == [wrong]
    parse(("since", "today"), ("until", "today"))
    parse(("min_duration", "10s"), ("max_duration", "10s"))


def test_a_kind_or_mark_that_is_none_is_refused_with_those_that_are() -> None:
    """They are closed sets, so that it is known without a look at the archive."""
    for word, said in (("kind", "'moton' is none of motion, tampered, lost"), ("mark", "is none")):
        with pytest.raises(FilterError, match=said):
            parse((word, "moton"))


def test_words_without_a_value_say_nothing() -> None:
    """As a form sends them that was not filled in."""
    assert parse(("since", ""), ("kind", " "), ("text", "")) == EventFilter()


def test_a_duration_that_no_event_can_have_is_refused() -> None:
    """It would not fit into the archive's numbers."""
    for text in ("99999999999999d", "11000w"):
        with pytest.raises(FilterError, match="longer than any event"):
            filters.parse([("max_duration", text)], now=NOW, zone=ZONE)
