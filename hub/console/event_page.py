"""One event: its clip, its pictures with what moved drawn over them, what people said of it, its
records, and what was known around it. Marks and notes are made here."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive import Archive, remarks
from hub.archive.remarks import RemarkError
from hub.archive.values import MARKS, EventFilter, Mark, Remark
from hub.console import event_view
from hub.console.archive_page import ArchivePage
from hub.console.events_page import read_filter
from hub.console.pages import Pages, path_and_query
from hub.registry.access import Visitor
from hub.registry.filters import FilterError
from hub.web import finding
from hub.web.answers import HttpError
from hub.web.trail import Trail


class EventPage(ArchivePage):
    """The page and its form."""

    def __init__(
        self, pages: Pages, archive: Archive, trail: Trail, zone: ZoneInfo, clock: Clock
    ) -> None:
        super().__init__(pages, archive, clock)
        self._trail = trail
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        path = "/events/{event_id}"
        return [
            self._pages.route(path, self.show, needs="viewer"),
            self._pages.route(path + "/remark", self.remark, needs="operator", methods=("POST",)),
        ]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The whole page."""
        return await self._draw(request, visitor)

    async def remark(self, request: Request, visitor: Visitor) -> Response:
        """Mark the event, note something of it, or both; then the page again."""
        form = await request.form(max_files=0, max_fields=20)
        event = await run_in_threadpool(
            finding.event, self._archive, visitor.scope, request.path_params["event_id"]
        )
        try:
            remark = self._remark_in(form, visitor)
        except RemarkError as err:
            return await self._draw(request, visitor, problem=str(err), status=422)
        if remark is not None:
            target = f"event:{event.id}"
            if remark.mark is not None:
                await self._trail.note(request, visitor, "event.mark", target, mark=remark.mark)
            if remark.note is not None:
                await self._trail.note(request, visitor, "event.note", target)
            await run_in_threadpool(self._archive.remark, event, remark)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/events/{event.id}{query}", 303)

    def _remark_in(self, form: FormData, visitor: Visitor) -> Remark | None:
        """What the form says; None where it says nothing. Raises RemarkError, HttpError 422."""
        note, mark = form.get("note"), _mark_in(form)
        text = note if isinstance(note, str) and note.strip() else None
        if text is None and mark is None:
            return None
        kept = None if text is None else remarks.note_of(text)
        return Remark(visitor.user.name, self._clock.utc(), mark, kept)

    async def _draw(
        self, request: Request, visitor: Visitor, *, problem: str = "", status: int = 200
    ) -> Response:
        where = self._where(request, visitor)
        view = await run_in_threadpool(
            event_view.gather, self._archive, where, request.path_params["event_id"]
        )
        await self._trail.note_once(
            request, visitor, "event.view", f"event:{view.event.id}",
            camera=f"{view.event.node}/{view.event.camera}",
        )  # fmt: skip
        return self._pages.draw(
            request, "event.html", status, view=view, problem=problem, query=request.url.query,
            here_again=path_and_query(request).replace("/remark", ""),
        )  # fmt: skip

    def _where(self, request: Request, visitor: Visitor) -> EventFilter:
        """The list that the visitor comes from, in which older and newer are; all where the link
        says no list that can be read."""
        pairs = list(request.query_params.multi_items())
        try:
            return read_filter(pairs, now=self._clock.utc(), zone=self._zone, scope=visitor.scope)
        except FilterError:
            return EventFilter(scope=visitor.scope)


def _mark_in(form: FormData) -> Mark | None:
    given = form.get("mark")
    if given in (None, ""):
        return None
    for mark in MARKS:
        if given == mark:
            return mark
    raise HttpError(422, "invalid", f"mark: one of {', '.join(MARKS)}")
