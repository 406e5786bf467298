"""Coverage: a map of cameras by hour, and of one camera what was known of every moment, and why
not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive import Archive
from hub.archive.event_state import to_ms
from hub.archive.minutes import Tally, tally
from hub.archive.registry_values import Camera
from hub.archive.scope import NOTHING, Scope
from hub.archive.values import CameraKey, EventFilter, HourCell, Stretch
from hub.console.archive_page import ArchivePage
from hub.console.event_view import Bar, bar_of
from hub.console.pages import Pages
from hub.registry import filters, present, when
from hub.registry.access import Visitor
from hub.web.answers import HttpError

PATH = "/coverage"
PAGE = 100  # cameras
HOUR = timedelta(hours=1)
MAX_RANGE = timedelta(days=31)
WHOLE = 0.995  # of an hour watched, from where on it is drawn as all of it
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Cell:
    """An hour of a camera. `look` is watched, partly, blind, unknown or hidden."""

    look: str
    percent: int
    cause: str | None
    link: str


@dataclass(frozen=True)
class Row:
    """A camera's day. `percent` is of the hours that have begun."""

    camera: Camera
    cells: tuple[Cell, ...]
    percent: float


@dataclass(frozen=True)
class OneCamera:
    """What is known of one camera over a time."""

    camera: Camera
    stretches: tuple[Stretch, ...]
    bars: tuple[Bar, ...]
    tally: Tally
    events: str
    """The address of the events of that time."""


class CoveragePage(ArchivePage):
    """The map and the page of one camera."""

    def __init__(self, pages: Pages, archive: Archive, zone: ZoneInfo, clock: Clock) -> None:
        super().__init__(pages, archive, clock)
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route = self._pages.route
        return [
            route(PATH, self.show, needs="viewer"),
            route(PATH + "/{node}/{camera}", self.show_camera, needs="viewer"),
        ]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The map of one day in the hub's zone."""
        today = self._clock.utc().astimezone(self._zone).date()
        day = _day(request.query_params.get("day"), today)
        area = request.query_params.get("area") or None
        start = _number(request.query_params.get("from"))
        rows, hours, areas = await run_in_threadpool(self._rows, visitor.scope, day, area)
        days = [day - timedelta(days=1), day, *([day + timedelta(days=1)] if day < today else [])]
        return self._pages.draw(
            request, "coverage.html", rows=rows[start : start + PAGE], hours=hours, day=day,
            days=days, today=today, area=area, areas=areas, start=start, number=len(rows),
            page=PAGE,
        )  # fmt: skip

    async def show_camera(self, request: Request, visitor: Visitor) -> Response:
        """One camera over a time, with the causes."""
        now = self._clock.utc()
        since = _moment(request.query_params.get("since"), now - timedelta(days=1))
        until = _moment(request.query_params.get("until"), now)
        if not timedelta(0) < until - since <= MAX_RANGE:
            raise HttpError(422, "invalid", "since, until: a time of up to 31 days is needed")
        key = CameraKey(request.path_params["node"], request.path_params["camera"])
        one = await run_in_threadpool(self._one, visitor.scope, key, since, until)
        return self._pages.draw(
            request, "coverage_camera.html", one=one, since=since, until=until,
            earlier=_link(key, since - (until - since), since),
            later=_link(key, until, until + (until - since)) if until < now else "",
        )  # fmt: skip

    def _rows(
        self, scope: Scope, day: date, area: str | None
    ) -> tuple[list[Row], list[datetime], list[tuple[str, str]]]:
        now = self._clock.utc()
        registry = self._archive.registry()
        cameras = {each.key: each for each in present.visible_cameras(registry, scope, now)}
        within = None if area is None else registry.within(area)
        hours = _hours(day, self._zone)
        found = self._archive.coverage_hours(scope, hours[0], hours[-1] + HOUR)
        rows = []
        for heat in found:
            camera = cameras.get(heat.camera)
            place = None if camera is None else camera.place_at(now)
            if camera is None or (
                within is not None and (place is None or place.area not in within)
            ):
                continue
            rows.append(_row(camera, heat.cells[: len(hours)], hours, now))
        near = {
            each.code
            for camera in cameras.values()
            if (at := camera.place_at(now)) is not None and at.area is not None
            for each in registry.above(at.area)
        }
        areas = [(each.code, each.name) for each in registry.areas if each.code in near]
        return sorted(rows, key=lambda row: (row.percent, row.camera.key)), hours, areas

    def _one(self, scope: Scope, key: CameraKey, since: datetime, until: datetime) -> OneCamera:
        registry = self._archive.registry()
        visible = present.visible_cameras(registry, scope, self._clock.utc())
        camera = next((each for each in visible if each.key == key), None)
        if camera is None:
            raise HttpError(404, "not_found", "there is no such camera in your scope")
        stretches = self._archive.coverage(key, since, until)
        window = (to_ms(since), to_ms(until))
        where = EventFilter(since, until, key.node, key.camera, scope=NOTHING)
        return OneCamera(
            camera,
            stretches,
            tuple(bar_of(each, window) for each in stretches),
            tally(stretches, *window),
            f"/events?{filters.text_of(where)}",
        )


def _row(
    camera: Camera, cells: tuple[HourCell | None, ...], hours: list[datetime], now: datetime
) -> Row:
    begun = [cell for cell, hour in zip(cells, hours, strict=False) if hour < now and cell]
    watched = sum(cell.watched_ms for cell in begun)
    known = sum(cell.watched_ms + cell.blind_ms + cell.unknown_ms for cell in begun)
    drawn = (
        _cell(camera, cell if hour < now else None, hour)
        for cell, hour in zip(cells, hours, strict=False)
    )
    return Row(camera, tuple(drawn), 100 * watched / known if known else 0.0)


def _cell(camera: Camera, cell: HourCell | None, hour: datetime) -> Cell:
    link = _link(camera.key, hour, hour + HOUR)
    if cell is None:
        return Cell("hidden", 0, None, link)
    share = cell.watched_ms / HOUR_MS
    if share >= WHOLE:
        look = "watched"
    elif cell.watched_ms:
        look = "partly"
    else:
        look = "blind" if cell.blind_ms >= cell.unknown_ms else "unknown"
    return Cell(look, round(100 * share), cell.cause, link)


def _hours(day: date, zone: ZoneInfo) -> list[datetime]:
    """The hours of a day, 23 to 25 of them."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return [start + n * HOUR for n in range(max(1, (end - start) // HOUR))]


def _link(key: CameraKey, since: datetime, until: datetime) -> str:
    return f"{PATH}/{key.node}/{key.camera}?since={to_ms(since)}&until={to_ms(until)}"


def _day(text: str | None, today: date) -> date:
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError as err:
        raise HttpError(422, "invalid", "day: a day such as 2026-01-31 is needed") from err
    try:
        when.check_year(day)
    except ValueError as err:
        raise HttpError(422, "invalid", f"day: {err}") from err
    return min(today, day)


def _moment(text: str | None, default: datetime) -> datetime:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 13):
        raise HttpError(422, "invalid", "since, until: milliseconds since 1970 are needed")
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 0
