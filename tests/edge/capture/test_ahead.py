"""Reading ahead in a thread of its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from edge.capture.ahead import Ahead
from edge.capture.errors import LostError

OPEN = threading.Event()


def test_items_come_in_order_and_then_the_end() -> None:
    """A reader that waits loses nothing."""
    with Ahead("t", lambda: iter(range(100)), depth=2, is_dropping=False) as ahead:
        taken = [ahead.take(5, OPEN) for _ in range(101)]
    assert taken == [*range(100), None]
    assert ahead.dropped == 0


def test_the_oldest_is_dropped_and_counted() -> None:
    """What is fresh stays."""
    is_read = threading.Event()

    def read() -> Iterator[int]:
        yield from range(10)
        is_read.set()

    with Ahead("t", read, depth=2, is_dropping=True) as ahead:
        assert is_read.wait(5)
        assert [ahead.take(5, OPEN) for _ in range(3)] == [8, 9, None]
    assert ahead.dropped == 8


def test_the_readers_error_is_raised_after_its_items() -> None:
    """Nothing that was read is lost by it."""

    def read() -> Iterator[int]:
        yield 1
        raise LostError("ended", "gone")

    with Ahead("t", read, depth=2, is_dropping=False) as ahead:
        assert ahead.take(5, OPEN) == 1
        with pytest.raises(LostError, match="gone"):
            ahead.take(5, OPEN)


def test_a_reader_that_hangs_holds_up_nobody() -> None:
    """It is left to itself, and ends with its next item."""
    release = threading.Event()

    def read() -> Iterator[int]:
        release.wait()
        yield 1

    with Ahead("hanging", read, depth=2, is_dropping=False) as ahead, pytest.raises(TimeoutError):
        ahead.take(0.05, OPEN)
    release.set()
    for thread in [each for each in threading.enumerate() if each.name == "hanging"]:
        thread.join(5)
        assert not thread.is_alive()


def test_a_reader_that_waits_is_let_go_by_the_closing() -> None:
    """With a full queue too; the thread has ended when the owner goes on."""
    with Ahead("full", lambda: itertools.count(), depth=2, is_dropping=False) as ahead:
        assert ahead.take(5, OPEN) == 0
    assert not [each for each in threading.enumerate() if each.name == "full"]


def test_closing_ends_the_taking() -> None:
    """From any thread."""
    closing = threading.Event()
    closing.set()
    with Ahead("t", lambda: iter([1]), depth=2, is_dropping=False) as ahead:
        assert ahead.take(5, closing) is None
