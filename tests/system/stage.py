"""A town that lasts for a whole module of tests, and short footage for it to see."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import pytest
from av.codec.context import Flags

from edge.capture.street import Street
from edge.contract import record
from tests.harness import rtsp_camera
from tests.harness.broker import OBSERVER, Broker, find_mosquitto, free_port
from tests.harness.child import HarnessError
from tests.harness.credentials import Authority
from tests.harness.patience import PATIENCE_S, wait_until
from tests.harness.processes import Enrolment, HubProcess, NodeProcess, Settings, enrol
from tests.harness.rtsp_camera import CameraStream, RtspCamera
from tests.harness.traffic import Message, Traffic
from tests.system.town import Row, Town

WIDTH, HEIGHT, FPS = 640, 360, 10
MOTION = {"quiet_s": 1}
CLIPS = {"pre_roll_s": 1, "post_roll_s": 1}
Predicate = Callable[[], bool]


class Stage(Town):
    """A broker and a hub, not yet started; everything ends with `stack`."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path, *, has_tls: bool = False) -> None:
        try:
            find_mosquitto()
        except HarnessError as err:
            pytest.skip(f"{err} ({err.hint})")
        self.folder = folder
        self._stack = stack
        broker = Broker(folder / "broker", has_tls=has_tls)
        stack.callback(broker.stop)
        broker.start()
        authority = Authority(folder / "hub-tls") if has_tls else None
        super().__init__(broker, functools.partial(self._hub, authority), self._node)

    def enrol(self, name: str) -> Enrolment:
        """As `Town.enrol`, with the hub's certificate authority."""
        return enrol(self.hub, self.broker, name)

    def node(
        self,
        name: str,
        cameras: Sequence[Settings],
        enrolment: Enrolment,
        more: Settings | None = None,
    ) -> NodeProcess:
        """A node with an enrolment of the test's own making, not yet started."""
        return self._node(name, cameras, enrolment, more)

    def traffic(self) -> Traffic:
        """A recorder of all that goes over the broker from now on, retained messages first."""
        account = self.broker.account(OBSERVER)
        return self._stack.enter_context(Traffic(self.broker.address, account))

    def rtsp(self, streams: dict[str, CameraStream], name: str = "rtsp") -> RtspCamera:
        """A camera that runs; skips the test where there is no RTSP server."""
        if missing := rtsp_camera.missing_packages():
            pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
        folder = self.folder / name
        folder.mkdir()
        camera = RtspCamera(streams, folder)
        self._stack.callback(camera.stop)
        camera.start()
        return camera

    def _hub(
        self, authority: Authority | None, more: Settings | None = None, *, has_tls: bool = False
    ) -> HubProcess:
        hub = HubProcess(
            self.folder / "hub", self.broker.address, free_port(), authority=authority, more=more
        )
        self._stack.callback(hub.stop)
        return hub

    def _node(
        self,
        name: str,
        cameras: Sequence[Settings],
        enrolment: Enrolment,
        more: Settings | None = None,
    ) -> NodeProcess:
        made = NodeProcess(name, self.folder / f"node-{name}", enrolment, cameras, more=more)
        self._stack.callback(made.stop)
        return made


@contextlib.contextmanager
def stage(folder: Path, *, has_tls: bool = False) -> Iterator[Stage]:
    """A stage; all its processes are ended when it is left."""
    with contextlib.ExitStack() as stack:
        yield Stage(stack, folder, has_tls=has_tls)


def street(path: Path, seed: int, first_s: float, last_s: float, *, crf: int = 26) -> Path:
    """Record the synthetic street from `first_s` to `last_s`, with keyframes 2 s apart."""
    scene = Street(WIDTH, HEIGHT, FPS, seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.max_b_frames = 2 * FPS, 0
        stream.codec_context.flags |= Flags.global_header
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(crf)}
        for number in range(round(first_s * FPS), round(last_s * FPS)):
            frame = av.VideoFrame.from_ndarray(scene.frame(number), format="yuv420p")
            frame.pts = number - round(first_s * FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def car(path: Path, *, crf: int = 26) -> Path:
    """Seven seconds, in which a car crosses from 1.5 s to 4.4 s: one event in each loop."""
    return street(path, 139, 3.5, 10.5, crf=crf)


def walker(path: Path) -> Path:
    """Thirteen seconds, in which somebody walks by from 2.0 s to 10.5 s."""
    return street(path, 137, 16.0, 29.0)


def camera(name: str, source: Path | str, **more: object) -> Settings:
    """A camera's settings, with short rolls and a short quiet time."""
    settings = {"name": name, "source": str(source), "motion": MOTION, "clips": CLIPS}
    return settings | ({"loop": True} if isinstance(source, Path) else {}) | more


def wait(is_done: Predicate, timeout_s: float, what: str) -> None:
    """Until `is_done`; fails the test after `timeout_s`, saying `what` did not come.

    At least PATIENCE_S: a shorter time is what a quiet machine needs, and says so to readers only.
    """
    timeout_s = max(timeout_s, PATIENCE_S)
    wait_until(is_done, timeout_s, lambda: f"not within {timeout_s:g} s: {what}", poll_s=0.05)


def is_record(message: Message, kind: str, node: str | None = None) -> bool:
    """Whether a message is a record of that type."""
    return message.is_leaf("record", node) and record.decode(message.payload).header.type == kind


def are_complete(count: int) -> Callable[[list[Row]], bool]:
    """For `wait_for_events`: at least `count` events ended, with all their clips stored."""
    return lambda rows: sum(is_complete(row) for row in rows) >= count


def is_complete(row: Row) -> bool:
    """Whether an event is over and all its clips are in the archive."""
    return bool(row["state"] == "ended" and row["clips_stored"] == row["parts"] > 0)


def journal(node: NodeProcess) -> list[record.Record]:
    """The records that wait in a stopped node's journal."""
    with contextlib.closing(sqlite3.connect(node.state_dir / "journal.db")) as db:
        rows = db.execute("SELECT payload FROM records ORDER BY seq").fetchall()
    return [record.decode(row[0]) for row in rows]


def last_seq(node: NodeProcess) -> tuple[str, int]:
    """Epoch and newest seq of a stopped node's journal."""
    with contextlib.closing(sqlite3.connect(node.state_dir / "journal.db")) as db:
        epoch, seq = db.execute("SELECT epoch, last_seq FROM journal").fetchone()
    return str(epoch), int(seq)


def shown(hub: HubProcess, event: str) -> Row:
    """What `camwatch-hub show --json` prints."""
    done = hub.command("show", event, "--json")
    assert done.returncode == 0, done.stderr
    found: Row = json.loads(done.stdout)
    return found


def nodes(hub: HubProcess) -> dict[str, Row]:
    """What `camwatch-hub nodes --json` prints, by name."""
    done = hub.command("nodes", "--json")
    assert done.returncode == 0, done.stderr
    return {row["node"]: row for row in map(json.loads, done.stdout.splitlines())}


def ffmpeg_complaints(path: Path) -> str:
    """What FFmpeg has to say about a clip, nothing for a good one."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr + (f"exit status {done.returncode}" if done.returncode else "")
