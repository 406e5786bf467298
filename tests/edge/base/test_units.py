"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400),
        ("2d", 172_800), ("1w", 604_800), (" 3s ", 3), (7, 7), (0.25, 0.25), ("0s", 0),
    ],
)  # fmt: skip
def test_a_duration_is_read_in_seconds(text: object, seconds: float) -> None:
    """Every unit, sums of them, and bare numbers."""
    assert units.parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "10", "s", "10 s", "1m 30s", "-5s", "1e3s", "ten", "5S", "1,5s", None, True, [], "٣s",
     "9" * 400 + "s", float("nan"), float("inf"), 10**400, "1s\0"],
)  # fmt: skip
def test_what_is_no_duration_is_a_value_error(text: object) -> None:
    """Never an overflow, never a guess."""
    with pytest.raises(ValueError, match="is not a duration"):
        units.parse_duration_s(text)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("64MiB", 64 * 2**20), ("2GB", 2 * 10**9), ("1.5KiB", 1536), ("10 kB", 10_000),
     ("7B", 7), (12, 12)],
)  # fmt: skip
def test_a_size_is_read_in_bytes(text: object, size_bytes: int) -> None:
    """Decimal and binary units."""
    assert units.parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "64", "64mb", "MiB", "-1MB", "1e3MB", None, True, 1.5, "9" * 400 + "B", "٣B"]
)
def test_what_is_no_size_is_a_value_error(text: object) -> None:
    """mb could be anything, so it is nothing."""
    with pytest.raises(ValueError, match="is not a size"):
        units.parse_size_bytes(text)


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_anything_gives_a_finite_number_or_a_value_error(value: object) -> None:
    """Both parsers stand at the door of the settings."""
    for parse in (units.parse_duration_s, units.parse_size_bytes):
        try:
            assert abs(parse(value)) < float("inf")
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (4.24, "4.2s"), (59.94, "59.9s"), (59.99, "1m00s"), (65, "1m05s"),
     (3599.6, "1h00m"), (11_520, "3h12m"), (86_400, "1d00h"), (187_200, "2d04h")],
)  # fmt: skip
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    """Two units at most, and never 60 of one."""
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64 * 2**20, "64.0 MiB"),
     (3 * 2**40, "3.0 TiB")],
)  # fmt: skip
def test_a_size_is_written_for_people(size_bytes: int, text: str) -> None:
    """Binary units."""
    assert units.format_size(size_bytes) == text


@pytest.mark.parametrize(
    ("number", "word", "text"),
    [(1, "event", "1 event"), (0, "event", "0 events"), (2, "key", "2 keys"),
     (1, "entry", "1 entry"), (3, "entry", "3 entries")],
)  # fmt: skip
def test_a_count_is_written_for_people(number: int, word: str, text: str) -> None:
    """One of a thing is not several."""
    assert units.format_count(number, word) == text


@pytest.mark.parametrize("text", ["9" * 200_000, "1m" * 100_000, "9." * 100_000])
def test_a_text_far_too_long_is_refused_without_being_searched(text: str) -> None:
    """No duration or size takes that many characters."""
    for parse in (units.parse_duration_s, units.parse_size_bytes):
        with pytest.raises(ValueError, match="is not a"):
            parse(text)
