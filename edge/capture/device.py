"""Asks a Video4Linux device what it is and what it offers, by ioctl. Nothing is set or started.

Structures and numbers are those of linux/videodev2.h, which every 64-bit architecture shares.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from types import TracebackType

from edge.capture.errors import OpenError
from edge.contract.address import Device, Format, Picture

Ioctl = Callable[[int, int, bytearray], object]

VIDIOC_QUERYCAP = 0x80685600
VIDIOC_ENUM_FMT = 0xC0405602
VIDIOC_ENUM_FRAMESIZES = 0xC02C564A
CAPABILITY = struct.Struct("=16s32s32s3I12x")  # driver, card, bus, version, of all, of this node
FORMAT = struct.Struct("=3I32s2I12x")  # index, type, flags, description, fourcc, media bus code
FRAME_SIZE = struct.Struct("=3I6I8x")  # index, fourcc, kind, discrete or stepwise sizes
CAP_VIDEO_CAPTURE, CAP_DEVICE_CAPS = 0x1, 0x80000000
BUF_TYPE_VIDEO_CAPTURE = 1
FRAME_SIZE_DISCRETE = 1
MAX_ANSWERS = 256  # a driver that never says EINVAL
# The Pi's H.264 encoder, as rpicam-apps looks for it (encoder.cpp, h264_codec_select)
PI_ENCODER, PI_ENCODER_CARD = "/dev/video11", "bcm2835-codec-encode"

FOURCC_FORMATS: dict[str, tuple[Format, str]] = {  # each with FFmpeg's name of it as an input
    "H264": ("h264", "h264"),
    "MJPG": ("mjpeg", "mjpeg"),
    "JPEG": ("mjpeg", "mjpeg"),
    "YUYV": ("raw", "yuyv422"),
    "UYVY": ("raw", "uyvy422"),
    "NV12": ("raw", "nv12"),
    "YU12": ("raw", "yuv420p"),
    "YV12": ("raw", "yuv420p"),
    "GREY": ("raw", "gray"),
    "RGB3": ("raw", "rgb24"),
    "BGR3": ("raw", "bgr24"),
}
PREFERENCE: tuple[Format, ...] = ("h264", "mjpeg", "raw")
WISHED = Picture(1280, 720)  # where no size is asked for: this, or the largest of no more pixels


@dataclass(frozen=True, slots=True)
class Offer:
    """One format that a device offers; `sizes` is empty where it takes any, or does not say."""

    format: Format
    input_format: str
    sizes: tuple[tuple[int, int], ...]

    def has(self, picture: Picture) -> bool:
        """Whether pictures of that size can be had in it."""
        return picture.width is None or not self.sizes or (picture.width, picture.height) in (
            self.sizes
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """How a device is to be read; FFmpeg's name of the format, None where it is left to it."""

    format: Format
    input_format: str | None
    picture: Picture


class Examined:
    """An open device, only to ask. A context manager."""

    def __init__(self, path: str, ioctl: Ioctl = fcntl.ioctl) -> None:
        """Raises OSError."""
        self._ioctl = ioctl
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Examined:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the device."""
        os.close(self._file)

    def card(self) -> str:
        """The name that the device gives itself. Raises OSError."""
        return self._capability()[0]

    def is_camera(self) -> bool:
        """Whether pictures come from it. Raises OSError."""
        return bool(self._capability()[1] & CAP_VIDEO_CAPTURE)

    def offers(self) -> list[Offer]:
        """The formats known here, in the device's order. Raises OSError."""
        found = []
        for answer in self._each(VIDIOC_ENUM_FMT, FORMAT, (BUF_TYPE_VIDEO_CAPTURE, 0, b"", 0, 0)):
            number = answer[4]
            fourcc = number.to_bytes(4, "little").decode("ascii", "replace")
            if fourcc in FOURCC_FORMATS:
                found.append(Offer(*FOURCC_FORMATS[fourcc], tuple(self._sizes(number))))
        return found

    def _sizes(self, fourcc: int) -> Iterator[tuple[int, int]]:
        rest = (fourcc, 0, 0, 0, 0, 0, 0, 0)
        for answer in self._each(VIDIOC_ENUM_FRAMESIZES, FRAME_SIZE, rest):
            if answer[2] != FRAME_SIZE_DISCRETE:
                return
            yield answer[3], answer[4]

    def _capability(self) -> tuple[str, int]:
        buffer = bytearray(CAPABILITY.size)
        self._ioctl(self._file, VIDIOC_QUERYCAP, buffer)
        _, card, _, _, all_caps, own_caps = CAPABILITY.unpack(buffer)
        caps = own_caps if all_caps & CAP_DEVICE_CAPS else all_caps
        return card.split(b"\0")[0].decode("utf-8", "replace"), caps

    def _each(
        self, request: int, layout: struct.Struct, rest: tuple[object, ...]
    ) -> Iterator[tuple[int, ...]]:
        """The answers for index 0, 1, ... until the driver says that there are no more."""
        for index in range(MAX_ANSWERS):
            buffer = bytearray(layout.pack(index, *rest))
            try:
                self._ioctl(self._file, request, buffer)
            except OSError as err:
                if err.errno in (errno.EINVAL, errno.ENOTTY):
                    return
                raise
            yield layout.unpack(buffer)


