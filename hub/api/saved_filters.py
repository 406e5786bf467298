"""/saved-filters: the filters of events that a visitor keeps under a name."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from hub.api.asking import refusal
from hub.api.models import Answer, TakenIn
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.registry import filters, saved
from hub.registry.filters import FilterError
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "events"
MAX_QUERY_CHARS = 8000
FILTER = "A query string of the words of `GET /events`, such as `since=yesterday&kind=motion`."


class SavedFilter(Answer):
    """A filter under its name."""

    name: str
    filter: str = Field(description=FILTER)


class FilterIn(TakenIn):
    """A filter to be kept; the words stay as they are, so yesterday is each day's own."""

    name: str = Field(min_length=1, max_length=saved.MAX_NAME_CHARS)
    filter: str = Field(max_length=MAX_QUERY_CHARS, description=FILTER)


class SavedFiltersApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive, zone: ZoneInfo) -> None:
        self._door = door
        self._archive = archive
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door, path = self._door, "/saved-filters"
        return [
            GuardedRoute(path, self.list_filters, door=door, needs="viewer", tag=TAG),
            GuardedRoute(path, self.save_filter, door=door, needs="viewer", tag=TAG, method="PUT"),
            GuardedRoute(
                path, self.remove_filter, door=door, needs="viewer", tag=TAG, method="DELETE",
                status_code=204, errors=(404,),
            ),
        ]  # fmt: skip

    async def list_filters(self, visitor: Who) -> list[SavedFilter]:
        """The visitor's own filters, by name."""
        found = await run_in_threadpool(self._archive.saved_filters, visitor.user.name)
        return [SavedFilter(name=name, filter=query) for name, query in found.items()]

    async def save_filter(self, visitor: Who, given: FilterIn) -> SavedFilter:
        """Keep a filter, or replace the one of that name."""
        try:
            words = _words(given.filter)
            name, query = await run_in_threadpool(
                saved.save, self._archive, visitor.user.name, given.name, words,
                now=self._door.now_utc(), zone=self._zone,
            )  # fmt: skip
        except FilterError as err:
            raise refusal(err, "body") from err
        return SavedFilter(name=name, filter=query)

    async def remove_filter(
        self, visitor: Who, name: Annotated[str, Query(max_length=saved.MAX_NAME_CHARS)]
    ) -> None:
        """Forget a filter."""
        if not await run_in_threadpool(self._archive.remove_filter, visitor.user.name, name):
            raise HttpError(404, "not_found", "there is no filter of that name")


def _words(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, max_num_fields=filters.MAX_VALUES * 3)
    except ValueError as err:
        raise FilterError({"filter": str(err)}) from err
