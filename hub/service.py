"""The hub as one process: the only place that wires its rooms together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.base import sdnotify
from edge.base.clock import SystemClock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.keys import PrivateKey
from hub.api.app import make_app
from hub.api.server import listen, serve
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import Archive, SqliteArchive
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.config import HubSettings
from hub.ingest import Ingest
from hub.registry import broker_files, identity

logger = logging.getLogger(__name__)

SUBSCRIBE_WAIT_S = 10.0
SUBSCRIBE_POLL_S = 0.05
SWEEP_INTERVAL_S = 600.0


@dataclass(frozen=True)
class Announcers:
    """Who is told of events and clips as they are archived; called in worker threads."""

    on_ended: Callable[[Event], None]
    on_stored: Callable[[Clip, Event], None]


def run(settings: HubSettings, announcers: Announcers | None = None) -> None:
    """Run until SIGTERM or SIGINT; ends within 5 s. Raises CamwatchError when it cannot start."""
    key = identity.load_key(settings)
    archive = SqliteArchive(settings.archive_path)
    try:
        if identity.write_broker_files(settings, archive):
            logger.info("wrote %s; the broker reads it on SIGHUP", settings.broker_path)
        asyncio.run(_Hub(settings, archive, key, announcers).serve())
    finally:
        archive.close()


class _Hub:
    """The running parts."""

    def __init__(
        self,
        settings: HubSettings,
        archive: Archive,
        key: PrivateKey,
        announcers: Announcers | None,
    ) -> None:
        clock = SystemClock()
        self._settings = settings
        self._announcers = announcers
        self._ingest = Ingest(
            settings.mqtt,
            broker_files.read_or_make_secret(settings.secret_path),
            archive=archive,
            pictures=_snapshot_store(settings.snapshots_path),
            key=key,
            clock=clock,
            on_ended=None if announcers is None else announcers.on_ended,
        )
        self._uploads = Uploads(
            archive,
            FileClipStore(settings.clips_path, suffix=".mp4"),
            UploadStore(settings.uploads_path),
            clock,
            on_stored=self._clip_stored,
        )
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Start everything, wait for a signal, stop everything."""
        listener = listen(self._settings.http)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await asyncio.to_thread(self._uploads.finish_complete)
        self._ingest.start()
        sweeper = asyncio.create_task(self._sweep(), name="sweep")
        greeter = asyncio.create_task(self._say_ready(), name="ready")
        try:
            app = make_app(self._uploads)
            await serve(app, self._settings.http, listener, self._until_stopped)
        finally:
            sdnotify.notify("STOPPING=1")
            logger.info("stopping")
            for task in (sweeper, greeter):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(self._ingest.stop)

    async def _until_stopped(self) -> None:
        await self._stopping.wait()

    async def _say_ready(self) -> None:
        """Ready once the broker delivers to us; after SUBSCRIBE_WAIT_S also without a broker."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_WAIT_S):
                while not self._ingest.is_subscribed:
                    await asyncio.sleep(SUBSCRIBE_POLL_S)
        sdnotify.notify("READY=1")
        broker = "" if self._ingest.is_subscribed else ", the broker is not reached yet"
        http = self._settings.http
        logger.info("hub ready, HTTP on %s port %d%s", http.host, http.port, broker)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                await asyncio.to_thread(self._uploads.drop_expired)
            except StorageError as err:
                logger.warning("cannot drop expired uploads: %s", error_chain(err))

    def _clip_stored(self, clip: Clip, event: Event) -> None:
        self._ingest.acknowledge_clip(clip)
        if self._announcers is not None and clip.stored_utc is None:
            self._announcers.on_stored(clip, event)


def _snapshot_store(path: Path) -> FileClipStore:
    return FileClipStore(path, suffix=".jpg")
