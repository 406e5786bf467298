"""Pages for coming in and going: log-in, log-out, the one-time link, the language."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive.people import Invitation, People, User
from hub.console.forms import fields
from hub.console.pages import LANGUAGE_COOKIE, LOGIN_PATH, Pages
from hub.console.texts import LANGUAGES
from hub.registry import passwords, users
from hub.registry.access import Visitor
from hub.registry.passwords import PasswordError
from hub.registry.users import UserError
from hub.web.answers import HttpError
from hub.web.door import check_origin, drop_cookie, safe_target, set_cookie
from hub.web.login import LogIn
from hub.web.trail import Trail

LANGUAGE_LIFE_S = 365 * 86_400


class LoginPages:
    """The routes."""

    def __init__(
        self, pages: Pages, people: People, log_in: LogIn, trail: Trail, clock: Clock
    ) -> None:
        self._pages = pages
        self._people = people
        self._log_in = log_in
        self._trail = trail
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        pages, link = self._pages, users.LINK_PATH + "{secret}"
        return [
            pages.open_route(LOGIN_PATH, self.show_login),
            pages.open_route(LOGIN_PATH, self.log_in, methods=["POST"]),
            pages.route("/logout", self.log_out, needs="viewer", methods=["POST"]),
            pages.open_route(link, self.show_welcome),
            pages.open_route(link, self.accept, methods=["POST"]),
            pages.open_route("/language", self.set_language, methods=["POST"]),
        ]

    async def show_login(self, request: Request) -> Response:
        """The form; somebody who is in goes on."""
        target = safe_target(request.query_params.get("next"))
        if request.state.visitor is not None:
            return RedirectResponse(target, 303)
        return await self._login_page(request, target, 200)

    async def log_in(self, request: Request) -> Response:
        """Check name and password; wrong ones get the form again."""
        check_origin(request)
        form = await fields(request)
        target = safe_target(form.get("next"))
        name = form.get("name", "")
        try:
            entered = await self._log_in.attempt(request, name, form.get("password", ""))
        except HttpError as err:
            if err.status not in (401, 429):
                raise
            return await self._login_page(request, target, err.status, name=name, error=err)
        answer = RedirectResponse(target, 303)
        set_cookie(answer, entered.secret)
        return answer

    async def log_out(self, request: Request, visitor: Visitor) -> Response:
        """End the session."""
        await self._log_in.end(request, visitor)
        answer = RedirectResponse(LOGIN_PATH, 303)
        drop_cookie(answer)
        return answer

    async def show_welcome(self, request: Request) -> Response:
        """Where somebody with a one-time link chooses a password."""
        link, user = await self._invited(request)
        return self._welcome_page(request, link, user, 200)

    async def accept(self, request: Request) -> Response:
        """Take the password, use the link up, and let its owner in."""
        check_origin(request)
        link, user = await self._invited(request)
        form = await fields(request)
        try:
            password = _same_twice(form)
            accepted = await self._log_in.slowly(
                users.accept, self._people, link, form.get("name", ""),
                form.get("full_name", ""), password, self._trail.actor(request, None, by="link"),
            )  # fmt: skip
        except (PasswordError, UserError) as err:
            return self._welcome_page(request, link, user, 422, form=form, error=err)
        entered = await self._log_in.begin(request, accepted)
        answer = RedirectResponse("/", 303)
        set_cookie(answer, entered.secret)
        return answer

    async def set_language(self, request: Request) -> Response:
        """Remember the language in this browser."""
        check_origin(request)
        form = await fields(request)
        answer = RedirectResponse(safe_target(form.get("next")), 303)
        language = form.get("language", "")
        if language in LANGUAGES:
            answer.set_cookie(
                LANGUAGE_COOKIE, language, max_age=LANGUAGE_LIFE_S, secure=True, httponly=True,
                samesite="lax",
            )  # fmt: skip
        return answer

    async def _invited(self, request: Request) -> tuple[Invitation, User | None]:
        secret = request.path_params["secret"][:200]
        try:
            link = await run_in_threadpool(
                users.invitation, self._people, secret, self._clock.utc()
            )
        except UserError as err:
            raise HttpError(404, err.word, str(err)) from err
        if link.user_id is None:
            return link, None
        return link, await run_in_threadpool(self._people.user, link.user_id)

    async def _login_page(
        self, request: Request, target: str, status: int, *, name: str = "",
        error: HttpError | None = None,
    ) -> Response:  # fmt: skip
        needs_first = await run_in_threadpool(users.needs_first, self._people)
        answer = self._pages.draw(
            request, "login.html", status, target=target, name=name, error=error,
            needs_first=needs_first,
        )  # fmt: skip
        answer.headers.update({} if error is None else error.headers)
        return answer

    def _welcome_page(
        self, request: Request, link: Invitation, user: User | None, status: int, *,
        form: dict[str, str] | None = None, error: PasswordError | UserError | None = None,
    ) -> Response:  # fmt: skip
        return self._pages.draw(
            request, "welcome.html", status, user=user, form=form or {}, error=error,
            min_chars=passwords.MIN_CHARS, is_first=link.user_id is None,
        )  # fmt: skip


def _same_twice(form: dict[str, str]) -> str:
    """The password of a form that asks for it twice. Raises PasswordError."""
    if form.get("password", "") != form.get("again", ""):
        raise PasswordError("again", "the two are not the same")
    return form.get("password", "")
