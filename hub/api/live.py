"""/nodes/NODE/cameras/CAMERA/live: what a camera sees now, for as long as the answer is read.

As fragmented MP4, whose type is the answer's own and which a page gives to a SourceBuffer piece by
piece (Media Source Extensions, ISO BMFF byte stream format); or a picture a second, as multipart.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge.contract import names
from edge.contract.command import Form, Size
from hub.api.live_answer import BOUNDARY, LiveAnswer
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.values import CameraKey
from hub.commands import CommandError
from hub.live import Relay, Viewer, Wish
from hub.live.stream import LiveStream
from hub.registry import present
from hub.registry.access import Visitor
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "live"
ACTION = "live.view"
NodeName = Annotated[str, Path(pattern=f"^{names.NODE_PATTERN}$", description="The node.")]
CameraName = Annotated[str, Path(pattern=f"^{names.CAMERA_PATTERN}$", description="The camera.")]
WantedForm = Annotated[
    Literal["auto", "fmp4", "jpeg"],
    Query(description="`auto`: fragmented MP4, and pictures of a Motion JPEG camera."),
]
WantedSize = Annotated[
    Size, Query(description="Which of the camera's streams; `small` for a phone.")
]
STATUSES = {"camera": 404, "form": 409}  # of what a node says; all else may be otherwise soon
DESCRIBED: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The stream, without an end. It may end at any time; then ask again.",
        "content": {
            "video/mp4": {"schema": {"type": "string", "format": "binary"}},
            f"multipart/x-mixed-replace; boundary={BOUNDARY}": {
                "schema": {"type": "string", "format": "binary"}
            },
        },
    }
}


class LiveApi:
    """The route."""

    def __init__(self, door: Door, archive: Archive, relay: Relay) -> None:
        self._door = door
        self._archive = archive
        self._relay = relay

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        path = "/nodes/{node}/cameras/{camera}/live"
        return [
            GuardedRoute(
                path, self.watch_live, door=self._door, needs="viewer", is_use=False,
                tag=TAG, errors=(404, 409), responses=DESCRIBED, response_class=LiveAnswer,
            )
        ]  # fmt: skip

    async def watch_live(
        self,
        request: Request,
        visitor: Who,
        node: NodeName,
        camera: CameraName,
        form: WantedForm = "auto",
        stream: WantedSize = "large",
    ) -> Response:
        """Watch a camera live. The node is asked for its stream, once for all who watch; when
        the last of them leaves, it stops."""
        key = CameraKey(node, camera)
        if not await run_in_threadpool(self._is_in_sight, visitor, key):
            raise HttpError(404, "not_found", "no such camera, or it is outside of your scope")
        await self._door.trail.note_once(
            request, visitor, ACTION, f"camera:{node}/{camera}", form=form, stream=stream
        )
        wanted: Form = "jpeg" if form == "jpeg" else "fmp4"
        live, viewer = await self._watch(
            Wish(node, camera, wanted, stream), visitor.user.name, may_change=form == "auto"
        )

        async def is_let_in() -> bool:
            again = await self._door.still_in(request, "viewer")
            return again is not None and await run_in_threadpool(self._is_in_sight, again, key)

        return LiveAnswer.of(live, viewer, is_let_in)

    async def _watch(self, wish: Wish, by: str, *, may_change: bool) -> tuple[LiveStream, Viewer]:
        """Raises HttpError where there is nothing to see."""
        try:
            return await self._relay.watch(wish, by=by)
        except CommandError as err:
            if err.reason == "form" and may_change:
                pictures = Wish(wish.node, wish.camera, "jpeg", wish.size)
                return await self._watch(pictures, by, may_change=False)
            raise HttpError(STATUSES.get(err.reason, 503), err.reason, str(err)) from err

    def _is_in_sight(self, visitor: Visitor, key: CameraKey) -> bool:
        """Whether the visitor may see that camera, by where it stands now."""
        registry, now_utc = self._archive.registry(), self._door.now_utc()
        cameras = present.visible_cameras(registry, visitor.scope, now_utc)
        return any(camera.key == key for camera in cameras)
