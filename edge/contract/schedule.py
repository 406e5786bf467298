"""Times of the week at which a camera is set otherwise: their form, and what they come to. Pure.

A time of the day is one of the wall clock in the node's zone, so summer time needs no care: an
hour that comes twice counts twice, one that is skipped never comes. A node that does not know the
time keeps to the safe side, which is to watch, and as closely as any of its schedules asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.base.schema import item

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK_PATTERN = r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00"
DAY_MINUTES = 24 * 60
MAX_SCHEDULES = 32
NO_CLOCK = "the clock is not set, or its time zone not known: cameras are on the safe side"


def parse_clock(value: object) -> object:
    """A time of the day; YAML 1.1 reads 17:00 as a number of minutes, which is taken for one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= DAY_MINUTES:
        return f"{value // 60:02}:{value % 60:02}"
    return value


@dataclass(frozen=True)
class Schedule:
    """What holds at some time of the week, in place of the camera's own."""

    starts: str = item(
        "local time of the day, as 07:00", pattern=CLOCK_PATTERN, max_length=5, parse=parse_clock
    )
    ends: str = item(
        "local time of the day; not later than starts: on the next day",
        pattern=CLOCK_PATTERN, max_length=5, parse=parse_clock,
    )  # fmt: skip
    days: tuple[Day, ...] = item("on which it starts; none: every day", (), max_items=7)
    armed: bool | None = item("whether the camera is watched then", None)
    sensitivity: int | None = item("of motion, 1 to 10, then", None, min=1, max=10)
    note: str | None = item("why; shown in the coverage", None, max_length=80)

    def __post_init__(self) -> None:
        if self.armed is None and self.sensitivity is None:
            raise ValueError("armed or sensitivity: give what is to be otherwise then")
        if self.starts == "24:00":
            raise ValueError("starts: 24:00 is the end of a day; write 00:00 and the next day")

    def holds(self, local: datetime) -> bool:
        """Whether it is that time, by the wall clock."""
        minute = local.hour * 60 + local.minute
        start, end = _minutes(self.starts), _minutes(self.ends)
        today, day_before = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if end > start:
            return self._starts_on(today) and start <= minute < end
        is_first = self._starts_on(today) and minute >= start
        return is_first or (self._starts_on(day_before) and minute < end)

    def _starts_on(self, day: Day) -> bool:
        return not self.days or day in self.days


@dataclass(frozen=True)
class InForce:
    """What holds now: whether the camera is watched (else `disarmed` says why), how closely."""

    armed: bool
    disarmed: str | None
    sensitivity: int


def in_force(
    schedules: Sequence[Schedule], local: datetime | None, *, armed: bool, disarmed_by: str | None,
    sensitivity: int,
) -> InForce:  # fmt: skip
    """What the camera's own settings and its schedules come to at `local`, None for not known.

    Of several that hold, the last one that says something decides it.
    """
    if local is None:
        armed = armed or any(each.armed for each in schedules)
        most = max([sensitivity, *(each.sensitivity or 0 for each in schedules)])
        return InForce(armed, None if armed else disarmed_by or "by settings", most)
    why = disarmed_by or "by settings"
    for each in schedules:
        if not each.holds(local):
            continue
        if each.armed is not None:
            armed, why = each.armed, each.note or f"schedule {each.starts}-{each.ends}"
        if each.sensitivity is not None:
            sensitivity = each.sensitivity
    return InForce(armed, None if armed else why, sensitivity)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
