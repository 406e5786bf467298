"""Draws from a compared frame what a trace keeps of it: regions at several sensitivities.

The layers are nested: what differs at one sensitivity differs at each higher one. So each layer is
looked for only around what the one before it had, and where nothing stirs at the highest
sensitivity, nothing else is done. Masks and zones are left aside, so that others can be tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from edge.contract.motion import MotionSettings
from edge.motion import needs, texture
from edge.motion.background import LOW_FACTOR, MAX_THRESHOLD, RECENT_FACTOR, Background, Mask, Plane
from edge.motion.look import FULL, GRID_HEIGHT, GRID_WIDTH, PARTS, Shape
from edge.motion.regions import (
    MAX_BLOBS,
    MIN_LIVELY_PX,
    MIN_LIVELY_SHARE,
    NEIGHBOURS,
    count_pixels,
)
from edge.motion.tracks import Blob

LAYERS = (10, 7, 5, 3, 1)  # sensitivities; the camera's own is added to them
MIN_AREA = 0.0001  # part of the picture; smaller things are not kept
GRID_SHARE = 0.01  # of a cell's pixels that changed, for the grid
SAME_AREA = 0.5  # a region that keeps so much of itself in the next layer keeps its texture

Counts = npt.NDArray[np.intp]
Layers = tuple[tuple[int, tuple[Shape, ...]], ...]
Grid = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of the picture that is looked at; pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def cut(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, slots=True)
class _Layer:
    """What was found at one sensitivity: the labels in `window`, and whose they are."""

    window: _Window
    labels: npt.NDArray[np.uint16]
    shapes: dict[int, Shape]


@dataclass(frozen=True, slots=True)
class _Thresholds:
    """What a pixel must exceed: to differ clearly, from a moment ago, and faintly."""

    clear: Plane
    recent: Plane
    faint: Plane

    @staticmethod
    def of(level: int, around: Plane) -> _Thresholds:
        """At one sensitivity, with so much noise around each pixel."""
        wanted = needs.of_number(level)
        clear = around * np.float32(wanted.noise_factor)
        clear += np.float32(wanted.floor)
        np.minimum(clear, MAX_THRESHOLD, out=clear)
        return _Thresholds(clear, clear * np.float32(RECENT_FACTOR), clear * np.float32(LOW_FACTOR))


class Sketcher:
    """One camera's. One thread at a time."""

    def __init__(self, settings: MotionSettings) -> None:
        """`settings`: those that the camera runs with."""
        self._own = own_of(settings)
        self._sensitivities = layers_of(settings)
        self._cell_of = _cells(0, 0)
        self._whole: _Thresholds | None = None
        self._made_for: tuple[Background, int] | None = None

    def draw(self, background: Background, blobs: Sequence[Blob]) -> tuple[Layers, Grid]:
        """The frame last compared; `blobs`: what was found in it by the camera's own settings."""
        known = {_box(each): each for each in blobs}
        height, width = background.distance.shape
        window = _Window(0, 0, width, height)
        if self._cell_of.shape != (height, width):
            self._cell_of = _cells(height, width)
        cells = np.zeros(GRID_HEIGHT * GRID_WIDTH, np.uint8)
        least_px = max(1.0, GRID_SHARE * height * width / len(cells))
        found: list[tuple[int, tuple[Shape, ...]]] = []
        before: _Layer | None = None
        for each in self._sensitivities:
            differing = _differing(background, window, self._thresholds(background, window, each))
            if differing is None:
                break
            changed, restless, faint = differing
            finder = _Finder(background, window, changed, restless, faint)
            marked = self._cell_of[window.cut].ravel()[finder.changed_at]
            cells += np.bincount(marked, minlength=len(cells)) >= least_px
            layer, around = finder.find(before, known if each in self._own else {})
            if layer.shapes:
                found.append((each, tuple(layer.shapes.values())))
            before = layer
            if around is None:
                break
            window = around
        grid = tuple((int(cell), int(cells[cell])) for cell in np.flatnonzero(cells))
        return tuple(found), grid

    def _thresholds(self, background: Background, window: _Window, level: int) -> _Thresholds:
        """Of the window; the first layer's are kept for as long as the noise around is."""
        if level != self._sensitivities[0]:
            return _Thresholds.of(level, background.around[window.cut])
        made_for = background, background.times_set
        if self._whole is None or self._made_for != made_for:
            self._whole = _Thresholds.of(level, background.around)
            self._made_for = made_for
        return self._whole


