"""The registry's plans: maps and plan pictures, with the cameras on them as they are now. A camera
is put on a plan by a click on it, or by two numbers."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive.registry_values import Plan, Registry
from hub.archive.values import CameraKey
from hub.clipstore import FileClipStore
from hub.console import registry_view
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.console.registry_changes import (
    Changes,
    Refusal,
    may_change,
    refusal,
    refuse_limited,
)
from hub.registry import edit, picture, plans, present
from hub.registry.access import Visitor
from hub.registry.rules import Entry
from hub.web import bodies
from hub.web.answers import HttpError

PLANS = "/registry/plans"


class PlanPages:
    """The list, a page for each plan, and their forms."""

    def __init__(
        self, pages: Pages, changes: Changes, pictures: FileClipStore, zone: ZoneInfo, clock: Clock
    ) -> None:
        """`pictures` holds those of plans."""
        self._pages = pages
        self._changes = changes
        self._pictures = pictures
        self._zone = zone
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route, post, plan = self._pages.route, ("POST",), f"{PLANS}/{{code}}"
        return [
            route(PLANS, self.index, needs="viewer"),
            route(
                PLANS, self.upload, needs="administrator", methods=post,
                max_body_bytes=picture.MAX_BYTES + bodies.MAX_BYTES,
            ),
            route(f"{PLANS}/remove", self.remove, needs="administrator", methods=post),
            route(plan, self.show, needs="viewer"),
            route(f"{plan}/marks", self.marks, needs="viewer", is_use=False),
            route(f"{plan}/cameras", self.locate, needs="administrator", methods=post),
        ]  # fmt: skip

    async def index(self, request: Request, visitor: Visitor) -> Response:
        """All plans, and a form to upload one."""
        return await self._draw_list(request, visitor)

    async def upload(self, request: Request, visitor: Visitor) -> Response:
        """Keep a picture as a new plan, or change the one whose code the form holds; without a new
        picture it keeps its own."""
        refuse_limited(visitor)
        content, form = await uploaded(request, "picture")
        registry = await self._registry(visitor)
        name, code = " ".join(form.get("name", "").split()), form.get("code", "")
        archive, area = self._changes.archive, form.get("area") or None
        if code and not content:
            error: Refusal | None = await self._changes.change(
                request, visitor, f"plan:{code}",
                lambda now: edit.put_plan(now, replace(edit.plan(now, code), name=name, area=area)),
            )  # fmt: skip
        else:
            code = code or edit.free_code(name, (each.code for each in registry.plans))
            error = await self._changes.attempt(
                request, visitor, f"plan:{code}",
                lambda: plans.keep(archive, self._pictures, code, name, area, content),
            )  # fmt: skip
        if error is None:
            return RedirectResponse(f"{PLANS}/{code}", 303)
        return await self._draw_list(request, visitor, form, error)

    async def remove(self, request: Request, visitor: Visitor) -> Response:
        """Take a plan out that no camera is on."""
        code = (await fields(request)).get("code", "")
        error = await self._changes.remove(request, visitor, "plan", code)
        if error is None:
            return RedirectResponse(PLANS, 303)
        return await self._draw_list(request, visitor, error=error)

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """One plan with its cameras, and the form that puts them there."""
        return await self._draw(request, visitor)

    async def marks(self, request: Request, visitor: Visitor) -> Response:
        """The marks and the list of cameras alone, for a page that keeps itself up to date."""
        plan, _ = await self._plan(request, visitor)
        return self._pages.draw(
            request, "registry_marks.html", plan=plan, marks=await self._marks(visitor, plan)
        )

    async def locate(self, request: Request, visitor: Visitor) -> Response:
        """Put a camera on the plan, or take it off."""
        refuse_limited(visitor)
        plan, _ = await self._plan(request, visitor)
        form, now = await fields(request), self._clock.utc()
        node, _, name = form.get("camera", "").partition("/")
        key, is_off = CameraKey(node, name), form.get("what") == "off"

        def how(registry: Registry) -> Registry:
            if is_off:
                return edit.locate_camera(registry, key, now, None)
            x, y = (part_in(form, field, key) for field in ("x", "y"))
            return edit.locate_camera(registry, key, now, plan.code, x, y)

        error = await self._changes.change(request, visitor, f"camera:{'/'.join(key)}", how)
        if error is None:
            return RedirectResponse(f"{PLANS}/{plan.code}", 303)
        return await self._draw(request, visitor, form, error)

    async def _registry(self, visitor: Visitor) -> Registry:
        known = await run_in_threadpool(self._changes.archive.registry)
        return present.visible_registry(known, visitor.scope, self._clock.utc())

    async def _plan(self, request: Request, visitor: Visitor) -> tuple[Plan, Registry]:
        registry = await self._registry(visitor)
        plan = registry.plan(request.path_params["code"])
        if plan is None:
            raise HttpError(404, "not_found", "there is no such plan, or it is outside of your"
                            " scope")  # fmt: skip
        return plan, registry

    async def _marks(self, visitor: Visitor, plan: Plan) -> list[registry_view.Mark]:
        return await run_in_threadpool(
            registry_view.marks, self._changes.archive, visitor.scope, plan, self._clock.utc()
        )

    async def _draw_list(
        self, request: Request, visitor: Visitor, form: dict[str, str] | None = None,
        error: Refusal | None = None,
    ) -> Response:  # fmt: skip
        registry, now = await self._registry(visitor), self._clock.utc()
        return self._pages.draw(
            request, "registry_plans.html", 422 if error else 200, plans=registry.plans,
            form=form or {}, error=error, may_change=may_change(visitor), registry=registry,
            areas=registry_view.indented(registry, now, now.astimezone(self._zone).date()),
        )  # fmt: skip

    async def _draw(
        self, request: Request, visitor: Visitor, form: dict[str, str] | None = None,
        error: Refusal | None = None,
    ) -> Response:  # fmt: skip
        (plan, registry), now = await self._plan(request, visitor), self._clock.utc()
        today = now.astimezone(self._zone).date()
        return self._pages.draw(
            request, "registry_plan.html", 422 if error else 200, plan=plan, form=form or {},
            error=error, may_change=may_change(visitor), marks=await self._marks(visitor, plan),
            cameras=[registry_view.camera_line(registry, each, now) for each in registry.cameras],
            area=None if plan.area is None else registry.area(plan.area),
            areas=registry_view.indented(registry, now, today, plan.area),
        )  # fmt: skip


async def uploaded(request: Request, field: str) -> tuple[bytes, dict[str, str]]:
    """A form's one file, empty where none was chosen, and its text fields."""
    form = await request.form(max_files=4, max_fields=200)
    texts = {key: value for key, value in form.items() if isinstance(value, str)}
    file = form.get(field)
    content = await file.read() if isinstance(file, UploadFile) else b""
    await form.close()
    return content, texts


def part_in(form: dict[str, str], field: str, key: CameraKey) -> float:
    """A part of the plan's side, which the form tells in percent. Raises RegistryError."""
    text = form.get(field, "").strip().replace(",", ".")
    try:
        return round(float(text) / 100, 4)
    except (ValueError, OverflowError) as err:
        message = f"{text[:40]!r} is not a number from 0 to 100"
        raise refusal(Entry("camera", "/".join(key)), field, message) from err
