"""What models' numbers mean, against references that compute cell by cell without arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.classify import candidates, nanodet
from edge.classify.candidates import Floats
from edge.classify.nanodet import NanoDet
from edge.classify.yolox import Yolox

SIDE_PX = 96  # 64 does not divide it: NanoDet's last cells hang over the border
CLASSES = 3


def numbers(shape: tuple[int, ...], seed: int) -> Floats:
    """Outputs as an untrained model's."""
    return np.random.default_rng(seed).normal(0, 1.5, shape).astype(np.float32)


def cells(strides: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Stride, column and row of each cell in the order of the outputs."""
    return [
        (stride, column, row)
        for stride in strides
        for row in range(math.ceil(SIDE_PX / stride))
        for column in range(math.ceil(SIDE_PX / stride))
    ]


def test_a_yolox_box_is_centre_and_size_of_its_cell() -> None:
    """(offset + cell) x stride, e^size x stride; confidence is object times class."""
    layout = Yolox(SIDE_PX, CLASSES)
    output = numbers(layout.shapes[0], 1)
    boxes, scores = layout.decode([output])
    for at, (stride, column, row) in enumerate(cells((8, 16, 32))):
        x, y, width, height, there, *kinds = (float(value) for value in output[0, at])
        centre = ((x + column) * stride, (y + row) * stride)
        size = (math.exp(width) * stride, math.exp(height) * stride)
        want = (
            centre[0] - size[0] / 2, centre[1] - size[1] / 2,
            centre[0] + size[0] / 2, centre[1] + size[1] / 2,
        )  # fmt: skip
        assert boxes[at].tolist() == pytest.approx(want, rel=1e-4, abs=1e-3)
        assert scores[at].tolist() == pytest.approx([there * kind for kind in kinds], rel=1e-5)


@pytest.mark.parametrize("is_split", [False, True])
def test_a_nanodet_side_is_the_mean_of_its_distribution(is_split: bool) -> None:
    """Sum of k x softmax(k), times the stride; from the cell's corner, or its centre if split."""
    strides = (8, 16, 32) if is_split else (8, 16, 32, 64)
    layout = NanoDet(SIDE_PX, CLASSES, 8, strides, is_split)
    flat = numbers((len(cells(strides)), CLASSES + 32), 2)
    boxes, scores = layout.decode(outputs_of(layout, flat))
    for at, (stride, column, row) in enumerate(cells(strides)):
        logits, sides = flat[at, :CLASSES], flat[at, CLASSES:].reshape(4, 8)
        far = []
        for side in sides:
            powers = [math.exp(value) for value in side]
            far.append(stride * sum(k * each for k, each in enumerate(powers)) / sum(powers))
        start = (stride - 1) / 2 if is_split else 0
        x, y = column * stride + start, row * stride + start
        want = (x - far[0], y - far[1], x + far[2], y + far[3])
        assert boxes[at].tolist() == pytest.approx(want, rel=1e-4, abs=1e-3)
        sure = [1 / (1 + math.exp(-value)) for value in logits]
        assert scores[at].tolist() == pytest.approx(sure, rel=1e-4)


def outputs_of(layout: NanoDet, flat: Floats) -> list[Floats]:
    """The rows as the model would write them; split outputs in no particular order."""
    if not layout.is_split:
        return [flat[None]]
    parts, first = [], 0
    for stride in layout.strides:
        last = first + math.ceil(SIDE_PX / stride) ** 2
        parts += [flat[None, first:last, :CLASSES], flat[None, first:last, CLASSES:]]
        first = last
    return parts[::-1]


def test_confidences_behind_a_sigmoid_are_left_as_they_are() -> None:
    """Some exporters put the sigmoid into the model."""
    layout = NanoDet(SIDE_PX, CLASSES, 8, nanodet.STRIDES[1], is_split=False)
    output = numbers(layout.shapes[0], 3)
    output[..., :CLASSES] = np.random.default_rng(3).uniform(0, 1, output[..., :CLASSES].shape)
    _, scores = layout.decode([output])
    assert np.array_equal(scores, output[0, :, :CLASSES])


def test_the_surest_of_boxes_of_one_class_on_one_place_stands_for_all() -> None:
    """Others of that class elsewhere stay, and so does another class on the same place."""
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 0, 10, 10]], np.float32)
    scores = np.array([[0.6, 0], [0.9, 0], [0.5, 0], [0, 0.7]], np.float32)
    found = candidates.best(boxes, scores, min_confidence=0.4)
    assert [(each.number, round(each.confidence, 1), each.box[0]) for each in found] == [
        (0, 0.9, 1.0), (1, 0.7, 0.0), (0, 0.5, 50.0),
    ]  # fmt: skip


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_sighting(bad: float) -> None:
    """A broken model's outputs make no box, and no warning."""
    boxes = np.array([[0, 0, bad, 10], [0, 0, 10, 10], [5, 5, 4, 9]], np.float32)
    scores = np.array([[0.9], [bad], [0.9]], np.float32)
    assert candidates.best(boxes, scores, min_confidence=0.1) == []


def test_absurd_numbers_of_a_model_make_no_overflow() -> None:
    """Sizes of e^1000 and logits of a million are bounded before they are used."""
    yolox, other = Yolox(SIDE_PX, CLASSES), NanoDet(SIDE_PX, CLASSES, 8, (8, 16, 32), False)
    for layout in (yolox, other):
        output = np.full(layout.shapes[0], 1e6, np.float32)
        boxes, scores = layout.decode([output])
        candidates.best(boxes, scores, min_confidence=0.1)
        assert np.isfinite(boxes).all()


def test_no_more_is_found_than_an_answer_holds() -> None:
    """However many boxes a model sees, the surest are kept."""
    at = np.arange(0, 2000, 20, dtype=np.float32)
    boxes = np.stack((at, at, at + 9, at + 9), axis=1)
    scores = np.linspace(0.5, 0.9, len(at), dtype=np.float32)[:, None]
    found = candidates.best(boxes, scores, min_confidence=0.4)
    assert len(found) == candidates.MAX_FOUND
    assert found[0].confidence == pytest.approx(0.9)
