"""Counting a camera's minutes from its stretches. Pure; costs as much as there are stretches.

A minute counts as watched only if all of it was. Otherwise it counts as blind if it was blind at
any moment, and else as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hub.archive.values import Stretch

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Tally:
    """Minutes by state, and how long each cause held, in milliseconds."""

    minutes: int
    watched: int
    blind: int
    unknown: int
    causes_ms: dict[str, int] = field(default_factory=dict)

    @property
    def percent(self) -> float:
        """Of the minutes, how many were watched; 0 of none."""
        return 100.0 * self.watched / self.minutes if self.minutes else 0.0


def tally(stretches: Sequence[Stretch], from_ms: int, to_ms: int) -> Tally:
    """Count the minutes from `from_ms` to `to_ms`, both at the beginning of a minute."""
    within = [
        (each, max(each.from_ms, from_ms), min(each.to_ms, to_ms))
        for each in stretches
        if each.from_ms < to_ms and each.to_ms > from_ms
    ]
    causes_ms: dict[str, int] = {}
    for each, start_ms, end_ms in within:
        if each.cause is not None:
            causes_ms[each.cause] = causes_ms.get(each.cause, 0) + end_ms - start_ms
    watched = sum(
        max(0, end_ms // MINUTE_MS - -(-start_ms // MINUTE_MS))
        for start_ms, end_ms in _joined((a, b) for each, a, b in within if each.state == "watched")
    )
    blind = sum(
        last - first
        for first, last in _joined(
            (a // MINUTE_MS, -(-b // MINUTE_MS)) for each, a, b in within if each.state == "blind"
        )
    )
    minutes = (to_ms - from_ms) // MINUTE_MS
    return Tally(minutes, watched, blind, minutes - watched - blind, causes_ms)


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges in order of their starts, those that touch or overlap as one."""
    start, end = 0, -1
    for each_start, each_end in ranges:
        if end < start or each_start > end:
            if end >= start:
                yield start, end
            start, end = each_start, each_end
        else:
            end = max(end, each_end)
    if end > start:
        yield start, end
