"""Who crosses the synthetic street, and when: the same for the same seed, frame by frame.

Crossings come one after the other with quiet gaps between, so that each is one event. Everything
is in seconds and in parts of the picture; the renderer turns it into pixels.
"""

from __future__ import annotations

import bisect
import random
from dataclasses import dataclass

from edge.capture.street_actors import (
    ASPECT,
    BODIES,
    BOTTOMS,
    SKINS,
    SPEED,
    TOPS,
    Kind,
    Paint,
)
from edge.contract.parts import Box

FIRST_ENTRY_S = (5.0, 9.0)
GAP_S = (10.0, 20.0)


@dataclass(frozen=True)
class Lane:
    """A way through the picture: where feet and wheels stand, and who uses it at what height."""

    ground: float
    heights: dict[Kind, float]


LANES = (
    Lane(0.640, {"person": 0.135}),  # the far pavement
    Lane(0.725, {"motorbike": 0.135, "car": 0.115, "van": 0.165}),  # the far lane, to the left
    Lane(0.840, {"motorbike": 0.185, "car": 0.160, "van": 0.225}),  # the near lane, to the right
    Lane(0.965, {"person": 0.250}),  # the near pavement
)
CHOICES: tuple[tuple[int, Kind], ...] = (
    (2, "car"), (3, "person"), (1, "motorbike"), (0, "person"), (1, "car"), (2, "motorbike"),
    (3, "person"), (2, "van"), (0, "person"), (1, "van"),
)  # fmt: skip


@dataclass(frozen=True)
class Crossing:
    """One actor's way from one side of the picture to the other, at even speed."""

    kind: Kind
    lane: int
    facing: int
    height: float
    enters_s: float
    leaves_s: float
    paint: Paint

    def middle(self, time_s: float, aspect_ratio: float) -> float:
        """Where its middle is, 0 to 1 across a picture of `aspect_ratio` (width by height)."""
        half = self.half_width(aspect_ratio)
        gone = (time_s - self.enters_s) / (self.leaves_s - self.enters_s)
        along = -half + gone * (1 + 2 * half)
        return along if self.facing > 0 else 1 - along

    def half_width(self, aspect_ratio: float) -> float:
        """Half of its width, as a part of the picture's."""
        return self.height * ASPECT[self.kind] / aspect_ratio / 2

    def box(self, time_s: float, aspect_ratio: float) -> Box | None:
        """Left, top, width, height of its visible part, each 0 to 1; None when out of view."""
        middle, half = self.middle(time_s, aspect_ratio), self.half_width(aspect_ratio)
        left, right = max(0.0, middle - half), min(1.0, middle + half)
        if left >= right:
            return None
        ground = LANES[self.lane].ground
        return left, ground - self.height, right - left, self.height


class Schedule:
    """An endless list of crossings, made as far as it is asked for."""

    def __init__(self, seed: int, aspect_ratio: float) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a scene, not a secret
        self._aspect_ratio = aspect_ratio
        self._crossings: list[Crossing] = []
        self._entries_s: list[float] = []

    def at(self, time_s: float) -> Crossing | None:
        """Who is crossing at `time_s`, if anyone."""
        self._make_until(time_s)
        number = bisect.bisect_right(self._entries_s, time_s) - 1
        if number < 0 or time_s >= self._crossings[number].leaves_s:
            return None
        return self._crossings[number]

    def until(self, time_s: float) -> list[Crossing]:
        """All crossings that have begun by `time_s`, in order."""
        self._make_until(time_s)
        return self._crossings[: bisect.bisect_right(self._entries_s, time_s)]

    def _make_until(self, time_s: float) -> None:
        while not self._crossings or self._entries_s[-1] <= time_s:
            self._crossings.append(self._next())
            self._entries_s.append(self._crossings[-1].enters_s)

    def _next(self) -> Crossing:
        rng = self._rng
        lane, kind = CHOICES[len(self._crossings) % len(CHOICES)]
        if self._crossings:
            enters_s = self._crossings[-1].leaves_s + rng.uniform(*GAP_S)
        else:
            enters_s = rng.uniform(*FIRST_ENTRY_S)
        height = LANES[lane].heights[kind] * rng.uniform(0.92, 1.08)
        width = height * ASPECT[kind] / self._aspect_ratio
        speed = height / self._aspect_ratio * SPEED[kind] * rng.uniform(0.85, 1.2)
        facing = {1: -1, 2: 1}.get(lane) or rng.choice((-1, 1))
        tops = BODIES if kind in ("car", "van") else TOPS
        paint = (rng.choice(tops), rng.choice(BOTTOMS), rng.choice(SKINS))
        return Crossing(kind, lane, facing, height, enters_s, enters_s + (1 + width) / speed, paint)
