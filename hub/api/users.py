"""/users and /tokens: who may do what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute

from hub.api.people_models import (
    LinkAnswer,
    NewTokenAnswer,
    TokenAnswer,
    TokenIn,
    UserAnswer,
    UserChange,
    UserIn,
)
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.people import NewUser, User
from hub.registry import sessions, users
from hub.registry.access import ScopeError, Visitor
from hub.registry.sessions import TokenError
from hub.registry.users import LINK_LIFE, LINK_PATH, NAME_PATTERN, UserError
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "users"
UserName = Annotated[str, Path(pattern=f"^{NAME_PATTERN}$")]
TokenId = Annotated[int, Path(ge=1, le=2**53)]
T = TypeVar("T")


class UsersApi:
    """The routes of users; for administrators of everything."""

    def __init__(self, door: Door, archive: Archive) -> None:
        self._door = door
        self._archive = archive
        self._people = archive.people

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        one = "/users/{name}"
        return [
            self._route("/users", self.list_users),
            self._route("/users", self.add_user, "POST", status_code=201, errors=(409,)),
            self._route(one, self.show_user, errors=(404,)),
            self._route(one, self.change_user, "PATCH", errors=(404, 409)),
            self._route(f"{one}/link", self.make_link, "POST", errors=(404,)),
        ]

    def _route(
        self, path: str, endpoint: Callable[..., object], method: str = "GET", *,
        status_code: int = 200, errors: tuple[int, ...] = (),
    ) -> GuardedRoute:  # fmt: skip
        return GuardedRoute(
            path, endpoint, door=self._door, needs="administrator", is_for_all=True, tag=TAG,
            method=method, status_code=status_code, errors=errors,
        )  # fmt: skip

    async def list_users(self) -> list[UserAnswer]:
        """All users, disabled ones too."""
        return [UserAnswer.of(user) for user in await run_in_threadpool(self._people.users)]

    async def add_user(self, request: Request, visitor: Who, given: UserIn) -> UserAnswer:
        """Add a user, who cannot log in before a link was made and used."""
        new = NewUser(given.name, given.full_name, given.role, given.scope.value, given.language)
        actor = self._door.trail.actor(request, visitor)
        return UserAnswer.of(await _try(users.add, self._archive, new, actor))

    async def show_user(self, name: UserName) -> UserAnswer:
        """One user, also a disabled one."""
        return UserAnswer.of(await self._user(name))

    async def change_user(
        self, request: Request, visitor: Who, name: UserName, given: UserChange
    ) -> UserAnswer:
        """Change a user. A disabled one is out at once, with sessions and tokens; somebody must
        stay who can administrate."""
        before = await self._user(name)
        after = replace(
            before,
            full_name=before.full_name if given.full_name is None else given.full_name,
            role=given.role or before.role,
            scope=before.scope if given.scope is None else given.scope.value,
            language=given.language or before.language,
        )
        if given.is_disabled is not None:
            off_utc = before.disabled_utc or self._door.now_utc()
            after = replace(after, disabled_utc=off_utc if given.is_disabled else None)
        actor = self._door.trail.actor(request, visitor)
        await _try(users.change, self._archive, before, after, actor)
        return UserAnswer.of(await self._user(name))

    async def make_link(self, request: Request, visitor: Who, name: UserName) -> LinkAnswer:
        """Make a one-time link by which the user chooses a (new) password. An older one stops
        working; the password that there is holds until the link is used."""
        user = await self._user(name)
        now_utc, actor = self._door.now_utc(), self._door.trail.actor(request, visitor)
        secret = await run_in_threadpool(users.invite, self._people, user, now_utc, actor)
        return LinkAnswer(path=LINK_PATH + secret, expires_utc=now_utc + LINK_LIFE)

    async def _user(self, name: str) -> User:
        found = await run_in_threadpool(self._people.user_named, name)
        if found is None:
            raise HttpError(404, "not_found", f"there is no user {name}")
        return found


class TokensApi:
    """The routes of tokens; everybody for themselves, administrators of everything for all."""

    def __init__(self, door: Door, archive: Archive) -> None:
        self._door = door
        self._archive = archive
        self._people = archive.people

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door = self._door
        return [
            GuardedRoute("/tokens", self.list_tokens, door=door, needs="viewer", tag=TAG),
            GuardedRoute("/tokens", self.add_token, door=door, needs="viewer", tag=TAG,
                         method="POST", status_code=201, errors=(409,)),
            GuardedRoute("/tokens/{token_id}", self.revoke_token, door=door, needs="viewer",
                         tag=TAG, method="DELETE", status_code=204, errors=(404,)),
        ]  # fmt: skip

    async def list_tokens(
        self,
        visitor: Who,
        of_all: Annotated[bool, Query(description="Of all users; for administrators.")] = False,
    ) -> list[TokenAnswer]:
        """One's own tokens, newest first, revoked and expired ones too."""
        if of_all and not _rules_all(visitor):
            raise HttpError(403, "forbidden", "only administrators see the tokens of all users")
        owner = None if of_all else visitor.user.id
        found = await run_in_threadpool(self._people.tokens, owner)
        names = {user.id: user.name for user in await run_in_threadpool(self._people.users)}
        return [TokenAnswer.of(token, names.get(token.user_id, "")) for token in found]

    async def add_token(self, request: Request, visitor: Who, given: TokenIn) -> NewTokenAnswer:
        """Make a token for oneself. It never may more than its user, and ends with them."""
        if visitor.by != "session":
            raise HttpError(409, "token", "a token cannot make tokens; log in to make one")
        actor = self._door.trail.actor(request, visitor)
        token, secret = await _try(
            sessions.add_token, self._archive, visitor.user, given.name, given.role,
            timedelta(days=given.days), actor, given.scope.value,
        )  # fmt: skip
        return NewTokenAnswer(token=TokenAnswer.of(token, visitor.user.name), secret=secret)

    async def revoke_token(self, request: Request, visitor: Who, token_id: TokenId) -> None:
        """End a token at once."""
        owner = None if _rules_all(visitor) else visitor.user.id
        found = await run_in_threadpool(self._people.tokens, owner)
        now_utc, actor = self._door.now_utc(), self._door.trail.actor(request, visitor)
        deed = actor.does("token.revoke", f"token:{token_id}")
        is_there = any(token.id == token_id for token in found)
        if not is_there or not await run_in_threadpool(
            self._people.revoke_token, token_id, now_utc, deed
        ):
            raise HttpError(404, "not_found", "there is no such token that lives")


def _rules_all(visitor: Visitor) -> bool:
    return visitor.may("administrator") and visitor.scope.is_everything


async def _try(function: Callable[..., T], *arguments: object) -> T:
    """Call it in a worker thread; what cannot be done as asked becomes an answer."""
    try:
        return await run_in_threadpool(function, *arguments)
    except UserError as err:
        is_conflict = err.word in ("name_taken", "last_administrator")
        raise HttpError(409 if is_conflict else 422, err.word, str(err)) from err
    except TokenError as err:
        raise HttpError(422, "invalid", str(err)) from err
    except ScopeError as err:
        fields = [(f"body.scope.{field}", what) for field, what in err.faults]
        raise HttpError(422, "invalid", str(err), fields=fields) from err
