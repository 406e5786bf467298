"""How long a reader waits before it reads more from a source that sends faster than any camera.

Pure. What is not read stays in the pipe or the socket, and the sender waits; nothing is dropped.
"""

from __future__ import annotations

from edge.contract.address import MAX_BITS_PER_S, MAX_FPS

BURST_NS = 1_000_000_000  # so much may come at once, as after a pause or at a start


class Throttle:
    """A leaky bucket of bytes and pictures, by MAX_BITS_PER_S and MAX_FPS."""

    def __init__(self) -> None:
        self._paid_ns: int | None = None
        """The time until which what was read would have lasted at the highest rate."""

    def wait_s(self, now_ns: int, byte_count: int, pictures: int) -> float:
        """Seconds to wait before the next read, 0 for none, after so much was read at `now_ns`."""
        cost_ns = max(byte_count * 8 * 10**9 // MAX_BITS_PER_S, pictures * 10**9 // MAX_FPS)
        start_ns = now_ns - BURST_NS
        self._paid_ns = (
            max(start_ns if self._paid_ns is None else self._paid_ns, start_ns) + cost_ns
        )
        return max(0, self._paid_ns - now_ns) / 1e9
