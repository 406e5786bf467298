"""Cameras that send garbage, change in mid-stream and lose their clocks: the node stays, its clips
are what was sent."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from edge.contract import health
from edge.outbox.history import HISTORY_ENV
from tests.fault import odd_films
from tests.fault.archive_files import read_hub
from tests.fault.checker import check
from tests.fault.flip_proxy import FlipProxy
from tests.fault.history import Json
from tests.fault.odd_films import damaged, film, joined, without_keyframes
from tests.fault.verdict import Verdict
from tests.harness import rtsp_camera
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import NodeProcess, Settings
from tests.harness.proxy import Proxy
from tests.harness.rtsp_camera import CameraStream
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("streams")]

NODE = "gate-1"
RING_BYTES = 2**20
MOTION = {"quiet_s": 0.3}
CLIPS = {"pre_roll_s": 0.3, "post_roll_s": 0.2, "max_length_s": 5, "ring_bytes": RING_BYTES}
WAIT_S = PATIENCE_S
STILL = "synthetic:?still=1&width=320&height=180&fps=2"
CLEAN = ("good", "size", "wrap", "jump", "long-gop")  # what was sent can be decoded
OVER_RTSP = ("bad-line", "codec")


class Exchange(Proxy):
    """A line that can be led to another camera."""

    def turn_to(self, port: int) -> None:
        """Cut every connection; the next ones go there."""
        self._target_port = port
        self.cut()


@dataclass(frozen=True)
class Streams:
    """A node with one camera for each oddity, after all of them were watched for a while."""

    town: Stage
    node: NodeProcess
    reports: list[health.Health]
    verdict: Verdict
    flipped: int

    def records(self, camera: str, kind: str) -> list[Json]:
        """What the archive holds of that camera."""
        return [
            each.body
            for each in read_hub(self.town.hub.state_dir).records
            if each.body.get("camera") == camera and each.body["type"] == kind
        ]

    def clips(self, camera: str) -> list[tuple[Json, Path]]:
        """What was announced of each clip, and its file."""
        files = read_hub(self.town.hub.state_dir).media("clips", ".mp4")
        told = self.records(camera, "event.ended") + self.records(camera, "event.updated")
        return [(each["clip"], files[each["clip"]["sha256"]]) for each in told if each.get("clip")]


def films(folder: Path) -> dict[str, Path]:
    """One recording for each oddity."""
    small = film(folder / "small.ts", size=(256, 144), crossings=6)
    large = film(folder / "large.ts", size=(320, 240), crossings=6, first_s=12.0)
    good = film(folder / "good.mp4")
    wrap_s = odd_films.WRAP / 90_000
    return {
        "good": good,
        "size": joined(folder / "size.ts", [small, large]),
        "wrap": film(folder / "wrap.ts", first_s=wrap_s - 4.0),
        "jump": film(folder / "jump.ts", jump_s=3600.0),
        "long-gop": film(folder / "long.mp4", crossings=30, gop=600),
        "flips": damaged(folder / "flips.mp4", good, share=0.3, seed=5),
        "no-keys": without_keyframes(folder / "no-keys.mp4", good),
    }


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    """Watch all of them until each that can has brought two events, then drain."""
    folder = tmp_path_factory.mktemp("streams")
    with stage.stage(folder) as town, contextlib.ExitStack() as stack:
        made = films(folder)
        cameras: list[Settings] = [
            stage.camera(name, path, motion=MOTION, clips=CLIPS) for name, path in made.items()
        ]
        line = exchange = None
        if not rtsp_camera.missing_packages():
            hevc = film(folder / "hevc.mp4", codec="libx265")
            first = town.rtsp({"/main": CameraStream(made["good"], at_end="loop")}, "first")
            second = town.rtsp({"/main": CameraStream(hevc, at_end="loop")}, "second")
            line = stack.enter_context(FlipProxy(first.port, share=0.15, seed=6))
            exchange = stack.enter_context(Exchange(first.port))
            for name, proxy in (("bad-line", line), ("codec", exchange)):
                url = first.url().replace(f":{first.port}/", f":{proxy.port}/")
                cameras.append(stage.camera(name, url, motion=MOTION, clips=CLIPS))
        node = town.add_node(NODE, cameras)
        node.set_variable(HISTORY_ENV, str(folder / "history"))
        town.hub.start_ready()
        traffic = town.traffic()
        node.start_ready()
        names = {str(each["name"]) for each in cameras} - {"no-keys"}
        stage.wait(lambda: _has_enough(town, names), 2 * WAIT_S, "events of all")
        if exchange is not None:
            exchange.turn_to(second.port)
            stage.wait(lambda: _has_enough(town, {"codec"}, 6), WAIT_S, "events in H.265")
        reports = [
            health.decode(each.payload)
            for each in traffic.wait_for_count(lambda each: each.is_leaf("health"), 2, WAIT_S)
        ]
        assert node.is_running
        node.stop()
        node.settings["cameras"] = [stage.camera("good", STILL)]
        node.start_ready()
        stage.wait(lambda: not stage.journal(node), WAIT_S, "an empty journal")
        rows = town.wait_for_events(
            lambda rows: all(map(_is_stored, rows)), WAIT_S, "--kind", "motion"
        )
        assert rows
        node.kill()
        town.hub.stop()
        verdict = check(town.hub.state_dir, [folder / "history"], decoded_clips=0)
        yield Streams(town, node, reports, verdict, line.flipped if line else 0)


def _is_stored(row: dict[str, object]) -> bool:
    return row["state"] == "ended" and row["clips_stored"] == row["parts"]


def _has_enough(town: Stage, cameras: set[str], least: int = 2) -> bool:
    """So many ended events of each; of a stream with a keyframe a minute, one."""
    seen: Counter[str] = Counter()
    for row in town.query("--kind", "motion"):
        seen[row["camera"]] += row["state"] == "ended"
    return all(seen[name] >= (1 if name == "long-gop" else least) for name in cameras)


def test_the_node_runs_through_and_loses_nothing(streams: Streams) -> None:
    """No traceback, no record or clip lost, whatever the cameras send."""
    assert streams.verdict.is_good, streams.verdict
    assert "Traceback" not in streams.node.log_text


def test_memory_for_packets_stays_within_what_is_set(streams: Streams) -> None:
    """A GOP of a minute and times that jump fill no ring beyond its bytes."""
    assert len(streams.reports) >= 2
    for report in streams.reports:
        for camera in report.cameras:
            assert camera.ring_bytes <= RING_BYTES, camera


@pytest.mark.parametrize("camera", CLEAN)
def test_clips_of_odd_streams_decode_without_a_complaint(streams: Streams, camera: str) -> None:
    """Across changes of size and codec, wrapped and jumping times, and GOPs of a minute."""
    clips = streams.clips(camera)
    assert clips
    for _told, path in clips:
        assert stage.ffmpeg_complaints(path) == ""


@pytest.mark.parametrize("camera", [*CLEAN, "flips", *OVER_RTSP])
def test_each_clip_holds_the_pictures_that_its_record_announces(
    streams: Streams, camera: str
) -> None:
    """Number, size and codec; each a plain file, though its pictures may be damaged."""
    clips = streams.clips(camera)
    if camera in OVER_RTSP and not streams.flipped:
        pytest.skip("no RTSP server here")
    assert clips
    for told, path in clips:
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            assert (video.width, video.height) == (told["width"], told["height"])
            assert video.codec_context.name == told["codec"]
            packets = [each for each in container.demux(video) if each.size]
            assert len(packets) == told["packets"]
            times = [each.dts for each in packets if each.dts is not None]
            assert times == sorted(set(times))


def test_a_change_of_size_or_codec_shows_in_the_clips(streams: Streams) -> None:
    """Before and after it there are events, each with clips of one kind. The size changes within
    a stream, the codec as cameras change it: the connection ends, the next one is of another."""
    kinds: defaultdict[str, set[tuple[object, ...]]] = defaultdict(set)
    for camera in ("size", "codec"):
        for told, _path in streams.clips(camera):
            kinds[camera].add((told["codec"], told["width"], told["height"]))
    assert kinds["size"] == {("h264", 256, 144), ("h264", 320, 240)}
    if streams.flipped:
        assert kinds["codec"] == {("h264", 256, 144), ("hevc", 256, 144)}


def test_a_stream_without_a_keyframe_is_told_as_lost(streams: Streams) -> None:
    """There is nothing to see in it; the camera is not said to be watched."""
    assert streams.records("no-keys", "camera.lost")
    assert not streams.records("no-keys", "event.started")


def test_bits_flipped_on_the_line_do_not_stop_the_watch(streams: Streams) -> None:
    """Events go on being told while every seventh RTP packet is damaged."""
    if not streams.flipped:
        pytest.skip("no RTSP server here")
    assert streams.flipped > 20
    assert streams.records("bad-line", "event.ended")
