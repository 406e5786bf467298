"""Live streams come in here: POST /streams/ID, by the node that was asked for it, once.

The body goes on for as long as anybody watches (edge.contract.live); nothing of it is kept.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.contract import live
from hub.archive import Archive
from hub.live import Relay
from hub.live.relay import RefusedStreamError
from hub.web.answers import HttpError
from hub.web.node_gate import NodeGate


class Streams:
    """The route."""

    def __init__(self, archive: Archive, relay: Relay, gate: NodeGate | None = None) -> None:
        self._gate = gate or NodeGate(archive)
        self._relay = relay

    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route(f"/{live.PATH}/{{id}}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Relay the stream; answers when it is over."""
        node = (await self._gate.admit(request)).name
        if request.headers.get("content-type") != live.CONTENT_TYPE:
            raise HttpError(415, "content_type", f"must be {live.CONTENT_TYPE}")
        token = request.headers.get(live.TOKEN_HEADER, "")
        try:
            stream = self._relay.accept(node, request.path_params["id"], token)
        except RefusedStreamError as err:
            raise HttpError(404, "not_found", str(err)) from err
        await self._relay.receive(stream, request.stream())
        return JSONResponse({"ended": stream.reason}, headers={"Connection": "close"})
