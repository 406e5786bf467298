"""The page of events: filters, a timeline of how many there were, a grid of pictures, and filters
that a user keeps under a name."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive import Archive
from hub.archive.scope import NOTHING, Scope
from hub.archive.values import KINDS, MARKS, EventFilter, PageKey
from hub.console import event_days, events_view
from hub.console.archive_page import ArchivePage
from hub.console.pages import Pages
from hub.registry import filters, present, saved
from hub.registry.access import Visitor
from hub.registry.filters import FilterError
from hub.registry.known import LABELS, KnownNames
from hub.web.answers import HttpError
from hub.web.trail import Trail

PATH = "/events"
OWN_WORDS = ("before", "after")  # beside those of the filter


class EventsPage(ArchivePage):
    """The page and the forms of its saved filters."""

    def __init__(
        self, pages: Pages, archive: Archive, trail: Trail, zone: ZoneInfo, clock: Clock
    ) -> None:
        super().__init__(pages, archive, clock)
        self._trail = trail
        self._zone = zone
        self._names = KnownNames(archive)

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route = self._pages.route
        return [
            route(PATH, self.show, needs="viewer"),
            route("/saved-filters", self.save, needs="viewer", methods=("POST",)),
            route("/saved-filters/remove", self.remove, needs="viewer", methods=("POST",)),
        ]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The events that fit the query; what is wrong with it is said above an empty list."""
        now = self._clock.utc()
        pairs = list(request.query_params.multi_items())
        problems: dict[str, str] = {}
        try:
            where = read_filter(pairs, now=now, zone=self._zone, scope=visitor.scope)
            before, after = (_key(request, word) for word in OWN_WORDS)
        except FilterError as err:
            where, before, after = EventFilter(scope=NOTHING), None, None
            problems = err.problems
        view = await run_in_threadpool(
            events_view.gather, self._archive, where, visitor.user.name, now, self._zone,
            before=before, after=after,
        )  # fmt: skip
        if not view.cards and not problems:  # what was found proves the names
            problems = await run_in_threadpool(self._names.problems, where)
        choices = await run_in_threadpool(_choices, self._archive, visitor.scope, now)
        return self._pages.draw(
            request, "events.html", 422 if problems else 200, view=view, problems=problems,
            typed=_typed(pairs), typed_query=saved.text_of(_own(pairs)),
            kinds=KINDS, marks=MARKS, labels=LABELS, choices=choices,
            night=event_days.last_night(where, now, self._zone),
            days=event_days.around(where, now, self._zone), max_count=events_view.MAX_COUNT,
        )  # fmt: skip

    async def save(self, request: Request, visitor: Visitor) -> Response:
        """Keep a filter under a name."""
        form = await request.form(max_files=0, max_fields=20)
        try:
            pairs = parse_qsl(str(form.get("query") or ""), max_num_fields=80)
            words = _own(pairs)
            _, query = await run_in_threadpool(
                saved.save, self._archive, visitor.user.name, str(form.get("name") or ""), words,
                now=self._clock.utc(), zone=self._zone,
            )  # fmt: skip
        except ValueError as err:
            raise HttpError(422, "invalid", f"query: {err}") from err
        except FilterError as err:
            raise HttpError(422, "invalid", str(err)) from err
        return RedirectResponse(f"{PATH}?{query}", 303)

    async def remove(self, request: Request, visitor: Visitor) -> Response:
        """Forget one."""
        form = await request.form(max_files=0, max_fields=20)
        name = str(form.get("name") or "")
        await run_in_threadpool(self._archive.remove_filter, visitor.user.name, name)
        return RedirectResponse(PATH, 303)


def read_filter(
    pairs: list[tuple[str, str]], *, now: datetime, zone: ZoneInfo, scope: Scope
) -> EventFilter:
    """The filter in a page's query, whose own words are left out. Raises FilterError."""
    return filters.parse(_own(pairs), now=now, zone=zone, scope=scope)


def _own(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The words of the filter alone."""
    return [(word, value) for word, value in pairs if word not in OWN_WORDS]


def _key(request: Request, word: str) -> PageKey | None:
    text = request.query_params.get(word)
    try:
        return None if not text else PageKey.parse(text)
    except ValueError as err:
        raise FilterError({word: str(err)}) from err


def _typed(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """What the form's fields hold, as it was sent."""
    typed: dict[str, list[str]] = {word: [] for word in filters.WORDS}
    for word, value in pairs:
        if word in typed and value.strip():
            typed[word].append(value)
    return typed


def _choices(archive: Archive, scope: Scope, now: datetime) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen, within the scope: pairs of value and word."""
    registry = archive.registry()
    cameras = present.visible_cameras(registry, scope, now)
    places = [place for each in cameras if (place := each.place_at(now)) is not None]
    near = {area.code for place in places if place.area for area in registry.above(place.area)}
    owners = {place.organisation for place in places}
    return {
        "camera": sorted({(each.name, each.title or each.name) for each in cameras}),
        "node": sorted({(each.node, each.node) for each in cameras}),
        "area": [
            (area.code, area.name)
            for area in registry.areas if scope.is_everything or area.code in near
        ],
        "organisation": [
            (each.code, each.name)
            for each in registry.organisations if scope.is_everything or each.code in owners
        ],
    }  # fmt: skip
