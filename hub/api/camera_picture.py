"""/nodes/NODE/cameras/CAMERA/picture: what a camera sees now, as one picture, or saw last."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge.base.clock import utc_text
from edge.contract import command as commands
from hub.api.nodes import CameraName, NodeName
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, Snapshot
from hub.clipstore import FileClipStore
from hub.commands import Commander, CommandError, Order
from hub.web import cameras
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "live"
ACTION, STORED_ACTION = "camera.picture", "snapshot.view"
TAKEN_HEADER = "x-camwatch-taken"
STATUSES = {"camera": 404}  # of what a node says; all else may be otherwise soon
DESCRIBED: dict[int | str, dict[str, object]] = {
    200: {
        "description": f"The picture; `{TAKEN_HEADER}` says when it was taken.",
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class CameraPictureApi:
    """The route."""

    def __init__(
        self, door: Door, archive: Archive, pictures: FileClipStore, commander: Commander
    ) -> None:
        self._door = door
        self._archive = archive
        self._pictures = pictures
        self._commander = commander

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            GuardedRoute(
                "/nodes/{node}/cameras/{camera}/picture", self.camera_picture, door=self._door,
                needs="viewer", tag=TAG, errors=(404,), responses=DESCRIBED,
                response_class=Response,
            )
        ]  # fmt: skip

    async def camera_picture(
        self,
        request: Request,
        visitor: Who,
        node: NodeName,
        camera: CameraName,
        stored: Annotated[
            bool, Query(description="The last one of an event, without asking the node.")
        ] = False,
    ) -> Response:
        """One JPEG: of now, for which the camera's node is asked; or the last one that was stored
        with an event, which is there also while the node is not."""
        key = CameraKey(node, camera)
        now_utc = self._door.now_utc()
        await run_in_threadpool(cameras.find, self._archive, visitor.scope, key, now_utc)
        action = STORED_ACTION if stored else ACTION
        await self._door.trail.note_once(request, visitor, action, f"camera:{node}/{camera}")
        if stored:
            return await run_in_threadpool(self._stored, visitor.scope, key)
        try:
            order = Order(node, commands.SNAPSHOT_NOW, camera)
            answer = await self._commander.ask(order, by=visitor.user.name)
        except CommandError as err:
            raise HttpError(STATUSES.get(err.reason, 503), err.reason, str(err)) from err
        return _jpeg(answer.picture or b"", self._door.now_utc())

    def _stored(self, scope: Scope, key: CameraKey) -> Response:
        for shot in self._archive.pictures(scope, key):
            return _jpeg(_read(self._pictures, shot), shot.taken_utc)
        raise HttpError(404, "not_here", "no picture of this camera is stored that you may see")


def _read(pictures: FileClipStore, shot: Snapshot) -> bytes:
    try:
        return Path(pictures.path_of(shot.sha256)).read_bytes()
    except FileNotFoundError as err:
        raise HttpError(404, "not_here", "the picture is not here any more") from err


def _jpeg(content: bytes, taken_utc: datetime) -> Response:
    headers = {TAKEN_HEADER: utc_text(taken_utc), "cache-control": "private, no-store"}
    return Response(content, media_type="image/jpeg", headers=headers)
