"""A thread's sign of progress, for whoever has to notice that it hangs."""

from __future__ import annotations

from edge.base.clock import Clock


class Mark:
    """Touched by one thread, read by any. It starts as touched."""

    def __init__(self, clock: Clock, limit_s: float) -> None:
        """The thread means to touch it every `limit_s` at the latest."""
        self._clock = clock
        self._limit_s = limit_s
        self._until_ns: int | None = None
        self.touch()

    def touch(self, limit_s: float | None = None) -> None:
        """It gets on, and means to do so again within `limit_s`, or its usual limit."""
        limit_s = self._limit_s if limit_s is None else limit_s
        self._until_ns = self._clock.mono_ns() + round(limit_s * 1e9)

    def rest(self) -> None:
        """It waits on purpose, for as long as that takes."""
        self._until_ns = None

    def is_late(self) -> bool:
        """Whether the touch that it promised did not come."""
        until_ns = self._until_ns
        return until_ns is not None and self._clock.mono_ns() > until_ns
