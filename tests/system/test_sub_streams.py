"""A camera with a small stream beside its large one, end to end over RTSP."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import pytest

from tests.harness.patience import PATIENCE_S
from tests.harness.rtsp_camera import CameraStream
from tests.system import stage

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("camera-kinds"),
]

NODE = "gate-3"
TIMEOUT_S = PATIENCE_S
SUB = (320, 180)


def small(film: Path) -> Path:
    """The film as the camera's small stream has it: half the size, half the rate."""
    path = film.with_name("small.mp4")
    scale = ["-vf", f"fps={stage.FPS // 2},scale={SUB[0]}:{SUB[1]}", "-bf", "0", "-g", "10"]
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film), *scale, "-c:v", "libx264"]
    subprocess.run([*argv, "-preset", "ultrafast", str(path)], check=True)
    return path


def test_motion_in_the_small_stream_gives_a_clip_of_the_large_one(tmp_path: Path) -> None:
    """The clip and the snapshot in the archive are the large stream's, and the clip is whole."""
    film = stage.car(tmp_path / "car.mp4")
    streams = {
        "/main": CameraStream(film, at_end="loop", joins="live"),
        "/sub": CameraStream(small(film), at_end="loop", joins="live"),
    }
    with stage.stage(tmp_path) as town:
        camera = town.rtsp(streams)
        settings = stage.camera("gate", camera.url("/main"), sub_source=camera.url("/sub"))
        node = town.add_node(NODE, [settings])
        town.hub.start()
        node.start()
        rows = town.wait_for_events(stage.are_complete(1), TIMEOUT_S)
        row = next(row for row in rows if stage.is_complete(row))
        clip = town.clip(row["id"], 0, tmp_path / "clip.mp4")
        assert stage.ffmpeg_complaints(clip) == ""
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height) == (stage.WIDTH, stage.HEIGHT)
            assert sum(1 for _ in container.decode(video=0)) > 2 * stage.FPS
        shown = stage.shown(town.hub, row["id"])
        assert {shot["width"] for shot in shown["snapshots"]} == {stage.WIDTH}
        node.stop()
        assert f"gate (sub stream): h264 {SUB[0]}x{SUB[1]}" in node.log_text


def test_a_sub_stream_that_cannot_be_is_refused_before_the_node_runs(tmp_path: Path) -> None:
    """The field is named, and what to do."""
    settings = stage.camera("gate", "rtsp://192.0.2.1/main", sub_source="rtsp://192.0.2.1/main")
    with stage.stage(tmp_path) as town:
        town.hub.start()
        node = town.node(NODE, [settings], town.enrol(NODE))
        done = node.command("check-config")
        assert done.returncode == 78
        assert "sub_source: it is the same as source" in done.stderr