def choose(device: Device, offers: list[Offer]) -> Choice:
    """The best of what is offered: H.264, else Motion JPEG, else raw; at the size asked for.

    Raises OpenError where the format that the settings insist on is not offered.
    """
    if device.format != "auto":
        offers = [offer for offer in offers if offer.format == device.format]
        if not offers:
            raise OpenError(
                "unsupported",
                f"{device.path} does not offer format={device.format}",
                hint="leave format out; v4l2-ctl --list-formats-ext shows what there is",
            )
    ranked = sorted(
        offers, key=lambda offer: (not offer.has(device.picture), PREFERENCE.index(offer.format))
    )
    if not ranked:
        return Choice("raw", None, device.picture)
    best = ranked[0]
    return Choice(best.format, best.input_format, _size(device.picture, best))


def examine(device: Device, ioctl: Ioctl = fcntl.ioctl) -> Choice:
    """Ask the device and choose. Raises OpenError."""
    try:
        with closing(Examined(device.path, ioctl)) as examined:
            if not examined.is_camera():
                raise OpenError(
                    "no_video",
                    f"{device.path} ({examined.card()}) is no camera",
                    hint="cameras often have several devices; try the one before or after it",
                )
            return choose(device, examined.offers())
    except OSError as err:
        raise open_error(device.path, err) from err


def open_error(path: str, err: OSError) -> OpenError:
    """Why a device cannot be opened."""
    if err.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return OpenError(
            "not_found", f"there is no device {path}", hint="check the plug; ls /dev/v4l/by-id",
            is_retryable=True,
        )  # fmt: skip
    if err.errno in (errno.EACCES, errno.EPERM):
        return OpenError(
            "unauthorised", f"{path} may not be opened", hint="let the user be in the group video"
        )
    if err.errno == errno.EBUSY:
        return OpenError("refused", f"{path} is in use", hint="stop the program that reads it")
    if err.errno in (errno.ENOTTY, errno.EINVAL):
        return OpenError("unsupported", f"{path} is no video device", hint="give /dev/video0")
    return OpenError("broken", f"{path}: {err.strerror or err}", hint="unplug it and plug it in")


def has_pi_encoder(path: str = PI_ENCODER, ioctl: Ioctl = fcntl.ioctl) -> bool:
    """Whether this is a Pi with an H.264 encoder in hardware (up to the Pi 4)."""
    with suppress(OSError), closing(Examined(path, ioctl)) as examined:
        return examined.card() == PI_ENCODER_CARD
    return False


def _size(asked: Picture, offer: Offer) -> Picture:
    if asked.width is not None:
        return asked
    if not offer.sizes:  # V4L2 has the driver take the nearest (VIDIOC_S_FMT)
        return Picture(WISHED.width, WISHED.height, asked.fps)
    most = (WISHED.width or 0) * (WISHED.height or 0)
    fitting = [size for size in offer.sizes if size[0] * size[1] <= most]
    width, height = max(fitting or offer.sizes, key=lambda size: size[0] * size[1])
    return Picture(width, height, asked.fps)
