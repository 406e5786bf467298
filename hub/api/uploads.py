"""Clips come up as tus 1.0.0 uploads: POST /uploads, then HEAD and PATCH /uploads/ID.

Only a clip that an archived, signed record of the same node announced is taken, with the same
hash and size. Names come from here, never from the client. A clip counts as stored when the clip
store has it under its hash and the archive's row is committed; then the next ack names it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.base import crashpoint
from edge.base.clock import Clock
from edge.contract import names
from hub.api import tus
from hub.api.upload_store import Appending, Upload, UploadStore
from hub.archive import Archive
from hub.archive.values import Clip, Event
from hub.clipstore import ClipStore, HashMismatchError
from hub.web.answers import HttpError
from hub.web.node_gate import Caller, NodeGate, stranger

logger = logging.getLogger(__name__)

STALL_S = 8.0  # a body must bring MIN_BYTES in each such period, or its request ends
MIN_BYTES = 4096
WRITE_BYTES = 256 * 1024  # gathered before a worker thread writes them

OnStored = Callable[[Clip, Event], None]


class Uploads:
    """The routes. `on_stored` is told of each stored clip, also of one that was stored before."""

    def __init__(
        self,
        archive: Archive,
        clips: ClipStore,
        store: UploadStore,
        clock: Clock,
        *,
        on_stored: OnStored,
        check_disk: Callable[[], None] = lambda: None,
        gate: NodeGate | None = None,
    ) -> None:
        """`check_disk` raises StorageError while the disk is away or has no room for clips."""
        self._archive = archive
        self._gate = gate or NodeGate(archive)
        self._clips = clips
        self._store = store
        self._clock = clock
        self._on_stored = on_stored
        self._check_disk = check_disk
        self._busy: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a request is writing to an upload now."""
        return bool(self._busy)

    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            Route("/uploads", self.options, methods=["OPTIONS"]),
            Route("/uploads", self.create, methods=["POST"]),
            Route("/uploads/{id}", self.offset, methods=["HEAD"]),
            Route("/uploads/{id}", self.append, methods=["PATCH"]),
            Route("/uploads/{id}", self.terminate, methods=["DELETE"]),
        ]

    async def options(self, _request: Request) -> Response:
        """What this server can do."""
        return Response(status_code=204, headers=tus.base_headers() | tus.option_headers())

    async def create(self, request: Request) -> Response:
        """Begin, or find again, the upload of an announced clip."""
        node = (await self._client(request)).name
        headers = request.headers
        try:
            claim = tus.claim(headers.get("upload-length"), headers.get("upload-metadata"))
        except ValueError as err:
            raise _error(400, "bad_request", str(err)) from err
        if claim.size_bytes > names.MAX_CLIP_BYTES:
            raise _error(413, "too_large", f"a clip has at most {names.MAX_CLIP_BYTES} bytes")
        clip = await run_in_threadpool(self._announced, node, claim)
        if clip.stored_utc is not None or await run_in_threadpool(self._is_kept, clip):
            await run_in_threadpool(self._note_stored, clip)
            return JSONResponse({"stored": True}, 200, headers=tus.base_headers())
        upload = await run_in_threadpool(self._begin, clip)
        location = {"Location": f"/uploads/{upload.id}"}
        return Response(status_code=201, headers=self._headers(upload) | location)

    async def offset(self, request: Request) -> Response:
        """How far the upload has come, durably."""
        upload, _ = await self._upload(request)
        length = {"Upload-Length": str(upload.size_bytes)}
        return Response(status_code=200, headers=self._headers(upload) | length)

    async def append(self, request: Request) -> Response:
        """Take more bytes; after the last one, verify and store the clip."""
        upload, caller = await self._upload(request)
        if request.headers.get("content-type") != tus.CONTENT_TYPE:
            raise _error(415, "content_type", f"must be {tus.CONTENT_TYPE}")
        try:
            checksum = tus.checksum(request.headers.get("upload-checksum"))
        except ValueError as err:
            raise _error(400, "bad_request", str(err)) from err
        await run_in_threadpool(self._check_disk)
        if upload.id in self._busy:
            raise _error(423, "locked", "another request is writing to this upload")
        self._busy.add(upload.id)
        try:
            await self._append(request, upload, checksum, lambda: self._gate.is_out(caller))
            headers = self._headers(upload)
            if headers["Upload-Offset"] == str(upload.size_bytes):
                await run_in_threadpool(self._finish, upload)
        finally:
            self._busy.discard(upload.id)
        return Response(status_code=204, headers=headers)

    async def terminate(self, request: Request) -> Response:
        """Give the upload up."""
        upload, _ = await self._upload(request)
        if upload.id in self._busy:
            raise _error(423, "locked", "another request is writing to this upload")
        await run_in_threadpool(self._store.drop, upload)
        return Response(status_code=204, headers=tus.base_headers())

    def finish_complete(self) -> None:
        """Store what a previous run received whole; drop what nobody continues. Blocks."""
        for upload in self._store.complete():
            try:
                self._finish(upload)
            except HttpError as err:
                logger.warning("upload %s of %s: %s", upload.id, upload.node, err)
        self.drop_expired()

    def adopt_waiting(self) -> int:
        """Note clips that the store holds and the archive does not know of, since the hub died
        between the two; how many. Blocks; raises StorageError."""
        clips, _ = self._archive.waiting()
        found = [clip for clip in clips if self._is_kept(clip)]
        for clip in found:
            self._note_stored(clip)
        return len(found)

    def drop_expired(self) -> None:
        """Give up uploads that nobody continued. Blocks; raises StorageError."""
        for upload in self._store.expired():
            if upload.id not in self._busy:
                logger.info("upload %s of %s expired", upload.id, upload.node)
                self._store.drop(upload)

    async def _append(
        self, request: Request, upload: Upload, checksum: bytes | None, is_out: Callable[[], bool]
    ) -> None:
        start = self._store.offset(upload)
        if tus.number(request.headers.get("upload-offset")) != start:
            raise _error(409, "offset", f"the upload is at offset {start}")
        limit = upload.size_bytes - start
        length = tus.number(request.headers.get("content-length"))
        if length is not None and length > limit:
            raise _error(413, "too_large", f"only {limit} bytes are missing")
        if limit > 0:
            appending = await run_in_threadpool(self._store.open, upload)
            await _receive(request, appending, limit, checksum, is_out)

    def _finish(self, upload: Upload) -> None:
        try:
            self._clips.adopt(self._store.data_path(upload), upload.sha256)
            crashpoint.at("upload.adopted")
        except HashMismatchError as err:
            self._store.drop(upload)
            logger.warning("clip %s.%s of %s: %s", upload.event, upload.part, upload.node, err)
            raise _error(
                tus.CHECKSUM_MISMATCH, "hash", "the clip is not the announced one; upload dropped"
            ) from err
        clip = self._archive.announced_clip(upload.node, upload.event, upload.part, upload.sha256)
        if clip is not None:
            self._note_stored(clip)
        self._store.drop(upload)

    def _note_stored(self, clip: Clip) -> None:
        event = self._archive.clip_stored(clip, self._clock.utc())
        crashpoint.at("upload.stored")
        self._on_stored(clip, event)

    def _is_kept(self, clip: Clip) -> bool:
        """Whether an earlier run adopted the clip and died before its row was written."""
        return self._clips.size_of(clip.sha256) == clip.size_bytes

    def _begin(self, clip: Clip) -> Upload:
        self._check_disk()
        return self._store.begin(clip)

    def _announced(self, node: str, claim: tus.Claim) -> Clip:
        clip = self._archive.announced_clip(node, claim.event, claim.part, claim.sha256)
        if clip is None:
            raise _error(
                409,
                "not_announced",
                "no archived record of this node announces that clip; send the record first",
            )
        if clip.size_bytes != claim.size_bytes:
            raise _error(409, "size", f"the record announces {clip.size_bytes} bytes")
        return clip

    async def _client(self, request: Request) -> Caller:
        if request.headers.get("tus-resumable") != tus.VERSION:
            raise HttpError(
                412,
                "version",
                f"Tus-Resumable must be {tus.VERSION}",
                headers=tus.base_headers() | {"Tus-Version": tus.VERSION},
            )
        return await self._gate.admit(request)

    async def _upload(self, request: Request) -> tuple[Upload, Caller]:
        caller = await self._client(request)
        upload = self._store.find(request.path_params["id"], caller.name)
        if upload is None:
            raise _error(404, "not_found", "no such upload; begin again with POST /uploads")
        return upload, caller

    def _headers(self, upload: Upload) -> dict[str, str]:
        return tus.base_headers() | {
            "Upload-Offset": str(self._store.offset(upload)),
            "Upload-Expires": tus.expires(self._store.expires_utc_s(upload)),
        }


