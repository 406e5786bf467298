"""Where things came from and went: one trail for each thing that moved, short enough for a record.

Fed with every observation, also before there is an event: a thing is followed for some frames
before it is believed to move, and where it came in is known from those. A trail keeps at most
KEPT_POINTS positions; beyond that the one that bends the line least is left out, so that a long
way costs no more than a short one. Pure and bounded; one thread at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from edge.contract.parts import Box, Point, Side, Track, Way
from edge.motion.observation import Moment, Observation, Region

KEPT_POINTS = 24  # of a running trail
MAX_TRAILS = 32  # followed at a time
MAX_TRACKS = 4  # that an event tells: of 8 KiB, they take at most 2
MAX_POINTS = 10  # of each of them
MAX_ZONES = 8  # of each of them
STEP = 0.008  # of the picture: nearer points are one
BEND = 0.012  # of the picture: a point nearer to the line between its neighbours says nothing
EDGE = 0.012  # of the picture: how near a box is at the border
STRAY_S = 1.5  # after which an unseen candidate is forgotten
FINISHED_S = 60.0  # after which one that moved is, where no event ends
MIN_WAY = 0.05  # of the picture, that a thing must have got on to have a direction


@dataclass(slots=True)
class Trail:
    """One thing's positions, and what its boxes were when it was first and last seen."""

    first: Moment
    last: Moment
    first_box: Box
    last_box: Box
    points: list[tuple[Moment, Point]]
    has_moved: bool = False
    zones: list[str] = field(default_factory=list)

    def add(self, at: Moment, region: Region) -> None:
        """Take where it is now."""
        self.last, self.last_box = at, region.box
        self.has_moved = self.has_moved or region.is_moving
        for zone in region.zones:
            if zone not in self.zones and len(self.zones) < MAX_ZONES:
                self.zones.append(zone)
        here = _middle(region.box)
        if len(self.points) > 1 and math.dist(self.points[-2][1], here) < STEP:
            self.points[-1] = (at, here)
            return
        self.points.append((at, here))
        if len(self.points) > KEPT_POINTS:
            del self.points[_straightest(self.points)[0]]

    @property
    def reach(self) -> float:
        """How far apart its outermost positions are, as a part of the picture."""
        xs = [point[0] for _, point in self.points]
        ys = [point[1] for _, point in self.points]
        return math.hypot(max(xs) - min(xs), max(ys) - min(ys))


class Trails:
    """The trails of one camera."""

    def __init__(self) -> None:
        self._trails: dict[int, Trail] = {}

    def observe(self, observation: Observation) -> None:
        """Take one frame's regions."""
        at = observation.at
        for region in observation.regions:
            trail = self._trails.get(region.track)
            if trail is None:
                trail = Trail(at, at, region.box, region.box, [])
                self._trails[region.track] = trail
            trail.add(at, region)
        if observation.regions:
            self._tidy(at)

    def tracks(self, started: Moment) -> tuple[Track, ...]:
        """What moved since `started`: those that got farthest, in the order of their coming."""
        moved = [
            each
            for each in self._trails.values()
            if each.has_moved and each.last.mono_ns >= started.mono_ns
        ]
        moved = sorted(moved, key=lambda each: -each.reach)[:MAX_TRACKS]
        return tuple(
            _track(each, started) for each in sorted(moved, key=lambda each: each.first.mono_ns)
        )

    def finish(self, ended: Moment) -> None:
        """An event is over: forget what was seen up to its end."""
        self._trails = {
            number: each
            for number, each in self._trails.items()
            if each.last.mono_ns > ended.mono_ns
        }

    def _tidy(self, at: Moment) -> None:
        for number, each in list(self._trails.items()):
            unseen_s = (at.mono_ns - each.last.mono_ns) / 1e9
            if unseen_s > (FINISHED_S if each.has_moved else STRAY_S):
                del self._trails[number]
        while len(self._trails) > MAX_TRAILS:
            worst = min(
                self._trails, key=lambda key: (self._trails[key].has_moved, self._trails[key].reach)
            )
            del self._trails[worst]


def _track(trail: Trail, started: Moment) -> Track:
    points = list(trail.points)
    while len(points) > 2:
        number, bend = _straightest(points)
        if bend >= BEND and len(points) <= MAX_POINTS:
            break
        del points[number]
    path = tuple((round(x, 3), round(y, 3)) for _, (x, y) in points)
    return Track(
        entry=_side(trail.first_box, trail.points),
        exit=_side(trail.last_box, trail.points[::-1]),
        way=_way(path),
        path=path,
        zones=tuple(trail.zones),
        from_ms=max(0, trail.first.mono_ns - started.mono_ns) // 1_000_000,
        to_ms=max(0, trail.last.mono_ns - started.mono_ns) // 1_000_000,
    )


def _side(box: Box, points: list[tuple[Moment, Point]]) -> Side:
    """The border that a thing with this `box` came over, with `points` from there on.

    It is at the border, or would have been a frame before; of two in a corner, the one that it
    moves away from.
    """
    if len(points) < 2:
        return "inside"
    left, top, width, height = box
    (_, start), (_, second) = points[0], points[1]
    step_x, step_y = second[0] - start[0], second[1] - start[1]
    far = points[min(len(points) - 1, 4)][1]
    away_x, away_y = far[0] - start[0], far[1] - start[1]
    gaps: list[tuple[Side, float, float]] = [
        ("left", left - max(0.0, step_x), away_x),
        ("right", 1 - left - width - max(0.0, -step_x), -away_x),
        ("top", top - max(0.0, step_y), away_y),
        ("bottom", 1 - top - height - max(0.0, -step_y), -away_y),
    ]
    near = [(away, side) for side, gap, away in gaps if gap <= EDGE and away > 0]
    return max(near)[1] if near else "inside"


def _way(path: tuple[Point, ...]) -> Way:
    dx, dy = path[-1][0] - path[0][0], path[-1][1] - path[0][1]
    if math.hypot(dx, dy) < MIN_WAY:
        return "none"
    if abs(dx) >= abs(dy):
        return "right" if dx > 0 else "left"
    return "down" if dy > 0 else "up"


def _straightest(points: list[tuple[Moment, Point]]) -> tuple[int, float]:
    """Which inner point lies nearest to the line between its neighbours, and how near."""
    bends = [
        (_distance(points[number - 1][1], points[number][1], points[number + 1][1]), number)
        for number in range(1, len(points) - 1)
    ]
    bend, number = min(bends)
    return number, bend


def _distance(start: Point, point: Point, end: Point) -> float:
    """From `point` to the stretch between `start` and `end`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length_sq = dx * dx + dy * dy
    if length_sq == 0:
        return math.dist(start, point)
    along = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / length_sq
    along = min(1.0, max(0.0, along))
    return math.dist(point, (start[0] + along * dx, start[1] + along * dy))


def _middle(box: Box) -> Point:
    return box[0] + box[2] / 2, box[1] + box[3] / 2
