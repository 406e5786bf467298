"""The main job on real recordings over real RTSP: camera, node, broker, hub, query, clip.

The recordings are sent RATE times as fast as they were made, and the node's clocks run as fast, so
that to the node everything happens at its own pace. What it archives is compared with the labels
and, picture by picture, with the source file.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from edge.base.clock import RATE_ENV
from edge.contract.clips import ClipSettings
from tests.harness import nal
from tests.harness.broker import Broker, free_port
from tests.harness.footage import Footage, Recording
from tests.harness.processes import HubProcess, NodeProcess, Settings
from tests.harness.rtsp_camera import CameraStream, RtspCamera, missing_packages
from tests.system.town import Row, Town

pytestmark = [
    pytest.mark.system,
    pytest.mark.footage,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("main-job"),
]

NODE = "gate-3"
RATE = 1  # with six cameras, faster is too much for two busy cores
SHORT = (
    "one-by-one-person", "one-by-one-person-h265", "traffic-camera-vfr", "cdnet-pedestrians",
    "nest-bicycle", "vtest",
)  # fmt: skip
STREET = ("street-day",)  # ten minutes; its crossings are looked for by default without a camera
LONG_S = 2.0  # labelled motion that must be found
HARD = "ped16_far"  # labelled as hard in street-day, not required
DRAIN_S = 120.0
CLIPS = ClipSettings()
TAIL_FRAMES = 3  # FFmpeg's reader gives a picture out when the next one comes; then none does
JITTER_S = 0.45 * RATE  # durations are told from arrival times, whose jitter the rate multiplies


@dataclass(frozen=True)
class Source:
    """A recording's pictures: a digest of each, and when each is shown, in decoding order."""

    recording: Recording
    digests: list[str]
    shown_s: list[float]

    def frame_at(self, second: float) -> int:
        """The frame shown at or just after `second`."""
        return bisect.bisect_left(self.shown_s, second - 0.002)


@dataclass(frozen=True)
class Clip:
    """One archived clip and where its pictures stand in the source."""

    path: Path
    row: Row
    first: int
    digests: list[str]


@dataclass(frozen=True)
class Event:
    """One archived event; `first` and `last` are frames of the source with motion."""

    row: Row
    clips: list[Clip]
    first: int
    last: int


Archived = Mapping[str, tuple[Source, list[Event]]]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(SHORT, id="short"),
        pytest.param(STREET, id="street", marks=pytest.mark.slow),
    ],
)
def archived(
    request: pytest.FixtureRequest, footage: Footage, tmp_path_factory: pytest.TempPathFactory
) -> Archived:
    """Every recording of some played once to one node; what the hub then holds of each."""
    recordings: tuple[str, ...] = request.param
    if missing := missing_packages():
        pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
    folder = tmp_path_factory.mktemp("main-job")
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv(RATE_ENV, str(RATE))
        town = _start_town(stack, folder)
        camera = _start_camera(stack, footage, recordings, folder)
        node = town.add_node(NODE, [_settings(camera, name) for name in recordings])
        town.hub.start()
        node.start()
        for name in recordings:
            seconds = footage.recording(name).labels.frames / footage.recording(name).labels.fps
            camera.wait_for_end(60 + seconds / RATE * 1.5, f"/{name}")
        rows = town.wait_for_events(
            lambda rows: _all_stored(rows, recordings), DRAIN_S, "--kind", "motion"
        )
        assert not town.query("--kind", "tampered")
        result = {}
        for name in recordings:
            source = _read_source(footage.recording(name))
            mine = [row for row in rows if row["camera"] == name]
            events = [_event(town, source, row, folder) for row in reversed(mine)]
            result[name] = (source, events)
        return result


def _start_town(stack: contextlib.ExitStack, folder: Path) -> Town:
    broker = Broker(folder / "broker")
    stack.callback(broker.stop)
    broker.start()

    def make_hub(more: Settings | None = None, *, has_tls: bool = False) -> HubProcess:
        hub = HubProcess(folder / "hub", broker.address, free_port(), more=more)
        stack.callback(hub.stop)
        return hub

    def make_node(*arguments: object) -> NodeProcess:
        name, cameras, enrolment, more = arguments
        made = NodeProcess(name, folder / "node", enrolment, cameras, more=more)  # type: ignore[arg-type]
        stack.callback(made.stop)
        return made

    return Town(broker, make_hub, make_node)  # type: ignore[arg-type]


def _start_camera(
    stack: contextlib.ExitStack, footage: Footage, recordings: Sequence[str], folder: Path
) -> RtspCamera:
    streams = {
        f"/{name}": CameraStream(footage.recording(name).path, speed=RATE) for name in recordings
    }
    camera = RtspCamera(streams, folder)
    stack.callback(camera.stop)
    camera.start()
    return camera


def _settings(camera: RtspCamera, name: str) -> Settings:
    return {"name": name, "source": camera.url(f"/{name}")}


def _all_stored(rows: list[Row], recordings: Sequence[str]) -> bool:
    cameras = {row["camera"] for row in rows}
    return len(cameras) == len(recordings) and all(
        row["state"] == "ended" and row["clips_stored"] == row["parts"] > 0 for row in rows
    )


