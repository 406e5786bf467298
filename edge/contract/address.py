"""What kind of camera a `source` names, and how it is to be set.

Pure: nothing is opened or looked for. `CameraSettings` refuses by it what no source can be made
of, so that `check-config` says so; `edge.capture.source.make` chooses by it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from edge.base.logs import redact

Kind = Literal["rtsp", "http", "device", "csi", "exec", "synthetic", "file"]
Format = Literal["auto", "h264", "mjpeg", "raw"]

KINDS: dict[str, Kind] = {
    "rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http", "csi": "csi",
    "exec": "exec", "synthetic": "synthetic", "file": "file",
}  # fmt: skip
KINDS_TEXT = (
    "rtsp:// or rtsps:// URL, http:// or https:// URL of Motion JPEG, /dev/video0, csi:, exec:, "
    "a file's path, or synthetic:"
)
DEVICE_PREFIX = "/dev/"
FORMATS: tuple[Format, ...] = ("auto", "h264", "mjpeg", "raw")
DEFAULT_BITS_PER_S = 2_000_000
MAX_SIDE, MAX_FPS, MAX_BITS_PER_S = 4096, 120, 100_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """Size and rate asked of a camera on this box; None leaves it to the camera or a default."""

    width: int | None = None
    height: int | None = None
    fps: int | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A V4L2 device, from `/dev/video0?width=1280&height=720&fps=15&format=mjpeg`."""

    path: str
    picture: Picture = Picture()
    format: Format = "auto"


@dataclass(frozen=True, slots=True)
class Csi:
    """The Pi's camera module, from `csi:?camera=0&width=1280&height=720&fps=15`."""

    picture: Picture = Picture()
    camera: int = 0
    bits_per_s: int = DEFAULT_BITS_PER_S
    rotation: int = 0


def kind_of(source: str) -> Kind:
    """The kind of camera. Raises ValueError, with the kinds there are."""
    if source.startswith(DEVICE_PREFIX):
        return "device"
    try:
        scheme = urlsplit(source).scheme
    except ValueError as err:
        raise ValueError("the address is malformed") from err
    if not scheme:
        return "file"
    if scheme not in KINDS:
        raise ValueError(f"no kind of source is known for {redact(source)}: give an {KINDS_TEXT}")
    return KINDS[scheme]


def check(source: str) -> Kind:
    """The kind, once all that the address itself can get wrong is seen to be right."""
    kind = kind_of(source)
    if kind == "device":
        device(source)
    elif kind == "csi":
        csi(source)
    elif kind == "exec" and source != "exec:":
        raise ValueError("exec: stands alone; the program and its arguments go into `command`")
    elif kind in ("http", "rtsp"):
        _check_host(source)
    return kind


def device(source: str) -> Device:
    """A device's path and how it is to be set. Raises ValueError."""
    path, _, query = source.partition("?")
    options = _options(query, ("width", "height", "fps", "format"))
    wanted = options.get("format", "auto")
    for known in FORMATS:
        if wanted == known:
            return Device(path, _picture(options), known)
    raise ValueError(f"format={wanted}: give one of {', '.join(FORMATS)}")


def csi(source: str) -> Csi:
    """Which camera module and how it is to be set. Raises ValueError."""
    path, _, query = source.removeprefix("csi:").partition("?")
    if path:
        raise ValueError(f"csi:{path}: choose a camera module by csi:?camera=0")
    known = ("camera", "width", "height", "fps", "bits_per_s", "rotation")
    options = _options(query, known)
    rotation = _number(options, "rotation", 0, 180) or 0
    if rotation not in (0, 180):
        raise ValueError("rotation: give 0 or 180")
    return Csi(
        _picture(options),
        _number(options, "camera", 0, 15) or 0,
        _number(options, "bits_per_s", 100_000, MAX_BITS_PER_S) or DEFAULT_BITS_PER_S,
        rotation,
    )


def file_path(source: str) -> str:
    """The path of a recording, given as a path or a file: URL."""
    return unquote(urlsplit(source).path) if source.startswith("file:") else source


def _check_host(source: str) -> None:
    parts = urlsplit(source)
    try:
        _ = parts.port
    except ValueError as err:
        raise ValueError("the address is malformed: its port is no number up to 65535") from err
    if not parts.hostname:
        raise ValueError("the address names no host")


def _options(query: str, known: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"{key} is no known option of this source ({hint})")
        if key in options:
            raise ValueError(f"{key} is given twice")
        options[key] = value
    return options


def _picture(options: Mapping[str, str]) -> Picture:
    picture = Picture(
        _number(options, "width", 16, MAX_SIDE),
        _number(options, "height", 16, MAX_SIDE),
        _number(options, "fps", 1, MAX_FPS),
    )
    if (picture.width is None) != (picture.height is None):
        raise ValueError("width and height: give both or none")
    return picture


def _number(options: Mapping[str, str], key: str, low: int, high: int) -> int | None:
    text = options.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and low <= int(text[:10]) <= high):
        raise ValueError(f"{key}: give a whole number from {low} to {high}")
    return int(text[:10])
