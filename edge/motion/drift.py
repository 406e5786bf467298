"""How far a thing has got, against how much it wandered on the way.

The square of a random walk's displacement is about the sum of its squared steps, however long it
goes on; what sways about its place stays far below that, and what travels goes far beyond. Both
sums forget what is older than a time constant, so that a thing is judged by its last seconds.
"""

from __future__ import annotations

import math


class Drift:
    """One thing's displacement over the last seconds, in pixels of the small picture."""

    __slots__ = ("_dx", "_dy", "_forget_s", "_steps_sq", "_time_s")

    def __init__(self, forget_s: float) -> None:
        """Earlier steps count for less, by a time constant of `forget_s`."""
        self._forget_s = forget_s
        self._dx = self._dy = 0.0
        self._steps_sq = 0.0
        self._time_s = 0.0

    def add(
        self, step_x: float, step_y: float, elapsed_s: float, *, is_leap: bool, least_s: float = 0.0
    ) -> None:
        """One step. A leap, where regions were joined or split, is no movement of the thing.

        `least_s`: the time constant is no less than that, where steps are long.
        """
        kept = math.exp(-elapsed_s / max(self._forget_s, least_s))
        self._steps_sq *= kept
        self._dx *= kept
        self._dy *= kept
        self._time_s = self._time_s * kept + elapsed_s
        if not is_leap:
            self._steps_sq += step_x * step_x + step_y * step_y
            self._dx += step_x
            self._dy += step_y

    @property
    def way(self) -> tuple[float, float]:
        """The displacement, to the right and down."""
        return self._dx, self._dy

    @property
    def speed(self) -> float:
        """Of the displacement, in pixels a second; 0 before the first step."""
        return math.sqrt(self.square) / self._time_s if self._time_s > 0 else 0.0

    @property
    def square(self) -> float:
        """Of the displacement."""
        return self._dx * self._dx + self._dy * self._dy

    @property
    def certainty(self) -> float:
        """The displacement's square over that of the steps: about 1 for a random walk."""
        return self.square / (self._steps_sq + 1e-9)
