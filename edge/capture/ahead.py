"""Reads ahead in a thread of its own, so that what is slow or hangs on either side stays there.

Bounded: when the taker falls behind, either the oldest item is dropped and counted, or the reader
waits. A reader that hangs (a driver, a name server) is left to itself; it ends with its next item.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
TICK_S = 0.25  # how late a closing from another thread may be noticed


class Ahead(Generic[T]):
    """One reader, one taker, who is the owner. A context manager; the thread lives within it."""

    def __init__(
        self, name: str, read: Callable[[], Iterator[T]], *, depth: int, is_dropping: bool
    ) -> None:
        """`read` is called and run through in the thread, which is named `name`."""
        self._read = read
        self._depth = depth
        self._is_dropping = is_dropping
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_over = self._is_closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.dropped = 0

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the reader end; it is waited for briefly, as it may hang."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join(TICK_S)

    def take(self, timeout_s: float, is_closing: threading.Event) -> T | None:
        """The next item; None at the end and after a closing.

        Raises what the reader raised, once its items are taken, and TimeoutError.
        """
        limit_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._items:
                if is_closing.is_set() or self._is_over:
                    break
                left_s = limit_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError
                self._changed.wait(min(TICK_S, left_s))
            if is_closing.is_set():
                return None
            if self._items:
                self._changed.notify_all()
                return self._items.popleft()
            if self._error is not None:
                raise self._error
            return None

    def _run(self) -> None:
        error: Exception | None = None
        try:
            for item in self._read():
                if not self._put(item):
                    break
        except Exception as err:  # noqa: BLE001 - handed to the taker, who raises it
            error = err
        with self._changed:
            self._is_over, self._error = True, error
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Hand over; whether the reading goes on."""
        with self._changed:
            if not self._is_dropping:
                self._changed.wait_for(lambda: self._is_closed or len(self._items) < self._depth)
            elif len(self._items) >= self._depth:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()
            return not self._is_closed
