"""/registry/areas, /registry/organisations, /registry/cameras: the registry's tables as CSV.

Everybody reads of them what their scope holds; administrators of everything write them.
"""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.api.registry_models import TakenLines
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.registry import spreadsheet, tables
from hub.registry.access import Visitor
from hub.registry.edit import RegistryError
from hub.registry.spreadsheet import SpreadsheetError
from hub.web.answers import HttpError
from hub.web.door import Door
from hub.web.registry_trail import RegistryTrail

TAG = "registry"
PATH = "/registry/{table}"
Table = Literal["areas", "organisations", "cameras"]
CSV: dict[str, object] = {"description": "The table.", "content": {"text/csv": {}}}


class RegistryTablesApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive, zone: ZoneInfo) -> None:
        """`zone` is what days in the tables are in."""
        self._door = door
        self._archive = archive
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            GuardedRoute(
                PATH, self.export_table, door=self._door, needs="viewer", tag=TAG,
                responses={200: CSV}, response_class=Response,
            ),
            GuardedRoute(
                PATH, self.import_table, door=self._door, needs="administrator", is_for_all=True,
                tag=TAG, method="PUT", max_body_bytes=spreadsheet.MAX_BYTES,
            ),
        ]  # fmt: skip

    async def export_table(self, request: Request, visitor: Who, table: Table) -> Response:
        """A table of what the visitor may see, as CSV in UTF-8."""
        await self._door.trail.note(request, visitor, "registry.export", table)
        content = await run_in_threadpool(self._csv, visitor, table)
        return Response(content, media_type="text/csv; charset=utf-8")

    async def import_table(self, request: Request, visitor: Who, table: Table) -> TakenLines:
        """Take the request's body, CSV with the columns of the same table as it is given, all of it
        or nothing. What it does not name stays."""
        content = await request.body()
        trail = RegistryTrail(self._door.trail)
        try:
            taken = await trail.attempt(
                request, visitor, f"table:{table}", request.method,
                lambda: tables.import_table(self._archive, table, content, self._zone),
            )  # fmt: skip
        except SpreadsheetError as err:
            told = err.faults[: spreadsheet.MAX_TOLD]
            fields = [(each.where or "file", each.message) for each in told]
            said = "; ".join(map(str, told))
            raise HttpError(422, "spreadsheet", said, fields=fields) from err
        except RegistryError as err:
            raise HttpError(422, "registry", str(err)) from err
        return TakenLines(lines=taken)

    def _csv(self, visitor: Visitor, table: Table) -> str:
        now_utc = self._door.now_utc()
        return tables.export_table(self._archive, table, visitor.scope, now_utc, self._zone)
