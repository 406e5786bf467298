"""How stretches and minutes follow from accounts, as pure rules."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.archive.coverage import Account, Between, Part, resolve
from hub.archive.minutes import MINUTE_MS, tally
from hub.archive.values import Stretch

END_MS = 40
WORST = {"unknown": 0, "watched": 1, "blind": 2}


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """An account of one to three parts in forty milliseconds, of a boot of its own."""
    edges = sorted(draw(st.sets(st.integers(-5, END_MS + 5), min_size=2, max_size=4)))
    parts = []
    for start, end in pairwise(edges):
        state = draw(st.sampled_from(["watched", "blind"]))
        cause = draw(st.sampled_from(["black", "storage"])) if state == "blind" else None
        is_placed = draw(st.booleans())
        parts.append(Part(start, end, 0, 0, state, cause, None, is_placed))  # type: ignore[arg-type]
    seq = draw(st.integers(1, 10**6))
    return Account(1, seq, seq, tuple(parts))


def nothing_between(_one: Account, _other: Account) -> Between | None:
    """Nothing is known."""
    return None


def expected(several: list[Account], moment: int) -> str:
    """The state of one millisecond, looked up in every part."""
    states = [
        part.state
        for account in several
        for part in account.parts
        if part.is_placed and part.from_ms <= moment < part.to_ms
    ]
    return max(states, key=WORST.__getitem__, default="unknown")


@given(st.lists(accounts(), max_size=5, unique_by=lambda account: account.boot_id))
def test_stretches_cover_all_of_the_time_with_the_worst_that_was_said(
    several: list[Account],
) -> None:
    """Without gap or overlap, as looking at each moment alone finds it."""
    found = resolve(several, 0, END_MS, nothing_between)
    assert [each.from_ms for each in found] == [0, *(each.to_ms for each in found[:-1])]
    assert found[-1].to_ms == END_MS
    for stretch in found:
        for moment in range(stretch.from_ms, stretch.to_ms):
            assert stretch.state == expected(several, moment)
    for one, other in pairwise(found):
        assert (one.state, one.cause, one.detail) != (other.state, other.cause, other.detail)


@given(
    st.lists(
        st.tuples(st.integers(1, 3 * MINUTE_MS), st.sampled_from(["watched", "blind", "unknown"])),
        min_size=1,
        max_size=12,
    )
)
def test_a_minute_counts_as_watched_only_if_all_of_it_was(pieces: list[tuple[int, str]]) -> None:
    """And as blind if any moment was; checked against looking at each minute alone."""
    stretches, at_ms = [], 0
    for length_ms, state in pieces:
        stretches.append(Stretch(at_ms, at_ms + length_ms, state))  # type: ignore[arg-type]
        at_ms += length_ms
    until_ms = -(-at_ms // MINUTE_MS) * MINUTE_MS
    stretches.append(Stretch(at_ms, until_ms + 1, "unknown"))
    counts = {"watched": 0, "blind": 0, "unknown": 0}
    for start_ms in range(0, until_ms, MINUTE_MS):
        states = {
            each.state
            for each in stretches
            if each.from_ms < start_ms + MINUTE_MS and each.to_ms > start_ms
        }
        counts[
            "watched" if states == {"watched"} else "blind" if "blind" in states else "unknown"
        ] += 1
    found = tally(stretches, 0, until_ms)
    assert (found.watched, found.blind, found.unknown) == tuple(counts.values())
    assert found.minutes == sum(counts.values())


def test_causes_are_summed_within_the_time_asked_for() -> None:
    """What lies outside does not count."""
    day_ms = round(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
    stretches = [
        Stretch(day_ms - 90_000, day_ms + 90_000, "blind", "black"),
        Stretch(day_ms + 90_000, day_ms + 400_000, "unknown", "not_heard"),
    ]
    found = tally(stretches, day_ms, day_ms + 3 * MINUTE_MS)
    assert found.causes_ms == {"black": 90_000, "not_heard": 90_000}
    assert (found.blind, found.unknown, found.percent) == (2, 1, 0.0)
