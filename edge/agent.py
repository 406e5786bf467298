"""The only place that wires a node: settings in, threads up, SIGTERM, threads down.

Order of starting: state folder and lock, keys, journal, recovery of what a crash left open, the
uplink, the cameras. Stopping is the reverse: cameras first, so that their last records are in the
journal; then the uplink says offline.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from edge import __version__, keys
from edge.base import durable, sdnotify
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError, ConfigError
from edge.base.logs import error_chain
from edge.camera import recovery
from edge.camera.camera import Camera
from edge.config.node import NodeSettings
from edge.config.secrets import read_secret
from edge.contract import health, names, status, topics
from edge.contract.record import NodeBooted
from edge.health.clocksync import ClockTrust
from edge.health.reporter import Reporter
from edge.mux.spool import Spool, SpoolFile
from edge.outbox.outbox import Outbox
from edge.uplink.publisher import Publisher
from edge.uplink.session import Address, Session
from edge.uplink.tus import TusClient
from edge.uplink.uploader import Uploader

log = logging.getLogger(__name__)

TICK_S = 1.0
STOP_LIMIT_S = 4.0  # systemd and people expect an end within 5 s of SIGTERM


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
        secret = read_secret(Path(settings.hub.secret_file), field="hub.secret_file")
        hub_key = _hub_key(Path(settings.hub.public_key_file))
        self._outbox = Outbox(
            state_dir / "journal.db",
            node=settings.node,
            key=key,
            clock=self._clock,
            stamp=trust.stamp,
            free=lambda name: spool.acknowledge(spool.folder / name),
        )
        self._status = self._status_of("online", key.public)
        self._session = self._make_session(secret, self._status_of("offline", key.public))
        self._publisher = Publisher(
            self._session,
            self._outbox,
            node=settings.node,
            hub_key=hub_key,
            clock=self._clock,
            spool_dir=spool.folder,
        )
        client = TusClient(
            settings.hub.upload_url,
            user=settings.node,
            secret=secret,
            ca_file=settings.hub.upload_ca_file,
        )
        self._uploader = Uploader(client, self._outbox, clock=self._clock, spool_dir=spool.folder)
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
        self._spool = spool
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Recover, say that we are here, start every thread. Raises CamwatchError."""
        recovery.recover(self._outbox, self._spool, self._clock)
        self._outbox.append(
            NodeBooted(__version__, tuple(each.name for each in self._settings.cameras))
        )
        self._session.set_retained(topics.status(self._settings.node), status.encode(self._status))
        for camera in self._cameras:
            camera.start()
        self._spawn("mqtt", self._session.run)
        self._spawn("publisher", self._publisher.run)
        self._spawn("uploader", self._uploader.run)

    def serve(self, stop: threading.Event) -> None:
        """Feed the watchdog and report health until `stop` is set."""
        sdnotify.notify("READY=1")
        log.info("node %s watches %d cameras", self._settings.node, len(self._cameras))
        next_report_ns = self._clock.mono_ns()
        while not stop.wait(TICK_S):
            if self._is_alive():
                sdnotify.notify("WATCHDOG=1")
            if self._clock.mono_ns() >= next_report_ns and self._session.is_online:
                next_report_ns = self._clock.mono_ns() + int(health.INTERVAL_S * 1e9)
                self._report()

    def stop(self) -> None:
        """End all threads: cameras, then uplink; bounded by STOP_LIMIT_S."""
        sdnotify.notify("STOPPING=1")
        limit_ns = self._clock.mono_ns() + int(STOP_LIMIT_S * 1e9)
        for camera in self._cameras:
            camera.stop()
        for camera in self._cameras:
            camera.join(max(0.1, (limit_ns - self._clock.mono_ns()) / 1e9))
        for part in (self._publisher, self._uploader, self._session):
            part.stop()
        for thread in self._threads:
            thread.join(max(0.1, (limit_ns - self._clock.mono_ns()) / 1e9))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            log.error("did not stop in time: %s", ", ".join(late))
        else:
            self._outbox.close()
        log.info("stopped")

    def _spawn(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _file_dropped(self, file: SpoolFile) -> None:
        """The spool's quota takes a file that the hub does not have: say so before it goes."""
        log.error("the spool is full: %s is dropped before the hub had it", file.path.name)
        self._outbox.drop(file.path.name, cause="quota")

    def _is_alive(self) -> bool:
        threads_live = all(thread.is_alive() for thread in self._threads)
        return threads_live and all(camera.is_alive() for camera in self._cameras)

    def _report(self) -> None:
        try:
            report = health.encode(self._reporter.report())
        except (CamwatchError, OSError) as err:
            log.warning("no health report: %s", error_chain(err))
        else:
            self._session.publish(topics.health(self._settings.node), report, qos=0)

    def _problems(self) -> list[str]:
        parts = [self._publisher.problem, self._uploader.problem]
        parts += [camera.problem for camera in self._cameras]
        return [names.shorten(each, names.MAX_PROBLEM_CHARS) for each in parts if each]

    def _status_of(self, state: str, key: keys.PublicKey) -> status.Status:
        return status.Status(
            v=names.VERSION,
            state="online" if state == "online" else "offline",
            boot=self._clock.boot,
            version=__version__,
            epoch=self._outbox.epoch,
            key=key.text,
            cameras=tuple(camera.name for camera in self._settings.cameras),
        )

    def _make_session(self, secret: str, offline: status.Status) -> Session:
        mqtt, node = self._settings.hub.mqtt, self._settings.node
        address = Address(mqtt.host, mqtt.port, node, secret, mqtt.ca_file)
        will = (topics.status(node), status.encode(offline))
        return Session(address, will=will, topics=(topics.ack(node),))

    def _set_state(self, camera: str) -> Callable[[str, str], None]:
        """How a camera says `status` or `motion` to the broker, retained."""
        node = self._settings.node
        by_name = {
            "status": topics.camera_status(node, camera),
            "motion": topics.motion(node, camera),
        }
        return lambda name, value: self._session.set_retained(by_name[name], value.encode())


def _hub_key(path: Path) -> keys.PublicKey:
    try:
        return keys.PublicKey.from_text(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, keys.KeyFileError) as err:
        raise ConfigError(
            f"hub.public_key_file: cannot use {path}: {err}",
            hint="copy what `camwatch-hub key` prints on the hub into it",
        ) from err


class _only_one:  # noqa: N801 - reads as a statement
    """Hold the state folder's lock: two agents would fork one journal. Raises ConfigError."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._fd)
            raise ConfigError(
                f"state_dir: another agent uses {self._path.parent}", hint="stop that one first"
            ) from err

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
