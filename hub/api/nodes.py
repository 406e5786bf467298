"""/nodes, /cameras, their health and coverage, /gaps, /problems: who watches, what is not here.

A visitor whose scope has limits sees the nodes of the cameras in it, and of those only these.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from edge.contract import names
from hub.api.asking import Moment, Reader
from hub.api.node_models import (
    Absences,
    CameraAnswer,
    CoverageAnswer,
    GapAnswer,
    LostFileAnswer,
    NodeAnswer,
    ProblemAnswer,
    StretchAnswer,
)
from hub.api.overview_models import NodeHealthAnswer, SampleAnswer
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.enrolments import Standing
from hub.archive.event_state import from_ms, to_ms
from hub.archive.minutes import MINUTE_MS, tally
from hub.archive.node_values import GapFilter
from hub.archive.problems import Problem
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, EventFilter
from hub.registry import present
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "nodes"
MAX_COVERAGE = timedelta(days=400)
NodeName = Annotated[str, Path(pattern=f"^{names.NODE_PATTERN}$")]
CameraName = Annotated[str, Path(pattern=f"^{names.CAMERA_PATTERN}$")]


class NodesApi:
    """The routes."""

    def __init__(
        self, door: Door, archive: Archive, problems: Callable[[], list[Problem]], reader: Reader
    ) -> None:
        """`problems` tells what troubles the hub now."""
        self._door = door
        self._archive = archive
        self._problems = problems
        self._reader = reader

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door, coverage = self._door, "/nodes/{node}/cameras/{camera}/coverage"
        return [
            GuardedRoute("/cameras", self.list_cameras, door=door, needs="viewer", tag=TAG),
            GuardedRoute("/nodes", self.list_nodes, door=door, needs="viewer", tag=TAG),
            GuardedRoute(
                "/nodes/{node}", self.show_node, door=door, needs="viewer", tag=TAG, errors=(404,)
            ),
            GuardedRoute(
                "/nodes/{node}/health", self.show_health, door=door, needs="viewer", tag=TAG,
                errors=(404,),
            ),
            GuardedRoute(
                coverage, self.show_coverage, door=door, needs="viewer", tag=TAG, errors=(404,)
            ),
            GuardedRoute("/gaps", self.list_gaps, door=door, needs="viewer", tag=TAG),
            GuardedRoute("/problems", self.list_problems, door=door, needs="viewer", tag=TAG),
        ]  # fmt: skip

    async def list_cameras(self, visitor: Who) -> list[CameraAnswer]:
        """Every camera and what it does now, those not watched first."""
        found = await run_in_threadpool(
            present.cameras_now, self._archive, visitor.scope, self._door.now_utc()
        )
        return [CameraAnswer.of(each) for each in found]

    async def list_nodes(self, visitor: Who) -> list[NodeAnswer]:
        """Every node with its state, health, journals, alarms."""
        return await run_in_threadpool(self._nodes, visitor.scope)

    async def show_node(self, visitor: Who, node: NodeName) -> NodeAnswer:
        """One node with its state, health, journals and alarms."""
        for each in await run_in_threadpool(self._nodes, visitor.scope):
            if each.node == node:
                return each
        raise HttpError(404, "not_found", "there is no such node, or it is outside of your scope")

    async def show_health(
        self,
        visitor: Who,
        node: NodeName,
        since: Annotated[Moment, Query(description="From then on; kept for two months.")] = "1d",
        until: Annotated[Moment, Query(description="At most now; a day means its end.")] = "now",
    ) -> NodeHealthAnswer:
        """How a node was over time: a sample in ten minutes, and for more than a week one an
        hour."""
        if node not in {each.node for each in await run_in_threadpool(self._nodes, visitor.scope)}:
            raise HttpError(
                404, "not_found", "there is no such node, or it is outside of your scope"
            )
        begun, ended = self._reader.span(since, until)
        if begun >= ended:
            raise HttpError(422, "invalid", "query.since: it must be before until")
        found = await run_in_threadpool(self._archive.health_samples, node, begun, ended)
        return NodeHealthAnswer(
            node=node,
            since_utc=begun,
            until_utc=ended,
            samples=[SampleAnswer.of(each) for each in found],
        )

    async def show_coverage(
        self,
        visitor: Who,
        node: NodeName,
        camera: CameraName,
        since: Annotated[Moment, Query(description="From the minute of this time on.")] = "1d",
        until: Annotated[Moment, Query(description="At most now; a day means its end.")] = "now",
    ) -> CoverageAnswer:
        """Was that camera watching? Every moment is watched, blind with its cause, or unknown."""
        key = CameraKey(node, camera)
        visible = await run_in_threadpool(self._visible, visitor.scope)
        if key not in visible:
            raise HttpError(404, "not_found", "no such camera, or it is outside of your scope")
        begun, ended = self._reader.span(since, until)
        if not timedelta(minutes=1) <= ended - begun <= MAX_COVERAGE:
            raise HttpError(
                422, "invalid", f"query.since: 1 minute to {MAX_COVERAGE.days} days before until"
            )
        start_ms, end_ms = (to_ms(each) // MINUTE_MS * MINUTE_MS for each in (begun, ended))
        return await run_in_threadpool(self._coverage, key, start_ms, end_ms)

    async def list_gaps(
        self,
        visitor: Who,
        node: Annotated[str | None, Query(max_length=64)] = None,
        since: Annotated[Moment, Query(description="Noticed then or later.")] = "",
    ) -> Absences:
        """Records and files that are missing or lost, with the cause as far as known."""
        begun = self._reader.moment("since", since) if since else None
        return await run_in_threadpool(self._gaps, visitor.scope, GapFilter(node, begun))

    async def list_problems(self) -> list[ProblemAnswer]:
        """What troubles the hub itself now; nothing on a good day."""
        return [ProblemAnswer.of(each) for each in await run_in_threadpool(self._problems)]

    def _visible(self, scope: Scope) -> set[CameraKey]:
        cameras = present.visible_cameras(self._archive.registry(), scope, self._door.now_utc())
        return {camera.key for camera in cameras}

    def _nodes(self, scope: Scope) -> list[NodeAnswer]:
        visible = self._visible(scope)
        found = []
        standings = self._archive.enrolments.standings(self._door.now_utc())
        for node in self._archive.nodes():
            cameras = {key.camera for key in visible if key.node == node.name}
            if cameras or scope.is_everything:
                found.append(NodeAnswer.of(node, cameras, standings.get(node.name, Standing())))
        return found

    def _coverage(self, key: CameraKey, start_ms: int, end_ms: int) -> CoverageAnswer:
        stretches = self._archive.coverage(key, from_ms(start_ms), from_ms(end_ms))
        total = tally(stretches, start_ms, end_ms)
        return CoverageAnswer(
            node=key.node,
            camera=key.camera,
            minutes=total.minutes,
            watched_minutes=total.watched,
            blind_minutes=total.blind,
            unknown_minutes=total.unknown,
            percent=total.percent,
            stretches=[StretchAnswer.of(each) for each in stretches],
        )

    def _gaps(self, scope: Scope, where: GapFilter) -> Absences:
        nodes = {key.node for key in self._visible(scope)}

        def is_visible(node: str) -> bool:
            return scope.is_everything or node in nodes

        gaps = [each for each in self._archive.gaps(where) if is_visible(each.node)]
        told = (each for each in self._archive.lost_files(where) if is_visible(each.node))
        files = list(present.files_in_sight(self._archive, scope, told))
        if not gaps and not files:
            self._reader.refuse_unknown(EventFilter(node=where.node or None, scope=scope))
        return Absences(
            records=[GapAnswer.of(each) for each in gaps],
            files=[LostFileAnswer.of(each) for each in files],
        )
