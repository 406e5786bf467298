"""A whole small town on one machine: broker, hub and node, started, watched and stopped.

Called by scripts/demo, which has installed what this needs.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import getpass
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, get_args
from urllib.parse import urlsplit, urlunsplit

import av
import yaml

from edge.capture.errors import RETRYABLE, Reason

ROOT = Path(__file__).resolve().parents[2]
NODE = "gate-1"
CAMERA = "street"
ONCE_LIMIT_S = 90.0
START_LIMIT_S = 20.0
STOP_LIMIT_S = 8.0
MADE_FILES = (
    "hub.yaml", "hub.pub", "edge.yaml", "edge.yaml.before", "enrolment.json", f"{NODE}.secret",
    "mosquitto.conf", "first-clip.mp4",
)  # fmt: skip
PR_SET_PDEATHSIG = 1  # prctl(2)


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


@dataclass
class Process:
    """A child that dies with us, with its log file and its lines of standard output."""

    name: str
    popen: subprocess.Popen[str]
    log_path: Path
    lines: queue.Queue[str] = field(default_factory=queue.Queue)

    def check(self) -> None:
        """Raise DemoError when it has ended."""
        status = self.popen.poll()
        if status is not None:
            tail = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
            raise DemoError(f"the {self.name} ended with status {status}:\n  " + "\n  ".join(tail))


class Town:
    """The processes of one demo. Use as a context manager: leaving it stops them all."""

    def __init__(self, folder: Path, source: dict[str, object]) -> None:
        self.folder = folder
        self.hub_config = folder / "hub.yaml"
        self._source = source
        self._processes: list[Process] = []
        self._broker_port, self._http_port = free_ports(2)

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.popen.terminate()
            try:
                process.popen.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()

    def start(self) -> Process:
        """Start hub, broker and node; the hub's process, whose lines tell of events."""
        self._write_hub()
        hub_dir = self.folder / "hub"
        command = [sys.executable, "-m", "hub.cli", "run", "--print-events"]
        hub = self._spawn("hub", [*command, "--config", str(self.hub_config)])
        wait_for_file(hub_dir / "broker" / "passwd", hub)  # the broker reads what the hub writes
        broker = self._spawn("broker", [find_mosquitto(), "-c", str(self._write_broker(hub_dir))])
        wait_for_port(self._broker_port, broker)
        wait_for_port(self._http_port, hub)
        node_config = self._join()
        self._spawn("node", [sys.executable, "-m", "edge.cli", "run", "--config", str(node_config)])
        return hub

    def _join(self) -> Path:
        """Make a node file and have the node join by it, as a box does; its settings file."""
        path, file = self.folder / "edge.yaml", self.folder / f"{NODE}.node"
        settings = {
            "node": NODE,
            "state_dir": str(self.folder / "node"),
            "cameras": [{"name": CAMERA, **self._source}],
        }
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        known = [json.loads(line) for line in self._hub_command("nodes", "--json").splitlines()]
        action = "replace" if any(each["node"] == NODE for each in known) else "add"
        self._hub_command("node", action, NODE, "--to", str(file))
        command = [sys.executable, "-m", "edge.cli", "enrol", str(file), "--config", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DemoError(f"camwatch-edge enrol: {done.stderr.strip()}")
        return path

    @property
    def console(self) -> str:
        """The console's address, for a browser on this machine."""
        return f"http://127.0.0.1:{self._http_port}"

    def pid(self, name: str) -> int:
        """The process id of the broker, the hub or the node."""
        return next(each.popen.pid for each in self._processes if each.name == name)

    def check(self) -> None:
        """Raise DemoError when any of the processes has ended."""
        for process in self._processes:
            process.check()

    def query(self, *arguments: str) -> list[dict[str, object]]:
        """What `camwatch-hub query --json` prints."""
        return [
            json.loads(line)
            for line in self._hub_command("query", "--json", *arguments).splitlines()
        ]

    def fetch_clip(self, event: str, target: Path) -> None:
        """`camwatch-hub clip`: copy an event's verified clip."""
        self._hub_command("clip", event, "-o", str(target))

    def _hub_command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "hub.cli", *arguments, "--config", str(self.hub_config)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        found_nothing = done.returncode == 1 and arguments[0] in ("query", "nodes")
        if done.returncode != 0 and not found_nothing:
            raise DemoError(f"camwatch-hub {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def _spawn(self, name: str, command: Sequence[str]) -> Process:
        log_path = self.folder / f"{name}.log"
        with log_path.open("w", encoding="utf-8") as log:
            popen = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                text=True, start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        process = Process(name, popen, log_path)
        self._processes.append(process)
        assert popen.stdout is not None
        threading.Thread(target=pump, args=(popen.stdout, process.lines), daemon=True).start()
        return process

    def _write_hub(self) -> None:
        settings: dict[str, object] = {
            "state_dir": str(self.folder / "hub"),
            "mqtt": {
                "host": "127.0.0.1",
                "port": self._broker_port,
                "reload_pid_file": str(self.folder / "mosquitto.pid"),
            },
            "http": {"host": "127.0.0.1", "port": self._http_port},
            "nodes": {
                "url": f"http://127.0.0.1:{self._http_port}",
                "mqtt_host": "127.0.0.1",
                "mqtt_port": self._broker_port,
            },
        }
        self.hub_config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def _write_broker(self, hub_dir: Path) -> Path:
        path = self.folder / "mosquitto.conf"
        lines = [
            f"listener {self._broker_port} 127.0.0.1", "allow_anonymous false", "persistence false",
            f"password_file {hub_dir / 'broker' / 'passwd'}",
            f"acl_file {hub_dir / 'broker' / 'acl'}",
            f"pid_file {self.folder / 'mosquitto.pid'}",
            "max_packet_size 524288", "log_dest stderr", "log_type error", "log_type warning",
        ]  # fmt: skip
        if os.geteuid() == 0:
            lines.append("user root")  # it would change to a user who cannot read this folder
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when it did what was asked."""
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--camera", default="synthetic:")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--dir", type=Path, default=ROOT / "var" / "demo")
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args(argv)
    folder = arguments.dir.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        print(f"scripts/demo: --dir: cannot make {folder}: {err.strerror}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with only_one(folder):
            source = camera_settings(arguments.camera, folder)
            if arguments.fresh:
                forget(folder)
            with Town(folder, source) as town:
                status = watch(town, arguments.camera, is_once=arguments.once)
    except (DemoError, OSError) as err:
        print(f"scripts/demo: {err}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print()
        status = 0 if not arguments.once else 1
    print(f"Stopped. The archive is in {folder / 'hub'}; logs are {folder}/*.log")
    return status


def forget(folder: Path) -> None:
    """Remove what earlier demos made in `folder`, and nothing else."""
    for name in ("hub", "node"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in MADE_FILES:
        (folder / name).unlink(missing_ok=True)


def watch(town: Town, camera: str, *, is_once: bool) -> int:
    """Print what the hub archives until stopped, or until the first verified event."""
    since = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime())
    hub = town.start()
    what = "a synthetic street" if camera.startswith("synthetic:") else hide_secret(camera)
    print(f"A node watches {what}; its events appear here as the hub archives them.")
    print(f"Ask in another terminal:  {hub_hint(town)} query --since 1h")
    print(f"See it in the console:  {town.console}  as the administrator that this makes:")
    print(f"  {hub_hint(town)} user add me --role administrator", flush=True)
    limit_s = time.monotonic() + ONCE_LIMIT_S
    news = CameraNews(town.folder / "node.log")
    while True:
        town.check()
        with contextlib.suppress(queue.Empty):
            print(hub.lines.get(timeout=0.5), flush=True)
        for line in news.read():
            print(line, flush=True)
            if is_once and is_hopeless(line, is_file=Path(camera).is_file()):
                raise DemoError("this camera cannot be watched; see the reason above")
        if is_once:
            event = first_with_clip(town, since)
            if event is not None:
                print(verified(town, event), flush=True)
                return 0
            if time.monotonic() > limit_s:
                raise DemoError(
                    f"no event with a clip was archived within {ONCE_LIMIT_S:.0f} s; {reason(town)}"
                )


class CameraNews:
    """What the node logs of its camera coming and going, as it appears."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0

    def read(self) -> list[str]:
        """The new lines, shortened to what they say."""
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        new, self._seen = lines[self._seen :], len(lines)
        return [
            f"camera    {line.partition(': ')[2]}" for line in new if f"{CAMERA} is lost" in line
        ]


def is_hopeless(line: str, *, is_file: bool) -> bool:
    """Whether a line of news gives a reason that waiting does not change."""
    words = line.partition("is lost: ")[2].split(": ")  # the error's class, the reason, details
    hopeless = {*get_args(Reason)} - RETRYABLE | ({"broken"} if is_file else set())
    return not hopeless.isdisjoint(words[:2])


def first_with_clip(town: Town, since: str) -> str | None:
    """The id of an event of this run whose clip is stored."""
    for event in town.query("--since", since):
        if event.get("clips_stored"):
            return str(event["id"])
    return None


def verified(town: Town, event: str) -> str:
    """Query one event back, fetch its clip, decode all of it; a line about it."""
    target = town.folder / "first-clip.mp4"
    town.fetch_clip(event, target)
    frames = 0
    with av.open(str(target)) as clip:
        for frame in clip.decode(video=0):
            frames += 1
            seconds = frame.time or 0.0
    if frames == 0:
        raise DemoError(f"the clip of {event} holds no picture")
    length = f"{frames} frames, {seconds:.1f} s"
    return f"Verified: event {event} was queried back; its clip decodes, {length}: {target}"


def reason(town: Town) -> str:
    """The newest warning of the node, for a demo that saw nothing."""
    lines = (town.folder / "node.log").read_text(encoding="utf-8", errors="replace").splitlines()
    worrying = [line for line in lines if "WARNING" in line or "ERROR" in line]
    return f"the node says: {worrying[-1]}" if worrying else "the node saw no motion"


def camera_settings(camera: str, folder: Path) -> dict[str, object]:
    """The node's settings for what --camera names; a password goes into a file, not on."""
    if camera.startswith(("rtsp://", "rtsps://")):
        return login_settings(camera, folder)
    if camera.startswith(("http://", "https://")):
        return login_settings(camera, folder)
    if camera.startswith(("synthetic:", "/dev/", "csi:")):
        return {"source": camera}
    path = Path(camera).expanduser().resolve()
    if not path.is_file():
        raise DemoError(f"--camera {camera}: there is no such file")
    return {"source": str(path), "loop": True}


def login_settings(url: str, folder: Path) -> dict[str, object]:
    """The settings of a camera in the network, its user and password taken out of the URL."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    settings: dict[str, object] = {"source": urlunsplit(parts._replace(netloc=host))}
    if parts.username:
        password = parts.password
        if password is None:
            password = getpass.getpass(f"Password of {parts.username} at {host}: ")
        path = folder / "camera.secret"
        path.touch(mode=0o600)
        path.write_text(password + "\n", encoding="utf-8")
        settings |= {"user": parts.username, "password_file": str(path)}
    return settings


def hide_secret(camera: str) -> str:
    """A camera's name without its password."""
    parts = urlsplit(camera)
    return (
        urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if parts.password
        else camera
    )


def hub_hint(town: Town) -> str:
    """How a person calls the hub's command for this demo."""
    program = Path(sys.executable).with_name("camwatch-hub")
    with contextlib.suppress(ValueError):
        program = program.relative_to(Path.cwd())
    config = town.hub_config
    with contextlib.suppress(ValueError):
        config = config.relative_to(Path.cwd())
    return f"{program} --config {config}"


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Refuse a second demo in the same folder."""
    import fcntl

    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise DemoError(f"another demo runs in {folder}; stop it or give --dir") from err
        yield


def wait_for_file(path: Path, process: Process) -> None:
    """Wait until `process` wrote it. Raises DemoError when it ends or takes too long."""
    limit_s = time.monotonic() + START_LIMIT_S
    while not path.exists():
        process.check()
        if time.monotonic() > limit_s:
            raise DemoError(f"the {process.name} does not write {path}; see {process.log_path}")
        time.sleep(0.1)


def wait_for_port(port: int, process: Process) -> None:
    """Wait until `process` listens. Raises DemoError when it ends or takes too long."""
    limit_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit_s:
        process.check()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.1)
    raise DemoError(f"the {process.name} does not answer on port {port}; see {process.log_path}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def find_mosquitto() -> str:
    """Mosquitto's path; Debian keeps it in /usr/sbin, which users' PATH lacks."""
    path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        raise DemoError("mosquitto is not installed; scripts/demo installs it on Debian")
    return path


def pump(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Move lines from a child's standard output into its queue."""
    for line in stream:
        lines.put(line.rstrip("\n"))


def die_with_parent() -> None:
    """Ask the kernel to end this child when the demo itself is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def interrupt(number: int, frame: object) -> None:
    """A signal that ends the demo as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
