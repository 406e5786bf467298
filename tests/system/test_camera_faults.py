"""Cameras that refuse, are silent, vanish and come back: what probe says, what a node records."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.contract import record
from tests.harness import rtsp_camera
from tests.harness.broker import free_port
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import CameraFactory
from tests.harness.processes import run_command
from tests.harness.rtsp_camera import CameraStream, Login, RtspCamera
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("camera-faults")]

NODE = "gate-3"
TIMEOUT_S = PATIENCE_S
PASSWORD = "a-wrong-password"


def probe(*arguments: str) -> tuple[int, str]:
    """`camwatch-edge probe`: exit status and what it says on standard error."""
    done = run_command("edge.cli", ["probe", "--seconds", "1", *arguments])
    return done.returncode, done.stderr


def secret(tmp_path: Path) -> Path:
    """A file with the wrong password."""
    path = tmp_path / "camera.secret"
    path.touch(mode=0o600)
    path.write_text(PASSWORD, encoding="ascii")
    return path


def test_probe_tells_a_wrong_password_and_a_wrong_path_apart(
    rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """77 for who may not watch, 66 for what is not there; with a hint, without the password."""
    film = stage.street(tmp_path / "film.mp4", 1, 0, 4)
    locked = rtsp_camera(CameraStream(film), Login("viewer", "the-right-one"))
    url = locked.url(has_login=False)
    status, said = probe(url, "--user", "viewer", "--password-file", str(secret(tmp_path)))
    assert (status, "unauthorised:" in said, "password_file" in said) == (77, True, True)
    assert PASSWORD not in said
    right = tmp_path / "right.secret"
    right.touch(mode=0o600)
    right.write_text("the-right-one", encoding="ascii")
    login = ("--user", "viewer", "--password-file", str(right))
    assert probe(url, *login)[0] == 0
    status, said = probe(url.replace("/main", "/other"), *login)
    assert (status, "not_found:" in said, "404" in said) == (66, True, True)


def test_probe_tells_a_closed_port_from_a_silent_one() -> None:
    """69 where nothing listens, 68 where somebody takes the call and never answers."""
    status, said = probe(f"rtsp://127.0.0.1:{free_port()}/main")
    assert (status, "refused: nothing listens" in said) == (69, True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        status, said = probe(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/main")
    assert (status, "does not answer on port" in said) == (68, True)


@dataclass(frozen=True)
class Comeback:
    """A node whose camera vanished during an event and came back, beside hopeless ones."""

    town: Stage
    traffic: Traffic
    camera: RtspCamera


@pytest.fixture(scope="module")
def comeback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comeback]:
    """Everything has happened, and the event after the return is archived."""
    if missing := rtsp_camera.missing_packages():
        pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
    folder = tmp_path_factory.mktemp("camera-faults")
    with stage.stage(folder) as town, socket.create_server(("127.0.0.1", 0)) as silent:
        film = stage.walker(folder / "walker.mp4")
        camera = town.rtsp({"/main": CameraStream(film)})
        cameras = [
            stage.camera("path", camera.url()),
            stage.camera("lost", camera.url("/other")),
            stage.camera("closed", f"rtsp://127.0.0.1:{free_port()}/main"),
            stage.camera("mute", f"rtsp://127.0.0.1:{silent.getsockname()[1]}/main"),
        ]
        node = town.add_node(NODE, cameras)
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        traffic.wait_for(lambda each: stage.is_record(each, "event.started"), TIMEOUT_S)
        camera.kill()
        traffic.wait_for(lambda each: stage.is_record(each, "event.ended"), TIMEOUT_S)
        camera.restart()
        town.wait_for_events(stage.are_complete(2), TIMEOUT_S, "--camera", "path")
        yield Comeback(town, traffic, camera)


def told(comeback: Comeback, camera: str) -> list[record.Record]:
    """The records about one camera, each once, but for its coverage."""
    seen = {each.payload: record.decode(each.payload) for each in
            comeback.traffic.matching(lambda each: each.is_leaf("record", NODE))}  # fmt: skip
    about = [
        each
        for each in seen.values()
        if each.header.camera == camera and not isinstance(each.body, record.CoverageSpans)
    ]
    return sorted(about, key=lambda each: each.header.seq)


def test_a_camera_that_comes_back_is_lost_once_and_found_once(comeback: Comeback) -> None:
    """The attempts in between are not told; the event is split, each half with its clip."""
    types = [each.header.type for each in told(comeback, "path")]
    ends = {"camera.lost", "event.ended"}  # told by two threads, in either order
    assert types[:2] == ["camera.found", "event.started"]
    assert set(types[2:4]) == ends
    assert types[4:] == ["camera.found", "event.started", "event.ended"]


def test_the_event_that_the_loss_cut_says_so(comeback: Comeback, tmp_path: Path) -> None:
    """Reason `camera_lost`, with a clip of what there was."""
    rows = comeback.town.query("--camera", "path", "--kind", "motion")
    assert [row["reason"] for row in rows] == ["quiet", "camera_lost"]
    for row in rows:
        clip = comeback.town.clip(row["id"], 0, tmp_path / f"{row['id']}.mp4")
        assert stage.ffmpeg_complaints(clip) == ""


def test_the_loss_is_an_event_from_the_last_packet_to_the_next(comeback: Comeback) -> None:
    """So that an operator finds it beside what the other cameras saw."""
    rows = comeback.town.query("--camera", "path", "--kind", "lost")
    assert [(row["state"], row["reason"]) for row in rows] == [("ended", "found")]
    assert rows[0]["duration_ms"] > 0


@pytest.mark.parametrize(
    ("camera", "reason"),
    [("lost", "not_found"), ("closed", "refused"), ("mute", "unreachable")],
)
def test_a_camera_that_was_never_there_is_told_once_with_its_reason(
    comeback: Comeback, camera: str, reason: str
) -> None:
    """However often the node tries again, one `camera.lost` with a fixed word."""
    stage.wait(lambda: bool(told(comeback, camera)), TIMEOUT_S, f"camera.lost of {camera}")
    bodies = [each.body for each in told(comeback, camera)]
    assert [type(body) for body in bodies] == [record.CameraLost]
    assert isinstance(bodies[0], record.CameraLost)
    assert bodies[0].reason == reason
    assert bodies[0].last_packet is None


def test_the_split_event_leaves_no_gap_in_the_journal(comeback: Comeback) -> None:
    """What went on about all cameras is one chain."""
    records = {}
    for message in comeback.traffic.matching(lambda each: each.is_leaf("record", NODE)):
        records[record.decode(message.payload).header.seq] = message.payload
    payloads = [records[seq] for seq in sorted(records)]
    assert sorted(records) == list(range(1, len(records) + 1))
    for before, after in itertools.pairwise(payloads):
        assert record.decode(after).header.prev == record.digest(before)
