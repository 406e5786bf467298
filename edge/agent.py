"""The only place that wires a node: settings in, threads up, SIGTERM, threads down.

Order of starting: state folder and lock, keys, journal, recovery of what a crash left open, the
uplink, the cameras. Stopping is the reverse: cameras first, so that their last records are in the
journal; then the uplink, which gets a moment to hand them over and says offline.

Two threads look after the others. The accountant writes coverage, clock steps and health, and
starts anew what hangs; it may block on the disk. The main thread only tells systemd that all get
on, the accountant included, so that a disk that hangs is noticed too.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge import __version__, keys
from edge.base import durable, lock, memory, sdnotify
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError, StorageError
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera import recovery, tracing
from edge.camera.camera import MAX_HUNG_RECORDERS, Camera
from edge.camera.fleet import Fleet
from edge.camera.turns import DecodePool, least_turn_s, places
from edge.classify.classifier import Classifier
from edge.config import overlay
from edge.config.camera import CameraSettings
from edge.config.node import NodeSettings
from edge.config.secrets import read_hub_key, read_secret
from edge.contract import health, names, status, topics
from edge.contract.record import NodeBooted
from edge.health.clocksync import ClockTrust
from edge.health.clockwatch import ClockWatch
from edge.health.reporter import Reporter
from edge.health.watchdog import Guard, Watchdog
from edge.live.orders import Orders
from edge.live.streams import LiveStreams
from edge.mux.spool import Spool, SpoolFile
from edge.outbox.outbox import Limits, Outbox
from edge.settings.keeper import Keeper, in_effect, local_time
from edge.settings.store import Store
from edge.update import layout as layouts
from edge.update.download import Downloads
from edge.update.fetcher import Fetcher
from edge.update.part import Updates
from edge.update.pulse import CameraPulse, Pulse
from edge.uplink.commander import Commander
from edge.uplink.livepost import LivePost
from edge.uplink.publisher import Publisher
from edge.uplink.session import Address, Inbound, Session
from edge.uplink.spare import SpareUploads
from edge.uplink.tus import TusClient
from edge.uplink.uplink import Uplink
from edge.uplink.uploader import Uploader

log = logging.getLogger(__name__)

TICK_S = 1.0
FIRST_TRIM_S, TRIM_S = 10.0, 300.0  # how often code that ran once is let go of, at first and later
STOP_LIMIT_S = 4.0  # systemd and people expect an end within 5 s of SIGTERM
CLOSE_LIMIT_S = 2.5  # of that, for the last clips; the rest is for accounts and the goodbye
FLUSH_LIMIT_S = 3.5  # of that, until the hub has the last records, where it listens
FLUSH_POLL_S = 0.02
MIN_WAIT_S = 0.05
ACCOUNTANT_LIMIT_S = 90.0  # for one turn; an SD card may take many seconds for one fsync


def run(settings: NodeSettings) -> int:
    """Watch until SIGTERM or SIGINT; the process's exit status. Raises CamwatchError."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    state_dir = Path(settings.state_dir)
    durable.make_dirs(state_dir)
    with lock.only_one(state_dir):
        store = Store(state_dir, SystemClock())
        store.begin_run()
        agent = Agent(settings, state_dir, store, end=stop.set)
        agent.start()
        try:
            agent.serve(stop)
        finally:
            agent.stop()
        store.end_run()
    return 0