async def _receive(
    request: Request, appending: Appending, limit: int, checksum: bytes | None,
    is_out: Callable[[], bool],
) -> None:  # fmt: skip
    """Write the body; whatever ends it early, what came counts, unless a checksum covers it."""
    digest = hashlib.sha256()
    failure: HttpError | None = None
    taken = 0
    try:
        async for block in blocks(request, is_out):
            taken += len(block)
            if taken > limit:
                failure = _error(413, "too_large", f"only {limit} bytes are missing")
                break
            digest.update(block)
            await run_in_threadpool(appending.write, block)
    except NodeOutError:
        await run_in_threadpool(appending.undo)
        raise stranger() from None
    except TimeoutError:
        failure = _error(408, "slow", f"less than {MIN_BYTES} bytes in {STALL_S:g} s")
    except ClientDisconnect:
        failure = _error(400, "disconnected", "the client went away")
    if checksum is not None and digest.digest() != checksum:
        await run_in_threadpool(appending.undo)
        raise failure or _error(tus.CHECKSUM_MISMATCH, "checksum", "the bytes do not match")
    await run_in_threadpool(appending.commit)
    if failure is not None:
        raise failure


class NodeOutError(Exception):
    """The node's account ended while it sent."""


async def blocks(
    request: Request, is_out: Callable[[], bool] = lambda: False
) -> AsyncIterator[bytes]:
    """The body in blocks of about WRITE_BYTES. Raises TimeoutError when it trickles, NodeOutError
    once `is_out`."""
    loop = asyncio.get_running_loop()
    stream = request.stream()
    block = bytearray()
    recent, until = 0, loop.time() + STALL_S
    try:
        while True:
            async with asyncio.timeout_at(until):
                piece = await anext(stream, None)
            if is_out():
                raise NodeOutError
            if piece is None:
                break
            block += piece
            recent += len(piece)
            if recent >= MIN_BYTES:
                recent, until = 0, loop.time() + STALL_S
            if len(block) >= WRITE_BYTES:
                yield bytes(block)
                block.clear()
    except (TimeoutError, ClientDisconnect):
        if block:
            yield bytes(block)
        raise
    if block:
        yield bytes(block)


def _error(status: int, word: str, message: str) -> HttpError:
    return HttpError(status, word, message, headers=tus.base_headers())
