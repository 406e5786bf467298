"""What a model's outputs say before the doubles are thrown out. Pure; values only."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MAX_FOUND = 50  # in one picture
MAX_OVERLAP = 0.45  # of two boxes of one class, intersection over union: YOLOX's and NanoDet's own
MAX_EXPONENT = 12.0  # e^12 is wider than any picture; more would only overflow


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a model found: its class, how sure it is, and where in the picture it saw.

    `box` is left, top, right, bottom in pixels of what the model was shown.
    """

    number: int
    confidence: float
    box: tuple[float, float, float, float]


def anchors(side_px: int, strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """The cells of a square picture, stride by stride, row by row: column and row, and stride.

    float32, shapes (cells, 2) and (cells, 1).
    """
    cells, widths = [], []
    for stride in strides:
        across = -(-side_px // stride)
        rows, columns = np.mgrid[:across, :across]
        cells.append(np.stack((columns, rows), axis=2).reshape(-1, 2))
        widths.append(np.full((len(cells[-1]), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(widths).astype(np.float32)


def count(side_px: int, strides: tuple[int, ...]) -> int:
    """How many cells those are."""
    return sum((-(-side_px // stride)) ** 2 for stride in strides)


def best(boxes: Floats, scores: Floats, *, min_confidence: float) -> list[Sighting]:
    """The sightings that hold, the surest first, at most MAX_FOUND.

    `boxes` are (cells, 4) corners in pixels, `scores` (cells, classes). What is not finite, has no
    size or lies below `min_confidence` is left out, and of boxes of one class that cover each other
    all but the surest.
    """
    classes, sure = scores.argmax(axis=1), scores.max(axis=1)
    size = boxes[:, 2:] - boxes[:, :2]
    kept = np.isfinite(boxes).all(axis=1) & np.isfinite(scores).all(axis=1)
    kept &= (sure >= min_confidence) & (size > 0).all(axis=1)
    boxes, classes, sure = boxes[kept], classes[kept], np.minimum(sure[kept], 1.0)
    if not len(boxes):
        return []
    corner_size = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)
    chosen = cv2.dnn.NMSBoxesBatched(
        corner_size.tolist(), sure.tolist(), classes.tolist(), min_confidence, MAX_OVERLAP
    )
    order = sorted(np.asarray(chosen, dtype=int).tolist(), key=lambda at: -float(sure[at]))
    return [
        Sighting(int(classes[at]), float(sure[at]), _corners(boxes[at])) for at in order[:MAX_FOUND]
    ]


def _corners(box: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) for value in box)
    return left, top, right, bottom
