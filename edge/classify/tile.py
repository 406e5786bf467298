"""The part of a picture that a model is shown: what moved, with some of what is around it. Pure.

A model sees some 400 x 400 pixels. A whole scene shrunk to that makes a far walker of 30 pixels one
of 10, which no small model finds; so it gets a square around what moved, in which that is about as
large as things in the pictures that models are trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.contract.parts import Box
from edge.media.frame import Picture

SURROUNDINGS = 2.5  # side of the square in lengths of what moved: it fills 0.4 of it
LARGEST_SCALE = 2.0  # more would be blur
GREY = 114  # around a picture, as YOLOX's and NanoDet's own letterboxes have it
MIN_LIKENESS = 0.1  # intersection over union of what was found with what moved


@dataclass(frozen=True, slots=True)
class Tile:
    """What a model is shown of a picture of `width` x `height` pixels.

    `pixels` is uint8, shape (side, side, 3), blue green red. Its left top corner lies at `left`,
    `top` of the picture, and it has `scale` pixels for one of the picture's. `moving` are the
    boxes of what moved, 0 to 1 of the picture; empty where anything in it counts.
    """

    pixels: Picture
    width: int
    height: int
    left: float
    top: float
    scale: float
    moving: tuple[Box, ...]

    def box(self, corners: tuple[float, float, float, float]) -> Box | None:
        """Corners in the tile as left, top, width, height of the picture, 0 to 1.

        None where nothing of it lies in the picture.
        """
        left, right = (self._share(x, self.left, self.width) for x in (corners[0], corners[2]))
        top, bottom = (self._share(y, self.top, self.height) for y in (corners[1], corners[3]))
        if right <= left or bottom <= top:
            return None
        return left, top, right - left, bottom - top

    def has_moved(self, box: Box) -> bool:
        """Whether what was found at `box` is what moved, and not something that stands there."""
        if not self.moving:
            return True
        touched = [each for each in self.moving if _common(each, box) > 0]
        common = sum(_common(each, box) for each in touched)
        return common >= MIN_LIKENESS * (_area(box) + sum(map(_area, touched)) - common)

    def _share(self, at: float, offset: float, size: int) -> float:
        return min(1.0, max(0.0, (at / self.scale + offset) / size))


def cut(picture: Picture, moving: Sequence[Box], side_px: int) -> Tile:
    """The tile of that side around what moved; all of the picture where `moving` is empty."""
    height, width = picture.shape[:2]
    left, top, side = _square(width, height, moving, side_px)
    first_x, first_y = max(0, round(left)), max(0, round(top))
    shown = picture[
        first_y : min(height, round(top + side)), first_x : min(width, round(left + side))
    ]
    scale = side_px / max(shown.shape[:2])
    size = tuple(max(1, min(side_px, round(each * scale))) for each in shown.shape[1::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.full((side_px, side_px, 3), GREY, np.uint8)
    pixels[: size[1], : size[0]] = cv2.resize(shown, size, interpolation=method)
    return Tile(pixels, width, height, first_x, first_y, scale, tuple(moving))


def _square(
    width: int, height: int, moving: Sequence[Box], side_px: int
) -> tuple[float, float, float]:
    """Left, top and side of what is shown, in pixels of the picture."""
    longest = max(width, height)
    if not moving:
        return 0.0, 0.0, float(longest)
    left, top = min(box[0] for box in moving) * width, min(box[1] for box in moving) * height
    right = max(box[0] + box[2] for box in moving) * width
    bottom = max(box[1] + box[3] for box in moving) * height
    largest = max(max(box[2] * width, box[3] * height) for box in moving)
    side = max(right - left, bottom - top, SURROUNDINGS * largest, side_px / LARGEST_SCALE)
    side = min(side, longest)

    def start(low: float, high: float, size: int) -> float:
        return min(max(0.0, (low + high - side) / 2), max(0.0, size - side))

    return start(left, right, width), start(top, bottom, height), side


def _area(box: Box) -> float:
    return box[2] * box[3]


def _common(one: Box, other: Box) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
