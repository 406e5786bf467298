"""One's own account: password, and tokens for programs."""

from __future__ import annotations

from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.people import UserRole
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.registry import passwords, sessions
from hub.registry.access import Visitor, role_named
from hub.registry.passwords import PasswordError
from hub.registry.sessions import TokenError
from hub.web.answers import HttpError
from hub.web.door import set_cookie
from hub.web.login import LogIn
from hub.web.trail import Trail

PATH = "/account"
TOKEN_DAYS = (7, 30, 90, 365)


class AccountPage:
    """The page and its forms."""

    def __init__(
        self, pages: Pages, archive: Archive, log_in: LogIn, trail: Trail, clock: Clock
    ) -> None:
        self._pages = pages
        self._archive = archive
        self._people = archive.people
        self._log_in = log_in
        self._trail = trail
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        pages, post = self._pages, ("POST",)
        return [
            pages.route(PATH, self.show, needs="viewer"),
            pages.route(f"{PATH}/password", self.change_password, needs="viewer", methods=post),
            pages.route(f"{PATH}/tokens", self.add_token, needs="viewer", methods=post),
            pages.route(f"{PATH}/tokens/revoke", self.revoke_token, needs="viewer", methods=post),
        ]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The whole page."""
        return await self._draw(request, visitor)

    async def change_password(self, request: Request, visitor: Visitor) -> Response:
        """Set another password; other browsers are logged out."""
        form = await fields(request)
        try:
            if form.get("new", "") != form.get("again", ""):
                return await self._draw(request, visitor, 422, problem="again")
            entered = await self._log_in.change_password(
                request, visitor, form.get("old", ""), form.get("new", "")
            )
        except PasswordError as err:
            return await self._draw(request, visitor, 422, problem=err.word)
        except HttpError as err:
            if err.word not in ("wrong", "too_many"):
                raise
            return await self._draw(request, visitor, err.status, problem=err.word)
        answer = RedirectResponse(f"{PATH}?done=password", 303)
        set_cookie(answer, entered.secret)
        return answer

    async def add_token(self, request: Request, visitor: Visitor) -> Response:
        """Make a token and show it, once."""
        form = await fields(request)
        days = form.get("days", "")
        life = timedelta(days=int(days) if days in map(str, TOKEN_DAYS) else TOKEN_DAYS[1])
        role: UserRole = role_named(form.get("role", "")) or "viewer"
        actor = self._trail.actor(request, visitor)
        try:
            _, secret = await run_in_threadpool(
                sessions.add_token, self._archive, visitor.user, form.get("name", ""), role, life,
                actor,
            )  # fmt: skip
        except TokenError as err:
            return await self._draw(request, visitor, 422, token_error=err)
        return await self._draw(request, visitor, secret=secret)

    async def revoke_token(self, request: Request, visitor: Visitor) -> Response:
        """End one of one's own tokens."""
        given = (await fields(request)).get("id", "")
        own = await run_in_threadpool(self._people.tokens, visitor.user.id)
        if given not in {str(token.id) for token in own}:
            raise HttpError(404, "not_found", "there is no such token")
        deed = self._trail.actor(request, visitor).does("token.revoke", f"token:{given}")
        await run_in_threadpool(self._people.revoke_token, int(given), self._clock.utc(), deed)
        return RedirectResponse(f"{PATH}#tokens", 303)

    async def _draw(
        self, request: Request, visitor: Visitor, status: int = 200, *, secret: str = "",
        problem: str = "", token_error: CamwatchError | None = None,
    ) -> Response:  # fmt: skip
        tokens = await run_in_threadpool(self._people.tokens, visitor.user.id)
        now_utc = self._clock.utc()
        return self._pages.draw(
            request, "account.html", status, secret=secret, problem=problem,
            token_error=token_error, min_chars=passwords.MIN_CHARS, days=TOKEN_DAYS,
            is_done=request.query_params.get("done") == "password",
            tokens=[
                token for token in tokens
                if token.revoked_utc is None and token.expires_utc > now_utc
            ],
        )  # fmt: skip
