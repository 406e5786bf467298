"""/releases, /rollouts, /updates: which software nodes shall run, for administrators of everything.

Releases come in by command only, from the hub's own disk.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal, TypeVar

from fastapi import Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge.contract import names
from hub.api.rollout_models import (
    GroupIn,
    NodeUpdateAnswer,
    ReleaseAnswer,
    RolloutAnswer,
    RolloutIn,
)
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.update_values import Rollout
from hub.rollouts.control import RolloutControl
from hub.rollouts.errors import RolloutError
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "updates"
T = TypeVar("T")
GroupName = Annotated[str, Path(pattern=f"^{names.NODE_PATTERN}$")]
Act = Literal["pause", "resume", "abort"]
STATUS = {"unknown": 404, "none": 404, "busy": 409, "state": 409, "changed": 409}


class RolloutsApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive) -> None:
        self._door = door
        self._archive = archive
        self._control = RolloutControl(archive)

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            self._route("/releases", self.list_releases),
            self._route("/rollouts", self.list_rollouts),
            self._route("/rollouts", self.begin_rollout, "POST", 201, errors=(404, 409)),
            self._route("/rollouts/open/{act}", self.change_rollout, "POST", errors=(404, 409)),
            self._route("/updates", self.list_updates),
            self._route("/update-groups", self.list_groups),
            self._route("/update-groups/{name}", self.put_group, "PUT", 204),
        ]

    def _route(
        self, path: str, endpoint: Callable[..., object], method: str = "GET",
        status_code: int = 200, *, errors: tuple[int, ...] = (),
    ) -> GuardedRoute:  # fmt: skip
        return GuardedRoute(
            path, endpoint, door=self._door, needs="administrator", is_for_all=True, tag=TAG,
            method=method, status_code=status_code, errors=errors,
        )  # fmt: skip

    async def list_releases(self) -> list[ReleaseAnswer]:
        """The releases that this hub has, the newest first."""
        found = await run_in_threadpool(self._archive.updates.releases)
        return [ReleaseAnswer.of(each) for each in found]

    async def list_rollouts(self) -> list[RolloutAnswer]:
        """The last fifty roll-outs, the newest first."""
        found = await run_in_threadpool(self._archive.updates.rollouts)
        return [RolloutAnswer.of(each) for each in found]

    async def begin_rollout(
        self, request: Request, visitor: Who, given: RolloutIn
    ) -> RolloutAnswer:
        """Update nodes, stage by stage; one roll-out is open at a time."""
        deed = self._door.trail.actor(request, visitor).deed
        begun = await _try(
            lambda: self._control.begin(
                given.version, given.stages, deed, healthy=timedelta(seconds=given.healthy_s),
                may_be_older=given.may_be_older,
            )
        )  # fmt: skip
        return RolloutAnswer.of(begun)

    async def change_rollout(self, request: Request, visitor: Who, act: Act) -> RolloutAnswer:
        """Pause the open roll-out, go on with it (passing over the nodes that failed), or give it
        up: then orders that no node has begun are called back."""
        control = self._control
        acts: dict[Act, Callable[[Deed], Rollout]] = {
            "pause": control.pause, "resume": control.resume, "abort": control.abort,
        }  # fmt: skip
        deed = self._door.trail.actor(request, visitor).deed
        return RolloutAnswer.of(await _try(lambda: acts[act](deed)))

    async def list_updates(self) -> list[NodeUpdateAnswer]:
        """Every node: what it runs, and how far its update is."""
        lines = await run_in_threadpool(self._control.lines)
        return [NodeUpdateAnswer.of(each) for each in lines]

    async def list_groups(self) -> dict[str, list[str]]:
        """Groups of nodes that are updated together."""
        return await run_in_threadpool(self._archive.updates.groups)

    async def put_group(
        self, request: Request, visitor: Who, name: GroupName, given: GroupIn
    ) -> Response:
        """Make these the nodes of a group; none ends it."""
        deed = self._door.trail.actor(request, visitor).deed
        await _try(lambda: self._control.set_group(name, given.nodes, deed))
        return Response(status_code=204)


async def _try(work: Callable[[], T]) -> T:
    try:
        return await run_in_threadpool(work)
    except RolloutError as err:
        hint = f"; {err.hint}" if err.hint else ""
        raise HttpError(STATUS.get(err.word, 422), err.word, f"{err}{hint}") from err
