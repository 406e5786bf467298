"""/events-timeline, /coverage-hours: many cameras at once, as numbers to draw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from hub.api import asking
from hub.api.asking import Duration, Filter, Moment, Reader, Word
from hub.api.overview_models import CameraCounts, CameraHours, CoverageHours, TimelineAnswer
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.event_state import to_ms
from hub.archive.scope import Scope
from hub.archive.values import EventFilter
from hub.registry import filters, present
from hub.web.answers import HttpError
from hub.web.door import Door

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MAX_BUCKETS = 1000
MAX_HOURS = timedelta(days=14)


class OverviewsApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive, reader: Reader) -> None:
        self._door = door
        self._archive = archive
        self._reader = reader

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door = self._door
        return [
            GuardedRoute(
                "/events-timeline", self.show_timeline, door=door, needs="viewer", tag="events"
            ),
            GuardedRoute(
                "/coverage-hours", self.show_coverage_hours, door=door, needs="viewer", tag="nodes"
            ),
        ]

    async def show_timeline(
        self,
        visitor: Who,
        words: Filter,
        bucket: Annotated[
            Duration, Query(description=f"How long each piece is; at most {MAX_BUCKETS} pieces.")
        ] = "15m",
    ) -> TimelineAnswer:
        """How many events fit, by camera and piece of time. Without `since` it is the day before
        `until`, and without `until` it ends now."""
        where = self._reader.where(words, visitor)
        until = where.until_utc or self._door.now_utc()
        since = where.since_utc or until - DAY
        bucket_ms = round(asking.duration_s("bucket", bucket) * 1000)
        span_ms = to_ms(until) - to_ms(since)
        if span_ms <= 0:
            raise HttpError(422, "invalid", "query.since: it must be before until")
        if bucket_ms <= 0 or span_ms > bucket_ms * MAX_BUCKETS:
            raise HttpError(
                422, "invalid", f"query.bucket: at most {MAX_BUCKETS} pieces, each of 1ms or more"
            )
        bucket_ms = min(bucket_ms, span_ms)
        return await run_in_threadpool(self._timeline, where, since, until, bucket_ms)

    async def show_coverage_hours(
        self,
        visitor: Who,
        since: Annotated[Moment, Query(description="From the hour of this time on.")] = "1d",
        until: Annotated[Moment, Query(description="To the end of the hour of this time.")] = "now",
        area: Annotated[Word, Query(description="Cameras that are now there or below.")] = "",
        node: Word = "",
    ) -> CoverageHours:
        """The map of cameras by hour: watched, blind with its cause, or unknown."""
        begun, ended = self._reader.span(since, until)
        if not timedelta(0) < ended - begun <= MAX_HOURS:
            raise HttpError(
                422, "invalid", f"query.since: up to {MAX_HOURS.days} days before until"
            )
        return await run_in_threadpool(self._hours, visitor.scope, begun, ended, area, node)

    def _timeline(
        self, where: EventFilter, since: datetime, until: datetime, bucket_ms: int
    ) -> TimelineAnswer:
        found = self._archive.density(where, since, until, bucket_ms)
        if not found:
            self._reader.refuse_unknown(where)
        pieces = -(-(to_ms(until) - to_ms(since)) // bucket_ms)
        sums = [sum(column) for column in zip(*found.values(), strict=True)] or [0] * pieces
        return TimelineAnswer(
            since_utc=since,
            until_utc=until,
            bucket_ms=bucket_ms,
            counts=sums,
            cameras=[
                CameraCounts(node=key.node, camera=key.camera, counts=counts)
                for key, counts in found.items()
            ],
            filter=filters.text_of(where),
        )

    def _hours(
        self, scope: Scope, since: datetime, until: datetime, area: str, node: str
    ) -> CoverageHours:
        rows = self._archive.coverage_hours(scope, since, until)
        if area:
            there = Scope(areas=frozenset({area}))
            cameras = present.visible_cameras(self._archive.registry(), there, self._door.now_utc())
            keys = {camera.key for camera in cameras}
            rows = [row for row in rows if row.camera in keys]
        rows = [row for row in rows if node in ("", row.camera.node)]
        if not rows:
            named = EventFilter(node=node or None, area=area or None, scope=scope)
            self._reader.refuse_unknown(named)
        first = since.replace(minute=0, second=0, microsecond=0)
        return CoverageHours(
            since_utc=first,
            hours=-(-(until - first) // HOUR),
            cameras=[CameraHours.of(row) for row in rows],
        )
