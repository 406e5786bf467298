"""Which part of a region is watched, by zones and masks, without pixels.

The polygons are drawn once, row by row, and summed up, so that how much of a box is watched takes
four look-ups. A region that lies partly in a mask is cut by the densities of its box's parts.
"""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Sequence
from itertools import accumulate

from edge.contract.motion import MotionSettings, Point
from edge.motion.look import PARTS, Shape
from edge.motion.needs import Needs, ZoneNeeds

Row = bytearray
MIN_SHARE = 0.3  # of a part that must be watched to count: its pixels may well lie in the rest


class Area:
    """The watched pixels of a picture of one size, in parts that need the same of a pixel."""

    def __init__(self, settings: MotionSettings, width: int, height: int) -> None:
        masked = _drawn([each.points for each in settings.masks], width, height)
        needs = ZoneNeeds(settings)
        drawn = [_drawn([zone.points], width, height) for zone in settings.zones]
        for rows in drawn:
            for row, hidden in zip(rows, masked, strict=True):
                _clear(row, hidden)
        self.zones = tuple(zone.name for zone in settings.zones)
        self._zones = [_Sums(rows, width) for rows in drawn]
        self.parts: list[Part] = []
        """Those that see most come first: where zones overlap, they hold."""
        if not drawn:
            rows = [bytearray(0 if each else 1 for each in row) for row in masked]
            self.parts.append(Part(needs.camera, rows, self._zones))
        taken = masked
        for level in sorted({_level(each) for each in needs.zones}):
            alike = [number for number, each in enumerate(needs.zones) if _level(each) == level]
            rows = [_union([drawn[number][y] for number in alike]) for y in range(height)]
            for row, hidden in zip(rows, taken, strict=True):
                _clear(row, hidden)
            self.parts.append(Part(needs.zones[alike[0]], rows, self._zones))
            taken = [_union(both) for both in zip(taken, rows, strict=True)]
        self.watched_px = sum(each.watched_px for each in self.parts)


class Part:
    """Pixels that need the same to count as changed."""

    def __init__(self, needs: Needs, rows: Sequence[Row], zones: Sequence[_Sums]) -> None:
        self.needs = needs
        width, height = len(rows[0]), len(rows)
        self._watched = _Sums(rows, width)
        self._zones = zones
        self.watched_px = self._watched.box(0, 0, width, height)
        self.is_whole = self.watched_px == width * height

    def cut(self, shape: Shape) -> Shape | None:
        """What of a region is watched; None where nothing is. Zones are set as bits."""
        if not self.is_whole:
            blob = shape.blob
            seen_px = self._watched.box(blob.left, blob.top, blob.width, blob.height)
            if not seen_px:
                return None
            if seen_px < blob.width * blob.height:
                cut = self._cut(shape)
                if cut is None:
                    return None
                shape = cut
        if not self._zones:
            return shape
        bits = self._touched(shape)
        return Shape(dataclasses.replace(shape.blob, zones=bits), shape.density) if bits else None

    def _cut(self, shape: Shape) -> Shape | None:
        blob = shape.blob
        whole = kept = moment_x = moment_y = old_x = old_y = 0.0
        boxes: list[tuple[int, int, int, int]] = []
        density = bytearray(shape.density)
        for index, (left, top, right, bottom) in enumerate(_parts(shape)):
            weight = float(density[index] * (right - left) * (bottom - top))
            if not weight:
                continue
            share = self._watched.share(left, top, right, bottom)
            x, y = (left + right) / 2, (top + bottom) / 2
            whole, old_x, old_y = whole + weight, old_x + weight * x, old_y + weight * y
            if share < MIN_SHARE:
                density[index] = 0
                continue
            weight *= share
            kept, moment_x, moment_y = kept + weight, moment_x + weight * x, moment_y + weight * y
            boxes.append((left, top, right, bottom))
        if not boxes:
            return None
        part = kept / whole
        left, top = min(each[0] for each in boxes), min(each[1] for each in boxes)
        right, bottom = max(each[2] for each in boxes), max(each[3] for each in boxes)
        cut = dataclasses.replace(
            blob,
            left=left, top=top, width=right - left, height=bottom - top,
            x=blob.x + moment_x / kept - old_x / whole, y=blob.y + moment_y / kept - old_y / whole,
            area_px=round(blob.area_px * part), core_px=round(blob.core_px * part),
            calm_px=round(blob.calm_px * part),
        )  # fmt: skip
        return Shape(cut, bytes(density)) if cut.area_px else None

    def _touched(self, shape: Shape) -> int:
        bits = 0
        blob = shape.blob
        per_px = blob.area_px / (blob.width * blob.height)
        for number, sums in enumerate(self._zones):
            inside = sums.box(blob.left, blob.top, blob.width, blob.height)
            if not inside:
                continue
            if inside == blob.width * blob.height:
                bits |= 1 << number
                continue
            touched = sum(
                sums.box(left, top, right - left, bottom - top) * (density > 0)
                for density, (left, top, right, bottom) in zip(
                    shape.density, _parts(shape), strict=True
                )
            )
            if touched * per_px >= 1.0:
                bits |= 1 << number
        return bits


