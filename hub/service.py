"""The hub as one process: the only place that wires its rooms together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import anyio.to_thread

from edge.base import memory, sdnotify
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError, StorageError
from edge.base.logs import error_chain
from edge.contract import topics
from edge.keys import PrivateKey
from hub.api.app import make_app
from hub.api.bundles import Bundles
from hub.api.camera_picture import CameraPictureApi
from hub.api.enrol import Enrol
from hub.api.enrolment import EnrolmentApi
from hub.api.live import LiveApi
from hub.api.resources import Api, CameraApis, Stores
from hub.api.streams import Streams
from hub.api.traces import Traces
from hub.api.trials import TrialsApi
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import Archive, audit_head
from hub.archive.audit import ChainError
from hub.archive.folder import Guard
from hub.archive.opening import open_to_write, refuse_damage
from hub.archive.problems import Problems
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.commands import Commander
from hub.commands.message import Asked, Said
from hub.config import HubSettings
from hub.console.site import Console
from hub.control.deeds import Deeds
from hub.control.live import LiveDesk
from hub.control.orders import CommandDesk
from hub.control.server import ControlServer
from hub.ingest import Ingest
from hub.ingest.farewell import Farewell
from hub.ingest.message import Message, Publication
from hub.live import Relay
from hub.registry import broker_files, identity, plans, users
from hub.registry.broker_access import BrokerAccess
from hub.registry.enrolment import NodeFiles
from hub.registry.sessions import Lives
from hub.rollouts import desk as rollout_desk
from hub.rollouts.desk import Heard, RolloutDesk, SignedOrder
from hub.rollouts.shelf import Shelf
from hub.traces import TraceStore
from hub.trials import Trials
from hub.web.certificate import Certificate
from hub.web.door import Door
from hub.web.gatekeeper import Gatekeeper
from hub.web.live_feed import LiveFeed
from hub.web.login import LogIn
from hub.web.node_gate import NodeGate
from hub.web.server import listen, serve
from hub.web.trail import Trail

logger = logging.getLogger(__name__)

SUBSCRIBE_WAIT_S = 10.0
SUBSCRIBE_POLL_S = 0.05
SWEEP_INTERVAL_S = 600.0
WATCH_INTERVAL_S = 5.0
ROLLOUT_INTERVAL_S = 3.0
HEAD_INTERVAL_S = 10.0
WORKER_THREADS = 12  # for requests; they take turns at the archive, and each costs memory
BEAT_S = 5.0
QUIET = timedelta(minutes=1)  # without a failing request, uploads are taken to work again
DISK, UPLOADS, AUDIT = "disk", "uploads", "audit trail"  # what may be in trouble


@dataclass(frozen=True)
class Announcers:
    """Who is told of events and clips as they are archived; called in worker threads."""

    on_ended: Callable[[Event], None]
    on_stored: Callable[[Clip, Event], None]


def run(settings: HubSettings, announcers: Announcers | None = None) -> None:
    """Run until SIGTERM or SIGINT; ends within 5 s. Raises CamwatchError when it cannot start."""
    memory.be_small()  # passwords and TLS take large blocks for moments
    archive, guard = open_to_write(settings)  # before anything is written beside it
    try:
        refuse_damage(archive)
        key = identity.load_key(settings)
        access = BrokerAccess(settings, archive)
        access.publish()
        asyncio.run(_Hub(settings, archive, guard, key, access, announcers).serve())
    finally:
        archive.close()


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel all, and wait for them; of one that ended by an error it is said which."""
    for task in tasks:
        task.cancel()
    for task, how in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(how, Exception):
            logger.error("%s ended by an error", task.get_name(), exc_info=how)


def _trace_store(settings: HubSettings) -> TraceStore:
    traces = settings.traces
    return TraceStore(
        settings.traces_path, camera_bytes=traces.max_bytes_a_camera, keep_s=traces.keep_s
    )


