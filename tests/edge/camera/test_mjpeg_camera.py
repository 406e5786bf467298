"""A Motion JPEG camera end to end: a real HTTP server, all of a camera's threads, clips on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.contract import record
from edge.contract.motion import MotionSettings
from edge.media.frame import Luma
from tests.edge.camera import jpegs
from tests.edge.camera.jpegs import FPS, passer
from tests.edge.camera.rig import records, wait
from tests.edge.camera.test_camera import Post
from tests.harness.mjpeg_camera import MjpegCamera, Script, steady

QUIET_S, PASSING_S = 4.0, 5.4


@pytest.fixture(scope="module")
def film() -> list[bytes]:
    """Four seconds of nothing, five of somebody who passes, five of nothing."""
    return list(jpegs.pictures(14, passer(80, 120.0, QUIET_S)))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    for camera in made.cameras:
        camera.stop()
        camera.join(10)
    made.outbox.close()


def showing(film: list[bytes]) -> Script:
    """The film once, then its last picture on and on."""
    return steady(fps=FPS, make=lambda number: film[min(number, len(film) - 1)])


def halved(picture: bytes) -> bytes:
    """The same picture at half the size."""
    small = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    assert small is not None
    return bytes(cv2.imencode(".jpg", small)[1])


def shown(path: Path) -> list[Luma]:
    """All pictures of a clip, decoded by FFmpeg."""
    with av.open(str(path)) as container:
        return [
            np.asarray(frame.to_ndarray(format="gray"), np.uint8)
            for frame in container.decode(video=0)
        ]


def is_there(picture: Luma) -> bool:
    """Whether somebody dark is on the left of the picture."""
    return bool((picture[190:250, :100] < 70).mean() > 0.2)


def ends(post: Post) -> list[record.EventEnded]:
    """The events that are over."""
    bodies = [each.body for each in records(post.outbox)]
    return [body for body in bodies if isinstance(body, record.EventEnded)]


def test_an_event_is_encoded_once_and_nothing_before_it(post: Post, film: list[bytes]) -> None:
    """The clip begins with the pre-roll, shows the event from its first picture, and nothing is
    encoded while nothing moves."""
    with MjpegCamera(showing(film)) as server:
        camera = post.watch(server.url(), pace="realtime")
        wait(lambda: camera.health().ring_s > 2.0, "two quiet seconds")
        assert camera._encoders.opened == 0
        wait(lambda: bool(ends(post)), "the end of the event")
        health = camera.health()
    (end,) = ends(post)
    clip, picture = end.clip, end.snapshot
    assert clip is not None and picture is not None and end.fault is None
    assert (clip.codec, clip.width, clip.height) == ("h264", jpegs.WIDTH, jpegs.HEIGHT)
    assert 1000 <= clip.pre_roll_ms <= 1000 + 2 * 1000 // FPS
    assert (clip.lost_packets, end.parts, camera._encoders.opened) == (0, 1, 1)
    assert end.duration_ms == pytest.approx(PASSING_S * 1000, abs=500)
    (path,) = post.spool.folder.glob("*.mp4")
    pictures = shown(path)
    assert len(pictures) == clip.packets
    starts_at = round(clip.pre_roll_ms / 1000 * FPS)
    first = next(at for at, each in enumerate(pictures) if is_there(each))
    assert abs(first - starts_at) <= 2
    assert (picture.width, picture.height) == (jpegs.WIDTH, jpegs.HEIGHT)
    found = post.body("camera.found")
    assert isinstance(found, record.CameraFound)
    assert (found.codec, found.width) == ("mjpeg", jpegs.WIDTH)
    assert health.dropped_frames == 0
    assert health.gate is not None
    assert (health.gate.mode, health.gate.reason[:11]) == ("all", "Motion JPEG")


def test_another_size_in_the_middle_of_an_event_is_another_part(
    post: Post, film: list[bytes]
) -> None:
    """Both parts are whole; together they hold every picture."""
    at = round((QUIET_S + 2.5) * FPS)
    changed = [*film[:at], *(halved(each) for each in film[at:])]
    with MjpegCamera(showing(changed)) as server:
        post.watch(server.url(), pace="realtime")
        wait(lambda: bool(ends(post)), "the end of the event")
    update = post.body("event.updated")
    last = ends(post)[0].clip
    assert isinstance(update, record.EventUpdated) and last is not None
    assert (update.clip.width, last.width) == (jpegs.WIDTH, jpegs.WIDTH // 2)
    assert update.clip.lost_packets == last.lost_packets == 0
    for clip in (update.clip, last):
        (path,) = post.spool.folder.glob(f"*.{clip.part}*.mp4")
        assert len(shown(path)) == clip.packets


def test_a_camera_that_goes_in_an_event_leaves_a_whole_clip(post: Post, film: list[bytes]) -> None:
    """What was sent until then is in it."""
    at = round((QUIET_S + 3) * FPS)
    held_up = MotionSettings(quiet_s=30.0)  # a busy machine's pauses are not the quiet end
    with MjpegCamera(steady(at, FPS, make=lambda number: film[number])) as server:
        post.watch(server.url(), pace="realtime", motion=held_up)
        wait(lambda: bool(ends(post)), "the end of the event")
    end = ends(post)[0]
    assert end.reason == "camera_lost"
    assert end.clip is not None
    assert end.clip.duration_ms == pytest.approx(end.clip.pre_roll_ms + 3000, abs=700)


def test_stopping_in_an_event_closes_its_clip(post: Post, film: list[bytes]) -> None:
    """As with a camera that encodes, though the pre-roll may not be encoded yet."""
    with MjpegCamera(showing(film)) as server:
        camera = post.watch(server.url(), pace="realtime")
        wait(lambda: "event.started" in post.types, "the start of the event")
        camera.stop()
        camera.join(10)
    (end,) = ends(post)
    assert (end.reason, end.fault) == ("stopped", None)
    assert end.clip is not None
    assert list(post.spool.folder.glob("*.part")) == []