def _level(needs: Needs) -> tuple[float, float]:
    """By which of two needs a pixel changes sooner."""
    return needs.floor, needs.noise_factor


def _parts(shape: Shape) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of the parts of a region's box, by rows."""
    blob = shape.blob
    xs = [blob.left + blob.width * step // PARTS for step in range(PARTS + 1)]
    ys = [blob.top + blob.height * step // PARTS for step in range(PARTS + 1)]
    return [
        (xs[column], ys[row], max(xs[column] + 1, xs[column + 1]), max(ys[row] + 1, ys[row + 1]))
        for row in range(PARTS)
        for column in range(PARTS)
    ]


class _Sums:
    """How many pixels are set left of and above each point."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        self._width, self._height = width, len(rows)
        self._stride = width + 1
        table = array("l", bytes(array("l").itemsize * self._stride))
        above = [0] * self._stride
        for row in rows:
            sums = accumulate(row, initial=0)
            above = [one + other for one, other in zip(above, sums, strict=True)]
            table.extend(above)
        self._table = table

    def box(self, left: int, top: int, width: int, height: int) -> int:
        """How many are set in a box; what lies outside the picture is not."""
        right, bottom = min(self._width, left + width), min(self._height, top + height)
        if right <= left or bottom <= top:
            return 0
        table, first, last = self._table, top * self._stride, bottom * self._stride
        return table[last + right] - table[last + left] - table[first + right] + table[first + left]

    def share(self, left: int, top: int, right: int, bottom: int) -> float:
        """The part of a box that is set."""
        return self.box(left, top, right - left, bottom - top) / ((right - left) * (bottom - top))


def _drawn(polygons: Sequence[Sequence[Point]], width: int, height: int) -> list[Row]:
    """The pixels whose centres lie in any of the polygons, as 1."""
    rows = [bytearray(width) for _ in range(height)]
    for points in polygons:
        for y, row in enumerate(rows):
            _draw_row(row, points, (y + 0.5) / height)
    return rows


def _draw_row(row: Row, points: Sequence[Point], at_y: float) -> None:
    crossings = []
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        if (y1 <= at_y) != (y2 <= at_y):
            crossings.append(x1 + (at_y - y1) / (y2 - y1) * (x2 - x1))
    crossings.sort()
    width = len(row)
    for first, last in zip(crossings[::2], crossings[1::2], strict=True):
        begin = max(0, math.ceil(first * width - 0.5))
        end = min(width, math.ceil(last * width - 0.5))
        row[begin:end] = b"\1" * max(0, end - begin)


def _clear(row: Row, hidden: Row) -> None:
    for x, is_hidden in enumerate(hidden):
        if is_hidden:
            row[x] = 0


def _union(rows: Sequence[Row]) -> Row:
    return bytearray(int(any(each)) for each in zip(*rows, strict=True))
