"""The hub as one process: the only place that wires its rooms together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from edge.base import sdnotify
from edge.base.clock import SystemClock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.keys import PrivateKey
from hub.api.app import make_app
from hub.api.server import listen, serve
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import Archive
from hub.archive.folder import Guard
from hub.archive.opening import open_to_write, refuse_damage
from hub.archive.problems import Problems
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.config import HubSettings
from hub.ingest import Ingest
from hub.registry import broker_files, identity

logger = logging.getLogger(__name__)

SUBSCRIBE_WAIT_S = 10.0
SUBSCRIBE_POLL_S = 0.05
SWEEP_INTERVAL_S = 600.0
WATCH_INTERVAL_S = 5.0
QUIET = timedelta(minutes=1)  # without a failing request, uploads are taken to work again
DISK, UPLOADS = "disk", "uploads"  # what may be in trouble


@dataclass(frozen=True)
class Announcers:
    """Who is told of events and clips as they are archived; called in worker threads."""

    on_ended: Callable[[Event], None]
    on_stored: Callable[[Clip, Event], None]


def run(settings: HubSettings, announcers: Announcers | None = None) -> None:
    """Run until SIGTERM or SIGINT; ends within 5 s. Raises CamwatchError when it cannot start."""
    archive, guard = open_to_write(settings)  # before anything is written beside it
    try:
        refuse_damage(archive)
        key = identity.load_key(settings)
        if identity.write_broker_files(settings, archive):
            logger.info("wrote %s; the broker reads it on SIGHUP", settings.broker_path)
        asyncio.run(_Hub(settings, archive, guard, key, announcers).serve())
    finally:
        archive.close()


class _Hub:
    """The running parts."""

    def __init__(
        self,
        settings: HubSettings,
        archive: Archive,
        guard: Guard,
        key: PrivateKey,
        announcers: Announcers | None,
    ) -> None:
        clock = SystemClock()
        self._settings = settings
        self._announcers = announcers
        self._archive = archive
        self._guard = guard
        self._clock = clock
        self._problems = Problems(settings.state_path, clock)
        self._pictures = FileClipStore(settings.snapshots_path, suffix=".jpg")
        self._ingest = Ingest(
            settings.mqtt,
            broker_files.read_or_make_secret(settings.secret_path),
            archive=archive,
            pictures=self._pictures,
            key=key,
            clock=clock,
            problems=self._problems,
            check_disk=guard.check_media,
            on_ended=None if announcers is None else announcers.on_ended,
        )
        self._uploads = Uploads(
            archive,
            FileClipStore(settings.clips_path, suffix=".mp4"),
            UploadStore(settings.uploads_path),
            clock,
            on_stored=self._clip_stored,
            check_disk=guard.check_media,
        )
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Start everything, wait for a signal, stop everything."""
        listener = listen(self._settings.http)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await asyncio.to_thread(self._tidy)
        self._ingest.start()
        tasks = [
            asyncio.create_task(self._sweep(), name="sweep"),
            asyncio.create_task(self._watch_disk(), name="disk"),
            asyncio.create_task(self._say_ready(), name="ready"),
        ]
        try:
            app = make_app(self._uploads, self._request_failed)
            await serve(app, self._settings.http, listener, self._until_stopped)
        finally:
            sdnotify.notify("STOPPING=1")
            logger.info("stopping")
            for task in tasks:
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

    def _tidy(self) -> None:
        """What a run before left half done. A disk that fails now may work later."""
        try:
            self._uploads.finish_complete()
            clips = self._uploads.adopt_waiting()
            _, waiting = self._archive.waiting()
            found = [each for each in waiting if self._pictures.size_of(each.sha256) is not None]
            self._archive.snapshots_stored(found, self._clock.utc())
        except StorageError as err:
            self._problems.begin(UPLOADS, error_chain(err))
            return
        if clips or found:
            logger.info("took in %d clips and %d snapshots of a run before", clips, len(found))

    async def _watch_disk(self) -> None:
        """Tell of a disk that is away or low before anybody wants to write."""
        while True:
            try:
                await asyncio.to_thread(self._guard.check_media)
            except StorageError as err:
                self._problems.begin(DISK, error_chain(err))
            else:
                self._problems.end(DISK)
                self._problems.end_if_quiet(UPLOADS, QUIET)
            await asyncio.sleep(WATCH_INTERVAL_S)

    def _request_failed(self, err: StorageError) -> None:
        self._problems.begin(UPLOADS, error_chain(err))

    def _clip_stored(self, clip: Clip, event: Event) -> None:
        self._problems.end(UPLOADS)
        self._ingest.acknowledge_clip(clip)
        if self._announcers is not None and clip.stored_utc is None:
            self._announcers.on_stored(clip, event)
