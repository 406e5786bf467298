"""The harness's proxy with two more faults: slices of one byte, and resets in mid-frame."""

from __future__ import annotations

import random
import socket

from tests.harness.proxy import Proxy, _Pipe


class TornProxy(Proxy):
    """Faults are set from any thread, as those of `Proxy`; `heal` ends them too."""

    def __init__(self, target_port: int, *, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._is_slicing = False
        self._tear_bytes: tuple[int, int] | None = None
        self._left = 0
        self.resets = 0
        super().__init__(target_port)

    def slice(self) -> None:
        """Pass on byte by byte, each in a segment of its own."""
        with self._lock:
            self._is_slicing = True

    def tear(self, least_bytes: int, most_bytes: int) -> None:
        """Reset all connections whenever a random number of bytes in that range went through."""
        with self._lock:
            self._tear_bytes = (least_bytes, most_bytes)
            self._left = self._rng.randint(least_bytes, most_bytes)

    def heal(self) -> None:
        """Forward as it should."""
        with self._lock:
            self._is_slicing, self._tear_bytes = False, None
        super().heal()

    def _read(self, pipe: _Pipe) -> None:
        known = len(pipe.pending)
        super()._read(pipe)
        if len(pipe.pending) == known or not pipe.pending[-1][1]:
            return
        due_s, data = pipe.pending.pop()
        kept = data
        if self._tear_bytes is not None:
            kept = data[: self._left]
            self._left -= len(kept)
        pipe.pending_bytes -= len(data) - len(kept)
        if self._is_slicing:
            pipe.target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pipe.pending.extend((due_s, kept[at : at + 1]) for at in range(len(kept)))
        elif kept:
            pipe.pending.append((due_s, kept))

    def _forward(self, pipe: _Pipe) -> None:
        super()._forward(pipe)
        if self._tear_bytes is not None and self._left == 0 and not pipe.pending:
            self.resets += 1
            self._left = self._rng.randint(*self._tear_bytes)
            self._cut()
