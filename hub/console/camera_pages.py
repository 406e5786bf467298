"""The registry's cameras: what people call each, where it stands, where it stood, and whose it
is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive.registry_values import Camera, Place, Registry
from hub.archive.values import CameraKey
from hub.console import registry_view
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.console.registry_changes import Changes, may_change, refusal, refuse_limited
from hub.registry import edit, present, tables
from hub.registry.access import Visitor
from hub.registry.edit import RegistryError
from hub.registry.rules import Entry
from hub.web.answers import HttpError

CAMERAS = "/registry/cameras"
STARTS = ("now", "day", "always")


class CameraPages:
    """The list, a page for each camera, and its form."""

    def __init__(self, pages: Pages, changes: Changes, zone: ZoneInfo, clock: Clock) -> None:
        self._pages = pages
        self._changes = changes
        self._zone = zone
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route, post = self._pages.route, ("POST",)
        return [
            route(CAMERAS, self.index, needs="viewer"),
            route(CAMERAS, self.save, needs="administrator", methods=post),
            route(f"{CAMERAS}/remove", self.remove, needs="administrator", methods=post),
            route(f"{CAMERAS}/{{node}}/{{camera}}", self.show, needs="administrator"),
        ]

    async def index(self, request: Request, visitor: Visitor) -> Response:
        """All cameras with their places now."""
        return await self._draw_list(request, visitor)

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """One camera's places and form."""
        refuse_limited(visitor)
        key = CameraKey(request.path_params["node"], request.path_params["camera"])
        return await self._draw(request, visitor, key)

    async def save(self, request: Request, visitor: Visitor) -> Response:
        """Call the camera so, and put it there from a time on."""
        refuse_limited(visitor)
        form, now = await fields(request), self._clock.utc()
        key = _key(form)

        def how(registry: Registry) -> Registry:
            camera = registry.camera(key)
            if camera is None:
                raise RegistryError(f"there is no camera {'/'.join(key)}")
            camera = replace(camera, title=" ".join(form.get("title", "").split()))
            registry = edit.put_camera(registry, camera)
            place = place_in(form, camera, now, self._zone)
            return registry if place is None else edit.place_camera(registry, key, place)

        error = await self._changes.change(request, visitor, f"camera:{'/'.join(key)}", how)
        if error is None:
            return RedirectResponse(CAMERAS, 303)
        return await self._draw(request, visitor, key, form, error)

    async def remove(self, request: Request, visitor: Visitor) -> Response:
        """Take a camera out that was registered by mistake."""
        key = _key(await fields(request))
        error = await self._changes.change(
            request, visitor, f"camera:{'/'.join(key)}", lambda now: edit.remove_camera(now, key)
        )
        if error is None:
            return RedirectResponse(CAMERAS, 303)
        return await self._draw_list(request, visitor, error)

    async def _draw_list(
        self, request: Request, visitor: Visitor, error: RegistryError | None = None
    ) -> Response:
        known, now = await run_in_threadpool(self._changes.archive.registry), self._clock.utc()
        registry = present.visible_registry(known, visitor.scope, now)
        lines = [registry_view.camera_line(registry, each, now) for each in registry.cameras]
        return self._pages.draw(
            request, "registry_cameras.html", 422 if error else 200, lines=lines, error=error,
            may_change=may_change(visitor),
        )  # fmt: skip

    async def _draw(
        self, request: Request, visitor: Visitor, key: CameraKey,
        form: dict[str, str] | None = None, error: RegistryError | None = None,
    ) -> Response:  # fmt: skip
        registry, now = await run_in_threadpool(self._changes.archive.registry), self._clock.utc()
        camera = registry.camera(key)
        if camera is None:
            raise HttpError(404, "not_found", "there is no such camera")
        today, form = now.astimezone(self._zone).date(), form or _form(camera, now)
        return self._pages.draw(
            request, "registry_camera.html", 422 if error else 200, error=error, starts=STARTS,
            line=registry_view.camera_line(registry, camera, now), plans=registry.plans,
            form=form,
            areas=registry_view.indented(registry, now, today, form.get("area")),
            organisations=registry.organisations,
        )  # fmt: skip


def place_in(
    form: dict[str, str], camera: Camera, now_utc: datetime, zone: ZoneInfo
) -> Place | None:
    """Where a form puts the camera; None where it stays. Its position on a plan goes with it.

    Its first place is always its place; else it is there from now on, from a day on, or always.
    Raises RegistryError.
    """
    start, before = form.get("start", "now"), camera.place_at(now_utc)
    area, organisation = form.get("area") or None, form.get("organisation") or None
    known = before or Place()
    if start == "now" and (area, organisation) == (known.area, known.organisation):
        return None
    since = None
    if start == "now" and camera.places:
        since = now_utc
    elif start == "day":
        since = _day(form, camera, zone)
    return replace(known, since_utc=since, area=area, organisation=organisation)


def _day(form: dict[str, str], camera: Camera, zone: ZoneInfo) -> datetime:
    text = form.get("since", "").strip()
    try:
        found = tables.since_in(text, zone)
    except ValueError:
        found = None
    if found is None:
        entry = Entry("camera", "/".join(camera.key))
        raise refusal(entry, "since", f"{text[:40]!r} is not a day such as 2026-01-31")
    return found


def _key(form: dict[str, str]) -> CameraKey:
    return CameraKey(form.get("node", ""), form.get("camera", ""))


def _form(camera: Camera, now_utc: datetime) -> dict[str, str]:
    place = camera.place_at(now_utc) or Place()
    return {
        "title": camera.title, "area": place.area or "", "organisation": place.organisation or "",
        "start": "now" if camera.places else "always",
    }  # fmt: skip
