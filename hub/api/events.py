"""/events: search, one event with all that belongs to it and happened near it, marks and notes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute

from hub.api.asking import Filter, Reader
from hub.api.event_models import (
    ClipAnswer,
    EventAnswer,
    EventCount,
    EventDetail,
    EventPage,
    Mark,
    RecordAnswer,
    RemarkAnswer,
    SnapshotAnswer,
)
from hub.api.media import EventId
from hub.api.models import TakenIn
from hub.api.overview_models import NeighboursAnswer
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive, remarks
from hub.archive.remarks import MAX_NOTE, RemarkError
from hub.archive.values import Event, PageKey, Remark
from hub.registry import filters
from hub.registry.neighbours import neighbours
from hub.web import finding
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "events"
MAX_PAGE = 500
MAX_COUNT = 10_000
MAX_NEIGHBOURS = 50

Key = Annotated[
    str | None, Query(pattern=r"^-?[0-9]{1,18}\.[0-9]{1,18}$", description="An event's `key`.")
]


class RemarkIn(TakenIn):
    """A mark, a note, or both."""

    mark: Mark | None = None
    note: str | None = Field(None, min_length=1, max_length=MAX_NOTE)


class EventsApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive, reader: Reader) -> None:
        self._door = door
        self._archive = archive
        self._reader = reader

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door, one = self._door, "/events/{event_id}"
        return [
            GuardedRoute("/events", self.list_events, door=door, needs="viewer", tag=TAG),
            GuardedRoute("/events-count", self.count_events, door=door, needs="viewer", tag=TAG),
            GuardedRoute(one, self.show_event, door=door, needs="viewer", tag=TAG, errors=(404,)),
            GuardedRoute(
                f"{one}/neighbours", self.list_neighbours, door=door, needs="viewer", tag=TAG,
                errors=(404,),
            ),
            GuardedRoute(
                f"{one}/remarks", self.remark_event, door=door, needs="operator", tag=TAG,
                method="POST", errors=(404,),
            ),
        ]  # fmt: skip

    async def list_events(
        self,
        visitor: Who,
        words: Filter,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        before: Annotated[Key, Query(description="The next older than this key.")] = None,
        after: Annotated[Key, Query(description="The next newer than this key.")] = None,
    ) -> EventPage:
        """Events that fit, newest first, a page at a time by key: pages do not shift when new
        events come, and the last page costs no more than the first."""
        if before is not None and after is not None:
            raise HttpError(422, "invalid", "query.before: not together with query.after")
        where = self._reader.where(words, visitor)
        found = await run_in_threadpool(
            self._archive.events, where, limit=limit, before=_key(before), after=_key(after)
        )
        if not found:
            await run_in_threadpool(self._reader.refuse_unknown, where)
        is_full = len(found) == limit
        return EventPage(
            events=[EventAnswer.of(event) for event in found],
            next=str(found[-1].key) if is_full else None,
            filter=filters.text_of(where),
        )

    async def count_events(
        self,
        visitor: Who,
        words: Filter,
        limit: Annotated[int, Query(ge=1, le=MAX_COUNT)] = 1000,
    ) -> EventCount:
        """How many events fit, counted up to `limit`, so that it never takes long."""
        where = self._reader.where(words, visitor)
        found = await run_in_threadpool(self._archive.count, where, limit=limit)
        if not found.number:
            await run_in_threadpool(self._reader.refuse_unknown, where)
        return EventCount(number=found.number, is_more=found.is_more)

    async def show_event(self, request: Request, visitor: Who, event_id: EventId) -> EventDetail:
        """One event with its clips, snapshots, signed records, marks and notes."""
        event = await run_in_threadpool(finding.event, self._archive, visitor.scope, event_id)
        await self._door.trail.note_once(
            request, visitor, "event.view", f"event:{event.id}", camera=event.camera_path
        )
        return await run_in_threadpool(self._detail, event)

    async def list_neighbours(
        self,
        visitor: Who,
        event_id: EventId,
        limit: Annotated[int, Query(ge=1, le=MAX_NEIGHBOURS, description="On each side.")] = 10,
    ) -> NeighboursAnswer:
        """What the cameras around saw before and after, however long."""
        event = await run_in_threadpool(finding.event, self._archive, visitor.scope, event_id)
        found = await run_in_threadpool(
            neighbours, self._archive, event, visitor.scope, limit=limit
        )
        return NeighboursAnswer.of(found)

    async def remark_event(
        self, request: Request, visitor: Who, event_id: EventId, given: RemarkIn
    ) -> EventAnswer:
        """Mark the event, add a note to it, or both. What was said before stays."""
        if given.mark is None and given.note is None:
            raise HttpError(422, "invalid", "body: a mark or a note is needed")
        event = await run_in_threadpool(finding.event, self._archive, visitor.scope, event_id)
        try:
            note = None if given.note is None else remarks.note_of(given.note)
        except RemarkError as err:
            raise HttpError(422, "invalid", f"body.{err}") from err
        action = "event.mark" if note is None else "event.note"
        await self._door.trail.note(
            request,
            visitor,
            action,
            f"event:{event.id}",
            camera=event.camera_path,
            mark=given.mark or "",
        )
        now_utc = self._door.now_utc()
        remark = Remark(visitor.user.name, now_utc, given.mark, note)
        return EventAnswer.of(await run_in_threadpool(self._archive.remark, event, remark))

    def _detail(self, event: Event) -> EventDetail:
        archive = self._archive
        return EventDetail(
            event=EventAnswer.of(event),
            clips=[ClipAnswer.of(clip) for clip in archive.clips_of(event)],
            snapshots=[SnapshotAnswer.of(shot) for shot in archive.snapshots_of(event)],
            records=[RecordAnswer.of(record) for record in archive.records_of(event)],
            remarks=[RemarkAnswer.of(remark) for remark in archive.remarks_of(event)],
        )


def _key(text: str | None) -> PageKey | None:
    return None if text is None else PageKey.parse(text)
