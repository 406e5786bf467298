"""Times of the week by the wall clock, and the safe side of not knowing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base import schema
from edge.base.schema import SchemaError
from edge.contract.schedule import DAYS, InForce, Schedule, in_force

WEEKDAYS = DAYS[:5]
OFFICE = Schedule("07:00", "17:00", WEEKDAYS, armed=False, note="school is open")
NIGHT = Schedule("22:00", "05:00", sensitivity=8)
MONDAY = datetime(2026, 3, 2)


def at(clock: str, day: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=int(clock[:2]), minutes=int(clock[3:]))


def now(local: datetime | None, *schedules: Schedule, armed: bool = True) -> InForce:
    return in_force(schedules, local, armed=armed, disarmed_by=None, sensitivity=5)


@pytest.mark.parametrize(
    ("local", "is_armed"),
    [
        (at("06:59"), True), (at("07:00"), False), (at("16:59"), False), (at("17:00"), True),
        (at("12:00", 4), False), (at("12:00", 5), True), (at("12:00", 6), True),
    ],
)  # fmt: skip
def test_a_school_is_watched_outside_of_its_hours(local: datetime, is_armed: bool) -> None:
    """From the first minute on, up to the last."""
    found = now(local, OFFICE)
    assert found.armed is is_armed
    assert found.disarmed == (None if is_armed else "school is open")


@pytest.mark.parametrize(
    ("clock", "sensitivity"), [("21:59", 5), ("22:00", 8), ("00:00", 8), ("04:59", 8), ("05:00", 5)]
)
def test_a_night_goes_over_midnight(clock: str, sensitivity: int) -> None:
    """It ends on the day after the one on which it starts."""
    assert now(at(clock), NIGHT).sensitivity == sensitivity


def test_a_night_belongs_to_the_day_on_which_it_starts() -> None:
    """Friday's night ends on Saturday morning; Thursday's is none."""
    friday = Schedule("22:00", "05:00", ("fri",), armed=False)
    assert not now(at("03:00", 5), friday).armed
    assert now(at("03:00", 4), friday).armed
    assert not now(at("23:00", 4), friday).armed
    sunday = Schedule("22:00", "05:00", ("sun",), armed=False)
    assert not now(at("03:00", 0), sunday).armed


def test_the_last_that_holds_counts_for_what_it_says() -> None:
    """One may arm an hour within the hours of another, and leave the sensitivity to a third."""
    break_time = Schedule("12:00", "13:00", WEEKDAYS, armed=True)
    finer = Schedule("12:00", "12:30", sensitivity=9)
    assert now(at("12:10"), OFFICE, break_time, finer) == InForce(True, None, 9)
    assert not now(at("13:00"), OFFICE, break_time).armed


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))
def test_without_a_clock_the_camera_is_on_the_safe_side(moment: datetime) -> None:
    """Watched wherever it might be, as closely as it might be."""
    schedules = (OFFICE, NIGHT, Schedule("20:00", "24:00", armed=True))
    safe = now(None, *schedules, armed=False)
    known = now(moment, *schedules, armed=False)
    assert safe.armed >= known.armed
    assert safe.sensitivity >= known.sensitivity
    assert now(None, OFFICE) == InForce(True, None, 5)
    assert now(None, NIGHT, armed=False) == InForce(False, "by settings", 8)


@pytest.mark.parametrize(
    ("zone", "moment", "clock"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "01:59"),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "03:00"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "02:30"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "02:30"),
        ("Asia/Ho_Chi_Minh", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "08:00"),
    ],
)
def test_summer_time_moves_the_wall_clock_and_nothing_else(
    zone: str, moment: datetime, clock: str
) -> None:
    """In the night of the change a skipped hour never comes, and a doubled one comes twice."""
    local = moment.astimezone(ZoneInfo(zone))
    assert local.strftime("%H:%M") == clock
    skipped_hour = Schedule("02:00", "03:00", armed=False)
    assert now(local, skipped_hour).armed is (clock != "02:30")


def test_yaml_takes_times_of_the_day_for_minutes() -> None:
    """17:00 without quotes is 1020 in YAML 1.1, and means the same."""
    plain = {"starts": 7 * 60, "ends": 17 * 60, "days": ["mon"], "armed": False}
    found = schema.load(Schedule, plain, unknown="refuse")
    assert (found.starts, found.ends) == ("07:00", "17:00")
    with pytest.raises(SchemaError):
        schema.load(Schedule, plain | {"ends": 1441}, unknown="refuse")
