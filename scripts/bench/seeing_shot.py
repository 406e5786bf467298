"""A recording's pictures, decoded once for all contestants that look at pictures.

Each contestant takes what it really looks at (its own size, its own rate) from the same `Shot`;
sizes that several settings of one contestant share are made once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
import numpy.typing as npt

from edge.capture.decode import LUMA_FIRST
from edge.media.frame import Luma
from scripts.bench.seeing_events import Box

EARLY = 0.2  # a frame this part of an interval early still counts as due, as the product has it


class Shot:
    """One decoded picture. `at_s` is seconds since the recording's first frame."""

    def __init__(self, at_s: float, *, is_keyframe: bool, luma: Luma) -> None:
        """`luma`: uint8, shape (height, width), full size; not written to."""
        self.at_s = at_s
        self.is_keyframe = is_keyframe
        self.luma = luma
        self._sizes: dict[tuple[int, int, int], Luma] = {}

    def small(self, width: int, height: int, interpolation: int) -> Luma:
        """The luma scaled by one of OpenCV's interpolations; shared, so not to be written to."""
        key = width, height, interpolation
        if key not in self._sizes:
            scaled = cv2.resize(self.luma, (width, height), interpolation=interpolation)
            self._sizes[key] = np.asarray(scaled, np.uint8)
        return self._sizes[key]


class Contestant(Protocol):
    """A motion detector that looks at pictures. Given every picture, in order of time."""

    def look(self, shot: Shot) -> list[Box] | None:
        """Boxes of the motion in this picture, none where nothing moves.

        None itself: it does not look at this picture, because of its rate.
        """


class Rate:
    """Chooses pictures no oftener than `fps`, by their times."""

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps
        self._due_s: float | None = None

    def is_due(self, at_s: float) -> bool:
        """Whether the picture at `at_s` is one to look at; counts as looked at if so."""
        due_s, interval_s = self._due_s, self._interval_s
        if due_s is not None and at_s < due_s - interval_s * EARLY:
            return False
        is_behind = due_s is None or at_s - due_s > interval_s
        self._due_s = (at_s if is_behind or due_s is None else due_s) + interval_s
        return True


def shots(path: Path) -> Iterator[Shot]:
    """Every picture of a recording, in order of time. Each is good until the next is asked for."""
    first: Fraction | None = None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for picture in container.decode(stream):
            if picture.pts is None or stream.time_base is None:
                continue
            at = picture.pts * stream.time_base
            first = at if first is None else first
            yield Shot(float(at - first), is_keyframe=picture.key_frame, luma=full_luma(picture))


def full_luma(picture: av.VideoFrame) -> Luma:
    """The picture's luma, uint8, shape (height, width); mostly the decoder's own memory."""
    if picture.format.name not in LUMA_FIRST:
        picture = picture.reformat(format="gray")
    plane = picture.planes[0]
    flat = np.frombuffer(memoryview(plane), np.uint8)[: picture.height * plane.line_size]
    return flat.reshape(picture.height, plane.line_size)[:, : picture.width]


def boxes_of(contours: Sequence[npt.NDArray[np.int32]], width: int, height: int) -> list[Box]:
    """The contours' bounding boxes as parts of a picture of this size."""
    found = []
    for contour in contours:
        left, top, wide, high = cv2.boundingRect(contour)
        found.append((left / width, top / height, wide / width, high / height))
    return found
