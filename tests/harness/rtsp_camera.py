"""An RTSP test camera that tests can start, stop, freeze, kill and point at recordings.

The server itself is GStreamer's, in a child process under the system's Python; see
`rtsp_server_gst`. The compressed bytes on the wire are those of the file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tests.harness.child import Child, HarnessError
from tests.harness.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"  # PyGObject is a distribution package, not in the environment
READY_TIMEOUT_S = PATIENCE_S
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
)
PROBE = "import gi; gi.require_version('GstRtspServer', '1.0')"

Made = Literal["mjpeg:", "audio:"]
AtEnd = Literal["silent", "bye", "close", "refuse", "loop"]
Event = dict[str, object]


@dataclass(frozen=True)
class CameraStream:
    """One path of the camera, and what is played on it.

    `source`: a recording, or a made stream that the product must refuse (Motion JPEG, audio only).
    `speed`: how much faster than in reality it is sent; PTS stay media time.
    `at_end`: fall silent with the connection open, say an RTCP BYE, close the connection, stop the
    whole server, or loop. But for `loop`, the path answers 404 once it was played to its end.
    `joins`: whether each client gets the recording from its start, or from where it has got to
    since the first client began, as with a real camera.
    `has_in_band_sets`: whether parameter sets are also put before every keyframe.
    """

    source: Path | Made
    speed: float = 1.0
    at_end: AtEnd = "silent"
    joins: Literal["start", "live"] = "start"
    has_audio: bool = True
    has_in_band_sets: bool = False
    transports: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")


@dataclass(frozen=True)
class Login:
    """What the camera asks for, by which HTTP authentication schemes."""

    user: str
    password: str
    schemes: tuple[Literal["basic", "digest"], ...] = ("digest",)


class RtspCamera:
    """A camera on a free port of the loopback; the port stays the same over restarts."""

    def __init__(
        self, streams: Mapping[str, CameraStream], log_dir: Path, *, login: Login | None = None
    ) -> None:
        self._streams = dict(streams)
        self._login = login
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._reader: threading.Thread | None = None
        self.port = 0
        argv = [SYSTEM_PYTHON, "-m", "tests.harness.rtsp_server_gst"]
        env = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        self.child = Child("rtsp-camera", argv, log_dir, env=env, cwd=ROOT, has_pipes=True)

    def start(self) -> None:
        """Serve. Raises HarnessError, also for a recording that cannot be served."""
        self.child.start()
        process = self.child.process
        self._events = []
        self._reader = threading.Thread(target=self._read, args=(process,), name="camera events")
        self._reader.start()
        self._send(json.dumps(self._settings()))
        try:
            event = self.wait_for(lambda e: e["event"] in ("ready", "error"), READY_TIMEOUT_S)
        except HarnessError:
            self.stop()
            raise
        if event["event"] == "error":
            self.stop()
            raise HarnessError(str(event["message"]))
        self.port = int(str(event["port"]))

    def url(self, path: str = "/main", *, has_login: bool = True) -> str:
        """The stream's address, with the user and password in it where there are any."""
        login = ""
        if self._login is not None and has_login:
            login = f"{quote(self._login.user, safe='')}:{quote(self._login.password, safe='')}@"
        return f"rtsp://{login}127.0.0.1:{self.port}{path}"

    def hang_up(self) -> None:
        """Close every client's connection; they may come back."""
        self._send("hang up")

    def pause(self) -> None:
        """Freeze: connections stay open and nothing is sent or answered."""
        self.child.pause()

    def resume(self) -> None:
        """Go on after `pause`; what is late is sent at once."""
        self.child.resume()

    def kill(self) -> None:
        """Vanish; the port refuses connections from then on."""
        self.child.kill()
        self._join()

    def restart(self) -> None:
        """Come back on the same port, playing from the start."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End the server; harmless when it has ended."""
        self.child.stop()
        self._join()

    @property
    def events(self) -> list[Event]:
        """What happened since the start: ready, connected, play, end, disconnected."""
        with self._changed:
            return list(self._events)

    def wait_for(self, predicate: Callable[[Event], bool], timeout_s: float) -> Event:
        """The first event that fits. Raises HarnessError at the timeout or the server's end."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for event in self._events:
                    if predicate(event):
                        return event
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not (self._reader and self._reader.is_alive()):
                    raise HarnessError(f"no such event: {self._events} {self.child.tail()}")
                self._changed.wait(min(left_s, 0.5))

    def wait_for_end(self, timeout_s: float, path: str = "/main") -> None:
        """Until a client has been sent the whole recording."""
        self.wait_for(lambda e: e["event"] == "end" and e["path"] == path, timeout_s)

    def _settings(self) -> dict[str, object]:
        streams = {}
        for path, stream in self._streams.items():
            interval = -1 if stream.has_in_band_sets else 0
            streams[path] = asdict(stream) | {
                "source": str(stream.source),
                "config_interval": interval,
            }
        login = self._login or Login("", "")
        return {"port": self.port, "streams": streams} | asdict(login)

    def _send(self, line: str) -> None:
        pipe = self.child.process.stdin
        if pipe is None or not self.child.is_running:
            raise HarnessError(f"the camera has ended: {self.child.tail()}")
        pipe.write(line + "\n")
        pipe.flush()

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Runs in the thread `camera events` until the server closes its standard output."""
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            with self._changed:
                self._events.append(event)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join()
            self._reader = None


def missing_packages() -> str:
    """What to install for the camera to work; empty when it can."""
    if shutil.which(SYSTEM_PYTHON) is None:
        return "python3"
    result = subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, check=False)
    return "" if result.returncode == 0 else PACKAGES
