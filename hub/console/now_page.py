"""The start page: every camera's state and last picture, troubled ones first, and the newest
events. Its two lists are drawn again by themselves when the hub has news of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.archive import Archive
from hub.archive.registry_values import Plan
from hub.archive.scope import Scope
from hub.archive.values import EventFilter
from hub.console.archive_page import ArchivePage
from hub.console.titles import TitledEvent, titled
from hub.registry import present
from hub.registry.access import Visitor

NEWEST = 15
MAX_FIRST = 5
WAITING = timedelta(days=7)  # older tampering that nobody marked is for the page of events


@dataclass(frozen=True)
class News:
    """Tampering that nobody has looked at, and the newest other events."""

    first: tuple[TitledEvent, ...]
    newest: tuple[TitledEvent, ...]


class NowPage(ArchivePage):
    """The page and its two lists."""

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        pages = self._pages
        return [
            pages.route("/", self.show, needs="viewer"),
            pages.route("/now/cameras", self.cameras, needs="viewer", is_use=False),
            pages.route("/now/events", self.events, needs="viewer", is_use=False),
        ]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The whole page."""
        return self._pages.draw(
            request,
            "now.html",
            cameras=await self._cameras(visitor),
            news=await self._news(visitor),
            plans=await run_in_threadpool(self._plans, visitor),
        )

    async def cameras(self, request: Request, visitor: Visitor) -> Response:
        """The cameras alone."""
        return self._pages.draw(request, "now_cameras.html", cameras=await self._cameras(visitor))

    async def events(self, request: Request, visitor: Visitor) -> Response:
        """The newest events alone."""
        return self._pages.draw(request, "now_events.html", news=await self._news(visitor))

    def _plans(self, visitor: Visitor) -> tuple[Plan, ...]:
        registry = self._archive.registry()
        return present.visible_registry(registry, visitor.scope, self._clock.utc()).plans

    async def _cameras(self, visitor: Visitor) -> list[present.CameraNow]:
        return await run_in_threadpool(
            present.cameras_now, self._archive, visitor.scope, self._clock.utc()
        )

    async def _news(self, visitor: Visitor) -> News:
        return await run_in_threadpool(_news, self._archive, visitor.scope, self._clock.utc())


def _news(archive: Archive, scope: Scope, now_utc: datetime) -> News:
    waiting = EventFilter(
        since_utc=now_utc - WAITING, kinds=("tampered",), marks=("new",), scope=scope
    )
    first = archive.events(waiting, limit=MAX_FIRST, before=None)
    newest = archive.events(EventFilter(scope=scope), limit=NEWEST, before=None)
    registry = archive.registry()
    held = {event.number for event in first}
    rest = [event for event in newest if event.number not in held]
    return News(titled(registry, first), titled(registry, rest))
