"""/session: log in, who am I, log out."""

from __future__ import annotations

from fastapi import Response
from pydantic import Field
from starlette.requests import Request
from starlette.routing import BaseRoute

from hub.api.models import Answer, Language, Role, Scope, TakenIn
from hub.api.route import GuardedRoute, Who
from hub.registry.access import Visitor
from hub.registry.passwords import PasswordError
from hub.web.answers import HttpError
from hub.web.door import Door, check_origin, csrf_of, csrf_of_secret, drop_cookie, set_cookie
from hub.web.login import LogIn

TAG = "session"


class Credentials(TakenIn):
    """A name and its password."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=1000)


class NewPassword(TakenIn):
    """The password that is, and the one that is to be."""

    old: str = Field(min_length=1, max_length=1000)
    new: str = Field(min_length=1, max_length=1000)


class Me(Answer):
    """Who is logged in, and what they may do here."""

    name: str
    full_name: str
    role: Role = Field(description="Of a token, the lesser of its own and its user's.")
    scope: Scope
    language: Language | None
    by: str = Field(description="`session` or `token`.")
    csrf_token: str | None = Field(
        description="Of a session: what the header `X-CSRF-Token` must bear on every change."
    )


class SessionApi:
    """The routes."""

    def __init__(self, door: Door, log_in: LogIn) -> None:
        self._door = door
        self._log_in = log_in

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door, path = self._door, "/session"
        return [
            GuardedRoute(path, self.log_in, door=door, needs="anyone", tag=TAG, method="POST",
                         errors=(401, 403, 429)),
            GuardedRoute(path, self.who_am_i, door=door, needs="viewer", tag=TAG),
            GuardedRoute(path, self.log_out, door=door, needs="viewer", tag=TAG, method="DELETE",
                         status_code=204, errors=(409,)),
            GuardedRoute(f"{path}/password", self.change_password, door=door, needs="viewer",
                         tag=TAG, method="POST", errors=(409, 429)),
        ]  # fmt: skip

    async def change_password(
        self, request: Request, response: Response, visitor: Who, given: NewPassword
    ) -> Me:
        """Change one's own password. All sessions end; the answer sets the cookie of a new one."""
        if visitor.session is None:
            raise HttpError(409, "token", "a token cannot change the password; log in")
        try:
            entered = await self._log_in.change_password(request, visitor, given.old, given.new)
        except PasswordError as err:
            raise HttpError(422, err.word, str(err), fields=[("body.new", str(err))]) from err
        set_cookie(response, entered.secret)
        return _me(entered.visitor, csrf_of_secret(entered.secret))

    async def log_in(self, request: Request, response: Response, given: Credentials) -> Me:
        """Log in: the answer sets the session's cookie. Programs better use a token."""
        check_origin(request)
        entered = await self._log_in.attempt(request, given.name, given.password)
        set_cookie(response, entered.secret)
        return _me(entered.visitor, csrf_of_secret(entered.secret))

    async def who_am_i(self, request: Request, visitor: Who) -> Me:
        """Who is logged in."""
        return _me(visitor, csrf_of(request) if visitor.by == "session" else None)

    async def log_out(self, request: Request, response: Response, visitor: Who) -> None:
        """Log out: the session ends."""
        if visitor.session is None:
            raise HttpError(409, "token", "a token has no session; revoke it instead")
        await self._log_in.end(request, visitor)
        drop_cookie(response)


def _me(visitor: Visitor, csrf_token: str | None) -> Me:
    user = visitor.user
    language: Language | None = "vi" if user.language == "vi" else "en" if user.language else None
    return Me(
        name=user.name,
        full_name=user.full_name,
        role=visitor.role,
        scope=Scope.of(visitor.scope),
        language=language,
        by=visitor.by,
        csrf_token=csrf_token,
    )
