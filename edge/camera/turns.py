"""Decoding in turns: the cameras of a box share its processors fairly.

At one time as many pictures are decoded and looked at as the pool has places. When more want to,
the one goes first that used the least lately, so that a camera that floods waits for itself and
not the others for it. One that keeps its place for too long hangs: its place is given on.
"""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType

from edge.base.clock import Clock

LEASE_S = 2.0  # the slowest picture on the smallest board takes a tenth of that
POLL_S = 0.5
HALF_LIFE_S = 10.0  # of what a camera used
TURN_ENV = "CAMWATCH_TURN_MS"  # for tests: a turn takes at least so long, as on a smaller board


def places() -> int:
    """One less than this process has processors, for capture and recording; at least one."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def least_turn_s() -> float:
    """What CAMWATCH_TURN_MS says; nothing outside of tests."""
    return float(os.environ.get(TURN_ENV, "0")) / 1000


class DecodePool:
    """Shared by all cameras of a box."""

    def __init__(self, count: int, clock: Clock, *, turn_s: float = 0.0) -> None:
        """`count`: how many decode at one time. `turn_s`: each turn takes at least so long."""
        self._clock = clock
        self._count = count
        self.turn_s = turn_s
        self._holders: dict[Turns, int] = {}
        self._waiting: list[Turns] = []
        self._changed = threading.Condition()

    def member(self) -> Turns:
        """For one thread that decodes."""
        return Turns(self)

    def _acquire(self, turns: Turns) -> None:
        with self._changed:
            if self._waiting or len(self._holders) >= self._count:
                self._waiting.append(turns)
                while not self._is_next(turns):
                    self._changed.wait(POLL_S)
                    self._take_back()
                self._waiting.remove(turns)
            self._holders[turns] = self._clock.mono_ns()
            if self._waiting and len(self._holders) < self._count:
                self._changed.notify_all()

    def _release(self, turns: Turns) -> None:
        with self._changed:
            now_ns = self._clock.mono_ns()
            since_ns = self._holders.pop(turns, now_ns)
            turns.used_ns = turns.used_now_ns(now_ns) + now_ns - since_ns
            turns.used_at_ns = now_ns
            if self._waiting:
                self._changed.notify_all()

    def _is_next(self, turns: Turns) -> bool:
        now_ns = self._clock.mono_ns()
        first = min(self._waiting, key=lambda each: each.used_now_ns(now_ns))
        return first is turns and len(self._holders) < self._count

    def _take_back(self) -> None:
        late_ns = self._clock.mono_ns() - int(LEASE_S * 1e9)
        for holder, since_ns in list(self._holders.items()):
            if since_ns < late_ns:
                del self._holders[holder]
                self._changed.notify_all()


class Turns:
    """One thread's turns. A context manager: within it, it is this thread's turn."""

    def __init__(self, pool: DecodePool) -> None:
        self._pool = pool
        self._since_s = 0.0
        self.used_ns = 0.0
        self.used_at_ns = 0

    def used_now_ns(self, now_ns: int) -> float:
        """What was used, the longer ago the less."""
        return float(self.used_ns * 0.5 ** ((now_ns - self.used_at_ns) / (HALF_LIFE_S * 1e9)))

    def __enter__(self) -> None:
        self._pool._acquire(self)
        self._since_s = time.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool.turn_s:
            time.sleep(max(0.0, self._since_s + self._pool.turn_s - time.monotonic()))
        self._pool._release(self)
