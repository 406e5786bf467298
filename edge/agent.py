"""The only place that wires a node: settings in, threads up, SIGTERM, threads down.

Order of starting: state folder and lock, keys, journal, recovery of what a crash left open, the
uplink, the cameras. Stopping is the reverse: cameras first, so that their last records are in the
journal; then the uplink, which gets a moment to hand them over and says offline.

Two threads look after the others. The accountant writes coverage, clock steps and health, and
starts anew what hangs; it may block on the disk. The main thread only tells systemd that all get
on, the accountant included, so that a disk that hangs is noticed too.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge import __version__, keys
from edge.base import durable, sdnotify
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError, ConfigError, StorageError, storage_error
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera import recovery
from edge.camera.camera import MAX_HUNG_RECORDERS, Camera
from edge.config.node import NodeSettings
from edge.config.secrets import read_secret
from edge.contract import health, names, status, topics
from edge.contract.record import NodeBooted
from edge.health.clocksync import ClockTrust
from edge.health.clockwatch import ClockWatch
from edge.health.reporter import Reporter
from edge.health.watchdog import Guard, Watchdog
from edge.mux.spool import Spool, SpoolFile
from edge.outbox.outbox import Limits, Outbox
from edge.uplink.publisher import Publisher
from edge.uplink.session import Address, Session
from edge.uplink.tus import TusClient
from edge.uplink.uplink import Uplink
from edge.uplink.uploader import Uploader

log = logging.getLogger(__name__)

TICK_S = 1.0
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
    with _only_one(state_dir):
        agent = Agent(settings, state_dir)
        agent.start()
        try:
            agent.serve(stop)
        finally:
            agent.stop()
    return 0


class Agent:
    """Everything that runs in one node's process."""

    def __init__(self, settings: NodeSettings, state_dir: Path) -> None:
        """Open the journal and make all rooms. Raises CamwatchError."""
        self._settings = settings
        self._clock = SystemClock()
        trust = ClockTrust(self._clock)
        spool = Spool(
            state_dir / "spool", quota_bytes=settings.spool.max_bytes, on_lost=self._file_dropped
        )
        key = keys.load_or_make(state_dir / "node.key")
        self._public_key = key.public
        self._secret = read_secret(Path(settings.hub.secret_file), field="hub.secret_file")
        self._hub_key = _hub_key(Path(settings.hub.public_key_file))
        self._outbox = Outbox(
            state_dir / "journal.db",
            node=settings.node,
            key=key,
            clock=self._clock,
            stamp=trust.stamp,
            free=lambda name: spool.acknowledge(spool.folder / name),
            give_way=lambda need_bytes: spool.make_room(
                spool.quota_bytes - spool.usage_bytes + need_bytes
            ),
            limits=Limits(settings.journal.max_bytes, settings.journal.ballast_bytes),
        )
        self._spool = spool
        self._retained: dict[str, bytes] = {}
        self._uplink = self._make_uplink()
        self._outbox.on_new_epoch = self._say_online
        self._recovery_problem = ""
        self._cameras = [
            Camera(
                camera,
                clock=self._clock,
                outbox=self._outbox,
                spool=spool,
                set_state=self._set_state(camera.name),
            )
            for camera in settings.cameras
        ]
        self._reporter = Reporter(
            clock=self._clock,
            stamp=trust.stamp,
            outbox=self._outbox,
            state_dir=state_dir,
            cameras=lambda: [camera.health() for camera in self._cameras],
            problems=self._problems,
        )
        self._clock_watch = ClockWatch(self._clock, trust.state)
        self._watchdog = Watchdog(self._clock)
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
        for camera in self._cameras:
            camera.start()
            for guard in camera.guards():
                self._watchdog.add(guard)
        self._uplink.start()
        self._watchdog.add(
            Guard(
                "uplink", lambda: self._uplink.marks, lambda: self._uplink.is_alive(),
                self._restart_uplink,
            )
        )  # fmt: skip
        self._mark.touch()
        self._accountant.start()

    def _recover(self) -> None:
        """End what a crash cut short; on a disk that fails, only the next start can."""
        try:
            recovery.recover(self._outbox, self._spool, self._clock)
        except StorageError as err:
            self._recovery_problem = f"what a crash cut short is not recovered yet: {err}"
            log.error("%s", self._recovery_problem)

    def serve(self, stop: threading.Event) -> None:
        """Feed systemd's watchdog until `stop` is set, for as long as everything gets on."""
        sdnotify.notify("READY=1")
        log.info("node %s watches %d cameras", self._settings.node, len(self._cameras))
        was_moving = True
        while not stop.wait(TICK_S):
            is_moving = self._is_moving()
            if is_moving:
                sdnotify.notify("WATCHDOG=1")
            elif was_moving:
                log.error("something hangs: systemd is not told that we are well")
            was_moving = is_moving

    def stop(self) -> None:
        """End all threads: cameras, then uplink; bounded by STOP_LIMIT_S."""
        sdnotify.notify("STOPPING=1")
        start_ns = self._clock.mono_ns()

        def left_s(limit_s: float) -> float:
            return max(MIN_WAIT_S, limit_s - (self._clock.mono_ns() - start_ns) / 1e9)

        for camera in self._cameras:
            camera.stop()
        late = [
            camera.name
            for camera in self._cameras
            if not camera.close_events(left_s(CLOSE_LIMIT_S))
        ]
        self._closing.set()
        self._accountant.join(left_s(CLOSE_LIMIT_S + 0.5))
        late += ["accountant"] if self._accountant.is_alive() else []
        for camera in self._cameras:
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
        next_report_ns = self._clock.mono_ns()
        while not self._closing.wait(TICK_S):
            self._mark.touch()
            self._mend()
            for guard in self._watchdog.due():
                log.error("%s hangs or has died: starting it anew", guard.name)
                guard.restart()
            self._tell_clock()
            for camera in self._cameras:
                camera.tick()
            if self._clock.mono_ns() >= next_report_ns and self._uplink.session.is_online:
                next_report_ns = self._clock.mono_ns() + int(health.INTERVAL_S * 1e9)
                self._report()
        for camera in self._cameras:
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

    def _is_moving(self) -> bool:
        """Whether every thread gets on, the accountant and with it the journal included."""
        if self._mark.is_late() or not self._accountant.is_alive():
            return False
        hung = sum(camera.hung_recorders() for camera in self._cameras)
        return self._watchdog.is_moving() and hung < MAX_HUNG_RECORDERS

    def _restart_uplink(self) -> None:
        """Leave an uplink that hangs to itself. The broker lets the newer session win."""
        self._uplink.stop()
        self._uplink = self._make_uplink()
        for topic, payload in list(self._retained.items()):
            self._uplink.session.set_retained(topic, payload)
        self._uplink.start()

    def _report(self) -> None:
        try:
            report = health.encode(self._reporter.report())
        except (CamwatchError, OSError) as err:
            log.warning("no health report: %s", error_chain(err))
        else:
            self._uplink.session.publish(topics.health(self._settings.node), report, qos=0)

    def _problems(self) -> list[str]:
        parts = [self._outbox.problem, self._recovery_problem]
        parts += [*self._watchdog.problems, *self._uplink.problems]
        parts += [camera.problem for camera in self._cameras]
        return [names.shorten(each, names.MAX_PROBLEM_CHARS) for each in parts if each]

    def _status_of(self, state: str) -> status.Status:
        return status.Status(
            v=names.VERSION,
            state="online" if state == "online" else "offline",
            boot=self._clock.boot,
            version=__version__,
            epoch=self._outbox.epoch,
            key=self._public_key.text,
            cameras=tuple(camera.name for camera in self._settings.cameras),
        )

    def _make_uplink(self) -> Uplink:
        hub, node, spool_dir = self._settings.hub, self._settings.node, self._spool.folder
        address = Address(hub.mqtt.host, hub.mqtt.port, node, self._secret, hub.mqtt.ca_file)
        will = (topics.status(node), status.encode(self._status_of("offline")))
        session = Session(address, will=will, topics=(topics.ack(node),))
        publisher = Publisher(
            session, self._outbox, node=node, hub_key=self._hub_key, clock=self._clock,
            spool_dir=spool_dir,
        )  # fmt: skip
        client = TusClient(
            hub.upload_url, user=node, secret=self._secret, ca_file=hub.upload_ca_file
        )
        uploader = Uploader(client, self._outbox, clock=self._clock, spool_dir=spool_dir)
        return Uplink(session, publisher, uploader, self._clock)

    def _say_online(self) -> None:
        topic = topics.status(self._settings.node)
        self._set_retained(topic, status.encode(self._status_of("online")))

    def _set_retained(self, topic: str, payload: bytes) -> None:
        self._retained[topic] = payload
        self._uplink.session.set_retained(topic, payload)

    def _set_state(self, camera: str) -> Callable[[str, str], None]:
        """How a camera says `status` or `motion` to the broker, retained."""
        node = self._settings.node
        by_name = {
            "status": topics.camera_status(node, camera),
            "motion": topics.motion(node, camera),
        }
        return lambda name, value: self._set_retained(by_name[name], value.encode())


def _hub_key(path: Path) -> keys.PublicKey:
    try:
        return keys.PublicKey.from_text(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, keys.KeyFileError) as err:
        raise ConfigError(
            f"hub.public_key_file: cannot use {path}: {err}",
            hint="copy what `camwatch-hub key` prints on the hub into it",
        ) from err


class _only_one:  # noqa: N801 - reads as a statement
    """Hold the state folder's lock: two agents would fork one journal.

    Raises ConfigError, StorageError.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"

    def __enter__(self) -> None:
        try:  # read-only, so that a disk that takes no writes can be locked too
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise storage_error(err, "cannot lock", self._path) from err
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._fd)
            raise ConfigError(
                f"state_dir: another agent uses {self._path.parent}", hint="stop that one first"
            ) from err

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
