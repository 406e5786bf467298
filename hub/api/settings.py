"""/nodes/{node}/settings: what the hub sets of a node, what holds there, history, undo.

Administrators of everything change all that may be set. Operators, who live with the false alarms,
change what counts as motion on the cameras in their scope, and nothing else: a camera that is
disarmed, pointed elsewhere or recorded differently is an administrator's decision. Neither may an
operator make a camera blind that was not, see edge/contract/blindness.py. Addresses of cameras are
shown to administrators only.
"""

from __future__ import annotations

import copy
from typing import Annotated

from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute

from edge.contract import names
from edge.contract import settings as documents
from edge.contract.settings import CAMERAS, Plain
from hub.api.nodes import NodeName
from hub.api.route import GuardedRoute, Who
from hub.api.settings_models import (
    AppliedAnswer,
    CheckAnswer,
    SettingsAnswer,
    SettingsIn,
    UndoIn,
    VersionAnswer,
)
from hub.archive import Archive
from hub.archive.settings_values import SettingsVersion
from hub.registry import present, settings, settings_scope
from hub.registry.access import Visitor
from hub.registry.settings import Author, ConflictError, SettingsError
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "settings"
SECRETIVE = ("source", "sub_source", "user")
ACTION = "settings.change"
MAX_PAGE = 200
MAX_BODY_BYTES = 2 * names.MAX_WANTED_BYTES  # it may be written more widely than it is sent
VersionNumber = Annotated[int, Path(ge=1, le=2**53)]


class SettingsApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive) -> None:
        self._door = door
        self._archive = archive

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door, path = self._door, "/nodes/{node}/settings"
        return [
            GuardedRoute(
                path, self.show_settings, door=door, needs="viewer", tag=TAG, errors=(404,)
            ),
            GuardedRoute(
                f"{path}/versions", self.list_versions, door=door, needs="viewer", tag=TAG,
                errors=(404,),
            ),
            GuardedRoute(
                f"{path}/versions/{{version}}", self.show_version, door=door, needs="viewer",
                tag=TAG, errors=(404,),
            ),
            GuardedRoute(
                path, self.put_settings, door=door, needs="operator", tag=TAG, method="PUT",
                errors=(404, 409), max_body_bytes=MAX_BODY_BYTES,
            ),
            GuardedRoute(
                f"{path}/check", self.check_settings, door=door, needs="operator", tag=TAG,
                method="POST", errors=(404,), max_body_bytes=MAX_BODY_BYTES,
            ),
            GuardedRoute(
                f"{path}/undo", self.undo_settings, door=door, needs="operator", tag=TAG,
                method="POST", errors=(404, 409),
            ),
        ]  # fmt: skip

    async def show_settings(self, visitor: Who, node: NodeName) -> SettingsAnswer:
        """What the hub wants the node to have, and what it has."""
        return await run_in_threadpool(self._standing, visitor, node)

    async def list_versions(
        self,
        visitor: Who,
        node: NodeName,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> list[VersionAnswer]:
        """The node's versions, newest first: who made each, when, why, what became of it."""

        def found() -> list[VersionAnswer]:
            cameras = self._cameras(visitor, node)
            versions = self._archive.settings_versions(node, limit=limit)
            return [self._version(visitor, cameras, each) for each in versions]

        return await run_in_threadpool(found)

    async def show_version(
        self, visitor: Who, node: NodeName, version: VersionNumber
    ) -> VersionAnswer:
        """One version of the node's settings, and what became of it."""

        def found() -> VersionAnswer:
            cameras = self._cameras(visitor, node)
            known = self._archive.settings_version(node, version)
            if known is None:
                raise HttpError(404, "not_found", f"there is no version {version}")
            return self._version(visitor, cameras, known)

        return await run_in_threadpool(found)

    async def put_settings(
        self, request: Request, visitor: Who, node: NodeName, given: SettingsIn
    ) -> VersionAnswer:
        """Make a new version, which is sent to the node at once."""
        author = self._author(visitor, given.note)

        def make() -> SettingsVersion:
            wanted, based_on = self._kept(visitor, node, given.settings)
            if based_on is None:
                based_on = given.based_on
            else:
                settings.refuse_stale(based_on, given.based_on)
            return settings.make(self._archive, node, wanted, author, based_on=based_on)

        return await self._try(request, visitor, node, "set", make)

    async def check_settings(self, visitor: Who, node: NodeName, given: SettingsIn) -> CheckAnswer:
        """Say whether these settings are good, as the node would; nothing is changed."""

        cameras = await run_in_threadpool(self._cameras, visitor, node)

        def look() -> CheckAnswer:
            wanted, _ = self._kept(visitor, node, given.settings)
            plain, warnings = settings.check(self._archive, node, wanted)
            shown = _shown(visitor, cameras, plain)
            before = _shown(visitor, cameras, settings.content(self._archive, node))
            return CheckAnswer(
                settings=shown,
                warnings=settings_scope.warnings(warnings, cameras),
                changes=settings.differences(before, shown),
            )

        try:
            return await run_in_threadpool(look)
        except SettingsError as err:
            raise _refusal(settings_scope.error(err, cameras)) from err

    async def undo_settings(
        self, request: Request, visitor: Who, node: NodeName, given: UndoIn
    ) -> VersionAnswer:
        """Make a new version with the content of an old one."""
        author = self._author(visitor, given.note)

        def make() -> SettingsVersion:
            based_on = None
            if not _may_all(visitor):
                based_on, before = settings.newest(self._archive, node)
                wanted = settings.old_content(self._archive, node, given.to)
                cameras = self._cameras(visitor, node)
                self._refuse_beyond_motion(cameras, node, before, wanted)
            return settings.undo(self._archive, node, author, to=given.to, based_on=based_on)

        return await self._try(request, visitor, node, "undo", make)

    def _standing(self, visitor: Visitor, node: str) -> SettingsAnswer:
        cameras = self._cameras(visitor, node)
        found = settings_scope.standing(settings.standing(self._archive, node), cameras)
        newest = None if found.newest is None else self._version(visitor, cameras, found.newest)
        applied = None
        if found.applied is not None:
            shown = _shown(visitor, cameras, dict(found.applied.settings))
            applied = AppliedAnswer.of(found.applied, shown, cameras)
        return SettingsAnswer.of(found, newest, applied)

    def _version(
        self, visitor: Visitor, cameras: set[str] | None, version: SettingsVersion
    ) -> VersionAnswer:
        return VersionAnswer.of(version, _shown(visitor, cameras, dict(version.settings)), cameras)

    def _cameras(self, visitor: Visitor, node: str) -> set[str] | None:
        """The node's cameras that the visitor may see; None for all. Raises HttpError 404."""
        if visitor.scope.is_everything:
            known = {each.name for each in self._archive.nodes()}
            if node in known or self._archive.settings_versions(node, limit=1):
                return None
        else:
            registry, now_utc = self._archive.registry(), self._door.now_utc()
            visible = present.visible_cameras(registry, visitor.scope, now_utc)
            if found := {each.name for each in visible if each.node == node}:
                return found
        raise HttpError(404, "not_found", "there is no such node, or it is outside of your scope")

    def _kept(self, visitor: Visitor, node: str, given: Plain) -> tuple[Plain, int | None]:
        """What is to be set, and the version of which parts are kept in it. An operator does not
        see everything of what is set already: that stays, and a change of it is refused."""
        if _may_all(visitor):
            return given, None
        cameras = self._cameras(visitor, node)
        for path in documents.flat(given):
            if path.rpartition(".")[2] in SECRETIVE:
                raise HttpError(403, "forbidden", f"{path}: only for administrators")
        _refuse_unseen(given, cameras)
        newest, before = settings.newest(self._archive, node)
        wanted = _hidden_back(given, before, cameras)
        self._refuse_beyond_motion(cameras, node, before, wanted)
        return wanted, newest

    def _refuse_beyond_motion(
        self, cameras: set[str] | None, node: str, before: Plain, wanted: Plain
    ) -> None:
        """`cameras` are those in the visitor's scope. Raises HttpError 403, SettingsError."""
        plain, _ = settings.check(self._archive, node, wanted)
        for path in documents.changed(before, plain):
            keys = path.split(".")
            is_motion = len(keys) > 3 and keys[0] == CAMERAS and keys[2] == "motion"
            if not settings_scope.is_seen(path, cameras):
                raise HttpError(403, "forbidden", "it changes cameras outside of your scope")
            if not is_motion:
                raise HttpError(
                    403, "forbidden", f"{path}: an operator changes motion of cameras in their"
                    " scope, an administrator all else"
                )  # fmt: skip
        if found := settings.narrowed(self._archive, node, before, plain):
            raise HttpError(403, "forbidden", f"only for administrators: {found[0]}")

    def _author(self, visitor: Visitor, note: str | None) -> Author:
        return Author(visitor.user.name, self._door.now_utc(), note or None)

    async def _try(
        self, request: Request, visitor: Visitor, node: str, how: str, make: settings.Maker
    ) -> VersionAnswer:
        """Make a version; the trail has it before it is done, and again where it is refused."""
        target, note = f"node:{node}", self._door.trail.note
        cameras = await run_in_threadpool(self._cameras, visitor, node)
        await note(request, visitor, ACTION, target, how=how)
        try:
            made = await run_in_threadpool(make)
        except HttpError:
            await note(request, visitor, ACTION, target, outcome="refused", how=how)
            raise
        except SettingsError as err:
            await note(request, visitor, ACTION, target, outcome="refused", how=how)
            raise _refusal(settings_scope.error(err, cameras)) from err
        return self._version(visitor, cameras, made)


def _may_all(visitor: Visitor) -> bool:
    return visitor.may("administrator") and visitor.scope.is_everything


def _refuse_unseen(given: Plain, cameras: set[str] | None) -> None:
    """One answer for cameras elsewhere and for none, so that it tells of neither."""
    parts = given.get(CAMERAS)
    for name in parts if isinstance(parts, dict) else ():
        if not settings_scope.is_seen(f"{CAMERAS}.{name}", cameras):
            raise HttpError(
                403, "forbidden", f"{CAMERAS}.{name}: there is no such camera in your scope"
            )


def _refusal(err: SettingsError) -> HttpError:
    message = f"{err}; {err.hint}" if err.hint else str(err)
    if isinstance(err, ConflictError):
        return HttpError(409, "conflict", message)
    fields = [
        (f"body.settings.{each.path}", f"{each.message} ({each.hint})" if each.hint
         else each.message)
        for each in err.problems
    ]  # fmt: skip
    return HttpError(422, "settings", message, fields=fields)


def _shown(visitor: Visitor, cameras: set[str] | None, plain: Plain) -> Plain:
    """What the visitor may see of settings."""
    result = copy.deepcopy(plain)
    parts = result.get(CAMERAS)
    if not isinstance(parts, dict):
        return result
    if cameras is not None:
        parts = result[CAMERAS] = {key: each for key, each in parts.items() if key in cameras}
    if not _may_all(visitor):
        for part in parts.values():
            for key in SECRETIVE:
                part.pop(key, None)
    return result


def _hidden_back(given: Plain, before: Plain, cameras: set[str] | None) -> Plain:
    """`given` with what an operator was not shown, as it was before."""
    result = copy.deepcopy(given)
    parts = result.get(CAMERAS, {})
    if not isinstance(parts, dict):
        return result
    for name, old in before.get(CAMERAS, {}).items():
        if cameras is not None and name not in cameras:
            parts[name] = copy.deepcopy(old)
        elif isinstance(part := parts.get(name), dict):
            part |= {key: old[key] for key in SECRETIVE if key in old}
        elif name not in parts and (hidden := {k: old[k] for k in SECRETIVE if k in old}):
            parts[name] = hidden
    if parts:
        result[CAMERAS] = parts
    return result
