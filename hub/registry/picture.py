"""What kind of picture an uploaded file is, and how large: PNG or JPEG, by their own headers.

Nothing is decoded here; the hub loads no image library. SVG is refused, since it can carry scripts.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from edge.base.errors import CamwatchError
from edge.base.units import format_size

MAX_BYTES = 16 * 2**20
MAX_SIDE = 20_000  # pixels
_PNG = b"\x89PNG\r\n\x1a\n"  # RFC 2083 section 3.1
_SOI = b"\xff\xd8"  # ITU-T T.81 table B.1, as all below
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # SOF0 .. SOF15
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


class PictureError(CamwatchError):
    """A file that cannot be a plan."""


class Picture(NamedTuple):
    """What a picture file is; size in pixels."""

    media_type: Literal["image/png", "image/jpeg"]
    width: int
    height: int


def look_at(content: bytes) -> Picture:
    """Kind and size of a picture. Raises PictureError."""
    if len(content) > MAX_BYTES:
        raise PictureError(
            f"picture: it has {format_size(len(content))}, at most {format_size(MAX_BYTES)} are"
            " kept"
        )
    picture = _png(content) if content.startswith(_PNG) else _jpeg(content)
    if picture is None:
        raise PictureError("picture: it is neither PNG nor JPEG", hint="save it as PNG")
    if not (0 < picture.width <= MAX_SIDE and 0 < picture.height <= MAX_SIDE):
        raise PictureError(
            f"picture: {picture.width}x{picture.height} pixels, at most {MAX_SIDE} a side"
        )
    return picture


def _png(content: bytes) -> Picture | None:
    if content[12:16] != b"IHDR" or len(content) < 24:
        return None
    width, height = struct.unpack_from(">II", content, 16)
    return Picture("image/png", width, height)


def _jpeg(content: bytes) -> Picture | None:
    """By the first frame header; segments before it are stepped over by their lengths."""
    if not content.startswith(_SOI):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return Picture("image/jpeg", width, height)
        if marker == 0xFF or marker in _BARE:  # a fill byte, or nothing follows the marker
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        at += 2 + length
    return None
