"""Asking a device what it offers. No device is here: a function answers in its place.

Its answers are laid out as linux/videodev2.h says, after what common cameras print for
`v4l2-ctl --list-formats-ext`; they were not recorded from hardware.
"""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path

import pytest

from edge.capture import device
from edge.capture.device import Choice, Offer, choose, examine
from edge.capture.errors import OpenError
from edge.contract.address import Device, Picture

Sizes = dict[str, list[tuple[int, int]]]
HD, VGA, FULL = (1280, 720), (640, 480), (1920, 1080)
# A USB webcam, one with its own H.264 encoder, and a Pi's unicam node, which takes any size
WEBCAM: Sizes = {"YUYV": [VGA, HD], "MJPG": [VGA, HD, FULL]}
ENCODING: Sizes = {"YUYV": [VGA], "MJPG": [VGA, HD], "H264": [VGA, HD, FULL]}
STEPWISE: Sizes = {"YUYV": []}


class Answers:
    """A driver's answers, by ctypes structures of its own."""

    def __init__(self, formats: Sizes, card: str = "UVC Camera", caps: int = 0x04200001) -> None:
        self.formats, self.card, self.caps = formats, card, caps

    def __call__(self, file: int, request: int, buffer: bytearray) -> int:
        if request == 0x80685600:
            capability = Capability.from_buffer(buffer)
            capability.card, capability.caps = self.card.encode(), 0x80000000 | 0x1
            capability.device_caps = self.caps
        elif request == 0xC0405602:
            form = FormatDescription.from_buffer(buffer)
            if form.type != 1 or form.index >= len(self.formats):
                raise OSError(errno.EINVAL, "Invalid argument")
            form.fourcc = list(self.formats)[form.index].encode()
        elif request == 0xC02C564A:
            size = FrameSize.from_buffer(buffer)
            sizes = self.formats[size.fourcc.decode()]
            if not sizes and size.index == 0:
                size.type = 3  # stepwise
            elif size.index >= len(sizes):
                raise OSError(errno.EINVAL, "Invalid argument")
            else:
                size.type, (size.width, size.height) = 1, sizes[size.index]
        else:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return 0


class Capability(ctypes.Structure):
    _fields_ = [
        ("driver", ctypes.c_char * 16), ("card", ctypes.c_char * 32), ("bus", ctypes.c_char * 32),
        ("version", ctypes.c_uint32), ("caps", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32), ("reserved", ctypes.c_uint32 * 3),
    ]  # fmt: skip


class FormatDescription(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_uint32), ("type", ctypes.c_uint32), ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32), ("fourcc", ctypes.c_char * 4),
        ("mbus_code", ctypes.c_uint32), ("reserved", ctypes.c_uint32 * 3),
    ]  # fmt: skip


class FrameSize(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_uint32), ("fourcc", ctypes.c_char * 4), ("type", ctypes.c_uint32),
        ("width", ctypes.c_uint32), ("height", ctypes.c_uint32), ("more", ctypes.c_uint32 * 4),
        ("reserved", ctypes.c_uint32 * 2),
    ]  # fmt: skip


def test_the_requests_have_the_sizes_of_their_structures() -> None:
    """The kernel refuses any other; the size stands in bits 16 to 29 of a request."""
    for request, layout, structure in (
        (device.VIDIOC_QUERYCAP, device.CAPABILITY, Capability),
        (device.VIDIOC_ENUM_FMT, device.FORMAT, FormatDescription),
        (device.VIDIOC_ENUM_FRAMESIZES, device.FRAME_SIZE, FrameSize),
    ):
        assert request >> 16 & 0x3FFF == layout.size == ctypes.sizeof(structure)


@pytest.mark.parametrize(
    ("formats", "asked", "expected"),
    [
        (ENCODING, Picture(), ("h264", "h264", HD)),
        (ENCODING, Picture(1280, 720, 15), ("h264", "h264", HD)),
        (WEBCAM, Picture(), ("mjpeg", "mjpeg", HD)),
        (WEBCAM, Picture(1920, 1080), ("mjpeg", "mjpeg", FULL)),
        ({"YUYV": [VGA, HD], "MJPG": [VGA]}, Picture(1280, 720), ("raw", "yuyv422", HD)),
        (WEBCAM, Picture(800, 600), ("mjpeg", "mjpeg", (800, 600))),
        (STEPWISE, Picture(640, 360), ("raw", "yuyv422", (640, 360))),
        (STEPWISE, Picture(), ("raw", "yuyv422", HD)),
        (STEPWISE, Picture(fps=15), ("raw", "yuyv422", HD)),
        ({"RG10": [VGA]}, Picture(), ("raw", None, (None, None))),
    ],
)
def test_the_best_format_at_the_asked_size_is_chosen(
    formats: Sizes, asked: Picture, expected: tuple[str, str | None, tuple[int | None, int | None]]
) -> None:
    """H.264, else Motion JPEG, else raw; by what a driver-like function answers."""
    choice = examine(Device("/dev/null", asked), Answers(formats))
    picture = (choice.picture.width, choice.picture.height)
    assert (choice.format, choice.input_format, picture) == expected
    assert choice.picture.fps == asked.fps


def test_a_format_may_be_insisted_on() -> None:
    """And is refused where it is not offered."""
    assert examine(Device("/dev/null", format="raw"), Answers(WEBCAM)).format == "raw"
    with pytest.raises(OpenError, match="does not offer format=h264"):
        examine(Device("/dev/null", format="h264"), Answers(WEBCAM))


def test_a_device_that_gives_no_pictures_is_told() -> None:
    """The second node of a webcam carries metadata."""
    with pytest.raises(OpenError, match=r"\(UVC Camera\) is no camera") as caught:
        examine(Device("/dev/null"), Answers(WEBCAM, caps=0x04A00000))
    assert caught.value.reason == "no_video"


def test_what_is_no_video_device_is_told(tmp_path: Path) -> None:
    """By the kernel's own answers: an ordinary file, a null device, one that is not there."""
    plain = tmp_path / "file"
    plain.write_bytes(b"")
    for path, reason in (
        (str(plain), "unsupported"),
        ("/dev/null", "unsupported"),
        ("/dev/video-none", "not_found"),
    ):
        with pytest.raises(OpenError) as caught:
            examine(Device(path))
        assert caught.value.reason == reason


def test_a_pi_with_an_encoder_is_known_by_its_cards_name() -> None:
    """As rpicam-vid knows it; and a box without any such device is none."""
    assert device.has_pi_encoder("/dev/null", Answers({}, "bcm2835-codec-encode"))
    assert not device.has_pi_encoder("/dev/null", Answers({}, "bcm2835-codec-decode"))
    assert not device.has_pi_encoder("/dev/video-none")


def test_a_driver_that_never_ends_is_not_asked_for_ever() -> None:
    """The list is bounded."""
    many: Sizes = {"MJPG": [(n + 16, 16) for n in range(100_000)]}
    assert examine(Device("/dev/null"), Answers(many)).format == "mjpeg"


def test_offers_of_unknown_sizes_take_any() -> None:
    """A driver that does not say is believed."""
    offer = Offer("mjpeg", "mjpeg", ())
    assert choose(Device("/dev/video0", Picture(640, 360)), [offer]) == Choice(
        "mjpeg", "mjpeg", Picture(640, 360)
    )
