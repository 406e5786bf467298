"""A camera that hangs and one that floods leave the healthy one in their process undisturbed."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

from edge.contract import health, record
from tests.harness import nal, rtsp_camera
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import Settings
from tests.harness.proxy import Proxy
from tests.harness.rtsp_camera import CameraStream
from tests.system import stage
from tests.system.stage import Stage
from tests.system.town import Row

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("isolation")]

NODE = "gate-3"
EVENTS, FILM_S = 3, 13.0
WAIT_S = PATIENCE_S
RING_BYTES = 4 << 20
MAX_MEMORY_MB = 220.0  # measured 130; 830 while a command was read as fast as it wrote
WIDTH, HEIGHT, FPS = 1280, 720, 15
# Annex B over and over, as fast as it is taken: no encoder in between that would set a pace.
CAT = "import sys\ndata = open(sys.argv[1], 'rb').read()\nwhile True: sys.stdout.buffer.write(data)"


@dataclass(frozen=True)
class Watch:
    """What a node with three cameras told until the healthy one had seen its events."""

    town: Stage
    film: Path
    rows: list[Row]
    records: list[record.Record]
    reports: list[health.Health]
    peak_mb: float

    def bodies(self, camera: str, kind: str) -> list[record.Record]:
        """That camera's records of one type."""
        return [
            each
            for each in self.records
            if (each.header.camera, each.header.type) == (camera, kind)
        ]

    def causes(self, camera: str) -> list[str | None]:
        """The causes of its coverage in order, None for watched; each once in a row."""
        found: list[str | None] = []
        for each in self.bodies(camera, "coverage.spans"):
            assert isinstance(each.body, record.CoverageSpans)
            for span in each.body.spans:
                if not found or found[-1] != span.cause:
                    found.append(span.cause)
        return found


def noise(path: Path) -> Path:
    """Two seconds of pure noise, each picture a keyframe: some 80 Mbit/s at their own pace."""
    random = np.random.default_rng(7)
    options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.max_b_frames = 1, 0
        if path.suffix == ".mp4":
            stream.codec_context.flags |= Flags.global_header
        for _ in range(2 * FPS):
            levels = random.integers(0, 255, (HEIGHT * 3 // 2, WIDTH), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(levels, format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def flood(kind: str, town: Stage, folder: Path) -> Settings:
    """Settings of a camera that sends too much: through a pipe without a pace, or over RTSP.

    Pure noise is no view to be known by, so nobody asks whether that was meddled with.
    """
    settings: Settings = {"tamper": {"enabled": False}}
    if kind == "pipe":
        film = noise(folder / "noise.h264")
        command = [sys.executable, "-c", CAT, str(film)]
        return stage.camera("floods", "exec:", command=command, **settings)
    film = noise(folder / "noise.mp4")
    camera = town.rtsp({"/noise": CameraStream(film, at_end="loop")}, "floods")
    return stage.camera("floods", camera.url("/noise"), **settings)


@pytest.fixture(scope="module", params=["pipe", pytest.param("rtsp", marks=pytest.mark.slow)])
def watch(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watch]:
    """The healthy camera has seen its events, and the node has stopped in good order."""
    if missing := rtsp_camera.missing_packages():
        pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
    folder = tmp_path_factory.mktemp("isolation")
    with contextlib.ExitStack() as stack:
        town = stack.enter_context(stage.stage(folder))
        film = stage.walker(folder / "walker.mp4")
        served = town.rtsp({
            "/healthy": CameraStream(film, at_end="loop"),
            "/hangs": CameraStream(film, at_end="loop"),
        })  # fmt: skip
        line = Proxy(served.port)
        stack.callback(line.close)
        clips = stage.CLIPS | {"ring_bytes": RING_BYTES}
        cameras = [
            stage.camera("healthy", served.url("/healthy")),
            stage.camera("hangs", f"rtsp://127.0.0.1:{line.port}/hangs", stall_timeout_s=2),
            flood(request.param, town, folder),
        ]
        node = town.add_node(NODE, [dict(each) | {"clips": clips} for each in cameras])
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        traffic.wait_for(
            lambda each: (
                stage.is_record(each, "camera.found")
                and record.decode(each.payload).header.camera == "hangs"
            ),
            WAIT_S,
        )
        line.swallow()
        rows = town.wait_for_events(stage.are_complete(EVENTS), WAIT_S, "--camera", "healthy")
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{node.pid}/status").read_text())
        assert peak is not None
        assert node.stop(timeout_s=5) == 0
        stage.wait(lambda: stage.nodes(town.hub)[NODE]["missing_records"] == 0, WAIT_S, "records")
        told = {each.payload for each in traffic.matching(lambda m: m.is_leaf("record", NODE))}
        records = sorted(map(record.decode, told), key=lambda each: each.header.seq)
        reports = [
            health.decode(each.payload)
            for each in traffic.matching(lambda m: m.is_leaf("health", NODE))
        ]
        yield Watch(town, film, rows, records, reports, int(peak[1]) * 1024 / 1e6)


def test_every_walk_is_an_event_of_the_healthy_camera(watch: Watch) -> None:
    """One each time that the film goes round; none is missed, late or split."""
    starts = sorted(
        datetime.fromisoformat(row["started_utc"]) for row in watch.rows if stage.is_complete(row)
    )
    rounds = [round((each - starts[0]).total_seconds() / FILM_S) for each in starts]
    assert rounds == list(range(len(starts)))
    assert {row["reason"] for row in watch.rows if stage.is_complete(row)} == {"quiet"}


def test_its_clips_are_its_own_pictures_without_a_gap(watch: Watch, tmp_path: Path) -> None:
    """Byte for byte as they were sent, and FFmpeg has nothing to say."""
    sent = [nal.picture_digest(packet, "h264") for packet in nal.read_file(watch.film)]
    for row in filter(stage.is_complete, watch.rows):
        clip = watch.town.clip(row["id"], 0, tmp_path / f"{row['id']}.mp4")
        kept = [nal.picture_digest(packet, "h264") for packet in nal.read_file(clip)]
        first = sent.index(kept[0])
        assert kept == sent[first : first + len(kept)]
        assert stage.ffmpeg_complaints(clip) == ""


def test_it_counts_as_watched_all_the_time(watch: Watch) -> None:
    """From its first picture to the stop, and no picture was left out."""
    assert watch.causes("healthy") == ["starting", None, "stopped"]
    dropped = [
        each.dropped_frames
        for report in watch.reports
        for each in report.cameras
        if each.camera == "healthy"
    ]
    assert set(dropped) == {0}


def test_the_one_that_hangs_says_so_once(watch: Watch) -> None:
    """Lost by a stall, blind from then on."""
    bodies = [each.body for each in watch.bodies("hangs", "camera.lost")]
    assert [body.reason for body in bodies if isinstance(body, record.CameraLost)] == ["stalled"]
    assert watch.causes("hangs")[-1] in ("stream_lost", "stopped")
    assert "stream_lost" in watch.causes("hangs")


def test_the_one_that_floods_is_watched_or_says_why_not(watch: Watch) -> None:
    """It was found, and what it is too much for is overload and nothing else."""
    assert watch.bodies("floods", "camera.found")
    assert set(watch.causes("floods")) <= {"starting", None, "overload", "stopped"}


def test_memory_stays_bounded(watch: Watch) -> None:
    """The rings are bounded by bytes, the feeds by time, whatever comes."""
    assert watch.peak_mb < MAX_MEMORY_MB
    ring_bytes = [each.ring_bytes for report in watch.reports for each in report.cameras]
    assert max(ring_bytes) <= 2 * RING_BYTES
