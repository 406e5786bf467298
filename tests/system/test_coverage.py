"""Was the camera even watching? The records of real nodes, held against what was done to them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.contract import record
from edge.contract.health import decode as decode_health
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import NodeProcess
from tests.harness.rtsp_camera import CameraStream
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("coverage")]

NODE = "gate-3"
TIMEOUT_S = PATIENCE_S
UNPLUGGED_S = 6.0
BOOT_NS = time.CLOCK_BOOTTIME
SPEED = 5  # of the film of faults, and of its node's clock
WIDTH, HEIGHT, FPS = 320, 180, 10


@dataclass(frozen=True)
class Stretch:
    """A span with its ends on the monotonic clock, in seconds."""

    start_s: float
    end_s: float
    cause: str | None
    detail: str | None

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s


@dataclass
class Day:
    """What was done to the node, in seconds on the monotonic clock, and what it told."""

    moments: dict[str, float] = field(default_factory=dict)
    records: list[record.Record] = field(default_factory=list)

    def note(self, what: str) -> None:
        """This happens now."""
        self.moments[what] = time.clock_gettime(BOOT_NS)

    def accounts(self, camera: str) -> list[list[record.CoverageSpans]]:
        """A camera's records, by run of the node."""
        runs: list[list[record.CoverageSpans]] = []
        for each in self.records:
            if isinstance(each.body, record.NodeBooted):
                runs.append([])
            if isinstance(each.body, record.CoverageSpans) and each.header.camera == camera:
                runs[-1].append(each.body)
        return runs

    def stretches(self, camera: str, run: int) -> list[Stretch]:
        """The spans of one run; equal neighbours of two records are one."""
        found: list[Stretch] = []
        for account in self.accounts(camera)[run]:
            zero_s = account.starts.mono_ns / 1e9
            for span in account.spans:
                start_s, end_s = zero_s + span.from_ms / 1000, zero_s + span.to_ms / 1000
                if found and (found[-1].cause, found[-1].detail) == (span.cause, span.detail):
                    start_s = found.pop().start_s
                found.append(Stretch(start_s, end_s, span.cause, span.detail))
        return found


def records(traffic: Traffic, node: str) -> list[record.Record]:
    """All records of a node, each once, in order."""
    messages = traffic.matching(lambda each: each.is_leaf("record", node))
    seen = {each.payload: record.decode(each.payload) for each in messages}
    return sorted(seen.values(), key=lambda each: each.header.seq)


