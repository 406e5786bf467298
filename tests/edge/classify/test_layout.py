"""A model's kind is told by its outputs, or the operator is told what does not fit."""

from __future__ import annotations

import pytest

from edge.classify import layout
from edge.classify.errors import ModelError
from edge.classify.nanodet import NanoDet
from edge.classify.yolox import Yolox
from edge.config.classify import Kind


def split(side_px: int, classes: int) -> tuple[tuple[int, ...], ...]:
    """Two outputs for each of three strides."""
    return NanoDet(side_px, classes, 8, (8, 16, 32), True).shapes


@pytest.mark.parametrize(
    ("shapes", "side_px", "classes", "found"),
    [
        (((1, 3549, 85),), 416, 80, Yolox(416, 80)),  # yolox_nano and _tiny
        (((3549, 85),), 416, 80, Yolox(416, 80)),
        (((1, 8400, 85),), 640, 80, Yolox(640, 80)),  # yolox_s and larger
        (((1, 2125, 112),), 320, 80, NanoDet(320, 80, 8, (8, 16, 32, 64), False)),  # plus-m_320
        (((1, 3598, 112),), 416, 80, NanoDet(416, 80, 8, (8, 16, 32, 64), False)),  # plus-m_416
        (((1, 3549, 112),), 416, 80, NanoDet(416, 80, 8, (8, 16, 32), False)),
        (split(416, 80), 416, 80, NanoDet(416, 80, 8, (8, 16, 32), True)),  # OpenCV's model zoo
        (split(416, 80)[::-1], 416, 80, NanoDet(416, 80, 8, (8, 16, 32), True)),
        (split(320, 3), 320, 3, NanoDet(320, 3, 8, (8, 16, 32), True)),
    ],
)
def test_published_models_are_told_by_their_outputs(
    shapes: layout.Shapes, side_px: int, classes: int, found: layout.Layout
) -> None:
    """In any order of the outputs, with or without a batch of one."""
    assert layout.find(shapes, side_px=side_px, classes=classes, kind="auto") == found


@pytest.mark.parametrize(("kind", "found"), [("yolox", Yolox), ("nanodet", NanoDet)])
def test_a_kind_that_is_set_is_not_guessed(kind: Kind, found: type) -> None:
    """A yolox of 27 + 80 classes has the outputs of a nanodet of 80."""
    shapes = ((1, 3549, 112),)
    classes = 107 if kind == "yolox" else 80
    layout_found = layout.find(shapes, side_px=416, classes=classes, kind=kind)
    assert isinstance(layout_found, found)
    with pytest.raises(ModelError):
        layout.find(((1, 3549, 85),), side_px=416, classes=80, kind="nanodet")


def test_unknown_outputs_name_the_setting_and_what_would_fit() -> None:
    """An operator sees what the model has and what it would have to have."""
    with pytest.raises(ModelError) as caught:
        layout.find(((1, 1000),), side_px=416, classes=80, kind="auto")
    assert caught.value.field == "classify.model"
    for part in ("(1, 1000)", "80 classes", "yolox (1, 3549, 85)"):
        assert part in str(caught.value)


def test_a_yolox_of_other_classes_asks_for_their_names() -> None:
    """The commonest mistake has its own remedy."""
    with pytest.raises(ModelError) as caught:
        layout.find(((1, 3549, 8),), side_px=416, classes=80, kind="auto")
    assert "3 classes: name them in classify.classes" in caught.value.hint
