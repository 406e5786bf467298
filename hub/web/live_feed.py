"""What changes, told to pages and programs that listen: events, and the states of nodes.

One task asks the archive what is new while anybody listens, whoever wrote it, and hands it to each
listener's own bounded queue. Who is too slow loses the oldest, and is told how many.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from hub.archive import Archive
from hub.archive.scope import Scope
from hub.archive.values import Event, EventFilter
from hub.registry.access import Visitor
from hub.registry.present import visible_cameras
from hub.web.answers import HttpError

logger = logging.getLogger(__name__)

POLL_S = 1.0
BATCH = 200  # events taken from the archive at once
MAX_QUEUED = 300  # pieces of news that wait for one listener
MAX_LISTENERS = 200
MAX_OF_ONE = 8  # of one browser or program
ALIVE_S = 15.0  # how often a listener without news hears that all is well


@dataclass(frozen=True)
class Missed:
    """So many updates were dropped for a listener that is too slow; it had better ask anew."""

    count: int


@dataclass(frozen=True)
class Begun:
    """From here on nothing is left out; what was asked for before may be out of date."""


@dataclass(frozen=True)
class NodeNews:
    """A node, or a camera of it, is otherwise than before."""

    node: str
    state: str


News = Begun | Event | NodeNews
Update = News | Missed | None
"""None: nothing happened for a while."""


class Listener:
    """One listener's queue. Used in the event loop's thread."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self._has_begun = False
        self._queue: deque[News] = deque()
        self._missed = 0
        self._news = asyncio.Event()
        self._is_closed = False

    def begin(self) -> None:
        """Tell once that the feed is at work: a page was made before its listener was."""
        if not self._has_begun:
            self._has_begun = True
            self.put(Begun())

    def heed(self, visitor: Visitor) -> None:
        """Who it is now. With another scope they hear no more of what the old one allowed, and had
        better ask anew for what they were shown."""
        if visitor.scope != self.visitor.scope:
            self._queue.clear()
            self._missed = 0
            if self._has_begun:
                self.put(Begun())
        self.visitor = visitor

    def put(self, update: News) -> None:
        """Queue an update; drops the oldest where there are too many."""
        if len(self._queue) >= MAX_QUEUED:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(update)
        self._news.set()

    def close(self) -> None:
        """Let the listener go."""
        self._is_closed = True
        self._news.set()

    async def news(self) -> AsyncIterator[Update]:
        """What comes, until closed; None each ALIVE_S without any."""
        while not self._is_closed:
            if self._missed:
                missed, self._missed = self._missed, 0
                yield Missed(missed)
            elif self._queue:
                yield self._queue.popleft()
            else:
                self._news.clear()
                try:
                    async with asyncio.timeout(ALIVE_S):
                        await self._news.wait()
                except TimeoutError:
                    yield None


class LiveFeed:
    """All listeners. `run` is the task that feeds them. Updates of software are `hub/rollouts`."""

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._listeners: set[Listener] = set()
        self._arrived = asyncio.Event()

    def listen(self, visitor: Visitor) -> Listener:
        """A new listener, to be given to `leave` in the end. Raises HttpError 429, 503."""
        if sum(each.visitor.key == visitor.key for each in self._listeners) >= MAX_OF_ONE:
            raise HttpError(
                429,
                "too_many",
                f"at most {MAX_OF_ONE} streams at once",
                headers={"Retry-After": "5"},
            )
        if len(self._listeners) >= MAX_LISTENERS:
            raise HttpError(503, "busy", "too many listeners", headers={"Retry-After": "30"})
        listener = Listener(visitor)
        self._listeners.add(listener)
        self._arrived.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; harmless when done before."""
        self._listeners.discard(listener)

    async def run(self) -> None:
        """Feed listeners until cancelled; a failing archive is asked again later."""
        failed = False
        while True:
            await self._arrived.wait()
            try:
                await self._feed()
                failed = False
            except StorageError as err:
                if not failed:
                    logger.warning("live updates wait for the archive: %s", error_chain(err))
                failed = True
                await asyncio.sleep(POLL_S)

    def close(self) -> None:
        """Let all listeners go, so that a stopping hub does not wait for them."""
        for listener in self._listeners:
            listener.close()

    async def _feed(self) -> None:
        """From the first listener on until the last has left."""
        change = await run_in_threadpool(self._archive.last_change)
        pulses = await run_in_threadpool(self._archive.pulses)
        while self._listeners:
            for listener in self._listeners:
                listener.begin()
            await asyncio.sleep(POLL_S)
            events = await run_in_threadpool(
                self._archive.changes, EventFilter(), after=change, limit=BATCH
            )
            change = events[-1].change if events else change
            known, pulses = pulses, await run_in_threadpool(self._archive.pulses)
            nodes = [
                NodeNews(node, pulse.state)
                for node, pulse in pulses.items()
                if pulse != known.get(node)
            ]
            if events or nodes:
                for scope in {each.visitor.scope for each in self._listeners}:
                    await self._tell(scope, events, nodes)
        self._arrived.clear()

    async def _tell(self, scope: Scope, events: list[Event], nodes: list[NodeNews]) -> None:
        """Those who see the same get the same."""
        visible = await run_in_threadpool(self._visible, scope, events, nodes)
        for listener in [each for each in self._listeners if each.visitor.scope == scope]:
            for update in visible:
                listener.put(update)

    def _visible(self, scope: Scope, events: list[Event], nodes: list[NodeNews]) -> list[News]:
        if scope.is_everything:
            return [*events, *nodes]
        seen: list[News] = [event for event in events if self._archive.may_see(scope, event)]
        if nodes:
            cameras = visible_cameras(self._archive.registry(), scope, self._clock.utc())
            names = {camera.node for camera in cameras}
            seen += [news for news in nodes if news.node in names]
        return seen
