"""Outputs of NanoDet and NanoDet-Plus (github.com/RangiLyu/nanodet), merged or stride by stride.

Each cell says a confidence for each class and, for each side of the box, a distribution over
distances of 0, 1, 2, ... strides, whose mean is the distance (generalised focal loss, Li et al.
2020). NanoDet-Plus writes one output (1, cells, classes + 4 x bins) and counts from a cell's corner
(`nanodet_plus_head.py`); the older one writes two outputs a stride and counts from its centre
(`gfl_head.py`; so does the OpenCV model zoo's). The input is normalised by ImageNet's mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.classify.candidates import Floats, anchors, count

MEAN = (103.53, 116.28, 123.675)  # blue green red; nanodet's configuration files
DEVIATION = (57.375, 57.12, 58.395)
STRIDES = ((8, 16, 32, 64), (8, 16, 32))
MIN_BINS, MAX_BINS = 5, 33  # reg_max is 7 in all published models: 8 bins


@dataclass(frozen=True, slots=True)
class NanoDet:
    """How a NanoDet of that input is read; `is_split`: two outputs a stride instead of one."""

    side_px: int
    classes: int
    bins: int
    strides: tuple[int, ...]
    is_split: bool

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """What its outputs look like, in any order where they are split."""
        if not self.is_split:
            width = self.classes + 4 * self.bins
            return ((1, count(self.side_px, self.strides), width),)
        cells = [count(self.side_px, (stride,)) for stride in self.strides]
        widths = (self.classes, 4 * self.bins)
        return tuple((1, number, width) for number in cells for width in widths)

    def prepare(self, picture: Floats) -> Floats:
        """Pixels, 0 to 255, as the model wants them."""
        mean, deviation = (np.array(each, np.float32) for each in (MEAN, DEVIATION))
        return (picture - mean) / deviation

    def decode(self, outputs: list[Floats]) -> tuple[Floats, Floats]:
        """Corners in pixels, shape (cells, 4), and confidences, shape (cells, classes)."""
        scores, sides = self._joined(outputs)
        cells, strides = anchors(self.side_px, self.strides)
        centre = cells * strides + ((strides - 1) / 2 if self.is_split else 0)
        far = _softmax(sides.reshape(-1, 4, self.bins)) @ np.arange(self.bins, dtype=np.float32)
        far = far * strides
        boxes = np.concatenate((centre - far[:, :2], centre + far[:, 2:]), axis=1)
        return np.asarray(boxes, np.float32), _probability(scores)

    def _joined(self, outputs: list[Floats]) -> tuple[Floats, Floats]:
        if not self.is_split:
            found = outputs[0].reshape(-1, self.classes + 4 * self.bins)
            return found[:, : self.classes], found[:, self.classes :]
        flat = [each.reshape(-1, each.shape[-1]) for each in outputs]
        by_shape = {each.shape: each for each in flat}
        cells = [count(self.side_px, (stride,)) for stride in self.strides]
        scores = np.concatenate([by_shape[number, self.classes] for number in cells])
        sides = np.concatenate([by_shape[number, 4 * self.bins] for number in cells])
        return scores, sides


def _softmax(values: Floats) -> Floats:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def _probability(scores: Floats) -> Floats:
    """Confidences: exporters leave the sigmoid in or out; outside of 0 to 1 it is still to do."""
    if scores.size and scores.min() >= 0 and scores.max() <= 1:
        return scores
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -80, 80))), np.float32)
