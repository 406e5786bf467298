"""Drawing into the planes of a YUV 4:2:0 picture, with sub-pixel positions.

Only the pixels under a shape are touched, so a few actors cost little. Used by the synthetic
street. Colours are (Y, U, V); shapes are in pixels of the luma plane.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
XY = tuple[float, float]

SHIFT = 4  # positions count sixteenths of a pixel
BLACK_Y = 16  # ITU-R BT.601, limited range
SHADE_SIZE = (48, 16)  # of the soft disc that shadows are scaled from


def from_bgr(blue: int, green: int, red: int) -> Colour:
    """The (Y, U, V) of a BGR colour, BT.601, limited range."""
    pixel = np.array([[[blue, green, red]] * 2] * 2, np.uint8)
    y, u, v = np.asarray(cv2.cvtColor(pixel, cv2.COLOR_BGR2YUV_I420)).ravel()[[0, 4, 5]]
    return int(y), int(u), int(v)


class Canvas:
    """The three planes of one yuv420p picture, packed as one array of 3/2 x its height."""

    def __init__(self, packed: Plane, gain: float = 1.0) -> None:
        """Draw into `packed`, uint8, shape (height * 3 // 2, width), lit by `gain`."""
        height, width = packed.shape[0] * 2 // 3, packed.shape[1]
        quarter = height // 4
        self.y = packed[:height]
        self.u = packed[height : height + quarter].reshape(height // 2, width // 2)
        self.v = packed[height + quarter :].reshape(height // 2, width // 2)
        self._gain = gain

    def polygon(self, points: Sequence[XY], colour: Colour) -> None:
        """A filled polygon."""
        for plane, value, scale in self._layers(colour):
            fixed = np.rint(np.array(points) * (scale * (1 << SHIFT))).astype(np.int32)
            cv2.fillPoly(plane, [fixed], value, cv2.LINE_AA, SHIFT)

    def limb(self, start: XY, end: XY, width: float, colour: Colour) -> None:
        """A thick line with round ends."""
        for plane, value, scale in self._layers(colour):
            cv2.line(
                plane, _fixed(start, scale), _fixed(end, scale), value,
                max(1, round(width * scale)), cv2.LINE_AA, SHIFT,
            )  # fmt: skip

    def ellipse(self, centre: XY, radii: XY, colour: Colour) -> None:
        """A filled ellipse with level axes."""
        for plane, value, scale in self._layers(colour):
            cv2.ellipse(
                plane, _fixed(centre, scale), _fixed(radii, scale), 0, 0, 360, value,
                cv2.FILLED, cv2.LINE_AA, SHIFT,
            )  # fmt: skip

    def shade(self, centre: XY, radii: XY, strength: float) -> None:
        """Darken a soft disc of luma, as a shadow on the ground does."""
        left, top = round(centre[0] - radii[0]), round(centre[1] - radii[1])
        width, height = max(1, round(2 * radii[0])), max(1, round(2 * radii[1]))
        disc = np.asarray(cv2.resize(SOFT_DISC, (width, height)))
        rows, columns = self.y.shape
        x0, y0, x1, y1 = max(0, left), max(0, top), min(columns, left + width), top + height
        y1 = min(rows, y1)
        if x0 >= x1 or y0 >= y1:
            return
        part = self.y[y0:y1, x0:x1]
        kept = 1.0 - strength * disc[y0 - top : y1 - top, x0 - left : x1 - left]
        part[:] = (part - float(BLACK_Y)) * kept + float(BLACK_Y)

    def _layers(self, colour: Colour) -> tuple[tuple[Plane, int, float], ...]:
        luma = min(255, max(0, round(BLACK_Y + (colour[0] - BLACK_Y) * self._gain)))
        return (self.y, luma, 1.0), (self.u, colour[1], 0.5), (self.v, colour[2], 0.5)


def _fixed(point: XY, scale: float) -> tuple[int, int]:
    factor = scale * (1 << SHIFT)
    return round(point[0] * factor), round(point[1] * factor)


def _soft_disc() -> npt.NDArray[np.float32]:
    width, height = SHADE_SIZE
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    disc: npt.NDArray[np.float32] = np.clip(1.6 - 1.6 * np.hypot(x, y), 0, 1).astype(np.float32)
    return disc


SOFT_DISC = _soft_disc()
