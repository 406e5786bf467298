"""Which pixels are watched, and which zones a changed region touches.

Polygons come in relative coordinates and are drawn once per picture size. No zones means that the
whole picture is watched; masks take pixels away from every zone. Called by the detector.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge.contract.motion import MotionSettings, Point

Mask = npt.NDArray[np.uint8]
ZoneBits = npt.NDArray[np.uint32]  # MAX_ZONES is 32: one bit each
SUBPIXEL_BITS = 6  # polygons are drawn with corners at 1/64 pixel


class ZoneMap:
    """Zones and masks drawn for one picture size. Immutable once made; any thread may read it."""

    def __init__(self, settings: MotionSettings, height: int, width: int) -> None:
        self._names = tuple(zone.name for zone in settings.zones)
        self._bits: ZoneBits = np.zeros((height, width), np.uint32)
        for number, zone in enumerate(settings.zones):
            self._bits[rasterise(zone.points, height, width) > 0] |= np.uint32(1 << number)
        watched = np.full((height, width), 255, np.uint8)
        if self._names:
            watched[self._bits == 0] = 0
        for mask in settings.masks:
            watched[rasterise(mask.points, height, width) > 0] = 0
        watched.flags.writeable = False
        self.watched: Mask = watched
        """uint8, shape (height, width): 255 where motion counts, else 0."""
        self.watched_px = cv2.countNonZero(watched)
        self.is_whole = self.watched_px == height * width

    def touched(self, rows: slice, columns: slice, region: npt.NDArray[np.bool_]) -> int:
        """The zones under the pixels that are True in `region`, as bits for `names`.

        `region` has the shape of the window that `rows` and `columns` cut from the picture.
        """
        if not self._names:
            return 0
        return int(np.bitwise_or.reduce(self._bits[rows, columns][region], initial=np.uint32(0)))

    def names(self, bits: int) -> tuple[str, ...]:
        """The zones' names for what `touched` gave, in the order of the settings."""
        return tuple(name for number, name in enumerate(self._names) if bits >> number & 1)


def rasterise(points: Sequence[Point], height: int, width: int) -> Mask:
    """Draw one closed relative polygon: uint8, shape (height, width), 255 inside, else 0.

    The pixel in row r and column c covers the relative square from (c / width, r / height), so
    its centre decides; a polygon thinner than a pixel still marks the pixels on its outline.
    """
    scale = 1 << SUBPIXEL_BITS
    corners = np.array([(x * width - 0.5, y * height - 0.5) for x, y in points])
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(
        canvas, [np.rint(corners * scale).astype(np.int32)], 255, cv2.LINE_8, SUBPIXEL_BITS
    )
    return canvas
