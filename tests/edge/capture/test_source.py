"""Choosing a source, and what all of them promise."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from edge.base.clock import FakeClock, SystemClock
from edge.capture.command import CommandSource
from edge.capture.errors import OpenError
from edge.capture.file import FileSource
from edge.capture.mjpeg import MjpegSource
from edge.capture.rtsp import RtspSource
from edge.capture.source import Source, make
from edge.capture.synthetic import SyntheticSource
from edge.capture.v4l2 import V4l2Source
from edge.config.camera import CameraSettings
from edge.media.packet import Packet
from tests.edge.capture.recordings import Take, make_recording
from tests.edge.capture.test_file import check
from tests.harness.plugin import CameraFactory


def settings(source: str, **more: object) -> CameraSettings:
    return CameraSettings("gate", source, pace="fast", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://camera/main", RtspSource),
        ("rtsps://camera:322/main", RtspSource),
        ("recording.mp4", FileSource),
        ("/var/lib/it's 100%.mp4", FileSource),
        ("file:///var/lib/recording.mp4", FileSource),
        ("/dev/video0", V4l2Source),
        ("/dev/video0?width=640&height=480", V4l2Source),
        ("http://camera/video.mjpg", MjpegSource),
        ("https://camera/video.mjpg", MjpegSource),
        ("csi:?fps=10", CommandSource),
        ("synthetic:", SyntheticSource),
        ("synthetic:?width=640&height=360", SyntheticSource),
    ],
)
def test_the_address_tells_the_kind_of_source(source: str, kind: type) -> None:
    """Nothing is opened by choosing."""
    assert isinstance(make(settings(source), FakeClock()), kind)


def test_a_command_is_a_source_of_its_own_setting() -> None:
    """Its arguments stand in `command`."""
    made = make(settings("exec:", command=("ffmpeg", "-")), FakeClock())
    assert isinstance(made, CommandSource)


def test_what_a_synthetic_scene_cannot_be_is_refused() -> None:
    """With what can be given instead."""
    with pytest.raises(OpenError) as caught:
        make(settings("synthetic:?speed=1"), FakeClock())
    assert caught.value.hint
    assert not caught.value.is_retryable


@pytest.fixture(params=["file", "synthetic", pytest.param("rtsp", marks=pytest.mark.system)])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """Each kind of source in turn, with 3 s of video at least."""
    if request.param == "synthetic":
        return make(settings("synthetic:?width=320&height=240&gop=15"), SystemClock())
    path = make_recording(tmp_path / "take.mp4", Take())
    if request.param == "file":
        return make(settings(str(path)), SystemClock())
    camera: CameraFactory = request.getfixturevalue("rtsp_camera")
    return make(settings(camera(path).url()), SystemClock())


def test_the_packets_begin_with_the_opened_streams_keyframe(source: Source) -> None:
    """What `open` returns is what the packets belong to, and can be decoded from the first on."""
    stream = source.open()
    packets = list(islice(source.packets(), 40))
    source.close()
    assert packets[0].is_keyframe
    assert {id(packet.stream) for packet in packets} == {id(stream)}
    assert (stream.codec, stream.width, stream.height) == ("h264", 320, 240)
    assert stream.extradata
    check(packets)


def test_keyframes_and_arrival_times_are_told(source: Source) -> None:
    """Every 15th picture is a keyframe; arrival never goes back."""
    source.open()
    packets = list(islice(source.packets(), 40))
    source.close()
    assert [at for at, packet in enumerate(packets) if packet.is_keyframe] == [0, 15, 30]
    arrivals = [packet.arrival_mono_ns for packet in packets]
    assert arrivals == sorted(arrivals)


def test_packets_before_opening_are_none(source: Source) -> None:
    """There is nothing to read from a source that was not opened."""
    assert list(source.packets()) == []


def test_packets_end_when_their_reader_closes(source: Source) -> None:
    """`close` in the middle ends the iteration without an error."""
    source.open()
    taken: list[Packet] = []
    for packet in source.packets():
        taken.append(packet)
        if len(taken) == 5:
            source.close()
    assert len(taken) == 5
