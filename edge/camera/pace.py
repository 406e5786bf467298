"""Picks pictures out of a stream, no oftener than wanted, by when they were captured."""

from __future__ import annotations

EARLY = 0.2  # a picture this part of an interval early still counts as due


class Pace:
    """One thread. Bursts are thinned out, pauses are not caught up on."""

    def __init__(self, interval_s: float) -> None:
        self._interval_ns = interval_s * 1e9
        self._due_ns: float | None = None

    def restart(self) -> None:
        """The next picture is due, whenever it comes."""
        self._due_ns = None

    def is_due(self, at_ns: int, rate: float = 1.0) -> bool:
        """Whether to take the picture captured at `at_ns`, on the monotonic clock.

        `rate`: for now, only that part of as many as usual.
        """
        due_ns, interval_ns = self._due_ns, self._interval_ns / rate
        if due_ns is not None and at_ns < due_ns - interval_ns * EARLY:
            return at_ns < due_ns - 2 * interval_ns  # the time went back
        is_behind = due_ns is None or at_ns - due_ns > interval_ns
        self._due_ns = (at_ns if is_behind or due_ns is None else due_ns) + interval_ns
        return True
