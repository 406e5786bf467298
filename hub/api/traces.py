"""PUT /traces/CAMERA/NAME: a node hands over a segment of a camera's trace, in one request.

A segment is smaller than one chunk of a clip's upload, so a broken one is simply sent again.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from edge.trace.segment import MAX_SEGMENT_BYTES
from hub.api.auth import node_of
from hub.api.uploads import blocks
from hub.archive import Archive
from hub.traces import TraceRefusedError, TraceStore
from hub.web.answers import HttpError


class Traces:
    """The route, for nodes only."""

    def __init__(
        self,
        archive: Archive,
        store: TraceStore,
        *,
        check_disk: Callable[[], None] = lambda: None,
    ) -> None:
        """`check_disk` raises StorageError while the disk is away or has no room."""
        self._archive = archive
        self._store = store
        self._check_disk = check_disk

    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route("/traces/{camera}/{name}", self.put, methods=["PUT"])]

    async def put(self, request: Request) -> Response:
        """Keep a segment: 201, or 200 where it was there."""
        node = await node_of(request, self._archive)
        await run_in_threadpool(self._check_disk)
        body = await _body(request)
        camera, name = request.path_params["camera"], request.path_params["name"]
        try:
            is_new = await run_in_threadpool(self._store.put, node, camera, name, body)
        except TraceRefusedError as err:
            raise HttpError(422, "no_trace", str(err)) from err
        return Response(status_code=201 if is_new else 200)


async def _body(request: Request) -> bytes:
    """The whole body. Raises HttpError for one that is too large, too slow or cut short."""
    body = bytearray()
    try:
        async for block in blocks(request):
            body += block
            if len(body) > MAX_SEGMENT_BYTES:
                raise HttpError(413, "too_large", f"at most {MAX_SEGMENT_BYTES} bytes are taken")
    except TimeoutError as err:
        raise HttpError(408, "slow", "the body trickles") from err
    except ClientDisconnect as err:
        raise HttpError(400, "disconnected", "the client went away") from err
    return bytes(body)
