"""A camera that is covered, end to end: told with pictures from before and of it, clip first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.capture.street import Street
from edge.contract import record
from edge.contract.topics import tamper
from tests.harness.patience import PATIENCE_S
from tests.harness.rtsp_camera import CameraStream
from tests.harness.traffic import Message
from tests.system import stage
from tests.system.stage import FPS, HEIGHT, WIDTH, Stage
from tests.system.town import Row

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.xdist_group("tampering")]

NODE, CAMERA = "gate-3", "street"
SPEED = 3.0
COVERED_S, UNCOVERED_S, OVER_S = 32.0, 62.0, 80.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Stage]:
    with stage.stage(tmp_path) as made:
        yield made


def film(path: Path) -> Path:
    """A street in which a car passes; then something is put before the lens, and taken away."""
    scene = Street(WIDTH, HEIGHT, FPS, 139)
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.max_b_frames = 2 * FPS, 0
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
        for number in range(round(OVER_S * FPS)):
            picture = scene.frame(min(number, 12 * FPS)).copy()
            if COVERED_S <= number / FPS < UNCOVERED_S:
                picture[:HEIGHT] = 60
            grain = rng.normal(0, 1.5, (HEIGHT, WIDTH))
            picture[:HEIGHT] = np.clip(picture[:HEIGHT] + grain, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def is_of(kind: str, event_kind: str) -> Callable[[Message], bool]:
    """Whether a message is a record of that type about an event of that kind."""

    def test(message: Message) -> bool:
        if not stage.is_record(message, kind, NODE):
            return False
        body = record.decode(message.payload).body
        return getattr(body, "kind", event_kind) == event_kind

    return test


def test_a_covered_camera_is_told_with_both_pictures_and_its_clip_before_others(
    town: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub was away meanwhile; a motion event's clip, which is older, comes after."""
    monkeypatch.setenv("CAMWATCH_CLOCK_RATE", str(SPEED))
    stream = CameraStream(film(tmp_path / "film.mp4"), speed=SPEED, at_end="silent")
    camera = town.rtsp({"/main": stream})
    node = town.add_node(NODE, [stage.camera(CAMERA, camera.url())])
    with town.traffic() as traffic:
        node.start_ready()
        for kind, event_kind in (("event.ended", "motion"), ("event.ended", "tampered")):
            traffic.wait_for(is_of(kind, event_kind), PATIENCE_S)
        states = [
            message.payload
            for message in traffic.matching(lambda each: each.topic == tamper(NODE, CAMERA))
        ]
    assert states == [b"OFF", b"ON", b"OFF"]
    town.hub.start_ready()
    found: dict[str, Row] = {}

    def is_here(rows: list[Row]) -> bool:
        found.update((row["kind"], row) for row in rows if stage.is_complete(row))
        return {"motion", "tampered"} <= set(found)

    town.wait_for_events(is_here, PATIENCE_S)
    (row,) = town.query("--kind", "tampered")
    assert (row["tampering"], row["tamper_outcome"], row["reason"]) == (
        "covered", "restored", "quiet",
    )  # fmt: skip
    assert row["duration_ms"] == pytest.approx((UNCOVERED_S - COVERED_S) * 1000, abs=9000)
    told = stage.shown(town.hub, row["id"])
    before, after = sorted(told["snapshots"], key=lambda each: str(each["taken_utc"]))
    assert before["taken_utc"] < row["started_claimed_utc"] < after["taken_utc"]
    stage.wait(
        lambda: {
            each["state"] for each in stage.shown(town.hub, row["id"])["snapshots"]
        } == {"stored"},
        PATIENCE_S,
        "both pictures",
    )  # fmt: skip
    clip = town.clip(row["id"], 0, tmp_path / "clip.mp4")
    assert stage.ffmpeg_complaints(clip) == ""
    lights = brightness(clip)
    assert lights[0] > 1.1 * lights[-1] or lights[0] < 0.9 * lights[-1]
    own, other = (stage.shown(town.hub, found[kind]["id"]) for kind in ("tampered", "motion"))
    assert own["clips"][0]["stored_utc"] < other["clips"][0]["stored_utc"]


def brightness(clip: Path) -> list[float]:
    """The mean luma of each picture."""
    with av.open(str(clip)) as container:
        return [float(each.to_ndarray(format="gray").mean()) for each in container.decode(video=0)]
