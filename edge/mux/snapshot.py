"""A picture as a JPEG that fits the wire: quality goes down first, then size.

Called by the camera for the best frame of an event. Keeps nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.base.errors import CamwatchError
from edge.contract.names import MAX_SNAPSHOT_BYTES
from edge.media.frame import Picture

QUALITIES = (85, 75, 65, 55)  # below this, fewer pixels look better than coarser ones
SHRINK = 0.75  # of width and height, when no quality fits
MIN_SIDE_PX = 16
JPEG_MAX_SIDE_PX = 65500  # ITU-T T.81 allows 65535, libjpeg stops here
COMMENT_MARKER = b"\xff\xfe"  # COM, ITU-T T.81 table B.1


class SnapshotError(CamwatchError):
    """A picture cannot be made into a JPEG."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """An encoded picture; width and height in pixels."""

    data: bytes
    width: int
    height: int


def encode(picture: Picture, max_bytes: int = MAX_SNAPSHOT_BYTES, *, comment: str = "") -> Jpeg:
    """Encode as good a JPEG of `picture` as fits into `max_bytes`.

    A picture is known by its hash alone; a `comment`, such as the id of its event, keeps apart what
    a camera showed twice.

    `picture` is uint8, shape (height, width, 3), blue green red. Raises SnapshotError for another
    shape, and when not even a tiny picture fits.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise SnapshotError(f"not a BGR picture: {picture.dtype} {picture.shape}")
    while True:
        height, width = picture.shape[:2]
        for quality in QUALITIES:
            data = _with_comment(_encode(picture, quality), comment)
            if len(data) <= max_bytes:
                return Jpeg(data, width, height)
        width, height = int(width * SHRINK), int(height * SHRINK)
        if min(width, height) < MIN_SIDE_PX:
            raise SnapshotError(f"no JPEG of {max_bytes} bytes or less can be made of the picture")
        shrunk = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        picture = np.asarray(shrunk, np.uint8)


def _encode(picture: Picture, quality: int) -> bytes:
    if max(picture.shape[:2]) > JPEG_MAX_SIDE_PX:
        raise SnapshotError(f"{picture.shape[1]} x {picture.shape[0]} pixels are too many")
    is_done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not is_done:
        raise SnapshotError("OpenCV could not encode the picture")
    return data.tobytes()


def _with_comment(jpeg: bytes, comment: str) -> bytes:
    """The JPEG with a COM segment behind its JFIF header."""
    if not comment:
        return jpeg
    after_header = 4 + int.from_bytes(jpeg[4:6], "big")  # SOI, APP0 marker, its length
    text = comment.encode()
    segment = COMMENT_MARKER + (len(text) + 2).to_bytes(2, "big") + text
    return jpeg[:after_header] + segment + jpeg[after_header:]