class Agent:
    """Everything that runs in one node's process."""

    def __init__(
        self, settings: NodeSettings, state_dir: Path, store: Store, *, end: Callable[[], None]
    ) -> None:
        """Open the journal and make all rooms. `store` has what the hub sets over `settings`;
        `end` is called where the hub asks for a restart. Raises CamwatchError."""
        self._settings = settings
        self._state_dir = state_dir
        self._clock = SystemClock()
        self._trust = trust = ClockTrust(self._clock)
        spool = Spool(
            state_dir / "spool", quota_bytes=settings.spool.max_bytes, on_lost=self._file_dropped
        )
        self._spool = spool
        self._traces = tracing.open_folder(settings.traces, state_dir)
        key = keys.load_or_make(state_dir / "node.key")
        self._key = key
        self._secret = read_secret(Path(settings.hub.secret_file), field="hub.secret_file")
        self._hub_key = read_hub_key(Path(settings.hub.public_key_file))
        self._outbox = Outbox(
            state_dir / "journal.db",
            node=settings.node,
            key=key,
            clock=self._clock,
            stamp=trust.stamp,
            free=lambda name: spool.acknowledge(spool.folder / name),
            give_way=self._give_way,
            limits=Limits(settings.journal.max_bytes, settings.journal.ballast_bytes),
        )
        self._retained: dict[str, tuple[bytes, bytes | None]] = {}
        self._recovery_problem = ""
        self._pool = DecodePool(places(), self._clock, turn_s=least_turn_s())
        self._watchdog = Watchdog(self._clock)
        self._classifier = (
            Classifier(settings.classify, self._clock) if settings.classify.model else None
        )
        now, _ = in_effect(settings, store, self._clock)
        local = local_time(now, self._clock, trust.state())
        self._fleet = Fleet(
            [overlay.at(each, local) for each in now.cameras], self._make_camera, self._watchdog,
            self._clock,
        )  # fmt: skip
        self._live = LiveStreams(self._clock, self._make_live_post)
        self._orders = Orders(
            settings.node, key=key, clock=self._clock, cameras=lambda: self._fleet.by_name,
            streams=self._live, end=end,
        )  # fmt: skip
        self._updates = self._make_updates(state_dir)
        self._uplink = self._make_uplink()
        self._outbox.on_new_epoch = self._say_online
        self._reporter = Reporter(
            clock=self._clock,
            stamp=trust.stamp,
            outbox=self._outbox,
            state_dir=state_dir,
            cameras=lambda: [camera.health() for camera in self._fleet.cameras],
            problems=self._problems,
            labels=self._labels,
        )
        self._clock_watch = ClockWatch(self._clock, trust.state)
        self._keeper = Keeper(
            settings,
            store,
            clock=self._clock,
            clock_state=trust.state,
            hub_key=self._hub_key,
            cameras=self._fleet,
            link=self,
            append=self._outbox.append,
            set_log_level=lambda level: logging.getLogger().setLevel(level.upper()),
        )
        self._keeper_thread = threading.Thread(
            target=self._keeper.run, name="settings", daemon=True
        )
        self._mark = Mark(self._clock, ACCOUNTANT_LIMIT_S)
        self._closing = threading.Event()
        self._accountant = threading.Thread(target=self._account, name="accountant", daemon=True)

    def start(self) -> None:
        """Recover, say that we are here, start every thread. Raises CamwatchError."""
        self._outbox.mend()
        self._recover()
        cameras = tuple(each.name for each in self._settings.cameras)
        self._outbox.append(NodeBooted(__version__, cameras, self._outbox.was_clean))
        self._say_online()
        if self._classifier is not None:
            self._classifier.start()
        self._fleet.start()
        self._uplink.start()
        self._watchdog.add(
            Guard(
                "uplink", lambda: self._uplink.marks, lambda: self._uplink.is_alive(),
                self._restart_uplink,
            )
        )  # fmt: skip
        self._mark.touch()
        self._accountant.start()
        self._updates.start()
        self._keeper_thread.start()

    def _recover(self) -> None:
        """End what a crash cut short; on a disk that fails, only the next start can."""
        try:
            recovery.recover(self._outbox, self._spool, self._clock)
        except StorageError as err:
            self._recovery_problem = f"what a crash cut short is not recovered yet: {err}"
            log.error("%s", self._recovery_problem)

    def serve(self, stop: threading.Event) -> None:
        """Feed systemd's watchdog until `stop` is set, for as long as everything gets on."""
        memory.keep_what_is_loaded()
        sdnotify.notify("READY=1")
        log.info("node %s watches %d cameras", self._settings.node, len(self._fleet.cameras))
        was_moving = True
        while not stop.wait(TICK_S):
            is_moving = self._is_moving()
            if is_moving:
                sdnotify.alive()
            elif was_moving:
                log.error("something hangs: systemd is not told that we are well")
            was_moving = is_moving

    def stop(self) -> None:
        """End all threads: cameras, then uplink; bounded by STOP_LIMIT_S."""
        sdnotify.notify("STOPPING=1")
        start_ns = self._clock.mono_ns()

        def left_s(limit_s: float) -> float:
            return max(MIN_WAIT_S, limit_s - (self._clock.mono_ns() - start_ns) / 1e9)

        self._updates.stop()
        self._keeper.stop()
        self._live.stop()
        self._fleet.close()
        for camera in self._fleet.cameras:
            camera.stop()
        late = [
            camera.name
            for camera in self._fleet.cameras
            if not camera.close_events(left_s(CLOSE_LIMIT_S))
        ]
        if self._classifier is not None:
            self._classifier.stop()
        self._closing.set()
        self._accountant.join(left_s(CLOSE_LIMIT_S + 0.5))
        late += ["accountant"] if self._accountant.is_alive() else []
        for camera in self._fleet.cameras:
            camera.join(left_s(0))
        while self._has_unsaid() and left_s(FLUSH_LIMIT_S) > MIN_WAIT_S:
            time.sleep(FLUSH_POLL_S)
        self._uplink.stop()
        late += self._uplink.join(left_s(STOP_LIMIT_S), self._clock)
        if late:
            log.error("did not stop in time: %s", ", ".join(late))
        else:
            self._outbox.close()
        log.info("stopped")

    def _has_unsaid(self) -> bool:
        """Whether the hub could still be told of records."""
        outbox = self._outbox
        return self._uplink.session.is_online and outbox.acked_seq < outbox.last_seq

    def _account(self) -> None:
        """Once a second until the end: look after what hangs, write what is due."""
        next_report_ns = next_trim_ns = self._clock.mono_ns()
        trim_s = FIRST_TRIM_S
        while not self._closing.wait(TICK_S):
            self._mark.touch()
            if self._clock.mono_ns() >= next_trim_ns:
                next_trim_ns = self._clock.mono_ns() + int(trim_s * 1e9)
                trim_s = min(2 * trim_s, TRIM_S)
                memory.let_go_of_code()
            self._mend()
            for guard in self._watchdog.due():
                log.error("%s hangs or has died: starting it anew", guard.name)
                guard.restart()
            self._tell_clock()
            self._updates.beat(self._pulse)
            for camera in self._fleet.cameras:
                camera.tick()
            if self._clock.mono_ns() >= next_report_ns and self._uplink.session.is_online:
                next_report_ns = self._clock.mono_ns() + int(health.INTERVAL_S * 1e9)
                self._report()
        for camera in self._fleet.cameras:
            camera.tick()

    def _mend(self) -> None:
        try:
            self._outbox.mend()
        except StorageError as err:
            log.warning("the spool cannot be tidied: %s", error_chain(err))

    def _tell_clock(self) -> None:
        if (stepped := self._clock_watch.check()) is None:
            return
        try:
            self._outbox.append(stepped)
        except CamwatchError as err:
            log.error("a step of the clock is not recorded yet: %s", error_chain(err))
        else:
            log.warning("the clock was set: it went %+.3f s", stepped.step_ms / 1000)
            self._clock_watch.told(stepped)

    def _file_dropped(self, file: SpoolFile) -> None:
        """The spool's quota takes a file that the hub does not have: say so before it goes."""
        log.error("the spool is full: %s is dropped before the hub had it", file.path.name)
        self._outbox.drop(file.path.name, cause="quota")

    def _give_way(self, need_bytes: int) -> None:
        """The journal needs room: traces go first, then clips."""
        if self._traces is not None:
            need_bytes -= self._traces.give_way(need_bytes)
        if need_bytes > 0:
            self._spool.make_room(self._spool.quota_bytes - self._spool.usage_bytes + need_bytes)

    def _is_moving(self) -> bool:
        """Whether every thread gets on, the accountant and with it the journal included."""
        if self._mark.is_late() or not self._accountant.is_alive():
            return False
        hung = sum(camera.hung_recorders() for camera in self._fleet.cameras)
        return self._watchdog.is_moving() and hung < MAX_HUNG_RECORDERS

    def _restart_uplink(self) -> None:
        """Leave an uplink that hangs to itself. The broker lets the newer session win."""
        self._uplink.stop()
        self._uplink = self._make_uplink()
        for topic, (payload, signature) in list(self._retained.items()):
            self._uplink.session.set_retained(topic, payload, signature)
        self._uplink.start()

    def _report(self) -> None:
        try:
            report = health.encode(self._reporter.report())
        except (CamwatchError, OSError) as err:
            log.warning("no health report: %s", error_chain(err))
        else:
            self._uplink.session.publish(topics.health(self._settings.node), report, qos=0)

    def _labels(self) -> health.LabelHealth | None:
        return None if self._classifier is None else self._classifier.health()

    def _problems(self) -> list[str]:
        parts = [self._outbox.problem, self._recovery_problem]
        parts += [*self._watchdog.problems, *self._uplink.problems]
        parts += [camera.problem for camera in self._fleet.cameras]
        parts += [self._classifier.problem] if self._classifier is not None else []
        parts += [camera.trace_problem for camera in self._fleet.cameras]
        parts += [self._keeper.problem]
        return [names.shorten(each, names.MAX_PROBLEM_CHARS) for each in parts if each]

    def _status_of(self, state: str) -> status.Status:
        return status.Status(
            v=names.VERSION,
            state="online" if state == "online" else "offline",
            boot=self._clock.boot,
            version=__version__,
            epoch=self._outbox.epoch,
            key=self._key.public.text,
            cameras=tuple(camera.name for camera in self._settings.cameras),
        )

    def _make_uplink(self) -> Uplink:
        hub, node, spool_dir = self._settings.hub, self._settings.node, self._spool.folder
        address = Address(hub.mqtt.host, hub.mqtt.port, node, self._secret, hub.mqtt.ca_file)
        will = (topics.status(node), status.encode(self._status_of("offline")))
        session = Session(
            address, will=will, topics=(topics.ack(node),), commands_topic=topics.command(node),
            orders_topic=topics.update_order(node), wishes_topic=topics.wanted(node),
        )  # fmt: skip
        session.on_order = self._updates.fetcher.take
        publisher = Publisher(
            session, self._outbox, node=node, hub_key=self._hub_key, clock=self._clock,
            spool_dir=spool_dir,
        )  # fmt: skip
        client = TusClient(
            hub.upload_url, user=node, secret=self._secret, ca_file=hub.upload_ca_file
        )
        uploader = Uploader(client, self._outbox, clock=self._clock, spool_dir=spool_dir)
        if self._traces is not None:
            uploader.when_idle = SpareUploads(
                client, self._traces, clock=self._clock,
                bytes_a_day=self._settings.traces.upload_bytes_a_day,
            ).run_once  # fmt: skip
        commander = Commander(
            session, node=node, key=self._key, hub_key=self._hub_key, clock=self._clock,
            executors=self._orders.executors(),
        )  # fmt: skip
        return Uplink(session, publisher, uploader, commander, self._clock)

    def _make_updates(self, state_dir: Path) -> Updates:
        settings, layout = self._settings, layouts.of_this_software()
        topic = topics.update_state(settings.node)
        downloads = Downloads(
            settings.hub.upload_url, user=settings.node, secret=self._secret,
            ca_file=settings.hub.upload_ca_file,
        )  # fmt: skip
        fetcher = Fetcher(
            node=settings.node, version=__version__, key=self._key, hub_key=self._hub_key,
            layout=layout, folder=state_dir / layouts.INBOX, downloads=downloads,
            clock=self._clock,
            publish=lambda payload, signature: self._set_retained(topic, payload, signature),
            has_to_wait=lambda: self._uplink.publisher.is_behind,
        )  # fmt: skip
        return Updates(fetcher, layout, self._clock)

    def _pulse(self, run: str) -> Pulse:
        return Pulse(
            __version__, run, self._clock.mono_ns(), has_journal=not self._outbox.problem,
            is_heard=self._uplink.is_heard,
            cameras={
                each.name: CameraPulse(each.is_connected, each.looked, each.is_armed)
                for each in self._fleet.cameras
            },
        )  # fmt: skip

    def _make_live_post(self) -> LivePost:
        hub = self._settings.hub
        return LivePost(
            hub.upload_url, user=self._settings.node, secret=self._secret,
            ca_file=hub.upload_ca_file,
        )  # fmt: skip

    def _say_online(self) -> None:
        topic = topics.status(self._settings.node)
        self._set_retained(topic, status.encode(self._status_of("online")))

    def _set_retained(self, topic: str, payload: bytes, signature: bytes | None = None) -> None:
        self._retained[topic] = payload, signature
        self._uplink.session.set_retained(topic, payload, signature)

    def next_wish(self) -> Inbound | None:
        """What the hub wants this node to be set to, in the order in which it came."""
        try:
            return self._uplink.session.wishes.popleft()
        except IndexError:
            return None

    def say(self, payload: bytes) -> None:
        """Publish, signed and retained, what this node is set to."""
        topic = topics.applied(self._settings.node)
        self._set_retained(topic, payload, self._key.sign(payload))

    @property
    def is_online(self) -> bool:
        """Whether the connection to the hub's broker stands."""
        return self._uplink.session.is_online

    def _make_camera(
        self, settings: CameraSettings, *, since_ns: int | None = None, starting: str | None = None
    ) -> Camera:
        return Camera(
            settings,
            clock=self._clock,
            outbox=self._outbox,
            spool=self._spool,
            set_state=self._set_state(settings.name),
            pool=self._pool,
            classifier=self._classifier,
            tracing=tracing.of(
                self._traces, settings, self._settings.node, self._clock, self._trust.state
            ),
            losses_folder=self._state_dir / "losses",
            since_ns=since_ns,
            starting=starting,
        )

    def _set_state(self, camera: str) -> Callable[[str, str], None]:
        """How a camera says `status`, `motion` or `tamper` to the broker, retained."""
        node = self._settings.node
        by_name = {
            "status": topics.camera_status(node, camera),
            "motion": topics.motion(node, camera),
            "tamper": topics.tamper(node, camera),
        }
        return lambda name, value: self._set_retained(by_name[name], value.encode())