def wait_for_coverage(
    traffic: Traffic, node: str, camera: str, cause: str | None, *, run: int = 0
) -> None:
    """Until the newest account of a camera in that run ends with this cause; None is watched."""

    def is_there() -> bool:
        runs = Day(records=records(traffic, node)).accounts(camera)
        return len(runs) > run and bool(runs[run]) and runs[run][-1].spans[-1].cause == cause

    stage.wait(is_there, TIMEOUT_S, f"coverage of {camera} that ends with {cause}")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A broker and a hub that runs."""
    with stage.stage(tmp_path_factory.mktemp("coverage")) as made:
        made.hub.start_ready()
        yield made


@pytest.fixture(scope="module")
def day(town: Stage) -> Day:
    """A camera is unplugged for six seconds; the node is killed, started again, and stopped."""
    street = CameraStream(stage.car(town.folder / "car.mp4"), at_end="loop")
    camera = town.rtsp({"/main": street})
    cameras = [
        stage.camera("gate", camera.url()),
        stage.camera(
            "off",
            "synthetic:?still=1&width=320&height=180&fps=5",
            armed=False,
            disarmed_by="by the school, holidays",
        ),
    ]
    node = town.add_node(NODE, cameras)
    day = Day()
    with town.traffic() as traffic:
        day.note("started")
        node.start_ready()
        wait_for_coverage(traffic, NODE, "gate", None)
        day.note("unplugged")
        camera.kill()
        wait_for_coverage(traffic, NODE, "gate", "stream_lost")
        time.sleep(max(0.0, UNPLUGGED_S - (time.clock_gettime(BOOT_NS) - day.moments["unplugged"])))
        camera.restart()
        wait_for_coverage(traffic, NODE, "gate", None)
        node.kill()
        day.note("killed")
        node.start_ready()
        day.note("restarted")
        wait_for_coverage(traffic, NODE, "gate", None, run=1)
        assert node.stop(timeout_s=5) == 0
        day.note("stopped")
        stage.wait(
            lambda: stage.nodes(town.hub)[NODE]["missing_records"] == 0, TIMEOUT_S, "all records"
        )
        day.records = records(traffic, NODE)
    return day


def test_an_unplugged_camera_is_blind_from_its_last_picture_to_its_next(day: Day) -> None:
    """Cause stream_lost, both ends within a second of what happened."""
    (lost,) = [each for each in day.stretches("gate", 0) if each.cause == "stream_lost"]
    found = [
        each.header.clock.mono_ns / 1e9
        for each in day.records
        if isinstance(each.body, record.CameraFound) and each.header.camera == "gate"
    ]
    assert lost.start_s == pytest.approx(day.moments["unplugged"], abs=1)
    assert lost.end_s == pytest.approx(found[1], abs=1)
    assert lost.seconds >= UNPLUGGED_S - 1


def test_it_is_starting_until_its_first_picture_and_watched_after(day: Day) -> None:
    """In both runs; the loss is the only blind time between."""
    first, second = ([each.cause for each in day.stretches("gate", run)] for run in (0, 1))
    assert first[:3] == ["starting", None, "stream_lost"]
    assert second == ["starting", None, "stopped"]


@pytest.mark.parametrize("camera", ["gate", "off"])
def test_the_records_of_a_run_follow_without_gap_or_overlap(day: Day, camera: str) -> None:
    """The end of one is the start of the next, and its spans fill it."""
    for run in day.accounts(camera):
        for before, after in itertools.pairwise(run):
            assert before.ends.mono_ns == after.starts.mono_ns
        for account in run:
            edges_ms = [0, *(span.to_ms for span in account.spans)]
            assert [span.from_ms for span in account.spans] == edges_ms[:-1]
            assert edges_ms[-1] * 1_000_000 == account.ends.mono_ns - account.starts.mono_ns


@pytest.mark.parametrize("camera", ["gate", "off"])
def test_a_run_with_a_clean_stop_is_accounted_for_whole(day: Day, camera: str) -> None:
    """The spans add up to the time from the node's start to its end."""
    stretches = day.stretches(camera, 1)
    booted_s = [
        each.header.clock.mono_ns / 1e9
        for each in day.records
        if isinstance(each.body, record.NodeBooted)
    ][1]
    assert stretches[0].start_s == pytest.approx(booted_s, abs=1)
    assert stretches[-1].end_s == pytest.approx(day.moments["stopped"], abs=2.5)
    assert stretches[-1].end_s < day.moments["stopped"]
    assert sum(each.seconds for each in stretches) == pytest.approx(
        stretches[-1].end_s - stretches[0].start_s, abs=0.002
    )


def test_a_killed_run_claims_nothing_after_its_last_record(day: Day) -> None:
    """What it had not told is unknown, and none of it is claimed by the next run."""
    last, first = day.stretches("gate", 0)[-1], day.stretches("gate", 1)[0]
    assert last.end_s <= day.moments["killed"]
    assert first.start_s >= day.moments["killed"]


def test_a_disarmed_camera_is_blind_by_settings_and_makes_no_events(day: Day) -> None:
    """Its only cause, and the word for people."""
    for run in (0, 1):
        causes = {(each.cause, each.detail) for each in day.stretches("off", run)}
        assert causes == {("disarmed", "by the school, holidays")}
    assert not any(each.header.event for each in day.records if each.header.camera == "off")


