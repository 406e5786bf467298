"""Streams that break naive readers, as files and over RTSP: clips or a clear word, no crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import av
import pytest

from edge.capture.errors import Reason
from edge.contract import record
from tests.harness.footage import Footage
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import NodeProcess, Settings
from tests.harness.rtsp_camera import CameraStream
from tests.harness.traffic import Traffic
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.footage, pytest.mark.xdist_group("odd-streams")]

TIMEOUT_S = PATIENCE_S
MOTION = {"sensitivity": 10, "min_frames": 1, "quiet_s": 1, "analysis_fps": 60}


@dataclass(frozen=True)
class Oddities:
    """Two nodes that watched every odd stream, from files and over RTSP."""

    nodes: dict[str, NodeProcess]
    traffic: Traffic
    cameras: dict[str, list[str]]

    def told(self, node: str, camera: str) -> list[record.Body | None]:
        """What a node recorded about a camera."""
        seen = self.traffic.matching(lambda each: each.is_leaf("record", node))
        found = [record.decode(each.payload) for each in seen]
        return [each.body for each in found if each.header.camera == camera]


@pytest.fixture(scope="module")
def oddities(footage: Footage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oddities]:
    """Every camera was found or lost, and some health reports came after that."""
    folder = tmp_path_factory.mktemp("odd-streams")
    with stage.stage(folder) as town:
        names = {path.stem.replace("_", "-").lower()[:32]: path for path in footage.odd}
        streams = {f"/{name}": CameraStream(path, at_end="bye") for name, path in names.items()}
        rtsp = town.rtsp(streams)
        cameras: dict[str, list[Settings]] = {
            "files": [_camera(name, str(path)) for name, path in names.items()],
            "streams": [_camera(name, rtsp.url(f"/{name}")) for name in names],
        }
        nodes = {name: town.add_node(name, mine) for name, mine in cameras.items()}
        traffic = town.traffic()
        town.hub.start_ready()
        for node in nodes.values():
            node.start_ready()
        made = Oddities(nodes, traffic, {name: list(names) for name in nodes})
        stage.wait(lambda: _all_told(made), TIMEOUT_S, "found or lost for every camera")
        count = len(traffic.matching(lambda each: each.is_leaf("health"))) + len(nodes)
        traffic.wait_for_count(lambda each: each.is_leaf("health"), count, TIMEOUT_S)
        yield made


def _camera(name: str, source: str) -> Settings:
    clips = {"pre_roll_s": 1, "post_roll_s": 1}
    return {"name": name, "source": source, "motion": MOTION, "clips": clips,
            "stall_timeout_s": 3}  # fmt: skip


def _all_told(made: Oddities) -> bool:
    return all(
        any(isinstance(body, record.CameraFound | record.CameraLost) for body in made.told(*each))
        for each in _pairs(made)
    )


def _pairs(made: Oddities) -> list[tuple[str, str]]:
    return [(node, camera) for node, cameras in made.cameras.items() for camera in cameras]


def test_every_odd_stream_is_found_or_lost_for_a_fixed_reason(oddities: Oddities) -> None:
    """What cannot be watched is said in one of the words that the contract's readers know."""
    for node, camera in _pairs(oddities):
        losses = [
            body for body in oddities.told(node, camera) if isinstance(body, record.CameraLost)
        ]
        assert {body.reason for body in losses} <= set(get_args(Reason)), (node, camera)


def test_what_no_node_can_watch_is_called_unsupported(oddities: Oddities) -> None:
    """MPEG-4 part 2 is neither H.264 nor H.265, in a file or over RTSP."""
    for node in oddities.nodes:
        bodies = [
            body
            for body in oddities.told(node, "mpeg4-packed-bframes")
            if not isinstance(body, record.CoverageSpans)
        ]
        assert [type(body) for body in bodies] == [record.CameraLost]
        assert isinstance(bodies[0], record.CameraLost)
        assert bodies[0].reason == "unsupported"


def test_most_odd_streams_can_be_watched(oddities: Oddities) -> None:
    """Nine of the ten are H.264 or H.265 that a tolerant reader can show something of."""
    for node, least in (("files", 8), ("streams", 7)):
        found = [
            camera
            for camera in oddities.cameras[node]
            if any(isinstance(body, record.CameraFound) for body in oddities.told(node, camera))
        ]
        assert len(found) >= least, found


def test_no_node_dies_of_them(oddities: Oddities) -> None:
    """Every thread works on: health reports come, all cameras are in them, no traceback."""
    for name, node in oddities.nodes.items():
        assert node.is_running
        assert "Traceback" not in node.log_text
        reports = oddities.traffic.matching(lambda each, name=name: each.is_leaf("health", name))  # type: ignore[misc]
        cameras = {each["camera"] for each in json.loads(reports[-1].payload)["cameras"]}
        assert cameras == set(oddities.cameras[name])


def test_what_clips_came_out_can_be_opened(oddities: Oddities, tmp_path: Path) -> None:
    """Whatever was recorded of them is an MP4 with packets, stopped nodes leave no open one."""
    for node in oddities.nodes.values():
        assert node.stop(timeout_s=5) == 0
        spool = node.state_dir / "spool"
        assert not list(spool.glob("*.part"))
        for path in spool.glob("*.mp4"):
            with av.open(str(path)) as container:
                assert sum(packet.size > 0 for packet in container.demux(video=0)) > 0
