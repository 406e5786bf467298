"""Somebody who watches: a bounded queue of what they have not been sent yet.

Who is slower than the stream goes on at a newer keyframe; what lies between is let go.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

MAX_WAITING_BYTES = 4 * 2**20  # some seconds of one camera


class Viewer:
    """Used in the event loop."""

    def __init__(self) -> None:
        self._init: bytes | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._bound_bytes = MAX_WAITING_BYTES
        self._needs_keyframe = True
        self._is_over = False
        self._changed = asyncio.Event()
        self.skips = 0
        """How often something was let go."""

    def begin(self, init: bytes) -> None:
        """A stream begins with `init`, perhaps in place of another one; a keyframe follows."""
        self._init = init or None
        self._clear()
        self._changed.set()

    def catch_up(self, init: bytes, gop: Sequence[bytes]) -> None:
        """Begin with all pieces since the newest keyframe, at once. They may be more than else may
        wait, and do not count against that until they are taken: a long GOP's late viewer would
        see nothing before the next one. The bytes are the stream's, shared by all."""
        self.begin(init)
        self._bound_bytes += sum(map(len, gop))
        for number, data in enumerate(gop):
            self.put(data, is_keyframe=number == 0)

    def put(self, data: bytes, *, is_keyframe: bool) -> None:
        """One more piece; it may be let go."""
        if self._needs_keyframe and not is_keyframe:
            return
        if self._waiting and self._waiting_bytes + len(data) > self._bound_bytes:
            self._clear()
            self.skips += 1
            if not is_keyframe:
                return
        self._needs_keyframe = False
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._changed.set()

    def end(self) -> None:
        """Nothing more comes; what waits is still given out."""
        self._is_over = True
        self._changed.set()

    async def take(self) -> bytes | None:
        """The next piece, whole, once there is one; None at the end."""
        while (data := self.take_now()) is None and not self._is_over:
            self._changed.clear()
            await self._changed.wait()
        return data

    def take_now(self) -> bytes | None:
        """The next piece, None where none waits."""
        if self._init is not None:
            init, self._init = self._init, None
            return init
        if not self._waiting:
            return None
        data = self._waiting.popleft()
        self._waiting_bytes -= len(data)
        if self._waiting_bytes <= MAX_WAITING_BYTES:
            self._bound_bytes = MAX_WAITING_BYTES
        return data

    def _clear(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
        self._bound_bytes = MAX_WAITING_BYTES
        self._needs_keyframe = True
