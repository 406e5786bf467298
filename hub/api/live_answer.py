"""The answer to who watches live: sent as fast as they take it, and ended in good order.

A viewer who takes nothing for STALL_S is let go: what waits for them is bounded, but their
connection is not free. Whether they may still watch is asked every LOOK_AGAIN_S.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.live import Viewer
from hub.live.stream import LiveStream
from hub.web.door import LOOK_AGAIN_S

STALL_S = 10.0
BOUNDARY = "camwatch"

IsLetIn = Callable[[], Awaitable[bool]]


class LiveAnswer(Response):
    """A body without an end."""

    media_type = "video/mp4"

    @classmethod
    def of(cls, stream: LiveStream, viewer: Viewer, is_let_in: IsLetIn) -> LiveAnswer:
        """The answer for one viewer, who leaves the stream with it."""
        head = stream.head
        form, mime = ("jpeg", "") if head is None else (head.form, head.mime)
        answer = cls(
            media_type=mime if form == "fmp4" else f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        )
        answer._stream, answer._viewer, answer._is_let_in = stream, viewer, is_let_in
        answer._is_multipart = form == "jpeg"
        return answer

    _stream: LiveStream
    _viewer: Viewer
    _is_let_in: IsLetIn
    _is_multipart: bool

    def init_headers(self, headers: object = None) -> None:
        """Without a length, for there is none."""
        super().init_headers(None)
        self.raw_headers = [each for each in self.raw_headers if each[0] != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the viewer goes, may not any more, or the stream ends."""
        tasks = [
            asyncio.ensure_future(work)
            for work in (self._send(send), _until_gone(receive), self._until_barred())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stream.leave(self._viewer)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            await send({
                "type": "http.response.start", "status": 200, "headers": self.raw_headers,
            })  # fmt: skip
            while (data := await self._viewer.take()) is not None:
                async with asyncio.timeout(STALL_S):
                    await send({
                        "type": "http.response.body", "body": self._framed(data), "more_body": True,
                    })  # fmt: skip

    def _framed(self, data: bytes) -> bytes:
        if not self._is_multipart:
            return data
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        return head.encode() + data + b"\r\n"

    async def _until_barred(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            if not await self._is_let_in():
                return


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
