"""A local camera. No device is here: a recorded one (Motion JPEG in AVI) stands in for it."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.base.clock import SystemClock
from edge.capture.errors import OpenError
from edge.capture.source import make
from edge.capture.v4l2 import V4l2Source
from edge.config.camera import CameraSettings
from edge.contract.address import Device
from tests.edge.capture.recordings import Take, make_recording

FRAMES = 40


def recorded_device(path: Path) -> V4l2Source:
    """The recording in the device's place: read through another container format."""
    name = path.suffix.removeprefix(".")
    return V4l2Source(Device(str(path)), SystemClock(), container_format=name, open_hardware=None)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """What a USB camera sends: Motion JPEG of an odd width, brighter with each picture."""
    path = tmp_path / "device.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=15)
        stream.width, stream.height, stream.pix_fmt = 161, 120, "yuvj420p"
        for number in range(FRAMES):
            pixels = np.full((120, 161, 3), 5 * number, np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, 15)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def test_motion_jpeg_is_passed_on(recorded: Path) -> None:
    """Byte for byte, in order, with times that rise; every picture is a keyframe."""
    source = recorded_device(recorded)
    stream = source.open()
    packets = list(source.packets())
    with av.open(str(recorded)) as container:
        sent = [bytes(each) for each in container.demux(video=0) if each.size]
    assert (stream.codec, stream.width, stream.height) == ("mjpeg", 161, 120)
    assert [packet.data for packet in packets] == sent
    assert len(packets) == FRAMES
    assert all(packet.is_keyframe for packet in packets)
    assert all(a.dts < b.dts for a, b in itertools.pairwise(packets))
    assert source.encoding == "Motion JPEG 161x120 to H.264 on this box, for events only"


def test_a_recorded_device_that_gives_h264_is_passed_through(tmp_path: Path) -> None:
    """Byte for byte, and nothing is encoded."""
    path = make_recording(tmp_path / "device.avi", Take())
    source = recorded_device(path)
    stream = source.open()
    packets = list(source.packets())
    with av.open(str(path)) as container:
        sent = [bytes(each) for each in container.demux(video=0) if each.size]
    assert stream.codec == "h264"
    assert [packet.data for packet in packets] == sent
    assert source.encoding is None
    assert source.dropped == 0


def test_a_recorded_device_that_gives_raw_pictures_is_encoded(tmp_path: Path) -> None:
    """YUYV, as every USB camera can; the encoder is named."""
    path = tmp_path / "device.avi"
    with av.open(str(path), "w") as out:
        raw = out.add_stream("rawvideo", rate=15)
        assert isinstance(raw, av.VideoStream)
        raw.width, raw.height, raw.pix_fmt = 160, 120, "yuyv422"
        for number in range(10):
            pixels = np.full((120, 160, 3), 20 * number, np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format="yuyv422")
            picture.pts, picture.time_base = number, Fraction(1, 15)
            out.mux(raw.encode(picture))
        out.mux(raw.encode(None))
    source = recorded_device(path)
    stream = source.open()
    assert len(list(source.packets())) == 10
    assert (stream.codec, stream.width, stream.height) == ("h264", 160, 120)
    assert source.encoding == "raw pictures 160x120 to H.264 by libx264, on this box, once"


def test_a_device_that_is_not_there_is_named() -> None:
    """An unplugged camera is an OpenError with its path, as every camera's trouble is."""
    source = make(CameraSettings("usb", "/dev/video-none"), SystemClock())
    with pytest.raises(OpenError) as caught:
        source.open()
    assert caught.value.reason == "not_found"


def test_closing_ends_the_packets(recorded: Path) -> None:
    """The agent's stop is not held up by a camera that goes on sending."""
    source = recorded_device(recorded)
    source.open()
    packets = source.packets()
    next(packets)
    source.close()
    assert list(packets) == []
