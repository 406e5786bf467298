"""Rows of the registry: read whole, and changed by what differs between two versions of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from hub.archive import name_rows
from hub.archive.event_state import from_ms, to_ms
from hub.archive.registry_values import Area, Camera, Organisation, Place, Plan, Registry
from hub.archive.windows import ALWAYS_MS

_Entry = TypeVar("_Entry", Area, Organisation, Plan)
AREA_COLUMNS = ("code", "kind", "name", "parent", "from_day", "until_day", "into_code")
ORGANISATION_COLUMNS = ("code", "name", "type", "contact", "phone", "email", "note")
PLAN_COLUMNS = ("code", "name", "area", "hash", "media_type", "width", "height")
PLACE_COLUMNS = ("since_ms", "area", "organisation", "plan", "x", "y")


def load(db: sqlite3.Connection) -> Registry:
    """The registry as it is now."""
    places: dict[int, list[Place]] = {}
    for row in db.execute("SELECT * FROM placements ORDER BY camera_id, since_ms"):
        places.setdefault(row["camera_id"], []).append(_place_in(row))
    cameras = db.execute("SELECT id, node, name, title FROM cameras ORDER BY node, name")
    return Registry(
        version(db),
        tuple(_area_in(row) for row in db.execute("SELECT * FROM areas ORDER BY code")),
        tuple(
            Organisation(*(row[column] for column in ORGANISATION_COLUMNS))
            for row in db.execute("SELECT * FROM organisations ORDER BY code")
        ),
        tuple(_plan_in(row) for row in db.execute("SELECT * FROM plans ORDER BY code")),
        tuple(
            Camera(row["node"], row["name"], row["title"], tuple(places.get(row["id"], ())))
            for row in cameras
        ),
    )


def version(db: sqlite3.Connection) -> int:
    """Rises with every change of the registry."""
    row = db.execute("SELECT value FROM meta WHERE key = 'registry'").fetchone()
    return 0 if row is None else int(row["value"])


def replace(db: sqlite3.Connection, before: Registry, after: Registry) -> None:
    """Write what differs. Within the caller's transaction, in which `before` is what is there."""
    _replace(db, "areas", AREA_COLUMNS, before.areas, after.areas, _area_values)
    _replace(
        db, "organisations", ORGANISATION_COLUMNS, before.organisations, after.organisations,
        lambda each: tuple(getattr(each, column) for column in ORGANISATION_COLUMNS),
    )  # fmt: skip
    _replace(db, "plans", PLAN_COLUMNS, before.plans, after.plans, _plan_values)
    _replace_cameras(db, before.cameras, after.cameras)
    name_rows.make_all(db)
    db.execute(
        "INSERT INTO meta (key, value) VALUES ('registry', ?)"
        " ON CONFLICT DO UPDATE SET value = excluded.value",
        (str(before.version + 1),),
    )


def _replace(
    db: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    before: Iterable[_Entry],
    after: Iterable[_Entry],
    values_of: Callable[[_Entry], tuple[object, ...]],
) -> None:
    old, new = ({each.code: each for each in entries} for entries in (before, after))
    db.executemany(
        f"DELETE FROM {table} WHERE code = ?",  # noqa: S608 - ours
        [(code,) for code in old.keys() - new.keys()],
    )
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    db.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        f" ON CONFLICT (code) DO UPDATE SET {sets}",
        [values_of(each) for each in new.values() if old.get(each.code) != each],
    )


def _replace_cameras(
    db: sqlite3.Connection, before: Iterable[Camera], after: Iterable[Camera]
) -> None:
    old, new = ({each.key: each for each in cameras} for cameras in (before, after))
    for key in old.keys() - new.keys():
        db.execute(
            "DELETE FROM placements WHERE camera_id ="
            " (SELECT id FROM cameras WHERE node = ? AND name = ?)",
            key,
        )
        db.execute(
            "DELETE FROM camera_names WHERE camera_id ="
            " (SELECT id FROM cameras WHERE node = ? AND name = ?)",
            key,
        )
        db.execute("DELETE FROM cameras WHERE node = ? AND name = ?", key)
    for key, camera in new.items():
        if old.get(key) == camera:
            continue
        (camera_id,) = db.execute(
            "INSERT INTO cameras (node, name, title) VALUES (?, ?, ?)"
            " ON CONFLICT (node, name) DO UPDATE SET title = excluded.title RETURNING id",
            (*key, camera.title),
        ).fetchone()
        db.execute("DELETE FROM placements WHERE camera_id = ?", (camera_id,))
        db.executemany(
            f"INSERT INTO placements (camera_id, {', '.join(PLACE_COLUMNS)})"  # noqa: S608 - ours
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(camera_id, *_place_values(place)) for place in camera.places],
        )


def _area_in(row: sqlite3.Row) -> Area:
    return Area(
        row["code"], row["kind"], row["name"], row["parent"], _day_in(row["from_day"]),
        _day_in(row["until_day"]), row["into_code"],
    )  # fmt: skip


def _area_values(area: Area) -> tuple[object, ...]:
    days = (None if day is None else day.isoformat() for day in (area.from_day, area.until_day))
    return area.code, area.kind, area.name, area.parent, *days, area.into


def _plan_in(row: sqlite3.Row) -> Plan:
    return Plan(
        row["code"], row["name"], row["area"], bytes(row["hash"]).hex(), row["media_type"],
        row["width"], row["height"],
    )  # fmt: skip


def _plan_values(plan: Plan) -> tuple[object, ...]:
    return (
        plan.code, plan.name, plan.area, bytes.fromhex(plan.sha256), plan.media_type, plan.width,
        plan.height,
    )  # fmt: skip


def _place_in(row: sqlite3.Row) -> Place:
    since = _since_in(row["since_ms"])
    return Place(since, row["area"], row["organisation"], row["plan"], row["x"], row["y"])


def _place_values(place: Place) -> tuple[object, ...]:
    since_ms = ALWAYS_MS if place.since_utc is None else to_ms(place.since_utc)
    return since_ms, place.area, place.organisation, place.plan, place.x, place.y


def _since_in(since_ms: int) -> datetime | None:
    return None if since_ms == ALWAYS_MS else from_ms(since_ms)


def _day_in(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
