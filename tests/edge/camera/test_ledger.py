"""The account of a camera's time: whatever is said, every moment is in it once."""

from __future__ import annotations

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera.ledger import (
    BETWEEN_CHANGES_S,
    MAX_ACCOUNT_S,
    MAX_SPANS,
    MAX_STRETCHES,
    PERIOD_S,
    Account,
    Ledger,
)
from edge.contract.record import BlindCause

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
PERIOD_NS = round(PERIOD_S) * SECOND_NS
START_NS = 7 * HOUR_NS + 123_456  # no whole millisecond

CAUSES = st.one_of(st.none(), st.sampled_from(get_args(BlindCause)))
WORDS = st.tuples(
    st.sampled_from(["extend", "extend", "extend", "write", "fail"]),
    st.integers(-5 * SECOND_NS, 2 * HOUR_NS),
    CAUSES,
    st.sampled_from([None, "by settings", "ended"]),
)


def drained(ledger: Ledger, now_ns: int, *, is_end: bool = False) -> list[Account]:
    """All accounts that are due, each written."""
    accounts = []
    while account := ledger.due(now_ns, is_end=is_end):
        accounts.append(account)
        ledger.settle(account, now_ns)
    return accounts


def partitions(accounts: list[Account], start_ns: int, end_ns: int) -> bool:
    """Whether the accounts' stretches follow each other from `start_ns` to `end_ns`."""
    edges = [start_ns]
    for stretch in (each for account in accounts for each in account):
        if stretch.start_ns != edges[-1] or stretch.end_ns <= stretch.start_ns:
            return False
        edges.append(stretch.end_ns)
    return edges[-1] == end_ns


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(st.lists(WORDS, max_size=60))
def test_accounts_always_partition_the_time(words: list[tuple[str, int, BlindCause, str]]) -> None:
    """In any order of words, writes and failed writes: no gap, no overlap, nothing twice."""
    ledger = Ledger(START_NS)
    start_ns = now_ns = ledger.end_ns
    accounts: list[Account] = []
    for act, step_ns, cause, detail in words:
        now_ns = max(now_ns, ledger.end_ns + step_ns)
        if act == "extend":
            ledger.extend(ledger.end_ns + step_ns, cause, detail)
        elif act == "write":
            accounts += drained(ledger, now_ns)
        elif account := ledger.due(now_ns):
            ledger.extend(ledger.end_ns + SECOND_NS, account[-1].cause, account[-1].detail)
    accounts += drained(ledger, now_ns, is_end=True)
    assert partitions(accounts, start_ns, ledger.end_ns)
    assert all(len(account) <= MAX_SPANS for account in accounts)
    longest_ns = max((account[-1].end_ns - account[0].start_ns for account in accounts), default=0)
    assert longest_ns <= max(MAX_ACCOUNT_S * 1e9, 2 * HOUR_NS)
    watched_ns = sum(
        each.end_ns - each.start_ns for account in accounts for each in account if each.is_watched
    )
    assert watched_ns == ledger.watched_ns


@settings(derandomize=True, deadline=None, database=None, max_examples=30)
@given(st.lists(st.integers(1, 5000), min_size=MAX_STRETCHES, max_size=MAX_STRETCHES + 400))
def test_what_memory_cannot_hold_is_never_called_watched(lengths_ms: list[int]) -> None:
    """While nothing can be written: bounded, without gap, and blind time stays blind."""
    ledger = Ledger(0)
    blind_ns = end_ns = 0
    for number, length_ms in enumerate(lengths_ms):
        end_ns += length_ms * 1_000_000
        ledger.extend(end_ns, "overload" if number % 2 else None)
        blind_ns += length_ms * 1_000_000 * (number % 2)
    accounts = drained(ledger, end_ns, is_end=True)
    assert partitions(accounts, 0, end_ns)
    assert sum(len(account) for account in accounts) <= MAX_STRETCHES
    assert end_ns - ledger.watched_ns >= blind_ns


def test_what_was_said_is_not_taken_back() -> None:
    """A word about time that is accounted for already changes nothing."""
    ledger = Ledger(0)
    ledger.extend(10 * SECOND_NS, None)
    ledger.extend(4 * SECOND_NS, "frozen")
    ledger.extend(10 * SECOND_NS, "frozen")
    (account,) = drained(ledger, 10 * SECOND_NS, is_end=True)
    assert [(each.end_ns, each.cause) for each in account] == [(10 * SECOND_NS, None)]


def test_equal_neighbours_are_one_stretch() -> None:
    """Ten frames a second make one span, not thousands."""
    ledger = Ledger(0)
    for tenth in range(1, 1001):
        ledger.extend(tenth * SECOND_NS // 10, None)
    (account,) = drained(ledger, 100 * SECOND_NS, is_end=True)
    assert len(account) == 1


def test_a_change_between_watched_and_blind_is_due_at_once() -> None:
    """The hub hears of a blind camera when the node knows it, not five minutes later."""
    ledger = Ledger(0)
    ledger.extend(SECOND_NS, "starting")
    assert drained(ledger, SECOND_NS)
    ledger.extend(60 * SECOND_NS, None)
    assert drained(ledger, 60 * SECOND_NS)
    ledger.extend(90 * SECOND_NS, None)
    assert not ledger.due(90 * SECOND_NS)
    ledger.extend(100 * SECOND_NS, "stream_lost")
    (account,) = drained(ledger, 100 * SECOND_NS)
    assert [each.cause for each in account] == [None, "stream_lost"]


def test_without_a_change_it_is_due_every_five_minutes() -> None:
    """A quiet camera costs one record in that time."""
    ledger = Ledger(0)
    written = 0
    for second in range(1, 3601):
        ledger.extend(second * SECOND_NS, None)
        written += len(drained(ledger, second * SECOND_NS))
    assert written == 1 + (3600 - 1) // PERIOD_S


def test_flapping_does_not_fill_the_journal() -> None:
    """Changes each second are told together, every few seconds."""
    ledger = Ledger(0)
    written = 0
    for second in range(1, 301):
        ledger.extend(second * SECOND_NS, None if second % 2 else "overload")
        written += len(drained(ledger, second * SECOND_NS))
    assert written <= 300 / BETWEEN_CHANGES_S + 1


def test_an_account_that_was_not_written_is_due_again_with_what_came_since() -> None:
    """The journal failed: nothing is lost, and nothing is told twice."""
    ledger = Ledger(0)
    ledger.extend(PERIOD_NS, None)
    assert ledger.due(PERIOD_NS)
    ledger.extend(PERIOD_NS + 60 * SECOND_NS, None)
    (account,) = drained(ledger, PERIOD_NS + 60 * SECOND_NS)
    assert partitions([account], 0, PERIOD_NS + 60 * SECOND_NS)


def test_what_was_added_while_an_account_was_written_comes_with_the_next() -> None:
    """A stretch may grow while its beginning is on its way to the disk."""
    ledger = Ledger(0)
    ledger.extend(PERIOD_NS, None)
    first = ledger.due(PERIOD_NS)
    ledger.extend(PERIOD_NS + 7 * SECOND_NS, None)
    ledger.settle(first, PERIOD_NS)
    rest = drained(ledger, 10**15, is_end=True)
    assert partitions([first, *rest], 0, PERIOD_NS + 7 * SECOND_NS)
