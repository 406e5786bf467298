"""Settings of motion detection: where to look and how much must move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.base.units import parse_duration_s
from edge.contract import names

Point = tuple[float, float]
MAX_POINTS = 64
MAX_ZONES = 32


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


@dataclass(frozen=True)
class Zone:
    """A named part of the picture to watch."""

    name: str = item("lower-case letters, digits, - and _", pattern=names.ZONE_PATTERN)
    points: tuple[Point, ...] = item("at least three [x, y] points, 0 to 1", max_items=MAX_POINTS)

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
    min_area: float = item(
        "smallest thing that counts, as a part of the picture; 0.0003 is a walker of 32 px in 720p",
        0.0003,
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
    decode: Literal["auto", "all"] = item(
        "which pictures: auto spares what the sizes of the packets show to be still", "auto"
    )
    analysis_fps: float = item("frames looked at a second, at most", 10.0, min=0.5, max=60)

    def __post_init__(self) -> None:
        seen = [zone.name for zone in self.zones]
        if len(set(seen)) != len(seen):
            raise ValueError("two zones have one name")
