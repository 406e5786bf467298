"""One loaded model: a picture in, sightings out. In the child process only; loads cv2.dnn."""

from __future__ import annotations

import cv2
import numpy as np

from edge.classify import layout
from edge.classify.candidates import Floats, Sighting, best
from edge.classify.errors import ModelError
from edge.config.classify import Kind
from edge.media.frame import Picture


class Network:
    """A model in memory. One thread."""

    def __init__(self, data: bytes, *, side_px: int, classes: int, kind: Kind) -> None:
        """Load the ONNX file in `data` and try it once. Raises ModelError naming the setting."""
        self._side_px = side_px
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
            self._names = self._net.getUnconnectedOutLayersNames()
        except (cv2.error, SystemError) as err:
            raise ModelError(
                "classify.model", f"is no ONNX model that OpenCV can read: {_said(err)}",
                hint="docs/classifier.md says which models fit and how to convert them",
            ) from err  # fmt: skip
        try:
            outputs = self._run(np.zeros((side_px, side_px, 3), np.float32))
        except (cv2.error, SystemError) as err:
            if getattr(err, "code", None) == cv2.Error.StsNoMem:
                raise MemoryError from err
            raise ModelError(
                "classify.input_px", f"the model does not take {side_px} px: {_said(err)}",
                hint="set it to the side of the model's input, such as 320, 416 or 640",
            ) from err  # fmt: skip
        self.shapes = tuple(tuple(each.shape) for each in outputs)
        self.layout = layout.find(self.shapes, side_px=side_px, classes=classes, kind=kind)

    def look(self, picture: Picture, *, min_confidence: float) -> list[Sighting]:
        """What is in `picture`, uint8, shape (side, side, 3), blue green red; the surest first."""
        outputs = self._run(self.layout.prepare(picture.astype(np.float32)))
        boxes, scores = self.layout.decode(outputs)
        return best(boxes, scores, min_confidence=min_confidence)

    def _run(self, pixels: Floats) -> list[Floats]:
        self._net.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))
        return [np.asarray(each, np.float32) for each in self._net.forward(self._names)]


def _said(err: Exception) -> str:
    """OpenCV's message without its file and line."""
    text = " ".join(str(err).split())
    return text.rpartition("error: ")[2][:200]
