"""A camera with two streams: motion is looked for in the small one, clips come from the large one.

Both are films of one street, sent at their pace by sources of the test, with jitter, each with
times of its own, so that only their arrival relates them.
"""

from __future__ import annotations

import functools
import random
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.codec.context import CodecContext

from edge.base.clock import Clock, SystemClock
from edge.camera.camera import Camera
from edge.capture.errors import LostError, OpenError
from edge.capture.street import Street
from edge.config.camera import CameraSettings
from edge.contract import record
from edge.contract.clips import ClipSettings
from edge.contract.motion import MotionSettings
from edge.media.frame import Picture
from edge.media.packet import Packet, VideoStream
from tests.edge.camera.rig import open_state, records, wait

CLOCK = Fraction(1, 90_000)
MAIN, SUB = (640, 360, 15), (320, 180, 5)
SEED, FIRST_S, SECONDS = 139, 1.5, 9.0  # a car crosses from 3.5 s to 6.4 s of these
JITTER_S = 0.03
FRAME_S = 1 / 15
SETTINGS = CameraSettings(
    name="gate", source="rtsp://192.0.2.1/main", sub_source="rtsp://192.0.2.1/sub",
    motion=MotionSettings(quiet_s=1.0), clips=ClipSettings(pre_roll_s=1.0, post_roll_s=1.0),
)  # fmt: skip


@functools.cache
def film(shape: tuple[int, int, int], first_pts: int) -> tuple[Packet, ...]:
    """The street as one stream of a camera; PTS 0 of the film is `first_pts`."""
    width, height, fps = shape
    street = Street(MAIN[0], MAIN[1], fps, SEED)
    encoder = CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = CLOCK, Fraction(fps)
    encoder.gop_size, encoder.max_b_frames = 2 * fps, 0
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
    stream = VideoStream("h264", width, height, CLOCK, b"", Fraction(fps))
    packets = []
    for number in range(round(SECONDS * fps)):
        drawn = street.frame(round(FIRST_S * fps) + number)
        frame = av.VideoFrame.from_ndarray(drawn, format="yuv420p").reformat(width, height)
        frame.pts, frame.time_base = first_pts + round(number / fps / CLOCK), CLOCK
        for raw in encoder.encode(frame):
            assert raw.pts is not None
            packets.append(Packet(bytes(raw), raw.pts, raw.pts, raw.is_keyframe, stream, 0))
    return tuple(packets)


class Lens:
    """The camera: both streams show the same moment at the same time."""

    def __init__(self) -> None:
        self.began_ns = time.monotonic_ns() + 300_000_000
        self.silent: set[str] = set()
        self.refused: set[str] = set()
        self.streams: dict[str, VideoStream] = {}

    def source(self, settings: CameraSettings, _: Clock) -> Reel:
        """For `Camera.make_source`."""
        name = settings.source.rpartition("/")[2]
        if name in self.refused:
            raise OpenError("not_found", "the camera knows no such stream")
        return Reel(self, name)


class Reel:
    """One connection to one stream; joins the film where it is now."""

    def __init__(self, lens: Lens, name: str) -> None:
        self._lens, self._name = lens, name
        packets = film(MAIN, 10**9) if name == "main" else film(SUB, 7_777)
        old = packets[0].stream
        self._stream = VideoStream(old.codec, old.width, old.height, CLOCK, b"", old.frame_rate)
        self._packets = packets
        self._is_closed = threading.Event()
        self._late = random.Random(name)

    def open(self) -> VideoStream:
        return self._stream

    def packets(self) -> Iterator[Packet]:
        is_begun = False
        for packet in self._packets:
            shown_s = float((packet.pts - self._packets[0].pts) * CLOCK)
            due_ns = self._lens.began_ns + round((shown_s + self._late.uniform(0, JITTER_S)) * 1e9)
            wait_s = (due_ns - time.monotonic_ns()) / 1e9
            is_begun |= wait_s > -0.2 and packet.is_keyframe
            if not is_begun:
                continue
            if self._is_closed.wait(max(0.0, wait_s)):
                return
            if self._name in self._lens.silent:
                raise LostError("stalled", "no packet came")
            yield Packet(
                packet.data, packet.pts, packet.dts, packet.is_keyframe, self._stream,
                time.monotonic_ns(),
            )  # fmt: skip
        self._is_closed.wait()

    def close(self) -> None:
        self._is_closed.set()


class Post:
    """A camera that watches the lens, and its journal."""

    def __init__(self, folder: Path, settings: CameraSettings = SETTINGS) -> None:
        self.clock = SystemClock()
        self.spool, self.outbox = open_state(folder, self.clock, [])
        self.lens = Lens()
        self.camera = Camera(
            settings, clock=self.clock, outbox=self.outbox, spool=self.spool,
            set_state=lambda *_: None, make_source=self.lens.source,
        )  # fmt: skip

    def types(self) -> list[str]:
        """Of the records so far."""
        return [each.header.type for each in records(self.outbox)]

    def until_ended(self) -> record.EventEnded:
        """The first event, once it is over."""
        wait(lambda: "event.ended" in self.types(), "the end of an event")
        bodies = [each.body for each in records(self.outbox)]
        return next(each for each in bodies if isinstance(each, record.EventEnded))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.camera.stop()
    made.camera.join(10)
    made.outbox.close()


