"""What of its motion settings keeps a camera from seeing: legal, and probably not meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge.contract.motion import Expert, MotionSettings

GRID = 48  # by how many points a side the watched part of a picture is estimated
LITTLE = 0.05  # of the picture; to watch less than that is worth a word
LARGE = 0.05  # of the picture; a person half as high as the picture is about as large
LATE_S = 5.0  # seconds of motion before an event; a walker is through many pictures by then
MAX_EXPERT = {"floor": 30.0, "noise_factor": 10.0, "bulk_area": 0.2}
"""Twice and more of what sensitivity 1, the dullest, makes of each."""


@dataclass(frozen=True)
class BlindSpot:
    """One way in which a camera sees little. `path` is within the camera; of two with one path, the
    one with the greater `by` sees less."""

    path: str
    text: str
    by: float


def blind_spots(motion: MotionSettings) -> Iterator[BlindSpot]:
    """Each of them, the worst kind first."""
    share = watched_share(motion)
    if share < LITTLE:
        left = f"{share:.0%}" if share else "nothing"
        yield BlindSpot(
            "motion", f"masks and zones leave {left} of the picture to watch", 1 - share
        )
    yield from _sizes("motion", "", motion.min_area, motion.expert)
    for zone in motion.zones:
        where = f"in zone {zone.name}, "
        yield from _sizes(f"motion.zones.{zone.name}", where, zone.min_area, zone.expert)
    late_s = motion.min_frames / motion.analysis_fps
    if late_s > LATE_S:
        yield BlindSpot(
            "motion.min_frames",
            f"{motion.min_frames} pictures at {motion.analysis_fps:g} a second: what moves for less"
            f" than {late_s:g} s is no event",
            late_s,
        )


def _sizes(path: str, where: str, min_area: float | None, expert: Expert) -> Iterator[BlindSpot]:
    if min_area is not None and min_area > LARGE:
        text = f"{where}nothing smaller than {min_area:.0%} of the picture counts"
        yield BlindSpot(f"{path}.min_area", text, min_area)
    for key, most in MAX_EXPERT.items():
        value: float | None = getattr(expert, key)
        if value is not None and value > most:
            text = f"{where}{key} {value:g} lets hardly anything count; up to {most:g} is usual"
            yield BlindSpot(f"{path}.expert.{key}", text, value)


def watched_share(motion: MotionSettings) -> float:
    """How much of the picture is watched, 0 to 1, by GRID points a side."""
    seen = 0
    for row in range(GRID):
        for column in range(GRID):
            x, y = (column + 0.5) / GRID, (row + 0.5) / GRID
            is_zoned = not motion.zones or any(_holds(z.points, x, y) for z in motion.zones)
            seen += is_zoned and not any(_holds(m.points, x, y) for m in motion.masks)
    return seen / GRID**2


def _holds(points: tuple[tuple[float, float], ...], x: float, y: float) -> bool:
    """Whether the polygon holds the point: a ray from it crosses its border an odd number of
    times."""
    is_inside = False
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            is_inside = not is_inside
    return is_inside
