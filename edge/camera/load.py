"""How much of its pictures a camera's analysis leaves out, by how far it lags behind.

A box that cannot look at everything looks at less, evenly: first at half the rate and without the
loop filter, then at the first half of each GOP, then at the first quarter. Steps go up while the
lag grows, and down, one by one, after a time without any. Packets are recorded whatever it does;
what still cannot be kept up with is skipped by the feed. Nobody is seen in what is left out: where
that is more than a second in a row, the time does not count as watched, as with long GOPs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LAG_S = 1.0  # from arrival until it is looked at: above, it is too much
CALM_LAG_S = 0.3
EFFECT_S = 1.5  # that a step has to show its effect
CALM_S = 15.0  # without lag before a step down; doubles with each one that was too early
MAX_CALM_S = 240.0
MAX_STRIDE_S = 10.0  # from one packet to the next; beyond it a stream tells another time


@dataclass(frozen=True, slots=True)
class Step:
    """`rate` is the part of `analysis_fps`, `share` that of each GOP, from its keyframe on, or of
    the pictures, where each stands alone."""

    rate: float
    share: float
    skips_loop_filter: bool


STEPS = (
    Step(1.0, 1.0, False),
    Step(0.5, 1.0, True),
    Step(0.5, 0.5, True),
    Step(0.5, 0.25, True),
)
SEES_UPTO = 2  # beyond this step, what is short is missed: that is not called watched
MAX_LEFT_OUT_S = 1.2  # in a row: the same; half of a GOP of 2 s, and its jitter
OFTEN = {1.0: "", 0.5: "half as often", 0.25: "a quarter as often", 0.125: "an eighth as often"}


class Load:
    """One camera's. `note` by the analysis thread; the rest by any."""

    def __init__(self) -> None:
        self._step = 0
        self._changed_s = self._lagged_s = float("-inf")
        self._lowered_s = float("-inf")
        self._noted_s: float | None = None
        self._calm_s = CALM_S
        self._left_out_s = 0.0
        self.is_spread = False
        """Whether pictures stand alone, so that what is left out lies between those looked at."""

    @property
    def step(self) -> Step:
        """What is left out now."""
        return STEPS[self._step]

    @property
    def is_blind(self) -> bool:
        """Whether too little is looked at to call it watched."""
        return self._step > SEES_UPTO or self._left_out_s > MAX_LEFT_OUT_S

    @property
    def says(self) -> str:
        """What is left out, in words; empty for nothing."""
        step = self.step
        often = OFTEN[step.rate * step.share if self.is_spread else step.rate]
        says = f"looked at {often}" if often else ""
        if self._left_out_s > 0:
            longest_s = max(1, math.ceil(self._left_out_s - (MAX_LEFT_OUT_S - 1)))
            says += f", and up to {longest_s} s in a row not at all"
        return says

    def left_out(self, seconds: float) -> None:
        """At this step, so much of the stream is not looked at in a row."""
        if self._step and not self.is_spread:
            self._left_out_s = max(self._left_out_s, seconds)

    def note(self, at_s: float, lag_s: float) -> bool:
        """At `at_s` of the stream, analysis lagged by `lag_s`; true where that changed the step."""
        self._follow(at_s)
        if lag_s > CALM_LAG_S:
            self._lagged_s = at_s
        if lag_s > LAG_S and self._step + 1 < len(STEPS):
            if at_s - self._changed_s < EFFECT_S:
                return False
            if at_s - self._lowered_s < self._calm_s:
                self._calm_s = min(MAX_CALM_S, 2 * self._calm_s)
            return self._change(1, at_s)
        if self._step and at_s - max(self._lagged_s, self._changed_s) >= self._calm_s:
            self._lowered_s = at_s
            return self._change(-1, at_s)
        if not self._step and at_s - self._changed_s > MAX_CALM_S:
            self._calm_s = CALM_S
        return False

    def _follow(self, at_s: float) -> None:
        """Keep the times that have passed where a stream begins anew, or its clock jumps."""
        noted_s, self._noted_s = self._noted_s, at_s
        if noted_s is None or 0 <= at_s - noted_s <= MAX_STRIDE_S:
            return
        self._changed_s += at_s - noted_s
        self._lagged_s += at_s - noted_s
        self._lowered_s += at_s - noted_s

    def _change(self, by: int, at_s: float) -> bool:
        self._step += by
        self._left_out_s = 0.0
        self._changed_s = at_s
        return True
