"""Does it snow, and which way do the flakes fall?

A flake travels as straight as a walker. What gives it away are the others: small things that pass
all over the picture, in one direction, downwards and at much the same speed. Traffic far away keeps
to its road, midges have no direction. Each small thing that got anywhere is counted once, for half
a minute; where enough of them fall together, a thing no larger and no slower than they are that
goes their way is one of them.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass

KEPT, KEPT_S = 64, 30.0  # things that passed, and how long they count
ENOUGH = 6  # of them, for it to snow
SMALL_PX = 400  # of the small picture; what is larger is no flake
TRAVELLED_PX, CERTAINTY = 12.0, 3.0  # from where on a thing counts
COHERENCE = 0.8  # length of the mean direction: 1 if all go the same way
DOWN = 0.2  # part of that direction which is downwards, at least, as wind drives flakes
SPREAD = 0.15  # of the picture: deviation of their ways, across the direction
SPEED_PX_S = 12.0  # at least: what creeps is no flake
ALONG = 0.5  # cosine between a flake's way and the direction, at least
SLOWER, LARGER = 0.4, 4.0  # than the flake in the middle, to be none


@dataclass(frozen=True, slots=True)
class Passage:
    """How a thing has passed: where it is, how far it got, and how fast, in pixels and seconds."""

    x: float
    y: float
    way_x: float
    way_y: float
    speed: float
    area_px: float


class Snowfall:
    """One camera's. One thread at a time."""

    def __init__(self, shape: tuple[int, int]) -> None:
        """`shape`: rows and columns of the picture."""
        self._rows, self._columns = shape
        self._passed: deque[tuple[int, Passage]] = deque(maxlen=KEPT)
        self._direction: tuple[float, float] | None = None
        self._speed = self._area_px = 0.0

    @property
    def is_falling(self) -> bool:
        """Whether it snows."""
        return self._direction is not None

    def note(self, passage: Passage, at_ns: int) -> None:
        """A small thing has got on; to be told once of each."""
        if passage.area_px > SMALL_PX:
            return
        self._passed.append((at_ns, passage))
        self._settle()

    def tick(self, at_ns: int) -> None:
        """Forget what passed long ago."""
        before = len(self._passed)
        while self._passed and at_ns - self._passed[0][0] > KEPT_S * 1e9:
            self._passed.popleft()
        if len(self._passed) < before:
            self._settle()

    def holds(self, passage: Passage) -> bool:
        """Whether a thing that passes so is a flake."""
        if self._direction is None or passage.area_px > LARGER * self._area_px:
            return False
        way = math.hypot(passage.way_x, passage.way_y)
        along = passage.way_x * self._direction[0] + passage.way_y * self._direction[1]
        return along >= ALONG * way and passage.speed >= SLOWER * self._speed

    def _settle(self) -> None:
        self._direction = None
        passed = [each for _, each in self._passed]
        if len(passed) < ENOUGH:
            return
        units = [_unit(each.way_x, each.way_y) for each in passed]
        mean_x = sum(x for x, _ in units) / len(units)
        mean_y = sum(y for _, y in units) / len(units)
        if math.hypot(mean_x, mean_y) < COHERENCE:
            return
        x, y = _unit(mean_x, mean_y)
        speed = statistics.median(each.speed for each in passed)
        across_px = abs(y) * self._columns + abs(x) * self._rows
        spread = statistics.pstdev([each.y * x - each.x * y for each in passed])
        if y < DOWN or speed < SPEED_PX_S or spread < SPREAD * across_px:
            return
        self._direction, self._speed = (x, y), speed
        self._area_px = statistics.median(each.area_px for each in passed)


def _unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y) or 1.0
    return x / length, y / length