def film_of_faults(path: Path) -> Path:
    """A yard with sensor noise: 15 s alive, 50 s frozen, 15 s alive, 25 s covered, 15 s alive."""
    rng = np.random.default_rng(1)
    yard = rng.integers(50, 180, (HEIGHT // 10, WIDTH // 10)).repeat(10, 0).repeat(10, 1)
    black = np.full((HEIGHT, WIDTH), 16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.max_b_frames = FPS, 0
        stream.options = {"preset": "ultrafast", "crf": "24"}
        luma = yard
        for number in range(120 * FPS):
            second = number / FPS
            if not 15 <= second < 65:
                scene = black if 80 <= second < 105 else yard
                luma = np.clip(scene + rng.normal(0, 1.5, yard.shape), 0, 255).astype(np.uint8)
            picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            picture[:HEIGHT] = luma
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_frozen_and_black_pictures_are_blind_from_when_they_began(
    town: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets keep coming and events could be made of none of them. Told to a real second."""
    monkeypatch.setenv("CAMWATCH_CLOCK_RATE", str(SPEED))
    path = film_of_faults(town.folder / "faults.mp4")
    film = CameraStream(path, speed=SPEED, at_end="close")
    camera = town.rtsp({"/main": film}, "rtsp-faults")
    node = town.add_node("yard-1", [stage.camera("yard", camera.url())])
    with town.traffic() as traffic:
        node.start_ready()
        wait_for_coverage(traffic, "yard-1", "yard", "frozen")
        wait_for_coverage(traffic, "yard-1", "yard", "black")
        wait_for_coverage(traffic, "yard-1", "yard", "stream_lost")
        node.stop()
        day = Day(records=records(traffic, "yard-1"))
        health = [
            decode_health(each.payload)
            for each in traffic.matching(lambda each: each.is_leaf("health", "yard-1"))
        ]
    found = _seen(day.stretches("yard", 0))
    assert [each.cause for each in found] == [None, "frozen", None, "black", None]
    lengths_s = [each.seconds for each in found]
    assert lengths_s == pytest.approx([15, 50, 15, 25, 15], abs=SPEED)
    assert all(each.cameras[0].watched_s is not None for each in health)
    bodies = [each.body for each in day.records]
    assert not any(
        isinstance(body, record.EventStarted) and body.kind == "motion" for body in bodies
    )
    faults = [body.fault for body in bodies if isinstance(body, record.CameraTampered)]
    assert faults == ["frozen", "black"]


def _seen(stretches: list[Stretch]) -> list[Stretch]:
    """Watched, frozen or black; a busy machine looks at less for a while, which is watched too."""
    found: list[Stretch] = []
    for each in stretches:
        if each.cause not in (None, "overload", "frozen", "black"):
            continue
        cause = None if each.cause == "overload" else each.cause
        start_s = found.pop().start_s if found and found[-1].cause == cause else each.start_s
        found.append(Stretch(start_s, each.end_s, cause, None))
    return found


def test_a_node_ends_within_five_seconds_while_its_camera_hangs(town: Stage) -> None:
    """The camera's server is frozen in the middle of an event: its clip is closed all the same."""
    walker = CameraStream(stage.walker(town.folder / "walker.mp4"), joins="start")
    camera = town.rtsp({"/main": walker}, "rtsp-hanging")
    settings = stage.camera("gate", camera.url(), motion={"quiet_s": 20})
    node = town.add_node("gate-4", [settings])
    with town.traffic() as traffic:
        node.start_ready()
        traffic.wait_for(lambda each: stage.is_record(each, "event.started", "gate-4"), TIMEOUT_S)
        stage.wait(lambda: _open_bytes(node) > 100_000, TIMEOUT_S, "an open clip")
    camera.pause()
    town.hub.stop()
    try:
        time.sleep(1)
        assert node.stop(timeout_s=5) == 0
    finally:
        camera.resume()
        town.hub.start_ready()
    told = [each.body for each in stage.journal(node)]
    (end,) = [body for body in told if isinstance(body, record.EventEnded)]
    assert end.reason == "stopped"
    assert end.clip is not None
    assert not list((node.state_dir / "spool").glob("*.part"))
    accounts = [body for body in told if isinstance(body, record.CoverageSpans)]
    assert accounts[-1].spans[-1].cause == "stopped"


def _open_bytes(node: NodeProcess) -> int:
    return sum(part.stat().st_size for part in (node.state_dir / "spool").glob("*.part"))
