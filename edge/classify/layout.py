"""Which kind of model it is, by the shapes of its outputs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from edge.classify import nanodet
from edge.classify.candidates import Floats
from edge.classify.errors import ModelError
from edge.classify.nanodet import NanoDet
from edge.classify.yolox import Yolox
from edge.config.classify import Kind

Shapes = tuple[tuple[int, ...], ...]


class Layout(Protocol):
    """How one kind of model is asked and read."""

    @property
    def shapes(self) -> Shapes:
        """What its outputs look like."""

    def prepare(self, picture: Floats) -> Floats:
        """Pixels, 0 to 255, shape (side, side, 3), blue green red, as the model wants them."""

    def decode(self, outputs: list[Floats]) -> tuple[Floats, Floats]:
        """Corners in pixels, shape (cells, 4), and confidences, shape (cells, classes)."""


def kind_of(layout: Layout) -> str:
    """Its name for people."""
    return type(layout).__name__.lower()


def find(shapes: Shapes, *, side_px: int, classes: int, kind: Kind) -> Layout:
    """The layout whose outputs have these shapes. Raises ModelError that says what would fit."""
    wanted = _flat(shapes)
    known = list(_known(side_px, classes, kind, shapes))
    for layout in known:
        if _flat(layout.shapes) == wanted:
            return layout
    said = " and ".join(str(shape) for shape in shapes[:6])
    fits = "; ".join(f"{kind_of(each)} {_said(each.shapes)}" for each in known[:3])
    raise ModelError(
        "classify.model",
        f"its outputs are {said}; for {classes} classes and {side_px} px these are known: {fits}",
        hint=_hint(shapes, side_px, classes),
    )


def _known(side_px: int, classes: int, kind: Kind, shapes: Shapes) -> Iterator[Layout]:
    if kind in ("auto", "yolox"):
        yield Yolox(side_px, classes)
    if kind in ("auto", "nanodet"):
        bins = _bins(shapes, classes)
        for is_split in (False, True):
            for strides in nanodet.STRIDES:
                yield NanoDet(side_px, classes, bins, strides, is_split)


def _bins(shapes: Shapes, classes: int) -> int:
    """How many bins a side has, by the widths; 8 where they say nothing."""
    widths = {shape[-1] for shape in shapes if shape}
    for width in sorted(widths | {each - classes for each in widths} - {classes}):
        if width % 4 == 0 and nanodet.MIN_BINS <= width // 4 <= nanodet.MAX_BINS:
            return width // 4
    return 8


def _flat(shapes: Shapes) -> Counter[tuple[int, ...]]:
    """Shapes without a batch of one, in any order."""
    return Counter(shape[1:] if len(shape) > 2 and shape[0] == 1 else shape for shape in shapes)


def _said(shapes: Shapes) -> str:
    return str(shapes[0]) if len(shapes) == 1 else f"{len(shapes)} outputs from {shapes[0]} on"


def _hint(shapes: Shapes, side_px: int, classes: int) -> str:
    yolox = Yolox(side_px, classes).shapes[0]
    if len(shapes) == 1 and shapes[0][:-1] == yolox[:-1] and shapes[0][-1] > 5:
        return f"as a yolox it has {shapes[0][-1] - 5} classes: name them in classify.classes"
    return (
        "set classify.input_px to the model's input, and classify.classes or classify.classes_file"
        " to its classes; docs/classifier.md lists which models fit"
    )
