"""The coverage of all cameras hour by hour, as a page of cells.

Where an hour's sums allow only one reading they are the answer; the others are read from the
accounts, as the coverage of one camera is. So a map of a thousand cameras costs one read and a
closer look at what went wrong.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hub.archive import camera_rows
from hub.archive.coverage import NOT_HEARD, SNAP_MS
from hub.archive.hour_rows import HOUR_MS, hours_of
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, EventFilter, HeatRow, HourCell, Stretch
from hub.archive.windows import Window

ROUNDING_MS = 5000  # of an hour's spans together: slewed clocks
Resolve = Callable[[CameraKey, int, int], Sequence[Stretch]]


WATCHED = HourCell(HOUR_MS, 0, 0, None)
UNHEARD = HourCell(0, 0, HOUR_MS, NOT_HEARD)


class _Sum(NamedTuple):
    """What stands in coverage_hours of an hour of a camera."""

    hour: int
    watched_ms: int
    blind_ms: int
    first_ms: int
    last_ms: int
    is_contested: int
    causes: str | None


_WHOLE = _Sum(0, HOUR_MS, 0, 0, HOUR_MS, 0, None)  # any hour that was wholly watched
_IN_SPAN = "coverage_hours WHERE hour >= ? AND hour < ?"
_IS_WHOLE = f"watched_ms >= {HOUR_MS - ROUNDING_MS} AND blind_ms = 0 AND is_contested = 0"


@dataclass(frozen=True)
class _Camera:
    key: CameraKey
    first_hour: int
    last_hour: int


def rows(db: sqlite3.Connection, scope: Scope, hours: range, resolve: Resolve) -> list[HeatRow]:
    """A row for each camera of which there are accounts, by node and name; cells by hour since
    1970 UTC. What lies outside of the scope is None."""
    cameras = _cameras(db)
    windows = _windows(db, scope)
    sums = _sums(db, hours)
    found = []
    for camera_id, camera in cameras.items():
        seen = hours if windows is None else _seen_hours(windows.get(camera_id, ()), hours)
        if seen:
            cells = _cells(camera, sums.get(camera_id, {}), seen, resolve)
            found.append(HeatRow(camera.key, tuple(cells.get(hour) for hour in hours)))
    return sorted(found, key=lambda row: row.camera)


def _sums(db: sqlite3.Connection, hours: range) -> dict[int, dict[int, _Sum]]:
    """By camera and hour. Most hours were wholly watched; they share one value."""
    found: defaultdict[int, dict[int, _Sum]] = defaultdict(dict)
    cursor = db.cursor()
    cursor.row_factory = None  # bare tuples; there are tens of thousands
    span = (hours.start, hours.stop)
    whole = f"SELECT camera_id, hour FROM {_IN_SPAN} AND {_IS_WHOLE}"  # noqa: S608 - our own words
    cursor.execute(whole, span)
    for camera_id, hour in cursor:
        found[camera_id][hour] = _WHOLE
    cursor.execute(
        "SELECT camera_id, hour, watched_ms,"  # noqa: S608 - the same
        " blind_ms, first_ms, last_ms, is_contested, causes"
        f" FROM {_IN_SPAN} AND NOT ({_IS_WHOLE})",
        span,
    )
    for camera_id, *told in cursor:
        one = _Sum(*told)
        found[camera_id][one.hour] = one
    return found


def _cells(
    camera: _Camera, sums: dict[int, _Sum], hours: Iterable[int], resolve: Resolve
) -> dict[int, HourCell]:
    cells: dict[int, HourCell] = {}
    unclear: list[int] = []
    for hour in hours:
        found = sums.get(hour)
        if found is _WHOLE:
            cells[hour] = WATCHED
        elif found is None and not camera.first_hour < hour < camera.last_hour:
            cells[hour] = UNHEARD
        elif found is not None and _is_clear(found, camera):
            cells[hour] = _summed(found)
        else:
            unclear.append(hour)
    for first, last in _runs(unclear):
        stretches = resolve(camera.key, first * HOUR_MS, (last + 1) * HOUR_MS)
        cells |= _resolved(stretches, range(first, last + 1))
    return cells


def _is_clear(found: _Sum, camera: _Camera) -> bool:
    """Whether the accounts of the hour follow each other, and at its edges others, or none."""
    hour = found.hour
    accounted_ms = found.watched_ms + found.blind_ms
    return (
        not found.is_contested
        and abs(found.last_ms - found.first_ms - accounted_ms) <= ROUNDING_MS
        and (found.first_ms <= hour * HOUR_MS + SNAP_MS or hour == camera.first_hour)
        and (found.last_ms >= (hour + 1) * HOUR_MS - SNAP_MS or hour == camera.last_hour)
    )


def _summed(found: _Sum) -> HourCell:
    watched_ms = min(found.watched_ms, HOUR_MS)
    blind_ms = min(found.blind_ms, HOUR_MS - watched_ms)
    unknown_ms = HOUR_MS - watched_ms - blind_ms
    causes: dict[str, int] = json.loads(found.causes) if found.causes else {}
    if unknown_ms > ROUNDING_MS:
        causes[NOT_HEARD] = unknown_ms
    cause = max(causes, key=lambda each: causes[each], default=None)
    return HourCell(watched_ms, blind_ms, unknown_ms, cause)


def _resolved(stretches: Sequence[Stretch], hours: range) -> dict[int, HourCell]:
    sums = {hour: {"watched": 0, "blind": 0, "unknown": 0} for hour in hours}
    causes: dict[int, dict[str, int]] = {hour: {} for hour in hours}
    for stretch in stretches:
        for hour, start_ms, end_ms in hours_of(stretch.from_ms, stretch.to_ms):
            sums[hour][stretch.state] += end_ms - start_ms
            if stretch.cause is not None:
                held = causes[hour].get(stretch.cause, 0)
                causes[hour][stretch.cause] = held + end_ms - start_ms
    return {
        hour: HourCell(
            each["watched"], each["blind"], each["unknown"],
            max(causes[hour], key=lambda cause: causes[hour][cause], default=None),
        )
        for hour, each in sums.items()
    }  # fmt: skip


def _runs(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Hours in a row as their first and last."""
    first = last = None
    for hour in hours:
        if last is not None and hour == last + 1:
            last = hour
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = hour
    if first is not None and last is not None:
        yield first, last


def _cameras(db: sqlite3.Connection) -> dict[int, _Camera]:
    rows = db.execute(
        "SELECT id, node, name, (SELECT min(hour) FROM coverage_hours WHERE camera_id = id) AS one,"
        " (SELECT max(hour) FROM coverage_hours WHERE camera_id = id) AS last FROM cameras"
    )
    return {
        row["id"]: _Camera(CameraKey(row["node"], row["name"]), row["one"], row["last"])
        for row in rows
        if row["one"] is not None
    }


def _windows(db: sqlite3.Connection, scope: Scope) -> dict[int, list[Window]] | None:
    found = camera_rows.windows(db, EventFilter(scope=scope))
    if found is None:
        return None
    by_camera: dict[int, list[Window]] = {}
    for window in found:
        by_camera.setdefault(window.camera_id, []).append(window)
    return by_camera


def _seen_hours(windows: Sequence[Window], hours: range) -> list[int]:
    """The hours that lie in the windows as a whole."""
    return [
        hour
        for hour in hours
        if any(
            window.from_ms <= hour * HOUR_MS and (hour + 1) * HOUR_MS <= window.until_ms
            for window in windows
        )
    ]