def own_of(settings: MotionSettings) -> set[int]:
    """The sensitivities that a camera and its zones run with."""
    return {settings.sensitivity} | {
        zone.sensitivity for zone in settings.zones if zone.sensitivity is not None
    }


def layers_of(settings: MotionSettings) -> tuple[int, ...]:
    """The sensitivities that are drawn for a camera with these settings, highest first."""
    return tuple(sorted({*LAYERS, *own_of(settings)}, reverse=True))


def _differing(
    background: Background, window: _Window, wanted: _Thresholds
) -> tuple[Mask, Mask, Mask] | None:
    """Where the frame differs clearly, where it also does from a moment ago, and where faintly.

    None where too little stirs for a region.
    """
    cut = window.cut
    distance = background.distance[cut]
    changed = cv2.compare(distance, wanted.clear, cv2.CMP_GT)
    if cv2.countNonZero(changed) < MIN_LIVELY_PX:
        return None
    since = cv2.absdiff(background.smooth[cut], background.recent[cut])
    restless = cv2.bitwise_and(cv2.compare(since, wanted.recent, cv2.CMP_GT), changed)
    if cv2.countNonZero(restless) < MIN_LIVELY_PX:
        return None
    faint = cv2.compare(distance, wanted.faint, cv2.CMP_GT)
    return (
        np.asarray(changed, np.uint8),
        np.asarray(restless, np.uint8),
        np.asarray(faint, np.uint8),
    )


def _cells(height: int, width: int) -> Mask:
    """Which cell of the grid each pixel lies in."""
    rows = np.arange(height) * GRID_HEIGHT // max(1, height)
    columns = np.arange(width) * GRID_WIDTH // max(1, width)
    return (rows[:, None] * GRID_WIDTH + columns[None, :]).astype(np.uint8)


