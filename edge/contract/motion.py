"""Settings of motion detection: where to look and how much must move."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.base.units import parse_duration_s
from edge.contract import names

Point = tuple[float, float]
MAX_POINTS = 64
MAX_ZONES = 32
MIN_AREA = 0.00005
"""Of the picture; a polygon below that is a slip. Suggested masks come down to 0.0001."""


@dataclass(frozen=True)
class Polygon:
    """A closed polygon in relative coordinates: 0,0 is the top left, 1,1 the bottom right."""

    points: tuple[Point, ...] = item("at least three [x, y] points", max_items=MAX_POINTS)

    def __post_init__(self) -> None:
        if len(self.points) < 3:
            raise ValueError(f"a polygon needs at least 3 points, not {len(self.points)}")
        for x, y in self.points:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(f"point [{x:g}, {y:g}] lies outside the picture (0 to 1)")
        if (crossed := _crossing(self.points)) is not None:
            raise ValueError(
                f"the sides from {_text(crossed[0])} and from {_text(crossed[1])} cross each other;"
                " give the points in their order along the border"
            )
        if _area(self.points) < MIN_AREA:
            raise ValueError(
                f"the polygon holds less than {MIN_AREA:.3%} of the picture; make it larger, or"
                " leave it out"
            )


def _crossing(points: tuple[Point, ...]) -> tuple[Point, Point] | None:
    """Where two sides begin that cross; sides that only touch do not."""
    sides = list(zip(points, (*points[1:], points[0]), strict=True))
    for (a, b), (c, d) in itertools.combinations(sides, 2):
        if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
            return a, c
    return None


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the area of the triangle, below 0 where it turns left in the picture."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _area(points: tuple[Point, ...]) -> float:
    return abs(sum(_turn(points[0], a, b) for a, b in itertools.pairwise(points))) / 2


def _text(point: Point) -> str:
    return f"[{point[0]:g}, {point[1]:g}]"


@dataclass(frozen=True)
class Expert:
    """Parts of the sensitivity, each in place of what its number makes of it (docs/seeing.md)."""

    floor: float | None = item(
        "levels of brightness, of 255, by which a pixel must change where there is no noise; 3.5 at"
        " sensitivity 5, doubling every 3 steps down",
        None,
        min=0.5,
        max=100,
    )
    noise_factor: float | None = item(
        "times its usual noise by which it must change beyond that; 4 at 5, 0.25 more a step down",
        None,
        min=1,
        max=20,
    )
    bulk_area: float | None = item(
        "part of the picture from which on a new thing counts though it does not travel; 0.012 at"
        " 5, doubling every 3 steps down",
        None,
        min=0.0001,
        max=1,
    )


@dataclass(frozen=True)
class Zone:
    """A named part of the picture to watch."""

    name: str = item("lower-case letters, digits, - and _", pattern=names.ZONE_PATTERN)
    points: tuple[Point, ...] = item("at least three [x, y] points, 0 to 1", max_items=MAX_POINTS)
    sensitivity: int | None = item(
        "1 to 10, in this zone instead of the camera's", None, min=1, max=10
    )
    min_area: float | None = item(
        "smallest thing that counts in this zone, instead of the camera's", None, min=0, max=1
    )
    expert: Expert = item("parts of the sensitivity, in this zone", Expert)

    def __post_init__(self) -> None:
        Polygon(self.points)


@dataclass(frozen=True)
class MotionSettings:
    """What counts as motion in front of one camera."""

    sensitivity: int = item("1 (only large, clear changes) to 10 (the slightest)", 5, min=1, max=10)
    zones: tuple[Zone, ...] = item(
        "parts of the picture to watch; none means all of it", (), max_items=MAX_ZONES
    )
    masks: tuple[Polygon, ...] = item("parts to ignore", (), max_items=MAX_ZONES)
    min_area: float | None = item(
        "smallest thing that counts, as a part of the picture; left out, the sensitivity says:"
        " 0.0003 at 5, a walker of 32 px in 720p, doubling every 3 steps down",
        None,
        min=0,
        max=1,
    )
    min_frames: int = item("analysed frames with motion before an event starts", 3, min=1, max=50)
    quiet_s: float = item(
        "time without motion after which an event is over",
        5.0,
        parse=parse_duration_s,
        min=0.2,
        max=600,
    )
    expert: Expert = item("parts of the sensitivity, for those who know", Expert)
    decode: Literal["auto", "all"] = item(
        "which pictures: auto spares what the sizes of the packets show to be still", "auto"
    )
    analysis_fps: float = item("frames looked at a second, at most", 10.0, min=0.5, max=60)

    def __post_init__(self) -> None:
        seen = [zone.name for zone in self.zones]
        if len(set(seen)) != len(seen):
            raise ValueError("two zones have one name")
