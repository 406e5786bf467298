"""Numbers over time as lines that an SVG can draw. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.archive.node_values import HealthSample

WIDTH, HEIGHT = 1000, 100
BREAK = 2.5  # sample distances without a sample, from where on a line has a hole
Value = Callable[[HealthSample], float | None]


@dataclass(frozen=True)
class Plot:
    """One quantity. `lines` are SVG points, one for each stretch without a hole; a stretch of one
    sample is a short dash. `top` is the value at the upper edge, the lower edge is 0."""

    name: str
    lines: tuple[str, ...]
    top: float
    last: float | None


def plot(
    name: str,
    samples: Sequence[HealthSample],
    value: Value,
    since: datetime,
    until: datetime,
    step: timedelta,
) -> Plot:
    """The plot of one quantity over that time; `step` is the usual distance of samples."""
    told = [(each.at_utc, found) for each in samples if (found := value(each)) is not None]
    top = _above(max((number for _, number in told), default=0.0))
    lines: list[list[str]] = []
    before: datetime | None = None
    for at_utc, number in told:
        if before is None or at_utc - before > step * BREAK:
            lines.append([])
        x = (at_utc - since) / (until - since) * WIDTH
        lines[-1].append(f"{x:.1f},{HEIGHT - number / top * HEIGHT:.1f}")
        before = at_utc
    return Plot(name, tuple(_line(each) for each in lines), top, told[-1][1] if told else None)


def _line(points: list[str]) -> str:
    if len(points) == 1:
        x, y = points[0].split(",")
        points = [points[0], f"{float(x) + 2:.1f},{y}"]
    return " ".join(points)


def _above(number: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... that the number does not exceed."""
    if number <= 0:
        return 1.0
    power = 1.0
    while power < number:
        power *= 10
    while power / 10 >= number:
        power /= 10
    return next(each for each in (power / 5, power / 2, power) if each >= number)
