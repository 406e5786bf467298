"""Log-in with name and password, for API and console alike: slow hashes few at a time, in worker
threads, and no more tries than `Attempts` allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from edge.base.clock import Clock
from hub.archive.people import People, User
from hub.registry import sessions, users
from hub.registry.access import Visitor
from hub.registry.attempts import Attempts
from hub.registry.sessions import Lives
from hub.registry.users import digest_of
from hub.web.answers import HttpError
from hub.web.trail import Trail, address_of

MAX_HASHING = 1  # at a time; 19 MiB and a tenth of a second each
MAX_WAITING = 16  # more are told to come back
RETRY_AFTER_S = 5
MAX_NAME_CHARS = 64

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class LoggedIn:
    """Who came in, and what the cookie is to hold."""

    visitor: Visitor
    secret: str


class LogIn:
    """Lets people in. Used in the event loop's thread."""

    def __init__(self, people: People, trail: Trail, clock: Clock, lives: Lives) -> None:
        self._people = people
        self._trail = trail
        self._lives = lives
        self._attempts = Attempts(clock)
        self._hashing = anyio.CapacityLimiter(MAX_HASHING)

    async def attempt(self, request: Request, name: str, password: str) -> LoggedIn:
        """Begin a session for the user of that name and password.

        Raises HttpError 401 for a wrong one, 429 while none is looked at, 503; StorageError.
        """
        name = name.strip().lower()[:MAX_NAME_CHARS]
        address = address_of(request)
        is_known = await run_in_threadpool(self._is_known, name, address)
        wait_s = self._attempts.wait_s(name, address, is_known=is_known)
        if wait_s:
            await self._trail.note_once(
                request, None, "login", outcome="refused", user=name, reason="too_many"
            )
            raise _too_many(wait_s)
        self._attempts.begin(name, address, is_known=is_known)
        user = await self.slowly(sessions.find_user, self._people, name, password)
        if user is None:
            await self._trail.note(
                request, None, "login", outcome="refused", user=name, reason="wrong"
            )
            raise HttpError(401, "wrong", "name or password is wrong")
        self._attempts.succeeded(name, address, is_known=is_known)
        return await self.begin(request, user)

    async def begin(self, request: Request, user: User) -> LoggedIn:
        """Begin a session for somebody who proved who they are."""
        deed = replace(
            self._trail.deed(request, None, "login", "", "done", user.name, {}), by="password"
        )
        agent = request.headers.get("user-agent", "")
        secret = await run_in_threadpool(
            sessions.begin, self._people, user, deed, agent, self._lives
        )
        digest = digest_of(secret)
        return LoggedIn(Visitor(user, user.role, user.scope, "session", digest, digest), secret)

    async def change_password(
        self, request: Request, visitor: Visitor, old: str, new: str
    ) -> LoggedIn:
        """Give the visitor another password, for the old one; all their sessions end, and a new
        one begins.

        Raises HttpError 401 for a wrong old one, 429, 503; PasswordError; StorageError.
        """
        name, address = visitor.user.name, address_of(request)
        wait_s = self._attempts.wait_s(name, address, is_known=True)
        if wait_s:
            raise _too_many(wait_s)
        self._attempts.begin(name, address, is_known=True)
        user = await self.slowly(sessions.find_user, self._people, name, old)
        if user is None:
            await self._trail.note(
                request, visitor, "user.password", f"user:{name}", outcome="refused"
            )
            raise HttpError(401, "wrong", "the old password is wrong")
        self._attempts.succeeded(name, address, is_known=True)
        actor = self._trail.actor(request, visitor)
        await self.slowly(users.set_password, self._people, user, new, actor)
        return await self.begin(request, user)

    async def end(self, request: Request, visitor: Visitor) -> None:
        """End the visitor's session, if it is one."""
        if visitor.session is not None:
            deed = self._trail.deed(request, visitor, "logout", "", "done", "", {})
            await run_in_threadpool(self._people.end_session, visitor.session, deed)

    async def slowly(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what hashes a password, when its turn comes. Raises HttpError 503."""
        if self._hashing.statistics().tasks_waiting >= MAX_WAITING:
            raise HttpError(
                503, "busy", "too many people log in at once; try again in a moment",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )  # fmt: skip
        async with self._hashing:
            return await run_in_threadpool(function, *args, **kwargs)

    def _is_known(self, name: str, address: str) -> bool:
        user = self._people.user_named(name)
        return user is not None and self._people.is_known_address(user.id, address)


def _too_many(wait_s: int) -> HttpError:
    return HttpError(
        429, "too_many", f"too many log-ins failed; wait {wait_s} s",
        headers={"Retry-After": str(wait_s)},
    )  # fmt: skip
