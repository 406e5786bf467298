"""The registry as spreadsheets: downloads of what the visitor sees, and uploads, which are taken
whole or not at all, with everything that is wrong in them shown by line."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.console.pages import Pages
from hub.console.plan_pages import uploaded
from hub.console.registry_changes import Changes, may_change, refuse_limited
from hub.registry import spreadsheet, tables
from hub.registry.access import Visitor
from hub.registry.spreadsheet import SpreadsheetError
from hub.registry.tables import COLUMNS
from hub.web import bodies
from hub.web.answers import HttpError

FILES = "/registry/files"


class RegistryFilesPage:
    """The page, its downloads and its upload."""

    def __init__(self, pages: Pages, changes: Changes, zone: ZoneInfo, clock: Clock) -> None:
        self._pages = pages
        self._changes = changes
        self._zone = zone
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route = self._pages.route
        return [
            route(FILES, self.show, needs="viewer"),
            route(
                FILES, self.take, needs="administrator", methods=("POST",),
                max_body_bytes=spreadsheet.MAX_BYTES + bodies.MAX_BYTES,
            ),
            route(f"{FILES}/{{table}}.csv", self.give, needs="viewer"),
        ]  # fmt: skip

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Links and form."""
        return self._draw(request, visitor)

    async def give(self, request: Request, visitor: Visitor) -> Response:
        """One table as CSV."""
        table = request.path_params["table"]
        if table not in COLUMNS:
            raise HttpError(404, "not_found", f"there is no such table; {', '.join(COLUMNS)}")
        await self._changes.trail.note(request, visitor, "registry.export", table)
        content = await run_in_threadpool(self._csv, visitor, table)
        name = f"camwatch-{table}.csv"
        return Response(
            content, media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )  # fmt: skip

    async def take(self, request: Request, visitor: Visitor) -> Response:
        """Take a table from CSV, all of it or nothing."""
        refuse_limited(visitor)
        content, form = await uploaded(request, "file")
        table = form.get("table", "")
        if table not in COLUMNS:
            raise HttpError(422, "invalid", f"table: one of {', '.join(COLUMNS)}")
        counts: list[int] = []
        error = await self._changes.attempt(
            request, visitor, f"table:{table}", lambda: counts.append(self._import(table, content))
        )
        if error is None:
            return RedirectResponse(f"{FILES}?taken={counts[-1]}", 303)
        return self._draw(request, visitor, table, error)

    def _csv(self, visitor: Visitor, table: str) -> str:
        return tables.export_table(
            self._changes.archive, table, visitor.scope, self._clock.utc(), self._zone
        )

    def _import(self, table: str, content: bytes) -> int:
        return tables.import_table(self._changes.archive, table, content, self._zone)

    def _draw(
        self, request: Request, visitor: Visitor, table: str = "", error: Exception | None = None
    ) -> Response:
        taken = request.query_params.get("taken", "")
        faults = error.faults if isinstance(error, SpreadsheetError) else ()
        return self._pages.draw(
            request, "registry_files.html", 422 if error else 200, columns=COLUMNS, table=table,
            error=error, faults=faults[: spreadsheet.MAX_TOLD], fault_count=len(faults),
            taken=int(taken) if taken.isascii() and taken.isdigit() and len(taken) < 9 else None,
            may_change=may_change(visitor),
        )  # fmt: skip
