"""Bodies of requests, read whole within a size and a time, before anything else looks at them."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from hub.web.answers import HttpError

MAX_BYTES = 64 * 1024  # of a form or a JSON document
MAX_S = 8.0  # for all of it; as long as the server waits for a header


async def with_body(request: Request, max_bytes: int = MAX_BYTES) -> Request:
    """The same request with its body here already. Raises HttpError 400, 408, 413."""
    body = bytearray()
    try:
        async with asyncio.timeout(MAX_S):
            async for piece in request.stream():
                body += piece
                if len(body) > max_bytes:
                    raise HttpError(413, "too_large", f"at most {max_bytes} bytes are taken here")
    except TimeoutError as err:
        raise HttpError(408, "slow", f"the request did not come within {MAX_S:g} s") from err
    except ClientDisconnect as err:
        raise HttpError(400, "disconnected", "the client went away") from err
    waiting = [bytes(body)]

    async def receive() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await request.receive()

    return Request(request.scope, receive)
