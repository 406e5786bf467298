"""The nodes: which are connected, and of each how it was over time, what waits on it, what is wrong
with it, and what of its records is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge.contract.health import CameraHealth, Health
from hub.archive import Archive
from hub.archive.enrolments import Standing
from hub.archive.node_values import Gap, GapFilter, HealthSample, LostFile, NodeState
from hub.archive.scope import Scope
from hub.console import registry_changes
from hub.console.archive_page import ArchivePage
from hub.console.plots import Plot, Value, plot
from hub.registry import present
from hub.registry.access import Visitor
from hub.web.answers import HttpError

RANGES = {"day": timedelta(days=1), "week": timedelta(days=7), "months": timedelta(days=60)}
TEN_MINUTES, HOUR = timedelta(minutes=10), timedelta(hours=1)
MAX_GAPS = 50
QUANTITIES: tuple[tuple[str, Value], ...] = (
    ("watching", lambda each: float(each.watching)),
    ("cpu_percent", lambda each: each.cpu_percent),
    ("memory_mb", lambda each: each.memory_bytes / 1e6),
    ("temperature_c", lambda each: each.temperature_c),
    ("bits_mb", lambda each: each.bits_per_s / 1e6),
    ("waiting_records", lambda each: float(each.waiting_records)),
    ("waiting_clips_mb", lambda each: each.waiting_clip_bytes / 1e6),
    ("disk_free_gb", lambda each: each.disk_free_bytes / 1e9),
    ("clock_error_ms", lambda each: each.clock_error_ms),
)


@dataclass(frozen=True)
class NodeLine:
    """A node in the list; `cameras` are those that the visitor may see."""

    node: NodeState
    health: Health | None
    cameras: tuple[str, ...]
    standing: Standing


@dataclass(frozen=True)
class NodeView:
    """One node with all that is shown of it."""

    node: NodeState
    standing: Standing
    health: Health | None
    cameras: tuple[CameraHealth, ...]
    plots: tuple[Plot, ...]
    since_utc: datetime
    until_utc: datetime
    gaps: tuple[Gap, ...]
    lost_files: tuple[LostFile, ...]


class NodesPage(ArchivePage):
    """The list and the page of one node."""

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route = self._pages.route
        return [
            route("/nodes", self.list, needs="viewer"),
            route("/nodes/{node}", self.show, needs="viewer"),
        ]

    async def list(self, request: Request, visitor: Visitor) -> Response:
        """All nodes, troubled ones first."""
        lines = await run_in_threadpool(node_lines, self._archive, visitor.scope, self._clock.utc())
        may_change = registry_changes.may_change(visitor)
        return self._pages.draw(request, "nodes.html", lines=lines, may_change=may_change)

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """One node."""
        over = request.query_params.get("over", "day")
        if over not in RANGES:
            raise HttpError(422, "invalid", f"over: one of {', '.join(RANGES)}")
        name = request.path_params["node"]
        view = await run_in_threadpool(self._gather, visitor.scope, name, RANGES[over])
        return self._pages.draw(
            request, "node.html", view=view, over=over, ranges=list(RANGES),
            may_change=registry_changes.may_change(visitor), out=request.query_params.get("out"),
        )  # fmt: skip

    def _gather(self, scope: Scope, name: str, over: timedelta) -> NodeView:
        archive, until = self._archive, self._clock.utc()
        found = [line for line in node_lines(archive, scope, until) if line.node.name == name]
        if not found:
            raise HttpError(404, "not_found", "there is no such node, or none of its cameras is"
                            " in your scope")  # fmt: skip
        (line,) = found
        since = until - over
        samples = archive.health_samples(name, since, until)
        where = GapFilter(node=name)
        seen = () if line.health is None else line.health.cameras
        return NodeView(
            line.node,
            line.standing,
            line.health,
            tuple(each for each in seen if each.camera in line.cameras),
            _plots(samples, since, until),
            since,
            until,
            tuple(archive.gaps(where)[:MAX_GAPS]),
            _newest_lost(archive, scope, where),
        )


def node_lines(archive: Archive, scope: Scope, now_utc: datetime) -> list[NodeLine]:
    """The nodes of which the visitor may see a camera, or all; those not connected first."""
    visible: dict[str, list[str]] = {}
    for camera in present.visible_cameras(archive.registry(), scope, now_utc):
        visible.setdefault(camera.node, []).append(camera.name)
    standings = archive.enrolments.standings(now_utc)
    lines = [
        NodeLine(
            node,
            present.health_of(node),
            tuple(visible.get(node.name, ())),
            standings.get(node.name, Standing()),
        )
        for node in archive.nodes()
        if scope.is_everything or node.name in visible
    ]
    return sorted(lines, key=_order)


def _newest_lost(archive: Archive, scope: Scope, where: GapFilter) -> tuple[LostFile, ...]:
    """The last that may be seen, oldest first."""
    newest_first = reversed(archive.lost_files(where))
    return tuple(islice(present.files_in_sight(archive, scope, newest_first), MAX_GAPS))[::-1]


def _order(line: NodeLine) -> tuple[bool, bool, str]:
    problems = line.health.problems if line.health is not None else ()
    return line.node.state == "online", not problems, line.node.name


def _plots(samples: list[HealthSample], since: datetime, until: datetime) -> tuple[Plot, ...]:
    step = TEN_MINUTES if until - since <= RANGES["week"] else HOUR
    drawn = (plot(name, samples, value, since, until, step) for name, value in QUANTITIES)
    return tuple(each for each in drawn if each.last is not None)
