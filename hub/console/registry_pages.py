"""The registry's areas and organisations: everybody sees those of their scope, administrators of
everything change them."""

from __future__ import annotations

from typing import cast
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive.registry_values import (
    AREA_KINDS,
    ORGANISATION_TYPES,
    Area,
    AreaKind,
    Organisation,
    OrganisationType,
    Registry,
)
from hub.console import registry_view
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.console.registry_changes import Changes, day_in, may_change, refuse_limited
from hub.registry import edit, present
from hub.registry.access import Visitor
from hub.registry.edit import RegistryError
from hub.registry.rules import Entry
from hub.web.answers import HttpError

AREAS, ORGANISATIONS = "/registry", "/registry/organisations"


class RegistryPages:
    """The two lists, a page for each entry, and their forms."""

    def __init__(self, pages: Pages, changes: Changes, zone: ZoneInfo, clock: Clock) -> None:
        self._pages = pages
        self._changes = changes
        self._zone = zone
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route, post, area = self._pages.route, ("POST",), f"{AREAS}/areas"
        return [
            route(AREAS, self.areas, needs="viewer"),
            route(area, self.save_area, needs="administrator", methods=post),
            route(f"{area}/remove", self.remove_area, needs="administrator", methods=post),
            route(f"{area}/{{code}}", self.area, needs="administrator"),
            route(ORGANISATIONS, self.organisations, needs="viewer"),
            route(ORGANISATIONS, self.save_organisation, needs="administrator", methods=post),
            route(
                f"{ORGANISATIONS}/remove", self.remove_organisation, needs="administrator",
                methods=post,
            ),
            route(f"{ORGANISATIONS}/{{code}}", self.organisation, needs="administrator"),
        ]  # fmt: skip

    async def areas(self, request: Request, visitor: Visitor) -> Response:
        """The tree, and a form to add to it."""
        return await self._draw_areas(request, visitor)

    async def area(self, request: Request, visitor: Visitor) -> Response:
        """One area's form."""
        refuse_limited(visitor)
        code = request.path_params["code"]
        found = (await self._registry(visitor)).area(code)
        if found is None:
            raise HttpError(404, "not_found", "there is no such area")
        return await self._draw_area(request, visitor, found.code, area_form(found))

    async def save_area(self, request: Request, visitor: Visitor) -> Response:
        """Add an area, or change the one whose code the form holds."""
        refuse_limited(visitor)
        form = await fields(request)
        code = form.get("code", "")

        def how(registry: Registry) -> Registry:
            if code:
                edit.area(registry, code)
                return edit.put_area(registry, area_in(form, code))
            taken = (area.code for area in registry.areas)
            return edit.add(registry, area_in(form, edit.free_code(form.get("name", ""), taken)))

        error = await self._changes.change(request, visitor, f"area:{code or 'new'}", how)
        if error is None:
            return RedirectResponse(AREAS, 303)
        if code:
            return await self._draw_area(request, visitor, code, form, error)
        return await self._draw_areas(request, visitor, form, error)

    async def remove_area(self, request: Request, visitor: Visitor) -> Response:
        """Take an area out that nothing needs."""
        code = (await fields(request)).get("code", "")
        error = await self._changes.remove(request, visitor, "area", code)
        if error is None:
            return RedirectResponse(AREAS, 303)
        return await self._draw_areas(request, visitor, error=error)

    async def organisations(self, request: Request, visitor: Visitor) -> Response:
        """The list, and a form to add one."""
        return await self._draw_organisations(request, visitor)

    async def organisation(self, request: Request, visitor: Visitor) -> Response:
        """One organisation's form."""
        refuse_limited(visitor)
        found = (await self._registry(visitor)).organisation(request.path_params["code"])
        if found is None:
            raise HttpError(404, "not_found", "there is no such organisation")
        return self._draw_organisation(request, found.code, dict(vars(found)))

    async def save_organisation(self, request: Request, visitor: Visitor) -> Response:
        """Add an organisation, or change the one whose code the form holds."""
        refuse_limited(visitor)
        form = await fields(request)
        code = form.get("code", "")

        def how(registry: Registry) -> Registry:
            if code:
                edit.organisation(registry, code)
                return edit.put_organisation(registry, organisation_in(form, code))
            taken = (each.code for each in registry.organisations)
            new = edit.free_code(form.get("name", ""), taken)
            return edit.add(registry, organisation_in(form, new))

        error = await self._changes.change(request, visitor, f"organisation:{code or 'new'}", how)
        if error is None:
            return RedirectResponse(ORGANISATIONS, 303)
        if code:
            return self._draw_organisation(request, code, form, error)
        return await self._draw_organisations(request, visitor, form, error)

    async def remove_organisation(self, request: Request, visitor: Visitor) -> Response:
        """Take an organisation out that nothing needs."""
        code = (await fields(request)).get("code", "")
        error = await self._changes.remove(request, visitor, "organisation", code)
        if error is None:
            return RedirectResponse(ORGANISATIONS, 303)
        return await self._draw_organisations(request, visitor, error=error)

    async def _registry(self, visitor: Visitor) -> Registry:
        known = await run_in_threadpool(self._changes.archive.registry)
        return present.visible_registry(known, visitor.scope, self._clock.utc())

    async def _draw_areas(
        self, request: Request, visitor: Visitor, form: dict[str, str] | None = None,
        error: RegistryError | None = None,
    ) -> Response:  # fmt: skip
        registry, now = await self._registry(visitor), self._clock.utc()
        today, has_ended = now.astimezone(self._zone).date(), "ended" in request.query_params
        lines = registry_view.tree(registry, now, today, has_ended=has_ended)
        return self._pages.draw(
            request, "registry_areas.html", 422 if error else 200, tree=lines, form=form or {},
            error=error, kinds=AREA_KINDS, has_ended=has_ended, may_change=may_change(visitor),
            areas=registry_view.indented(registry, now, today),
            ended=sum(each.until_day is not None and each.until_day <= today
                      for each in registry.areas),
        )  # fmt: skip

    async def _draw_area(
        self, request: Request, visitor: Visitor, code: str, form: dict[str, str],
        error: RegistryError | None = None,
    ) -> Response:  # fmt: skip
        registry, now = await self._registry(visitor), self._clock.utc()
        today, chosen = now.astimezone(self._zone).date(), (form.get("parent"), form.get("into"))
        choices = registry_view.indented(registry, now, today, *chosen)
        return self._pages.draw(
            request, "registry_area.html", 422 if error else 200, code=code, form=form,
            error=error, kinds=AREA_KINDS, areas=[each for each in choices if each[0] != code],
        )  # fmt: skip

    async def _draw_organisations(
        self, request: Request, visitor: Visitor, form: dict[str, str] | None = None,
        error: RegistryError | None = None,
    ) -> Response:  # fmt: skip
        registry = await self._registry(visitor)
        return self._pages.draw(
            request, "registry_organisations.html", 422 if error else 200, form=form or {},
            organisations=sorted(registry.organisations, key=lambda each: each.name.casefold()),
            error=error, types=ORGANISATION_TYPES, may_change=may_change(visitor),
        )  # fmt: skip

    def _draw_organisation(
        self, request: Request, code: str, form: dict[str, str], error: RegistryError | None = None
    ) -> Response:
        return self._pages.draw(
            request, "registry_organisation.html", 422 if error else 200, code=code, form=form,
            error=error, types=ORGANISATION_TYPES,
        )  # fmt: skip


def area_in(form: dict[str, str], code: str) -> Area:
    """The area that a form tells; the rules look at it later. Raises RegistryError for a day that
    is none."""
    entry = Entry("area", code)
    return Area(
        code, cast(AreaKind, form.get("kind", "")), form.get("name", "").strip(),
        form.get("parent") or None, day_in(form, "from", entry), day_in(form, "until", entry),
        form.get("into") or None,
    )  # fmt: skip


def area_form(area: Area) -> dict[str, str]:
    """What `area_in` reads."""
    return {
        "kind": area.kind, "name": area.name, "parent": area.parent or "", "into": area.into or "",
        "from": "" if area.from_day is None else area.from_day.isoformat(),
        "until": "" if area.until_day is None else area.until_day.isoformat(),
    }  # fmt: skip


def organisation_in(form: dict[str, str], code: str) -> Organisation:
    """The organisation that a form tells; the rules look at it later."""
    texts = {
        field: " ".join(form.get(field, "").split())
        for field in ("name", "contact", "phone", "email", "note")
    }
    return Organisation(code, type=cast(OrganisationType, form.get("type", "")), **texts)
