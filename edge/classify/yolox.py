"""Outputs of YOLOX, as its own exporter writes them (`tools/export_onnx.py`, Ge et al. 2021).

One output of shape (1, cells, 5 + classes), cells of strides 8, 16 and 32: centre and size still
relative to the cell, then the probability of an object and of each class, both behind a sigmoid.
The input is blue green red, 0 to 255, not normalised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.classify.candidates import MAX_EXPONENT, Floats, anchors, count

STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class Yolox:
    """How a YOLOX of that input and so many classes is read."""

    side_px: int
    classes: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """What its outputs look like."""
        return ((1, count(self.side_px, STRIDES), 5 + self.classes),)

    def prepare(self, picture: Floats) -> Floats:
        """Pixels, 0 to 255, as the model wants them."""
        return picture

    def decode(self, outputs: list[Floats]) -> tuple[Floats, Floats]:
        """Corners in pixels, shape (cells, 4), and confidences, shape (cells, classes)."""
        (found,) = outputs
        found = found.reshape(-1, 5 + self.classes)
        cells, strides = anchors(self.side_px, STRIDES)
        centre = (found[:, :2] + cells) * strides
        half = np.exp(np.clip(found[:, 2:4], -MAX_EXPONENT, MAX_EXPONENT)) * strides / 2
        boxes = np.concatenate((centre - half, centre + half), axis=1)
        return np.asarray(boxes, np.float32), np.asarray(found[:, 4:5] * found[:, 5:], np.float32)
