"""Snapshots and clips: the files themselves."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.web import finding
from hub.web.door import Door
from hub.web.files import file_answer

TAG = "events"
EVENT_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
EventId = Annotated[str, Path(pattern=EVENT_ID, description="The event's id.")]
Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="Of the picture.")]
Part = Annotated[int, Path(ge=0, le=100_000, description="Of a long event; the first is 0.")]

BYTES = {"schema": {"type": "string", "format": "binary"}}


def _file(kind: str) -> dict[int | str, dict[str, object]]:
    content = {"content": {kind: BYTES}}
    return {
        200: {"description": "The whole file.", **content},
        206: {"description": "The ranges that were asked for.", **content},
        304: {"description": "The client has it, by `If-None-Match`."},
        416: {"description": "The ranges lie outside of the file."},
    }


class MediaApi:
    """The routes."""

    def __init__(
        self, door: Door, archive: Archive, clips: FileClipStore, pictures: FileClipStore
    ) -> None:
        self._door = door
        self._archive = archive
        self._clips = clips
        self._pictures = pictures

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            GuardedRoute(
                "/events/{event_id}/snapshots/{sha256}", self.snapshot, door=self._door,
                needs="viewer", is_use=False, tag=TAG, errors=(404,), responses=_file("image/jpeg"),
                response_class=Response,
            ),
            GuardedRoute(
                "/events/{event_id}/clips/{part}", self.clip, door=self._door, needs="viewer",
                tag=TAG, errors=(404,), responses=_file("video/mp4"), response_class=Response,
            ),
        ]  # fmt: skip

    async def snapshot(
        self, request: Request, visitor: Who, event_id: EventId, sha256: Sha256
    ) -> Response:
        """One of the event's pictures, a JPEG."""
        event = await run_in_threadpool(finding.event, self._archive, visitor.scope, event_id)
        shot = await run_in_threadpool(finding.snapshot, self._archive, event, sha256)
        await self._door.trail.note_once(
            request, visitor, "snapshot.view", f"event:{event.id}", camera=event.camera_path,
            sha256=shot.sha256,
        )  # fmt: skip
        path = self._pictures.path_of(shot.sha256)
        return await run_in_threadpool(file_answer, request, path, shot.sha256, "image/jpeg")

    async def clip(
        self,
        request: Request,
        visitor: Who,
        event_id: EventId,
        part: Part,
        download: Annotated[bool, Query(description="As a file to keep.")] = False,
    ) -> Response:
        """One of the event's clips, an MP4 with the camera's own H.264 or H.265. Answers ranges, so
        that a player can seek."""
        event = await run_in_threadpool(finding.event, self._archive, visitor.scope, event_id)
        clip = await run_in_threadpool(finding.clip, self._archive, event, part)
        trail = self._door.trail
        # Each download takes a copy out of our hands; one play comes in many ranges.
        action, note = ("clip.download", trail.note) if download else ("clip.play", trail.note_once)
        await note(
            request, visitor, action, f"event:{event.id}", camera=event.camera_path, part=str(part),
            sha256=clip.sha256,
        )  # fmt: skip
        name = clip_name(event, clip) if download else None
        path = self._clips.path_of(clip.sha256)
        return await run_in_threadpool(
            file_answer, request, path, clip.sha256, "video/mp4", download_name=name
        )


def clip_name(event: Event, clip: Clip) -> str:
    """A file name that says what it holds: node, camera, start in UTC, part."""
    part = f"-{clip.part}" if clip.part else ""
    return f"{event.node}-{event.camera}-{event.started_utc:%Y%m%dT%H%M%SZ}{part}.mp4"
