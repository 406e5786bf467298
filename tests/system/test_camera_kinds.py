"""Cameras that speak no RTSP, end to end: an event of each is a clip in the archive."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import av
import cv2
import pytest

from edge.capture.street import Street
from tests.edge.capture.commands import children_of, is_running
from tests.harness.mjpeg_camera import MjpegCamera, Script, Write, part
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import run_command
from tests.system import stage
from tests.system.town import Row

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("camera-kinds"),
    pytest.mark.skipif(not shutil.which("ffmpeg"), reason="apt-get install ffmpeg"),
]

NODE = "gate-3"
TIMEOUT_S = PATIENCE_S
LOOP = ["-nostdin", "-v", "error", "-re", "-stream_loop", "-1"]


def command(film: Path) -> list[str]:
    """What writes a film's H.264 to a pipe, in its time and for ever."""
    to_pipe = ["-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-flush_packets", "1"]
    return ["ffmpeg", *LOOP, "-i", str(film), *to_pipe, "-"]


def filmed(seed: int, first_s: float, last_s: float) -> Script:
    """The street as Motion JPEG, over and over."""
    scene = Street(stage.WIDTH, stage.HEIGHT, stage.FPS, seed)
    pictures = []
    for number in range(round(first_s * stage.FPS), round(last_s * stage.FPS)):
        bgr = cv2.cvtColor(scene.frame(number), cv2.COLOR_YUV2BGR_I420)
        pictures.append(bytes(cv2.imencode(".jpg", bgr)[1]))

    def script(camera: MjpegCamera, write: Write) -> None:
        while True:
            for picture in pictures:
                write(part(picture))
                if camera.is_stopped.wait(1 / stage.FPS):
                    return

    return script


def complaints(clip: Path) -> str:
    """What FFmpeg has to say, its output in the clip's own ticks: arrival has no even rate."""
    own_ticks = ["-fps_mode", "passthrough", "-enc_time_base", "1:90000"]
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(clip), *own_ticks, "-f", "null", "-"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stderr


def test_a_motion_jpeg_camera_and_a_command_camera_give_clips(tmp_path: Path) -> None:
    """A car passes before both; a killed node leaves no command running."""
    film = stage.car(tmp_path / "car.mp4")
    secret = tmp_path / "camera.secret"
    secret.touch(mode=0o600)
    secret.write_text("open sesame", encoding="ascii")
    with (
        MjpegCamera(filmed(139, 3.5, 10.5), auth="digest", password="open sesame") as camera,
        stage.stage(tmp_path) as town,
    ):
        login = {"user": "viewer", "password_file": str(secret)}
        node = town.add_node(
            NODE,
            [
                stage.camera("yard", camera.url(), **login),
                stage.camera("porch", "exec:", command=command(film)),
            ],
        )
        town.hub.start()
        node.start()
        complete = {"yard": False, "porch": False}

        def are_both_complete(rows: list[Row]) -> bool:
            complete.update((row["camera"], True) for row in rows if stage.is_complete(row))
            return all(complete.values())

        rows = town.wait_for_events(are_both_complete, TIMEOUT_S)
        children = children_of(node.pid)
        assert children
        node.kill()
        stage.wait(lambda: not any(map(is_running, children)), 5, "no command is left")
        assert "Motion JPEG 640x360 to H.264 by libx264" in node.log_text
        assert "open sesame" not in node.log_text
        for name in complete:
            row = next(row for row in rows if row["camera"] == name and stage.is_complete(row))
            clip = town.clip(row["id"], 0, tmp_path / f"{name}.mp4")
            assert complaints(clip) == ""
            with av.open(str(clip)) as container:
                assert sum(1 for _ in container.decode(video=0)) > 20


def test_probe_says_what_will_be_encoded(tmp_path: Path) -> None:
    """Codec, size, rate, and who encodes; nobody where the camera does."""
    film = stage.car(tmp_path / "car.mp4")
    with MjpegCamera() as camera:
        done = run_command("edge.cli", ["probe", "--seconds", "1", camera.url()])
    assert "320x240" in done.stdout
    assert "Motion JPEG 320x240 to H.264 by libx264" in done.stdout
    arguments = ["probe", "--seconds", "1", "--json", "exec:", "--", *command(film)]
    report = json.loads(run_command("edge.cli", arguments).stdout)
    assert (report["codec"], report["width"], report["encoding"]) == ("h264", 640, None)
    assert 8 < report["measured_fps"] < 12


def test_an_unknown_kind_is_refused_before_the_node_runs() -> None:
    """With the kinds there are."""
    done = run_command("edge.cli", ["probe", "foo://camera/x"])
    assert done.returncode == 78
    assert "rtsp:// or rtsps:// URL" in done.stderr
