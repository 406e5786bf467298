"""/live-updates: server-sent events (WHATWG HTML section 9.2) about what changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from edge.base.errors import StorageError
from hub.api.event_models import EventAnswer
from hub.api.route import GuardedRoute, Who
from hub.archive.values import Event
from hub.registry.access import Needs
from hub.web.door import LOOK_AGAIN_S, Door
from hub.web.live_feed import Begun, Listener, LiveFeed, Missed, Update

NEEDS: Needs = "viewer"
RETRY_MS = 3000  # a browser comes back after a break


class EventStream(StreamingResponse):
    """What the OpenAPI document calls it."""

    media_type = "text/event-stream"


class LiveUpdatesApi:
    """The route."""

    def __init__(self, door: Door, feed: LiveFeed) -> None:
        self._door = door
        self._feed = feed

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            GuardedRoute(
                "/live-updates", self.live_updates, door=self._door, needs=NEEDS, is_use=False,
                tag="live", errors=(429,), response_class=EventStream,
            )
        ]  # fmt: skip

    async def live_updates(self, request: Request, visitor: Who) -> Response:
        """A stream of what changes, for as long as the connection and the log-in last.

        `event: begun` says that from here on nothing is left out: what was asked for before it had
        better be asked for again; it comes again when the visitor's scope was changed. `event:
        event` bears an event as `/events` gives it, each time that anything about it changes;
        `event: node` a node's name and state, when it or its health changes; `event: missed` how
        many of these were dropped because the reader was too slow; `: alive` comes every 15 s
        without news.
        """
        return EventStream(self._stream(request, self._feed.listen(visitor)))

    async def _stream(self, request: Request, listener: Listener) -> AsyncIterator[str]:
        heeding = asyncio.create_task(self._heed(request, listener), name="live-updates-door")
        try:
            yield f"retry: {RETRY_MS}\n\n"
            async for update in listener.news():
                yield as_text(update)
        finally:
            heeding.cancel()
            self._feed.leave(listener)

    async def _heed(self, request: Request, listener: Listener) -> None:
        """Keep the listener to what its reader may hear, by the clock: news may never pause. Who
        cannot be asked about hears no more, and comes again."""
        with contextlib.suppress(StorageError):
            while (visitor := await self._door.still_in(request, NEEDS)) is not None:
                listener.heed(visitor)
                await asyncio.sleep(LOOK_AGAIN_S)
        listener.close()


def as_text(update: Update) -> str:
    """One server-sent event."""
    if update is None:
        return ": alive\n\n"
    if isinstance(update, Missed):
        return f'event: missed\ndata: {{"count": {update.count}}}\n\n'
    if isinstance(update, Begun):
        return "event: begun\ndata: {}\n\n"
    if isinstance(update, Event):
        return f"event: event\ndata: {EventAnswer.of(update).model_dump_json()}\n\n"
    told = json.dumps({"node": update.node, "state": update.state})
    return f"event: node\ndata: {told}\n\n"
