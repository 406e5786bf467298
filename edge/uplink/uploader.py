"""Uploads waiting clips, by priority and oldest first, each resumed where it was interrupted.

A clip goes up once the hub has the record that announces it, and is freed by the hub's
acknowledgement only, never by an HTTP status.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.base import crashpoint
from edge.base.backoff import Backoff
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import ack as acks
from edge.outbox.outbox import Outbox, WaitingFile
from edge.uplink.tus import TusClient, UploadError

log = logging.getLogger(__name__)

CHUNK_BYTES = 512 * 1024
IDLE_S = 0.5
ASK_AGAIN_S = 15.0  # a complete clip that is still not acknowledged is offered again
LOOK_AHEAD = 50
REFUSALS = frozenset({400, 404, 408, 409, 413, 423, 460})  # docs/design/clip-transport.md


class Uploader:
    """The thread named uploader."""

    def __init__(self, client: TusClient, outbox: Outbox, *, clock: Clock, spool_dir: Path) -> None:
        self._client = client
        self._outbox = outbox
        self._clock = clock
        self._spool_dir = spool_dir
        self._stop = threading.Event()
        self._offered_ns: dict[str, int] = {}
        self.problem = ""
        self.on_turn: Callable[[], None] = lambda: None  # called while `run` gets on
        self.has_to_wait: Callable[[], bool] = lambda: False  # for what weighs more than clips
        self.when_idle: Callable[[], bool] = lambda: False  # sends what weighs less than clips

    def run(self) -> None:
        """Upload until `stop`, backing off while the hub does not take anything."""
        backoff = Backoff(1.0, 60.0)
        while not self._stop.is_set():
            wait_s = IDLE_S
            self.on_turn()
            try:
                if self.run_once() or (not self.has_to_wait() and self.when_idle()):
                    wait_s = 0.0
                    backoff.reset()
                else:
                    self._client.close()  # the hub ends connections that bring nothing
            except (UploadError, StorageError) as err:
                wait_s = backoff.next_s()
                if self.problem != str(err):
                    log.warning("upload: %s; next attempt in %.1f s", error_chain(err), wait_s)
                self.problem = str(err)
                self._client.close()
            self._stop.wait(wait_s)
        self._client.close()

    def run_once(self) -> bool:
        """Bring one clip up; false when none is due. Raises UploadError, StorageError."""
        if self.has_to_wait():
            return False
        now_ns = self._clock.mono_ns()
        waiting = self._outbox.waiting_clips(LOOK_AHEAD)
        self._offered_ns = {file.name: self._offered_ns.get(file.name, 0) for file in waiting}
        for file in waiting:
            offered_ns = self._offered_ns[file.name]
            if not offered_ns or now_ns - offered_ns > ASK_AGAIN_S * 1e9:
                self._offer(file)
                self._offered_ns[file.name] = self._clock.mono_ns()
                return True
        return False

    def stop(self) -> None:
        """End `run` after the chunk under way."""
        self._stop.set()

    def _offer(self, file: WaitingFile) -> None:
        """Upload; a clip that the hub refuses for itself does not hold up the next one."""
        try:
            self._upload(file)
        except UploadError as err:
            if err.status not in REFUSALS:
                raise
            self.problem = f"the hub refuses {file.name}: {err}"
            log.warning("%s; offered again in %.0f s", self.problem, ASK_AGAIN_S)
        else:
            self.problem = ""

    def _upload(self, file: WaitingFile) -> None:
        path = self._spool_dir / file.name
        if not path.exists():
            log.error("clip %s is gone from the spool", file.name)
            self._outbox.drop(file.name, cause="missing")
            return
        url, offset = self._where(file)
        if url is None:
            return
        with path.open("rb") as clip:
            clip.seek(offset)
            while offset < file.size_bytes and not self._stop.is_set():
                chunk = clip.read(CHUNK_BYTES)
                if not chunk:
                    raise UploadError(f"{file.name} is shorter than its record says")
                offset = self._client.append(url, offset, chunk)
                self.on_turn()
                crashpoint.at("uplink.chunk")
                clip.seek(offset)

    def _where(self, file: WaitingFile) -> tuple[str | None, int]:
        """Where to go on: the upload's URL and offset; no URL when the hub has it all."""
        if file.upload is not None:
            offset = self._client.offset(file.upload)
            if offset is not None:
                return file.upload, offset
        clip_id = acks.clip_id(file.event, file.part or 0)
        begun = self._client.create(clip_id=clip_id, sha256=file.sha256, size_bytes=file.size_bytes)
        url, offset = begun if begun is not None else (None, 0)
        crashpoint.at("uplink.begun")
        self._outbox.set_upload(file.name, url)
        return url, offset
