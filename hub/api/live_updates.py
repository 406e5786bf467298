"""/live-updates: server-sent events (WHATWG HTML section 9.2) about what changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from hub.api.event_models import EventAnswer
from hub.api.route import GuardedRoute, Who
from hub.archive.values import Event
from hub.web.door import Door
from hub.web.live_feed import Begun, Listener, LiveFeed, Missed, Update

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
                "/live-updates", self.live_updates, door=self._door, needs="viewer", tag="live",
                errors=(429,), response_class=EventStream,
            )
        ]  # fmt: skip

    async def live_updates(self, request: Request, visitor: Who) -> Response:
        """A stream of what changes, for as long as the connection and the log-in last.

        `event: begun` says that from here on nothing is left out: what was asked for before it had
        better be asked for again. `event: event` bears an event as `/events` gives it, each time
        that anything about it changes; `event: node` a node's name and state, when it or its health
        changes; `event: missed` how many of these were dropped because the reader was too slow;
        `: alive` comes every 15 s without news.
        """
        return EventStream(self._stream(request, self._feed.listen(visitor)))

    async def _stream(self, request: Request, listener: Listener) -> AsyncIterator[str]:
        try:
            yield f"retry: {RETRY_MS}\n\n"
            async for update in listener.news():
                if update is None and not await self._door.is_still_in(request):
                    return
                yield as_text(update)
        finally:
            self._feed.leave(listener)


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