def picture(data: bytes) -> Picture:
    """A JPEG, decoded."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def test_motion_is_found_in_the_small_stream_and_the_clip_is_the_large_one(post: Post) -> None:
    """With the large one's size, pre-roll, and snapshot, and times that agree to a frame."""
    post.camera.start()
    end = post.until_ended()
    assert end.clip is not None and end.snapshot is not None
    assert (end.clip.width, end.clip.height) == MAIN[:2]
    assert (end.snapshot.width, end.snapshot.height) == MAIN[:2]
    assert post.types().count("camera.found") == 1
    assert post.camera.problem == ""
    looked = post.camera.health().analysed_per_s
    assert looked <= SUB[2] + 1  # never the large one's fifteen, but for the moment before
    # The small one's times: the event began with one of its pictures.
    began_s = (end.started.mono_ns - post.lens.began_ns) / 1e9
    assert abs(began_s * SUB[2] - round(began_s * SUB[2])) / SUB[2] < FRAME_S
    # The large one's: the clip's first picture is told by the moment that it shows.
    ticks = end.clip.first_pts - 10**9
    shown_ns = post.lens.began_ns + round(ticks * CLOCK * 1_000_000_000)
    assert abs(end.clip.starts.mono_ns - shown_ns) < FRAME_S * 1e9
    assert end.clip.pre_roll_ms >= 1000
    assert abs(end.clip.pre_roll_ms / 1000 - (began_s - float(ticks * CLOCK))) < FRAME_S
    file = next(post.spool.folder.glob("*.mp4"))
    with av.open(str(file)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures == end.clip.packets


def test_its_snapshot_is_the_large_picture_of_that_moment(post: Post) -> None:
    """Sharper than the small one, and showing the same."""
    post.camera.start()
    end = post.until_ended()
    assert end.snapshot is not None and end.snapshot.box is not None
    file = next(
        path for path in post.spool.folder.glob("*.jpg") if end.snapshot.sha256[:16] in path.name
    )
    seen = picture(file.read_bytes())
    second = FIRST_S + (end.snapshot.taken.mono_ns - post.lens.began_ns) / 1e9
    street = Street(MAIN[0], MAIN[1], MAIN[2], SEED)

    def off(at_s: float) -> float:
        drawn = street.frame(round(at_s * MAIN[2]))[: MAIN[1]]
        return float(np.abs(drawn.astype(int) - seen).mean())

    shifts = {frames: off(second + frames / MAIN[2]) for frames in range(-8, 9)}
    # The newest pictures of the large stream may still be on their way when it is taken.
    assert -3 <= min(shifts, key=lambda frames: shifts[frames]) <= 1


def test_while_the_small_stream_is_silent_the_large_one_is_looked_at(post: Post) -> None:
    """From where the small one fell silent: what moved meanwhile is found in the ring."""
    post.camera.start()
    wait(lambda: time.monotonic_ns() > post.lens.began_ns + 2 * 10**9, "two seconds")
    post.lens.silent.add("sub")
    end = post.until_ended()
    assert end.clip is not None
    assert (end.clip.width, end.clip.height) == MAIN[:2]
    assert "sub stream" in post.camera.problem
    assert post.types().count("camera.lost") == 0
    assert "camera.found" in post.types()


def test_without_the_large_stream_the_small_one_is_recorded(post: Post) -> None:
    """Rather a small clip than none; the camera counts as there, with a problem."""
    post.lens.refused.add("main")
    post.camera.start()
    end = post.until_ended()
    assert end.clip is not None
    assert (end.clip.width, end.clip.height) == SUB[:2]
    assert "no such stream" in post.camera.problem
    (found,) = [each for each in records(post.outbox) if each.header.type == "camera.found"]
    body = found.body
    assert isinstance(body, record.CameraFound)
    assert (body.codec, body.width, body.height) == ("h264", *SUB[:2])
    assert (found.header.event is None) is (body.lost_ms is None)
    assert post.camera.health().state == "watching"


def test_an_event_is_cut_when_the_large_stream_goes_and_goes_on_in_the_small_one(
    post: Post,
) -> None:
    """Two events: one with what there was of the large stream, one of the small one."""
    post.camera.start()
    wait(lambda: "event.started" in post.types(), "the event")
    post.lens.silent.add("main")
    wait(lambda: post.types().count("event.ended") == 2, "both ends")
    bodies = [each.body for each in records(post.outbox)]
    first, second = [each for each in bodies if isinstance(each, record.EventEnded)]
    assert first.clip is not None and second.clip is not None
    assert (first.reason, first.clip.width, second.clip.width) == ("camera_lost", MAIN[0], SUB[0])
    assert "camera.lost" not in post.types()


def test_the_camera_is_lost_when_both_are(post: Post) -> None:
    """Once, with the reason of the last that went; found again with either."""
    post.camera.start()
    wait(lambda: post.camera.health().state == "watching", "the camera")
    wait(lambda: all(lane.is_connected for lane in post.camera._streams.lanes), "both streams")
    post.lens.silent.update(("main", "sub"))
    wait(lambda: "camera.lost" in post.types(), "the loss")
    assert post.camera.health().state == "lost"
    assert post.types().count("camera.lost") == 1


def test_a_small_stream_that_never_comes_is_a_problem_and_no_loss(post: Post) -> None:
    """The large one is looked at from the start."""
    post.lens.refused.add("sub")
    post.camera.start()
    end = post.until_ended()
    assert end.clip is not None
    assert end.clip.width == MAIN[0]
    assert "sub stream" in post.camera.problem
    assert post.types()[0] == "camera.found"
    assert "camera.lost" not in post.types()
