"""/nodes, to change: node files for boxes that are to join, new boxes for known nodes, and shutting
nodes out. For administrators of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge.base.errors import ConfigError
from edge.base.schema import SchemaError
from edge.contract import names
from hub.api.enrolment_models import (
    NodeFileAnswer,
    NodeIn,
    NodesIn,
    OutAnswer,
    ReplacementIn,
    cameras_in,
)
from hub.api.route import GuardedRoute, Who
from hub.archive.enrolments import StandingError
from hub.registry import node_table, spreadsheet
from hub.registry.edit import RegistryError
from hub.registry.enrolment import NewNode, NodeFileError, NodeFiles
from hub.registry.spreadsheet import SpreadsheetError
from hub.web.answers import HttpError
from hub.web.door import Door
from hub.web.gatekeeper import Gatekeeper

TAG = "enrolment"
NodeName = Annotated[str, Path(pattern=f"^{names.NODE_PATTERN}$")]
T = TypeVar("T")


class EnrolmentApi:
    """The routes."""

    def __init__(self, door: Door, files: NodeFiles, gatekeeper: Gatekeeper) -> None:
        self._door = door
        self._files = files
        self._gatekeeper = gatekeeper

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            self._route("/nodes", self.add_node, 201),
            self._route("/nodes/import", self.import_nodes, 201, spreadsheet.MAX_BYTES),
            self._route("/nodes/{node}/replace", self.replace_node, 201),
            self._route("/nodes/{node}/revoke", self.revoke_node, 200),
        ]

    def _route(
        self, path: str, endpoint: Callable[..., object], status_code: int,
        max_body_bytes: int = 256 * 1024,
    ) -> GuardedRoute:  # fmt: skip
        return GuardedRoute(
            path, endpoint, door=self._door, needs="administrator", is_for_all=True, tag=TAG,
            method="POST", status_code=status_code, errors=(409,), max_body_bytes=max_body_bytes,
        )  # fmt: skip

    async def add_node(
        self, request: Request, response: Response, visitor: Who, given: NodeIn
    ) -> NodeFileAnswer:
        """Make a node file, by which a blank box joins under that name. It is told once."""
        actor = self._door.trail.actor(request, visitor)

        def add() -> NodeFileAnswer:
            node = NewNode(given.node, cameras_in(given.cameras), given.area, given.organisation)
            (file,) = self._files.add([node], actor, given.valid)
            return NodeFileAnswer.of(file)

        return await _told_once(response, add)

    async def import_nodes(
        self, request: Request, response: Response, visitor: Who, given: NodesIn
    ) -> list[NodeFileAnswer]:
        """Make node files for all nodes of a spreadsheet; all or none."""
        actor = self._door.trail.actor(request, visitor)

        def add() -> list[NodeFileAnswer]:
            content = given.csv.encode()
            found = node_table.import_nodes(self._files, content, actor, given.valid)
            return [NodeFileAnswer.of(file) for file in found]

        return await _told_once(response, add)

    async def replace_node(
        self, request: Request, response: Response, visitor: Who, node: NodeName,
        given: ReplacementIn,
    ) -> NodeFileAnswer:  # fmt: skip
        """Make a node file for a new box under a known name; older files of it end. The box that
        has the name stays in until the new one joins, or with `now` is out at once."""
        actor = self._door.trail.actor(request, visitor)

        def replace() -> NodeFileAnswer:
            cameras = cameras_in(given.cameras or [])
            file = self._files.replace(node, actor, given.valid, cameras=cameras, is_now=given.now)
            return NodeFileAnswer.of(file)

        told = await _told_once(response, replace)
        if given.now:
            await self._gatekeeper.shut()
        return told

    async def revoke_node(self, request: Request, visitor: Who, node: NodeName) -> OutAnswer:
        """Shut a node out: its account and its node files end at once; its connection has too where
        the answer is confirmed. Its records stay."""
        actor = self._door.trail.actor(request, visitor)
        await _attempt(lambda: self._files.revoke(node, actor))
        return OutAnswer(node=node, is_confirmed=await self._gatekeeper.shut())


async def _told_once(response: Response, function: Callable[[], T]) -> T:
    response.headers["Cache-Control"] = "no-store"
    return await _attempt(function)


async def _attempt(function: Callable[[], T]) -> T:
    """Do it in a worker thread. Raises HttpError."""
    try:
        return await run_in_threadpool(function)
    except StandingError as err:
        raise HttpError(409, "standing", f"{err}; {err.hint}") from err
    except NodeFileError as err:
        status = 409 if err.word == "not_in" else 422
        raise HttpError(status, err.word, str(err)) from err
    except SchemaError as err:
        fields = [(problem.path, problem.message) for problem in err.problems]
        raise HttpError(422, "invalid", str(err), fields=fields) from err
    except SpreadsheetError as err:
        raise HttpError(
            422, "spreadsheet", str(err),
            fields=[(f"line {each.line}, {each.field}", each.message) for each in err.faults],
        ) from err  # fmt: skip
    except RegistryError as err:
        raise HttpError(422, "registry", str(err)) from err
    except ConfigError as err:
        raise HttpError(409, "settings", f"{err}; {err.hint}") from err
