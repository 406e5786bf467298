"""Timestamps made fit for a file."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.mux.track import MAX_TIMESCALE, Ticker

CLOCK_90K = Fraction(1, 90_000)


def test_sound_times_pass_to_the_tick() -> None:
    """A clock that a file can hold is not rounded."""
    ticker = Ticker(CLOCK_90K, Fraction(1000, 90_000))
    stamps = [ticker.stamp(dts, dts + 3, 0) for dts in (1000, 1001, 4711, 999_983)]
    assert stamps == [(0, 3), (1, 4), (3711, 3714), (998_983, 998_986)]
    assert ticker.mended == 0


def test_a_clock_of_whole_frames_is_counted_in_its_own_ticks() -> None:
    """A time base of 1001/30000 s becomes 1001 ticks of a timescale of 30000."""
    ticker = Ticker(Fraction(1001, 30_000), Fraction(0))
    assert ticker.timescale == 30_000
    assert ticker.stamp(7, 9, 0) == (7007, 9009)


def test_a_clock_finer_than_a_file_can_hold_is_rounded() -> None:
    """Nanoseconds would overflow a file's durations within seconds."""
    ticker = Ticker(Fraction(1, 10**9), Fraction(0))
    assert ticker.timescale <= MAX_TIMESCALE
    assert ticker.stamp(2_000_000_000, 2_500_000_000, 0) == (180_000, 225_000)


@given(
    st.sampled_from([CLOCK_90K, Fraction(1, 1000), Fraction(1, 10**9), Fraction(1001, 30_000)]),
    st.lists(
        st.tuples(st.integers(-(2**45), 2**45), st.integers(-(2**45), 2**45), st.integers(0, 2**45))
    ),
)
def test_any_times_become_rising_ones(
    time_base: Fraction, rows: list[tuple[int, int, int]]
) -> None:
    """Whatever a camera sends, DTS rises strictly and PTS stays near it."""
    ticker = Ticker(time_base, Fraction(0))
    stamps = [ticker.stamp(*row) for row in rows]
    assert all(before[0] < after[0] for before, after in pairwise(stamps))
    assert all(abs(pts - dts) <= 60 * ticker.timescale for dts, pts in stamps)
