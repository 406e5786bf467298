"""Users, and who did what: for administrators of everything."""

from __future__ import annotations

from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.audit import AuditFilter
from hub.archive.people import ROLES, NewUser, User
from hub.archive.scope import EVERYTHING, Scope
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.console.words import WORDS
from hub.registry import users
from hub.registry.access import ScopeError, Visitor, role_named
from hub.registry.users import LINK_PATH, UserError
from hub.web.answers import HttpError
from hub.web.trail import Trail

USERS, AUDIT = "/users", "/audit"
PAGE = 100


class PeoplePages:
    """The pages and their forms."""

    def __init__(
        self, pages: Pages, archive: Archive, trail: Trail, clock: Clock, url: str
    ) -> None:
        """`url` is how people reach the console, for links that they are given."""
        self._pages = pages
        self._archive = archive
        self._people = archive.people
        self._trail = trail
        self._clock = clock
        self._url = url

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        pages, post = self._pages, ("POST",)
        return [
            pages.route(USERS, self.show_users, needs="administrator"),
            pages.route(f"{USERS}/add", self.add_user, needs="administrator", methods=post),
            pages.route(f"{USERS}/change", self.change_user, needs="administrator", methods=post),
            pages.route(AUDIT, self.show_audit, needs="administrator"),
        ]

    async def show_users(self, request: Request, visitor: Visitor) -> Response:
        """The list, and a form to add one."""
        _refuse_limited(visitor)
        return await self._draw_users(request)

    async def add_user(self, request: Request, visitor: Visitor) -> Response:
        """Add a user and show the link by which they choose a password, once."""
        _refuse_limited(visitor)
        form = await fields(request)
        new = NewUser(
            form.get("name", ""), form.get("full_name", ""),
            role_named(form.get("role", "")) or "viewer", _scope_in(form),
        )  # fmt: skip
        actor = self._trail.actor(request, visitor)
        try:
            user = await run_in_threadpool(users.add, self._archive, new, actor)
        except (UserError, ScopeError) as err:
            return await self._draw_users(request, 422, form=form, error=err)
        return await self._show_link(request, visitor, user)

    async def change_user(self, request: Request, visitor: Visitor) -> Response:
        """Make a link for a new password, change the role, disable or enable."""
        _refuse_limited(visitor)
        form = await fields(request)
        user = await run_in_threadpool(self._people.user_named, form.get("name", ""))
        if user is None:
            raise HttpError(404, "not_found", "there is no such user")
        what, actor = form.get("what", ""), self._trail.actor(request, visitor)
        if what == "link":
            return await self._show_link(request, visitor, user)
        after = user
        if what == "disable":
            after = replace(user, disabled_utc=self._clock.utc())
        elif what == "enable":
            after = replace(user, disabled_utc=None)
        elif role := role_named(form.get("role", "")):
            after = replace(user, role=role)
        try:
            await run_in_threadpool(users.change, self._archive, user, after, actor)
        except UserError as err:
            return await self._draw_users(request, 422, error=err)
        return RedirectResponse(USERS, 303)

    async def show_audit(self, request: Request, visitor: Visitor) -> Response:
        """The newest entries, by user or action; a look at it is written to it too."""
        _refuse_limited(visitor)
        asked = request.query_params
        before = asked.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
        where = AuditFilter(user=asked.get("user") or None, action=asked.get("action") or None)
        await self._trail.note_once(request, visitor, "audit.view")
        trail = self._archive.audit
        entries = await run_in_threadpool(trail.entries, where, limit=PAGE, before=number)
        head = await run_in_threadpool(trail.head)
        return self._pages.draw(
            request, "audit.html", entries=entries, head=head, asked=where, deeds=(*WORDS["deed"],),
            next=entries[-1].seq if len(entries) == PAGE else None,
        )  # fmt: skip

    async def _show_link(self, request: Request, visitor: Visitor, user: User) -> Response:
        actor, now_utc = self._trail.actor(request, visitor), self._clock.utc()
        secret = await run_in_threadpool(users.invite, self._people, user, now_utc, actor)
        link = self._url + LINK_PATH + secret
        return await self._draw_users(request, link=link, link_for=user.name)

    async def _draw_users(
        self, request: Request, status: int = 200, *, form: dict[str, str] | None = None,
        error: CamwatchError | None = None, link: str = "", link_for: str = "",
    ) -> Response:  # fmt: skip
        found = await run_in_threadpool(self._people.users)
        registry = await run_in_threadpool(self._archive.registry)
        return self._pages.draw(
            request, "users.html", status, users=found, form=form or {}, error=error, link=link,
            link_for=link_for, roles=ROLES, areas=registry.areas,
            organisations=registry.organisations,
        )  # fmt: skip


def _scope_in(form: dict[str, str]) -> Scope:
    """What a form's choice of one area or organisation means; none of them: everything."""
    kind, _, code = form.get("scope", "").partition(":")
    if kind == "area":
        return Scope(areas=frozenset({code}))
    if kind == "organisation":
        return Scope(organisations=frozenset({code}))
    return EVERYTHING


def _refuse_limited(visitor: Visitor) -> None:
    if not visitor.scope.is_everything:
        raise HttpError(403, "scope", "only for those whose scope is everything")
