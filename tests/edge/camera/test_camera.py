"""One camera with all its threads, watching files and what is no camera at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.base.clock import SystemClock
from edge.camera.camera import Camera
from edge.config.camera import CameraSettings
from edge.contract import record
from edge.contract.clips import ClipSettings
from edge.contract.motion import MotionSettings
from edge.contract.parts import ClockStamp
from edge.keys import load_or_make
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from tests.edge.camera.rig import records, wait

WIDTH, HEIGHT, FPS = 320, 180, 10
MOTION = MotionSettings(quiet_s=1.0)
CLIPS = ClipSettings(pre_roll_s=1.0, post_roll_s=1.0)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds; from 2 to 5 s a bright square crosses a textured wall."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    rng = np.random.default_rng(1)
    wall = rng.integers(60, 120, (HEIGHT // 4, WIDTH // 4), np.uint8).repeat(4, 0).repeat(4, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = FPS
        for number in range(9 * FPS):
            picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            picture[:HEIGHT] = wall
            if 2 * FPS <= number < 5 * FPS:
                left = (number - 2 * FPS) * 9
                picture[60:110, left : left + 30] = 230
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class Post:
    """Where a camera's records, files and states go."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.spool = Spool(folder / "spool", quota_bytes=2**26, on_lost=lambda _: None)
        self.outbox = Outbox(
            folder / "journal.db", node="gate-3", key=load_or_make(folder / "node.key"),
            clock=self.clock, free=lambda _: None,
            stamp=lambda: ClockStamp("synced", self.clock.boot, self.clock.mono_ns(), 5),
        )  # fmt: skip
        self.states: list[tuple[str, str]] = []
        self.cameras: list[Camera] = []

    def watch(
        self, source: Path | str, *, pace: str = "fast", motion: MotionSettings = MOTION
    ) -> Camera:
        """A camera that is started."""
        settings = CameraSettings(
            name="gate", source=str(source), pace=pace, motion=motion, clips=CLIPS,  # type: ignore[arg-type]
        )  # fmt: skip
        camera = Camera(
            settings, clock=self.clock, outbox=self.outbox, spool=self.spool,
            set_state=lambda name, value: self.states.append((name, value)),
        )  # fmt: skip
        self.cameras.append(camera)
        camera.start()
        return camera

    @property
    def types(self) -> list[str]:
        """Types of the records so far."""
        return [each.header.type for each in records(self.outbox)]

    def body(self, kind: str) -> record.Body | None:
        """What the first record of that type says."""
        return next(each.body for each in records(self.outbox) if each.header.type == kind)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    for camera in made.cameras:
        camera.stop()
        camera.join(10)
    made.outbox.close()


def test_a_film_is_told_from_finding_the_camera_to_its_end(post: Post, film: Path) -> None:
    """Found, an event with its clip, and lost as the file is over."""
    camera = post.watch(film)
    wait(lambda: {"event.ended", "camera.lost"} <= set(post.types), "the end of the film")
    assert sorted(post.types) == ["camera.found", "camera.lost", "event.ended", "event.started"]
    found, lost, end = (post.body(kind) for kind in ("camera.found", "camera.lost", "event.ended"))
    assert found == record.CameraFound("h264", WIDTH, HEIGHT, None)
    assert isinstance(lost, record.CameraLost)
    assert lost.reason == "ended"
    assert lost.last_packet is not None
    assert isinstance(end, record.EventEnded)
    assert 2000 < end.duration_ms < 4500
    assert end.clip is not None
    assert end.clip.pre_roll_ms >= 1000
    assert camera.is_alive()


def test_its_states_go_from_unknown_to_online_and_back(post: Post, film: Path) -> None:
    """Home automation hears offline, OFF, online, ON, OFF and, when the film is over, offline."""
    post.watch(film)
    wait(lambda: post.types.count("event.ended") == 1, "the end of the event")
    wait(lambda: len(post.states) >= 7, "seven changes")
    begun = [("status", "offline"), ("motion", "OFF"), ("tamper", "OFF"), ("status", "online")]
    assert post.states[:4] == begun
    assert [value for name, value in post.states if name == "motion"] == ["OFF", "ON", "OFF"]
    assert [value for name, value in post.states if name == "status"][2:] == ["offline"]


def test_its_health_tells_what_flows(post: Post, film: Path) -> None:
    """While it watches: rates, the ring's contents, no loss."""
    camera = post.watch(film, pace="realtime")
    wait(lambda: camera.health().ring_s > 1, "a second in the ring")
    report = camera.health()
    assert (report.camera, report.state, report.reconnects) == ("gate", "watching", 0)
    assert report.ring_bytes > 1000
    assert (report.dropped_frames, camera.problem) == (0, "")


def test_what_is_no_camera_is_told_once_with_its_reason(
    post: Post, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again and again, and recorded as lost once."""
    caplog.set_level(logging.DEBUG, "edge.camera")
    camera = post.watch(tmp_path / "nothing.mp4")
    wait(lambda: "still lost" in caplog.text, "another attempt")
    assert post.types == ["camera.lost"]
    lost = post.body("camera.lost")
    assert isinstance(lost, record.CameraLost)
    assert (lost.reason, lost.last_packet) == ("not_found", None)
    assert camera.health().state == "lost"
    assert "not_found" in camera.problem
    assert camera.is_alive()


def test_a_camera_that_appears_later_is_found(post: Post, film: Path, tmp_path: Path) -> None:
    """No restart is needed, and its problem is over."""
    path = tmp_path / "later.mp4"
    camera = post.watch(path)
    wait(lambda: "camera.lost" in post.types, "the loss")
    path.write_bytes(film.read_bytes())
    wait(lambda: "camera.found" in post.types, "the camera")
    assert post.types[:2] == ["camera.lost", "camera.found"]
    wait(lambda: "ended" in camera.problem or camera.problem == "", "another state")


def test_stopping_in_the_middle_of_an_event_ends_it(post: Post, film: Path) -> None:
    """All threads end, the clip is closed, the event is `stopped`."""
    camera = post.watch(film, pace="realtime")
    wait(lambda: "event.started" in post.types, "the start of the event")
    camera.stop()
    camera.join(10)
    end = post.body("event.ended")
    assert isinstance(end, record.EventEnded)
    assert end.reason == "stopped"
    assert end.clip is not None
    names = {"capture-gate", "analysis-gate"}
    assert not names & {thread.name for thread in threading.enumerate()}
    assert list(post.spool.folder.glob("*.part")) == []


def test_a_fault_of_the_last_event_is_a_problem_until_the_next_good_one(
    post: Post, film: Path
) -> None:
    """A person who asks for the node's health hears of clips that could not be written."""
    camera = post.watch(film, pace="realtime")
    wait(lambda: camera.health().state == "watching", "the camera")
    camera._story.problem = "camera gate: no space left"
    assert camera.problem == "camera gate: no space left"
    wait(lambda: "event.ended" in post.types, "the end of the next event")
    assert "no space" not in camera.problem