class _Hub:
    """The running parts."""

    def __init__(
        self,
        settings: HubSettings,
        archive: Archive,
        guard: Guard,
        key: PrivateKey,
        access: BrokerAccess,
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
            on_reply=self._replied,
        )
        self._commander = Commander(
            key,
            clock,
            publish=self._command,
            key_of=self._ingest.key_of,
            is_offline=self._ingest.is_offline,
        )
        self._rollouts = RolloutDesk(
            archive, key, clock, publish=self._publish_order, key_of=self._ingest.key_of
        )
        self._shelf = Shelf(archive.updates, settings.releases_path)
        self._relay = Relay(self._commander)
        self._control = ControlServer(
            settings.state_path,
            {
                "command": CommandDesk(self._commander, Deeds(archive.audit, clock)).handle,
                "live": LiveDesk(self._relay, Deeds(archive.audit, clock)).handle,
            },
        )
        clips = FileClipStore(settings.clips_path, suffix=".mp4")
        self._gate = gate = NodeGate(archive)
        self._gatekeeper = Gatekeeper(archive, access, gate, self._relay.end_of)
        self._uploads = Uploads(
            archive,
            clips,
            UploadStore(settings.uploads_path),
            clock,
            on_stored=self._clip_stored,
            check_disk=guard.check_media,
            gate=gate,
        )
        people = archive.people
        lives = Lives(
            timedelta(seconds=settings.http.session_idle),
            timedelta(seconds=settings.http.session_longest),
        )
        self._lives = lives
        trace_store = _trace_store(settings)
        self._traces = Traces(archive, trace_store, check_disk=guard.check_media)
        door = Door(archive, Trail(archive.audit, clock), clock, lives)
        log_in = LogIn(people, door.trail, clock, lives)
        self._enrol = Enrol(archive, key, clock, door.trail, self._gatekeeper)
        files = NodeFiles(settings, archive, key, clock)
        self._feed = LiveFeed(archive, clock)
        plan_pictures = plans.open_store(settings)
        stores = Stores(clips, self._pictures, plan_pictures)
        trials = Trials(archive, trace_store, clock)
        cameras = CameraApis(
            LiveApi(door, archive, self._relay),
            CameraPictureApi(door, archive, self._pictures, self._commander),
            TrialsApi(door, archive, trials),
        )
        self._api = Api(
            archive,
            stores,
            door,
            log_in,
            self._feed,
            lambda: self._problems.all,
            settings.zone,
            cameras,
            EnrolmentApi(door, files, self._gatekeeper),
        )
        url = settings.http.console_url
        self._console = Console(
            archive,
            plan_pictures,
            door,
            log_in,
            settings.zone,
            clock,
            url,
            trials,
            files,
            self._gatekeeper,
        )
        self._certificate = Certificate(settings.http)
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Start everything, wait for a signal, stop everything."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = WORKER_THREADS
        listener = listen(self._settings.http)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._read_certificate)
        await asyncio.to_thread(self._tidy)
        self._ingest.start()
        await self._control.start()
        farewell = Farewell(self._archive, self._ingest, self._gatekeeper.shut)
        tasks = [
            asyncio.create_task(self._sweep(), name="sweep"),
            asyncio.create_task(self._watch_disk(), name="disk"),
            asyncio.create_task(self._say_ready(), name="ready"),
            asyncio.create_task(self._beat(), name="beat"),
            asyncio.create_task(self._remember_heads(), name="audit head"),
            asyncio.create_task(self._feed.run(), name="live updates"),
            asyncio.create_task(self._gatekeeper.run(), name="gatekeeper"),
            asyncio.create_task(self._roll_out(), name="roll-outs"),
            asyncio.create_task(farewell.run(), name="farewell"),
        ]
        try:
            app = make_app(
                self._uploads,
                self._request_failed,
                traces=self._traces,
                enrol=self._enrol,
                api=self._api.routes,
                pages=self._console.routes,
                error_page=self._console.error_page,
                streams=Streams(self._archive, self._relay, self._gate),
                bundles=Bundles(self._archive, self._shelf),
            )
            await serve(app, self._settings.http, listener, self._until_stopped, self._certificate)
        finally:
            sdnotify.notify("STOPPING=1")
            logger.info("stopping")
            await self._control.stop()
            await end(tasks)
            await asyncio.to_thread(self._ingest.stop)
            await asyncio.to_thread(self._remember_head)

    def _read_certificate(self) -> None:
        try:
            if self._certificate.read_again():
                logger.info("serving with %s as it is now", self._settings.http.cert_file)
        except CamwatchError as err:
            logger.error("still serving with the certificate of before: %s", error_chain(err))

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
        self._feed.close()
        await self._relay.close()  # its requests would go on for ever

    async def _beat(self) -> None:
        """Tell systemd that we are well: this loop turns, and what nodes send is archived."""
        was_moving = True
        while True:
            await asyncio.sleep(BEAT_S)
            if is_moving := self._ingest.is_moving:
                sdnotify.alive()
            elif was_moving:
                logger.error("archiving hangs: systemd is not told that we are well")
            was_moving = is_moving

    async def _say_ready(self) -> None:
        """Ready once the broker delivers to us; after SUBSCRIBE_WAIT_S also without a broker.

        The first administrator's link is made before: whoever makes one at a hub that is ready has
        the newest, which is the one that works.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_WAIT_S):
                while not self._ingest.is_subscribed:
                    await asyncio.sleep(SUBSCRIBE_POLL_S)
        try:
            await asyncio.to_thread(self._invite_first)
        except StorageError as err:
            logger.warning("cannot make the first administrator's link: %s", error_chain(err))
        memory.keep_what_is_loaded()
        sdnotify.notify("READY=1")
        broker = "" if self._ingest.is_subscribed else ", the broker is not reached yet"
        http = self._settings.http
        logger.info("hub ready, HTTP on %s port %d%s", http.host, http.port, broker)

    def _invite_first(self) -> None:
        """While nobody can administrate, a one-time link in the log makes somebody who can."""
        people = self._archive.people
        if users.needs_first(people):
            secret = users.invite(people, None, self._clock.utc(), None)
            link = f"{self._settings.http.console_url}{users.LINK_PATH}{secret}"
            logger.info("no administrator yet; within 24 h, open this link once: %s", link)

    async def _remember_heads(self) -> None:
        while True:
            await asyncio.sleep(HEAD_INTERVAL_S)
            await asyncio.to_thread(self._remember_head)
            memory.give_back()

    def _remember_head(self) -> None:
        """Note outside of the archive how far its audit trail goes."""
        folder = self._settings.state_path
        try:
            audit_head.follow(folder, self._archive.audit)
        except ChainError as err:
            self._problems.begin(AUDIT, error_chain(err))
        except StorageError as err:
            logger.warning("cannot remember the audit trail's head: %s", error_chain(err))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                await asyncio.to_thread(self._drop_expired)
            except StorageError as err:
                logger.warning("cannot drop what expired: %s", error_chain(err))

    def _drop_expired(self) -> None:
        now_utc = self._clock.utc()
        self._archive.people.drop_expired(now_utc, idle_since=now_utc - self._lives.idle)
        self._uploads.drop_expired()

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

    async def _roll_out(self) -> None:
        """Move updates on, while the hub runs."""
        while True:
            await asyncio.to_thread(rollout_desk.safely, self._rollouts.turn)
            await asyncio.sleep(ROLLOUT_INTERVAL_S)

    def _publish_order(self, signed: SignedOrder) -> bool:
        return self._ingest.publish(
            Publication(
                signed.topic, signed.payload, qos=1, is_retained=True, signature=signed.signature
            )
        )

    def _command(self, asked: Asked) -> bool:
        return self._ingest.publish(
            Publication(
                asked.topic, asked.payload, qos=1, signature=asked.signature,
                response_topic=asked.response_topic, correlation=asked.correlation,
                expiry_s=asked.expiry_s,
            )
        )  # fmt: skip

    def _replied(self, message: Message) -> None:
        """What came on a topic of replies or updates, in the MQTT session's thread."""
        topic = topics.parse(message.topic)
        if topic is not None and topic.leaf == topics.UPDATE:
            self._rollouts.take(Heard(topic.node, message.payload, message.signature))
        elif topic is not None and len(topic.rest) <= 1:
            picture_of = topic.rest[0] if topic.rest else None
            self._commander.take(Said(topic.node, message.payload, message.signature, picture_of))

    def _request_failed(self, err: StorageError) -> None:
        self._problems.begin(UPLOADS, error_chain(err))

    def _clip_stored(self, clip: Clip, event: Event) -> None:
        self._problems.end(UPLOADS)
        self._ingest.acknowledge_clip(clip)
        if self._announcers is not None and clip.stored_utc is None:
            self._announcers.on_stored(clip, event)
