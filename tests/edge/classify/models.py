"""Small real ONNX models for tests, which look at colours: red is class 0, blue is class 1.

Each has the outputs of its kind, computed from the picture by real layers. Needs the onnx package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

SIDE_PX = 64
CLASSES = ("person", "car")
BINS = 8
LOGIT = 0.1  # of one level of colour
SURE = 20.0  # a pure colour's logit

Weights = npt.NDArray[np.float32]


def colours(classes: int = 2) -> tuple[Weights, Weights]:
    """A row of weights over mean blue, green, red for each class, and a bias: logits of colour."""
    rows = [(-LOGIT, -LOGIT, 2 * LOGIT), (2 * LOGIT, -LOGIT, -LOGIT)]
    rows += [(0.0, 0.0, 0.0)] * (classes - 2)
    bias = [-SURE] * 2 + [-SURE] * (classes - 2)
    return np.array(rows, np.float32), np.array(bias, np.float32)


def write_yolox(path: Path, *, side_px: int = SIDE_PX, always: float | None = None) -> Path:
    """A YOLOX of two classes; a box is as large as three cells of stride 16.

    `always`: every cell of stride 16 is of class 0 and as sure as that, whatever it shows.
    """
    layers = _Layers(side_px)
    weights, bias = colours()
    found = []
    for stride in (8, 16, 32):
        means = layers.means(stride)
        box = layers.linear(means, np.zeros((4, 3)), [0.5, 0.5, math.log(3), math.log(3)])
        is_used = stride == 16
        if always is None:
            sure = layers.linear(means, np.zeros((1, 3)), [SURE if is_used else -SURE])
            kind = layers.linear(means, weights, bias)
        else:
            sure = layers.linear(means, np.zeros((1, 3)), [SURE if is_used else -SURE])
            kind = layers.linear(means, np.zeros((2, 3)), [math.log(always / (1 - always)), -SURE])
        sure, kind = layers.add("Sigmoid", [sure]), layers.add("Sigmoid", [kind])
        cells = layers.add("Concat", [box, sure, kind], axis=1)
        found.append(layers.flat(cells, 7))
    layers.add("Concat", found, out="output", axis=1)
    return layers.write(path, {"output": (1, _cells(side_px, (8, 16, 32)), 7)})


def write_nanodet(path: Path, *, side_px: int = SIDE_PX, is_split: bool = False) -> Path:
    """A NanoDet of two classes: a box reaches two cells from its cell's corner or centre.

    It sees normalised colours; its logits stay as they are where it is split.
    """
    layers = _Layers(side_px)
    weights, bias = colours()
    deviation = np.array((57.375, 57.12, 58.395), np.float32)
    mean = np.array((103.53, 116.28, 123.675), np.float32)
    bias, weights = bias + weights @ mean, weights * deviation
    strides = (8, 16, 32) if is_split else (8, 16, 32, 64)
    outputs: dict[str, tuple[int, ...]] = {}
    merged = []
    for stride in strides:
        means = layers.means(stride)
        shown = weights if stride == 16 else np.zeros_like(weights)
        kind = layers.linear(means, shown, bias if stride == 16 else [-SURE, -SURE])
        far = np.tile(np.where(np.arange(BINS) == 2, 30.0, 0.0), 4)
        sides = layers.linear(means, np.zeros((4 * BINS, 3)), far)
        if is_split:
            number = _cells(side_px, (stride,))
            for name, value, width in (("cls", kind, 2), ("dis", sides, 4 * BINS)):
                layers.flat(value, width, out=f"{name}_{stride}")
                outputs[f"{name}_{stride}"] = (1, number, width)
        else:
            cells = layers.add("Concat", [layers.add("Sigmoid", [kind]), sides], axis=1)
            merged.append(layers.flat(cells, 2 + 4 * BINS))
    if not is_split:
        layers.add("Concat", merged, out="output", axis=1)
        outputs["output"] = (1, _cells(side_px, strides), 2 + 4 * BINS)
    return layers.write(path, outputs)


def write_greedy(path: Path, *, side_px: int = SIDE_PX) -> Path:
    """A YOLOX that asks for 2 GiB on its way."""
    layers = _Layers(side_px)
    many = 2**31 // (4 * side_px * side_px)
    wide = layers.linear("images", np.ones((many, 3)), np.zeros(many))
    squashed = layers.linear(layers.add("Relu", [wide]), np.zeros((3, many)), np.zeros(3))
    found = [
        layers.flat(layers.linear(layers.means(stride, squashed), np.zeros((7, 3)), np.zeros(7)), 7)
        for stride in (8, 16, 32)
    ]
    layers.add("Concat", found, out="output", axis=1)
    return layers.write(path, {"output": (1, _cells(side_px, (8, 16, 32)), 7)})


def _cells(side_px: int, strides: Sequence[int]) -> int:
    return sum(math.ceil(side_px / stride) ** 2 for stride in strides)


class _Layers:
    """A graph that grows."""

    def __init__(self, side_px: int) -> None:
        self._side_px = side_px
        self._nodes: list[onnx.NodeProto] = []
        self._values: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: list[str], *, out: str = "", **attributes: Any) -> str:
        """One layer; the name of what comes out."""
        out = out or f"value{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def constant(self, value: object, kind: type = np.float32) -> str:
        """A fixed tensor's name."""
        name = f"fixed{len(self._values)}"
        self._values.append(onnx.numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def means(self, stride: int, of: str = "images") -> str:
        """The mean colour of each cell."""
        short = -self._side_px % stride
        return self.add(
            "AveragePool", [of], kernel_shape=[stride, stride], strides=[stride, stride],
            pads=[0, 0, short, short],
        )  # fmt: skip

    def linear(self, of: str, weights: object, bias: object) -> str:
        """Each cell's channels times a matrix, plus a bias."""
        matrix = np.asarray(weights, np.float32)
        kernel = self.constant(matrix.reshape(*matrix.shape, 1, 1))
        return self.add("Conv", [of, kernel, self.constant(bias)], kernel_shape=[1, 1])

    def flat(self, of: str, channels: int, *, out: str = "") -> str:
        """Cells row by row, shape (1, cells, channels)."""
        rows = self.add("Reshape", [of, self.constant([1, channels, -1], np.int64)])
        return self.add("Transpose", [rows], out=out, perm=[0, 2, 1])

    def write(self, path: Path, outputs: dict[str, tuple[int, ...]]) -> Path:
        """The model's file."""
        shape = (1, 3, self._side_px, self._side_px)
        graph = helper.make_graph(
            self._nodes, "colours",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(*each) for each in (
                (name, TensorProto.FLOAT, size) for name, size in outputs.items())],
            initializer=self._values,
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path
