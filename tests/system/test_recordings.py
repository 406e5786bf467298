"""Sound and long events, from real recordings sent RATE times as fast as they were made."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import pytest

from edge.base.clock import RATE_ENV
from tests.harness import nal
from tests.harness.footage import Footage
from tests.harness.patience import PATIENCE_S
from tests.harness.rtsp_camera import CameraStream
from tests.system import stage
from tests.system.town import Row

pytestmark = [pytest.mark.system, pytest.mark.footage, pytest.mark.xdist_group("recordings")]

RATE = 2
TIMEOUT_S = PATIENCE_S
LONG, SOUND = "cdnet-highway", "tamper-1"
PART_S = 5


Archive = dict[str, list[list[Path]]]
"""For each camera and each of its events, oldest first, the files of its clips, part by part."""


@pytest.fixture(scope="module")
def archive(footage: Footage, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """One camera with long events in short parts, two that hear the same sound or must not."""
    folder = tmp_path_factory.mktemp("recordings")
    with pytest.MonkeyPatch.context() as patch, stage.stage(folder) as town:
        patch.setenv(RATE_ENV, str(RATE))
        paths = {name: footage.recording(name).path for name in (LONG, SOUND)}
        rtsp = town.rtsp(
            {f"/{name}": CameraStream(path, speed=RATE) for name, path in paths.items()}
        )
        clips = {"pre_roll_s": 2, "post_roll_s": 1}
        cameras = [
            stage.camera("long", rtsp.url(f"/{LONG}"), clips=clips | {"max_length_s": PART_S}),
            stage.camera("heard", rtsp.url(f"/{SOUND}"), clips=clips | {"audio": True}),
            stage.camera("deaf", rtsp.url(f"/{SOUND}"), clips=clips | {"audio": False}),
        ]
        node = town.add_node("gate-3", cameras)
        town.hub.start_ready()
        node.start_ready()
        for name in paths:
            rtsp.wait_for_end(TIMEOUT_S, f"/{name}")
        rows = town.wait_for_events(_all_stored, TIMEOUT_S, "--kind", "motion")
        found: Archive = {}
        for row in reversed(rows):
            parts = [
                town.clip(row["id"], part, folder / f"{row['id']}.{part}.mp4")
                for part in range(row["parts"])
            ]
            found.setdefault(row["camera"], []).append(parts)
        return found


def _all_stored(rows: list[Row]) -> bool:
    return len({row["camera"] for row in rows}) == 3 and all(map(stage.is_complete, rows))


def _streams(path: Path) -> set[str]:
    with av.open(str(path)) as container:
        return {stream.type for stream in container.streams}


def test_the_cameras_sound_is_in_its_clips(archive: Archive) -> None:
    """Audio packets go along, and decode."""
    for path in itertools.chain(*archive["heard"]):
        assert _streams(path) == {"video", "audio"}
        assert stage.ffmpeg_complaints(path) == ""


def test_a_camera_that_must_not_be_heard_is_not(archive: Archive) -> None:
    """With `audio: false` no sound is recorded anywhere."""
    for path in itertools.chain(*archive["deaf"]):
        assert _streams(path) == {"video"}


def test_a_long_event_comes_in_parts_that_follow_each_other(
    archive: Archive, footage: Footage
) -> None:
    """Every picture from the first part's first to the last part's last is there once."""
    recording = nal.read_file(footage.recording(LONG).path)
    source = [nal.picture_digest(packet, "h264") for packet in recording]
    assert max(len(parts) for parts in archive["long"]) >= 2
    for parts in archive["long"]:
        digests = [
            nal.picture_digest(packet, "h264") for path in parts for packet in nal.read_file(path)
        ]
        first = source.index(digests[0])
        assert digests == source[first : first + len(digests)]


def test_a_part_is_not_longer_than_asked_by_more_than_a_gop(archive: Archive) -> None:
    """A part ends with the first keyframe past its maximum length."""
    for parts in archive["long"]:
        for path in parts[:-1]:
            times = [float(packet.pts_s or 0) for packet in nal.read_file(path)]
            keys = [
                float(packet.pts_s or 0) for packet in nal.read_file(path) if packet.is_keyframe
            ]
            assert max(keys) < PART_S
            assert max(times) >= PART_S - 1
