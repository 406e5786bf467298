"""Stretches of cameras' time, as questions are asked of them."""

from __future__ import annotations

from typing import NamedTuple

from hub.archive.event_state import MAX_INT64

ALWAYS_MS = -MAX_INT64 - 1  # as a beginning: from the first


class Window(NamedTuple):
    """A stretch of a camera's time: from_ms <= started < until_ms."""

    camera_id: int
    from_ms: int
    until_ms: int

    def holds(self, started_ms: int) -> bool:
        """Whether what started then lies in it."""
        return self.from_ms <= started_ms < self.until_ms