def _read_source(recording: Recording) -> Source:
    codec: nal.Codec = "h264" if recording.labels.codec == "h264" else "hevc"
    packets = nal.read_file(recording.path)
    with av.open(str(recording.path)) as container:
        stream = container.streams.video[0]
        times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
        base = float(stream.time_base or 0)
    first = min(times)
    digests = [nal.picture_digest(packet, codec) for packet in packets]
    return Source(recording, digests, [(pts - first) * base for pts in times])


def _event(town: Town, source: Source, row: Row, folder: Path) -> Event:
    shown = town.hub.command("show", row["id"], "--json")
    assert shown.returncode == 0, shown.stderr
    clips = []
    for clip_row in json.loads(shown.stdout)["clips"]:
        part = clip_row["part"]
        path = town.clip(row["id"], part, folder / f"{row['id']}.{part}.mp4")
        codec: nal.Codec = "h264" if clip_row["codec"] == "h264" else "hevc"
        digests = [nal.picture_digest(packet, codec) for packet in nal.read_file(path)]
        assert digests[0] in source.digests, f"{path.name}: its first picture is not the camera's"
        clips.append(Clip(path, clip_row, source.digests.index(digests[0]), digests))
    starts_s = source.shown_s[clips[0].first] + clips[0].row["pre_roll_ms"] / 1000
    ends_s = starts_s + row["duration_ms"] / 1000
    return Event(row, clips, source.frame_at(starts_s), source.frame_at(ends_s))


def _overlaps(event: Event, first: int, last: int) -> bool:
    return event.first <= last and event.last >= first


def _clips(archived: Archived) -> Iterator[tuple[Source, Event, Clip]]:
    for source, events in archived.values():
        for event in events:
            for clip in event.clips:
                yield source, event, clip


def test_every_long_labelled_motion_is_archived(archived: Archived) -> None:
    """An interval of clear motion of two seconds or more is overlapped by an event."""
    missed = {name: _missed(source, events) for name, (source, events) in archived.items()}
    assert {name: each for name, each in missed.items() if each} == {}


def _missed(source: Source, events: list[Event]) -> list[tuple[int, int]]:
    labels = source.recording.labels
    hard = [(each.first, each.last) for each in labels.events or () if each.kind == HARD]
    return [
        (first, last)
        for first, last in labels.motion or ()
        if (last - first) / labels.fps >= LONG_S
        and (first, last) not in hard
        and not any(_overlaps(event, first, last) for event in events)
    ]


def test_every_clip_is_the_cameras_own_pictures_without_a_gap(archived: Archived) -> None:
    """Coded pictures are byte-identical to the source's, in order, none missing or added."""
    for source, _, clip in _clips(archived):
        expected = source.digests[clip.first : clip.first + len(clip.digests)]
        assert clip.digests == expected, f"{source.recording.name}: {clip.path.name}"


def test_every_clip_decodes_without_a_word_from_ffmpeg(archived: Archived) -> None:
    """FFmpeg, an independent reader, finds nothing to complain about."""
    for source, _, clip in _clips(archived):
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(clip.path), "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), source.recording.name


def test_every_clip_begins_with_its_pre_roll(archived: Archived) -> None:
    """The first clip starts at least the pre-roll before the event, or with the recording."""
    for source, events in archived.values():
        for event in events:
            clip = event.clips[0]
            has_whole = clip.row["pre_roll_ms"] >= CLIPS.pre_roll_s * 1000
            assert has_whole or clip.first == 0, (source.recording.name, clip.row)


def test_every_event_is_recorded_to_the_end_of_its_post_roll(archived: Archived) -> None:
    """The last clip holds what came after the last motion, or the recording's end."""
    for source, events in archived.values():
        for event in events:
            clip = event.clips[-1]
            last = clip.first + len(clip.digests) - 1
            wanted_s = (
                source.shown_s[event.last] + CLIPS.post_roll_s
                if event.last < len(source.shown_s)
                else 0
            )
            is_last = last >= len(source.digests) - 1 - TAIL_FRAMES
            assert is_last or source.shown_s[last] >= wanted_s - JITTER_S, (
                source.recording.name,
                event.row,
            )


def test_the_parts_of_a_long_event_follow_each_other_without_a_gap(archived: Archived) -> None:
    """Part n + 1 begins with the picture after part n's last one."""
    for _, events in archived.values():
        for event in events:
            for before, after in itertools.pairwise(event.clips):
                assert after.first == before.first + len(before.digests)


def test_clips_carry_the_tag_that_players_want(archived: Archived) -> None:
    """Safari and others refuse H.265 in MP4 unless it is tagged hvc1."""
    for source, _, clip in _clips(archived):
        with av.open(str(clip.path)) as container:
            tag = container.streams.video[0].codec_context.codec_tag
        assert tag == {"h264": "avc1", "hevc": "hvc1"}[source.recording.labels.codec]


@pytest.mark.slow
@pytest.mark.parametrize("archived", [STREET], indirect=True, ids=["street"])
def test_each_crossing_of_the_street_is_exactly_one_event(archived: Archived) -> None:
    """One event for each person of 32 px or taller and each vehicle, none for light changes."""
    source, events = archived["street-day"]
    known = source.recording.labels.events or ()
    counts = {
        (each.kind, each.first): sum(_overlaps(event, each.first, each.last) for event in events)
        for each in known
    }
    assert {key: count for key, count in counts.items() if count != 1 and key[0] != HARD} == {}
    strays = [
        (event.first, event.last)
        for event in events
        if not any(_overlaps(event, each.first, each.last) for each in known)
    ]
    assert strays == []