class _Finder:
    """The regions of one layer; see `edge.motion.regions.find_blobs`, of which it is the like."""

    def __init__(
        self, background: Background, window: _Window, changed: Mask, restless: Mask, faint: Mask
    ) -> None:
        self._background = background
        self._window = window
        self._faint = faint
        count, labels, self._stats, self._centres = cv2.connectedComponentsWithStats(
            cv2.dilate(faint, NEIGHBOURS), connectivity=8, ltype=cv2.CV_16U
        )
        self._labels = np.asarray(labels, np.uint16)
        self.changed_at = np.flatnonzero(changed > 0)
        self._area, self._core, self._lively, self._calm = count_pixels(
            changed, restless, background.haunted[window.cut], faint, self._labels, count
        )

    def find(
        self, before: _Layer | None, known: dict[tuple[int, ...], Blob]
    ) -> tuple[_Layer, _Window | None]:
        """The layer, and where the next one can have something."""
        lively = np.flatnonzero(self._lively >= MIN_LIVELY_PX)
        height, width = self._background.distance.shape
        is_kept = (self._lively[lively] >= MIN_LIVELY_SHARE * self._core[lively]) & (
            self._area[lively] >= MIN_AREA * height * width
        )
        numbers = lively[is_kept]
        order = np.argsort(-self._area[numbers], kind="stable")
        numbers = numbers[order][:MAX_BLOBS]
        shapes = {int(number): self._shape(int(number), before, known) for number in numbers}
        return _Layer(self._window, self._labels, shapes), self._around(lively)

    def _around(self, numbers: Counts) -> _Window | None:
        """The window around these regions."""
        if not len(numbers):
            return None
        boxes = self._stats[numbers, :4]
        left, top = self._window.left, self._window.top
        return _Window(
            left + int(boxes[:, 0].min()),
            top + int(boxes[:, 1].min()),
            left + int((boxes[:, 0] + boxes[:, 2]).max()),
            top + int((boxes[:, 1] + boxes[:, 3]).max()),
        )

    def _own_pixels(self, number: int) -> Mask:
        """1 where the region differs faintly, within its box."""
        left, top, width, height = self._stats[number, :4]
        box = slice(top, top + height), slice(left, left + width)
        own: Mask = (self._labels[box] == number).view(np.uint8)
        own &= self._faint[box]
        return own

    def _shape(
        self, number: int, before: _Layer | None, known: dict[tuple[int, ...], Blob]
    ) -> Shape:
        left, top, width, height = (int(value) for value in self._stats[number, :4])
        left, top = left + self._window.left, top + self._window.top
        area_px = int(self._area[number])
        own = self._own_pixels(number)
        like = known.get((left, top, width, height, area_px))
        if like is None and not known:
            like = self._parent(number, own, before)
        if like is None:
            sharpness, novelty, noise = self._texture(number, left, top, width, height)
        else:
            sharpness, novelty, noise = like.sharpness, like.novelty, like.noise
        blob = Blob(
            left=left, top=top, width=width, height=height,
            x=float(self._centres[number, 0]) + self._window.left,
            y=float(self._centres[number, 1]) + self._window.top,
            area_px=area_px, core_px=int(self._core[number]), calm_px=int(self._calm[number]),
            sharpness=sharpness, novelty=novelty, noise=noise, zones=0,
        )  # fmt: skip
        return Shape(blob, _density(own))

    def _parent(self, number: int, own: Mask, before: _Layer | None) -> Blob | None:
        """The region of the layer before that this one is most of."""
        if before is None:
            return None
        left, top = (int(value) for value in self._stats[number, :2])
        y, x = divmod(int(own.argmax()), own.shape[1])
        y += top + self._window.top - before.window.top
        x += left + self._window.left - before.window.left
        shape = before.shapes.get(int(before.labels[y, x]))
        if shape is None or self._area[number] < SAME_AREA * shape.blob.area_px:
            return None
        return shape.blob

    def _texture(
        self, number: int, left: int, top: int, width: int, height: int
    ) -> tuple[float, float, float]:
        """Sharpness, novelty and noise, as `find_blobs` has them."""
        margin, background = texture.MARGIN_PX, self._background
        rows = slice(max(0, top - margin), top + height + margin)
        columns = slice(max(0, left - margin), left + width + margin)
        smooth: Plane = background.smooth[rows, columns]
        region: Mask = np.zeros(smooth.shape, np.uint8)
        inner_top, inner_left = top - rows.start, left - columns.start
        own_top, own_left = top - self._window.top, left - self._window.left
        region[inner_top : inner_top + height, inner_left : inner_left + width] = (
            self._labels[own_top : own_top + height, own_left : own_left + width] == number
        )
        noise = float(cv2.mean(background.noise[rows, columns])[0])
        novelty, sharpness = texture.novelty_and_sharpness(
            smooth, background.still[rows, columns], noise, region
        )
        return sharpness, novelty, noise


def _density(own: Mask) -> bytes:
    """How a region's pixels, which are 1, lie in the parts of its box."""
    height, width = own.shape
    sums = cv2.integral(own)[_bounds(height)[:, None], _bounds(width)]
    rows = sums[1:] - sums[:-1]
    counts = rows[:, 1:] - rows[:, :-1]
    share = counts * (FULL / max(1.0, width * height / (PARTS * PARTS)))
    return bytes(np.minimum(np.ceil(share), FULL).astype(np.uint8))


@lru_cache(maxsize=1024)
def _bounds(side: int) -> Counts:
    """Where the parts of a box of that many pixels begin, and where the last one ends."""
    return -(-np.arange(PARTS + 1) * side // PARTS)


def _box(blob: Blob) -> tuple[int, ...]:
    return blob.left, blob.top, blob.width, blob.height, blob.area_px
