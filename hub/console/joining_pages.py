"""How boxes join and leave: a form for one, a spreadsheet for many, and on a node's page a new box
or the end of its account. For administrators of everything.

A node file is shown once, as its QR code and as a download that the page itself holds.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from datetime import timedelta

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.errors import CamwatchError, ConfigError
from edge.contract import nodefile
from edge.contract.nodefile import FileCamera, NodeFile
from hub.archive import Archive
from hub.archive.enrolments import StandingError
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.console.plan_pages import uploaded
from hub.console.registry_changes import refuse_limited
from hub.registry import node_table, qr, spreadsheet
from hub.registry.access import Visitor
from hub.registry.edit import RegistryError
from hub.registry.enrolment import (
    DEFAULT_VALID,
    NewNode,
    NodeFileError,
    NodeFiles,
    camera_of,
)
from hub.registry.qr import QrError
from hub.registry.spreadsheet import SpreadsheetError
from hub.web import bodies
from hub.web.answers import HttpError
from hub.web.gatekeeper import Gatekeeper
from hub.web.trail import Trail

JOIN, LIST = "/join", "/join/list"
CAMERAS = 4  # rows of the form; a spreadsheet has room for more
DAYS = (1, 7, 30)
Refusal = (NodeFileError, StandingError, RegistryError, ConfigError, SpreadsheetError)


class JoiningPages:
    """The pages and their forms."""

    def __init__(
        self, pages: Pages, archive: Archive, trail: Trail, files: NodeFiles,
        gatekeeper: Gatekeeper,
    ) -> None:  # fmt: skip
        self._pages = pages
        self._archive = archive
        self._trail = trail
        self._files = files
        self._gatekeeper = gatekeeper

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route, post = self._pages.route, ("POST",)
        return [
            route(JOIN, self.show, needs="administrator"),
            route(JOIN, self.add, needs="administrator", methods=post),
            route(
                LIST, self.take, needs="administrator", methods=post,
                max_body_bytes=spreadsheet.MAX_BYTES + bodies.MAX_BYTES,
            ),
            route("/nodes/{node}/replace", self.replace, needs="administrator", methods=post),
            route("/nodes/{node}/revoke", self.revoke, needs="administrator", methods=post),
        ]  # fmt: skip

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The form and the upload."""
        refuse_limited(visitor)
        return await self._draw(request)

    async def add(self, request: Request, visitor: Visitor) -> Response:
        """Make a node and show its file."""
        refuse_limited(visitor)
        form = await fields(request)
        actor = self._trail.actor(request, visitor)

        def make() -> NodeFile:
            node = NewNode(
                form.get("node", "").strip(), _cameras_in(form), form.get("area") or None,
                form.get("organisation") or None,
            )  # fmt: skip
            (file,) = self._files.add([node], actor, _valid_in(form))
            return file

        try:
            file = await run_in_threadpool(make)
        except Refusal as err:
            return await self._draw(request, 422, form=form, error=err)
        return self._draw_file(request, file)

    async def take(self, request: Request, visitor: Visitor) -> Response:
        """Make the nodes of a spreadsheet; an archive of their files and QR codes."""
        refuse_limited(visitor)
        content, form = await uploaded(request, "file")
        actor = self._trail.actor(request, visitor)

        def make() -> bytes:
            valid = _valid_in(form)
            return _zip(node_table.import_nodes(self._files, content, actor, valid))

        try:
            packed = await run_in_threadpool(make)
        except Refusal as err:
            return await self._draw(request, 422, error=err, is_list=True)
        return Response(
            packed, media_type="application/zip",
            headers={
                "content-disposition": 'attachment; filename="node-files.zip"',
                "cache-control": "no-store",
            },
        )  # fmt: skip

    async def replace(self, request: Request, visitor: Visitor) -> Response:
        """Make a file for a new box of a known node and show it."""
        refuse_limited(visitor)
        name, form = request.path_params["node"], await fields(request)
        actor, is_now = self._trail.actor(request, visitor), form.get("now") == "yes"
        try:
            file = await run_in_threadpool(
                lambda: self._files.replace(name, actor, _valid_in(form), is_now=is_now)
            )
        except Refusal as err:
            raise _as_http_error(err) from err
        is_confirmed = await self._gatekeeper.shut() if is_now else None
        return self._draw_file(request, file, is_confirmed=is_confirmed)

    async def revoke(self, request: Request, visitor: Visitor) -> Response:
        """Shut a node out."""
        refuse_limited(visitor)
        name, actor = request.path_params["node"], self._trail.actor(request, visitor)
        try:
            await run_in_threadpool(self._files.revoke, name, actor)
        except Refusal as err:
            raise _as_http_error(err) from err
        is_confirmed = await self._gatekeeper.shut()
        return RedirectResponse(f"/nodes/{name}?out={'yes' if is_confirmed else 'soon'}", 303)

    async def _draw(
        self, request: Request, status: int = 200, *, form: Mapping[str, str] | None = None,
        error: CamwatchError | None = None, is_list: bool = False,
    ) -> Response:  # fmt: skip
        registry = await run_in_threadpool(self._archive.registry)
        faults = error.faults if isinstance(error, SpreadsheetError) else ()
        return self._pages.draw(
            request, "join.html", status, form=form or {}, error=error, is_list=is_list,
            faults=faults[: spreadsheet.MAX_TOLD], fault_count=len(faults), rows=range(CAMERAS),
            days=DAYS,
            default_days=DEFAULT_VALID.days, columns=node_table.COLUMNS, areas=registry.areas,
            organisations=registry.organisations,
        )  # fmt: skip

    def _draw_file(
        self, request: Request, file: NodeFile, *, is_confirmed: bool | None = None
    ) -> Response:
        try:
            code = Markup(qr.inline(file))  # noqa: S704 - drawn here, of letters and digits alone
        except QrError:
            code = None
        document = base64.b64encode(nodefile.encode(file)).decode("ascii")
        answer = self._pages.draw(
            request, "node_file.html", file=file, code=code, document=document,
            is_confirmed=is_confirmed,
        )  # fmt: skip
        answer.headers["cache-control"] = "no-store"
        return answer


def _cameras_in(form: Mapping[str, str]) -> tuple[FileCamera, ...]:
    """The form's rows that have an address. Raises NodeFileError."""
    found: list[FileCamera] = []
    for row in range(CAMERAS):
        given = {
            key: form.get(f"{key}{row}", "").strip()
            for key in ("camera", "source", "sub_source", "user", "password")
        }
        if not given["source"]:
            if any(given.values()):
                raise NodeFileError("camera", "source: a camera needs its address", field="source")
            continue
        name = given["camera"] or ("camera" if not found else f"camera-{len(found) + 1}")
        found.append(
            camera_of(
                name, given["source"], sub_source=given["sub_source"] or None,
                user=given["user"] or None, password=given["password"] or None,
            )
        )  # fmt: skip
    return tuple(found)


def _valid_in(form: Mapping[str, str]) -> timedelta:
    text = form.get("days", "")
    return timedelta(days=int(text)) if text in map(str, DAYS) else DEFAULT_VALID


def _zip(files: list[NodeFile]) -> bytes:
    """NAME.node and NAME.png of each, the picture where it fits."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.writestr(f"{file.node}{nodefile.SUFFIX}", nodefile.encode(file))
            try:
                packed.writestr(f"{file.node}.png", qr.png(file))
            except QrError:
                continue
    return out.getvalue()


def _as_http_error(err: CamwatchError) -> HttpError:
    hint = f"; {err.hint}" if err.hint else ""
    return HttpError(409, "enrolment", f"{err}{hint}")
