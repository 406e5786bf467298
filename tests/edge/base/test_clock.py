"""Clocks, boots and the one spelling of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base import clock


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    """One spelling on the wire and in archives, so texts sort as times."""
    hanoi = timezone(timedelta(hours=7))
    assert clock.utc_text(datetime(2026, 1, 1, 7, 0, 0, 999_999, tzinfo=hanoi)) == (
        "2026-01-01T00:00:00.999Z"
    )


def test_a_naive_time_is_not_written() -> None:
    """It could be of any zone."""
    with pytest.raises(ValueError, match="no time zone"):
        clock.utc_text(datetime(2026, 1, 1))


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    """To the millisecond."""
    read = clock.parse_utc(clock.utc_text(moment))
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)
    assert read.tzinfo is UTC


def test_another_offset_is_read_as_the_same_moment() -> None:
    """RFC 3339 allows any."""
    assert clock.parse_utc("2026-01-01T07:30:00+07:30") == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "20260101T000000Z",
     "2026-W01-1T00:00:00Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00Z", "2026-02-30T00:00:00Z",
     "2026-01-01T24:00:01Z", "2026-01-01T00:00:00+0700", "0000-01-01T00:00:00Z",
     "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "٢٠٢٦-01-01T00:00:00Z",
     "2026-01-01T00:00:00Z\n", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00.1234567890Z"],
)  # fmt: skip
def test_what_is_no_rfc_3339_time_is_a_value_error(text: str) -> None:
    """Python's own reader takes much more, and overflows at the ends of time."""
    with pytest.raises(ValueError):
        clock.parse_utc(text)


@given(text=st.text(alphabet="0123456789-:T.Z+", max_size=32) | st.text(max_size=20))
def test_any_text_gives_a_time_or_a_value_error(text: str) -> None:
    """Nothing else escapes."""
    try:
        assert clock.parse_utc(text).tzinfo is UTC
    except ValueError:
        return


def test_the_fake_clock_advances_both_and_steps_one() -> None:
    """Monotonic time never follows a step of the wall clock."""
    fake = clock.FakeClock()
    fake.advance(1.5)
    assert fake.mono_ns() == 1_500_000_000
    fake.set_utc(datetime(2000, 1, 1, tzinfo=UTC))
    assert fake.mono_ns() == 1_500_000_000
    assert fake.utc() == datetime(2000, 1, 1, tzinfo=UTC)


def test_the_system_clock_is_aware_monotonic_and_of_one_boot() -> None:
    """The real thing keeps the same promises."""
    real = clock.SystemClock()
    first = real.mono_ns()
    assert real.mono_ns() >= first > 0
    assert real.utc().utcoffset() == timedelta(0)
    assert real.boot == clock.SystemClock().boot


def test_the_boot_id_of_the_kernel_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dashes, as the wire has it."""
    file = tmp_path / "boot_id"
    file.write_text("0F1E2D3C-4B5A-6978-8796-a5b4c3d2e1f0\n")
    monkeypatch.setattr(clock, "BOOT_ID_FILE", file)
    monkeypatch.delenv(clock.BOOT_ID_ENV, raising=False)
    assert clock.read_boot_id() == "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def test_the_environment_goes_before_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit that hides /proc passes it in."""
    monkeypatch.setenv(clock.BOOT_ID_ENV, "a" * 32)
    assert clock.read_boot_id() == "a" * 32


@pytest.mark.parametrize("content", [None, b"", b"no boot id", b"\xff\xfe", b"a" * 31])
def test_an_unusable_boot_id_is_replaced_by_a_random_one(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records with a malformed boot id would all be refused."""
    file = tmp_path / "boot_id"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(clock, "BOOT_ID_FILE", file)
    monkeypatch.setenv(clock.BOOT_ID_ENV, "%b")
    first = clock.read_boot_id()
    assert clock.BOOT_ID.fullmatch(first)
    assert clock.read_boot_id() != first
