"""Who reads the streams of the idle bench, and one measured run of one of them.

Each run has an RTSP server of its own. Of the node only its own process is measured; the broker and
the hub that it works for run beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scripts.bench import idle_meter, idle_streams, parties
from scripts.bench.idle_film import FPS
from scripts.bench.idle_meter import Cost
from scripts.bench.idle_streams import Prepared, Stream
from tests.harness.child import Child, HarnessError
from tests.harness.rtsp_camera import CameraStream, RtspCamera

NODE, MOTION, COPY, DECODE = "node", "motion", "ffmpeg -c copy", "ffmpeg decode"
NODE_SUB = "node, sub stream"
NAMES = (NODE, MOTION, COPY, DECODE)
ALL_NAMES = (*NAMES, NODE_SUB)
PROGRAMS = {MOTION: "motion", COPY: "ffmpeg", DECODE: "ffmpeg", NODE_SUB: "ffmpeg"}
CAMERA = "street"
PLAY_TIMEOUT_S = 60.0
ARCHIVE_TIMEOUT_S = 15.0  # for what happened at the window's end to reach the hub
SLACK_S = 1.5  # between a crossing's time by our clock and by the record of it

Times = Callable[[], list[float]]
"""When the events began that a contestant has told so far, seconds since 1970."""


@dataclass(frozen=True)
class Run:
    """One contestant on one stream. Events are None for who tells none.

    `known` crossings lay wholly within the window, `met` of them have an event, and `strays` are
    events, since the stream began, that meet no crossing at all.
    """

    cost: Cost
    known: int
    met: int | None
    strays: int | None


def run(name: str, prepared: Prepared, folder: Path, warm_up_s: float, window_s: float) -> Run:
    """Serve the stream to one contestant and measure it. Raises HarnessError, EndedError."""
    with contextlib.ExitStack() as stack:
        stream = CameraStream(prepared.path, at_end="loop", has_audio=False, transports=("tcp",))
        streams = {"/main": stream}
        if name == NODE_SUB:
            small = idle_streams.small(prepared)
            streams["/sub"] = dataclasses.replace(stream, source=small)
        camera = RtspCamera(streams, folder)
        stack.callback(camera.stop)
        camera.start()
        child, times = _start(name, stack, folder, camera, prepared.stream)
        played_s = _wait_played(camera, child, warm_up_s)
        plays = _plays(camera)

        def check() -> None:
            if _plays(camera) != plays:
                raise HarnessError(f"{name} connected anew while it was measured: {child.tail()}")

        cost = idle_meter.measure(child.pid, window_s, check)
        end_s = time.time()
        check()
        if times is None:
            return Run(cost, 0, None, None)
        crossings = crossing_times(prepared, end_s - played_s, played_s)
        known = [each for each in crossings if each[0] >= end_s - window_s and each[1] <= end_s]
        limit_s = time.monotonic() + ARCHIVE_TIMEOUT_S
        while (met := match(known, times())) < len(known) and time.monotonic() < limit_s:
            time.sleep(0.5)
        began = [each for each in times() if each <= end_s]
        return Run(cost, len(known), met, sum(not match(crossings, [each]) for each in began))


def match(crossings: list[tuple[float, float]], began: list[float]) -> int:
    """How many crossings, from first to last second, have an event that began within them."""
    return sum(
        any(first_s - SLACK_S <= each <= last_s + SLACK_S for each in began)
        for first_s, last_s in crossings
    )


def crossing_times(
    prepared: Prepared, played_s: float, begin_s: float
) -> list[tuple[float, float]]:
    """First and last second of all crossings that begin in `played_s` of a film in a loop."""
    film_s = prepared.stream.film_s
    return [
        (begin_s + loop * film_s + first / FPS, begin_s + loop * film_s + (last + 1) / FPS)
        for loop in range(int(played_s / film_s) + 1)
        for first, last in prepared.crossings
        if loop * film_s + first / FPS < played_s
    ]


def missing_program(name: str) -> str | None:
    """The program, and Debian package, that a contestant lacks here."""
    program = PROGRAMS.get(name)
    return program if program is not None and shutil.which(program) is None else None


def _start(
    name: str, stack: contextlib.ExitStack, folder: Path, camera: RtspCamera, stream: Stream
) -> tuple[Child, Times | None]:
    url = camera.url()
    if name == NODE:
        return _start_node(stack, folder, {"source": url})
    if name == NODE_SUB:
        return _start_node(stack, folder, {"source": url, "sub_source": camera.url("/sub")})
    if name == MOTION:
        argv = ["motion", "-c", str(_motion_file(folder, url, stream))]
    elif name == COPY:
        argv = [*_ffmpeg(), "-i", url, "-c", "copy", "-f", "null", "-"]
    else:
        argv = [*_ffmpeg(), "-threads", "1", "-i", url, "-f", "null", "-"]
    child = Child(name.split()[0], argv, folder)
    stack.callback(child.stop)
    child.start()
    return child, None


def _ffmpeg() -> list[str]:
    return ["ffmpeg", "-nostdin", "-nostats", "-v", "error", "-rtsp_transport", "tcp"]


def _motion_file(folder: Path, url: str, stream: Stream) -> Path:
    """Motion's defaults (no web control among them), but for what it is asked to do here.

    The size is the camera's, as Motion's manual recommends: its default of 640x480 makes it scale
    every picture, which costs it more. Its default of 15 frames/s is the streams' own.
    """
    target = folder / "motion"
    target.mkdir()
    path = folder / "motion.conf"
    lines = (
        f"netcam_url {url}",
        "netcam_params rtsp_transport=tcp",  # was netcam_use_tcp before 4.3.2
        "movie_passthrough on",
        f"width {stream.film.width}",
        f"height {stream.film.height}",
        f"target_dir {target}",
        f"log_file {folder / 'motion.log'}",
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _start_node(
    stack: contextlib.ExitStack, folder: Path, sources: dict[str, str]
) -> tuple[Child, Times]:
    node, hub = parties.start_node(stack, folder, [{"name": CAMERA, **sources}])

    def times() -> list[float]:
        done = hub.command("query", "--json", "--limit", "1000")
        if done.returncode not in (0, 1):  # 1: found none
            raise HarnessError(f"query: {done.stderr.strip()}")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        moments = [row["started_utc"] for row in rows if row["kind"] == "motion"]
        return [datetime.fromisoformat(each).timestamp() for each in moments]

    return node, times


def _wait_played(camera: RtspCamera, child: Child, warm_up_s: float) -> float:
    """Until the warm-up is over; when the last connection began, by time.time().

    Some connect twice: once to look, once to stay.
    """
    limit_s = time.monotonic() + PLAY_TIMEOUT_S
    plays, played_s, played_mono_s = 0, 0.0, 0.0
    while not plays or time.monotonic() < played_mono_s + warm_up_s:
        if not child.is_running:
            raise HarnessError(f"{child.name} ended ({child.exit_status}): {child.tail()}")
        if time.monotonic() > limit_s + warm_up_s:
            raise HarnessError(f"{child.name} asks for no stream: {child.tail()}")
        if _plays(camera) > plays:
            plays, played_s, played_mono_s = _plays(camera), time.time(), time.monotonic()
        time.sleep(0.05)
    return played_s


def _plays(camera: RtspCamera) -> int:
    return sum(event["event"] == "play" for event in camera.events)
