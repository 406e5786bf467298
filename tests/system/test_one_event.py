"""One event from the camera's packets to the archive's clip, on whichever machine the node runs.

`scripts/test --arm64` runs it on emulated aarch64, so it waits long and asks for no speed.
"""

from __future__ import annotations

import itertools
import platform
from pathlib import Path

import pytest

from edge.contract import record
from tests.harness import nal
from tests.harness.processes import run_command
from tests.harness.rtsp_camera import CameraStream
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("one-event")]

NODE = "gate-3"
TIMEOUT_S = 240.0


def _digests(path: Path) -> list[str]:
    return [nal.picture_digest(packet, "h264") for packet in nal.read_file(path)]


def test_an_event_of_an_rtsp_camera_becomes_a_verified_clip(tmp_path: Path) -> None:
    """Detected, recorded, signed, sent, archived, queried; the clip holds the camera's packets."""
    film = stage.car(tmp_path / "car.mp4")
    with stage.stage(tmp_path) as town:
        rtsp = town.rtsp({"/main": CameraStream(film, at_end="loop")})
        node = town.add_node(NODE, [stage.camera("gate", rtsp.url())])
        traffic = town.traffic()
        town.hub.start_ready(TIMEOUT_S)
        node.start_ready(TIMEOUT_S)
        rows = town.wait_for_events(stage.are_complete(1), TIMEOUT_S)
        row = next(filter(stage.is_complete, reversed(rows)))

        said = traffic.wait_for(lambda each: stage.is_record(each, "event.ended", NODE), TIMEOUT_S)
        assert record.decode(said.payload).header.event == row["id"]
        _is_the_cameras_own(town.clip(row["id"], 0, tmp_path / "clip.mp4"), film)
        known = stage.nodes(town.hub)[NODE]
        assert (known["state"], known["missing_records"]) == ("online", 0)
        assert node.stop(TIMEOUT_S) == 0, node.tail()


def _is_the_cameras_own(clip: Path, film: Path) -> None:
    source, found = _digests(film), _digests(clip)
    assert len(found) > 10
    first = source.index(found[0])
    played = itertools.islice(itertools.cycle(source), first, first + len(found))
    assert found == list(played)
    assert stage.ffmpeg_complaints(clip) == ""


def test_the_node_says_on_which_machine_it_runs() -> None:
    """An emulated node is one of the machine that is emulated."""
    done = run_command("edge.cli", ["version"])
    assert platform.machine() in done.stdout
