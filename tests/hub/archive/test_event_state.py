"""How events follow from records, as a pure rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from hub.archive.event_state import (
    ENDED,
    GUESSED,
    MENDED,
    PROVISIONAL,
    SEEN,
    STARTED,
    TOLD,
    EventFacts,
    Moment,
    Start,
    from_ms,
    merge,
    to_ms,
)


@st.composite
def facts(draw: st.DrawFn) -> EventFacts:
    """What one record may say; records of one journal differ in their seq."""
    rank = draw(st.integers(PROVISIONAL, ENDED))
    seq = draw(st.integers(1, 6))
    epoch = draw(st.sampled_from(["a" * 16, "b" * 16]))
    ranks = {PROVISIONAL: [GUESSED], STARTED: [SEEN], ENDED: [TOLD, MENDED]}[rank]
    moment = Moment("unsynced", None, seq * 10, seq, None)
    start = Start(draw(st.sampled_from(ranks)), epoch, seq, "c" * 32, moment)
    return EventFacts(
        rank, epoch, seq, "door", None if rank == PROVISIONAL else "motion", start,
        None, None, None, None, None, None,
        tuple(sorted(draw(st.sets(st.sampled_from("xyz"))))), seq,
    )  # fmt: skip


def unique(several: list[EventFacts]) -> list[EventFacts]:
    """One record a number, as the archive holds them."""
    return list({(each.epoch, each.seq): each for each in several}.values())


@given(st.lists(facts(), min_size=1, max_size=7).map(unique), st.randoms())
def test_the_order_of_records_never_matters(several: list[EventFacts], rng: object) -> None:
    """merge is commutative and associative."""
    shuffled = list(several)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert reduce(merge, shuffled) == reduce(merge, several)
    half = len(several) // 2 or 1
    if several[half:]:
        assert merge(reduce(merge, several[:half]), reduce(merge, several[half:])) == reduce(
            merge, several
        )


@given(st.lists(facts(), min_size=1, max_size=7).map(unique))
def test_a_record_that_comes_twice_changes_nothing(several: list[EventFacts]) -> None:
    """merge is idempotent."""
    whole = reduce(merge, several)
    for each in several:
        assert merge(whole, each) == whole


@given(st.datetimes(timezones=st.just(UTC)))
def test_milliseconds_keep_every_time(moment: datetime) -> None:
    """From year 1 to 9999, to the millisecond."""
    assert abs(from_ms(to_ms(moment)) - moment) < timedelta(milliseconds=1)


def test_a_number_beyond_all_times_is_the_last_time() -> None:
    """Archived absurd numbers can be shown."""
    assert from_ms(2**63 - 1).year == 9999
