"""Rows of cameras, and which of their time a question may look at.

A camera's row is made when the first record names it or the registry does. Its id stands in every
event, so that a question about an area is one about a few numbers.
"""

from __future__ import annotations

import json
import sqlite3

from hub.archive import name_rows
from hub.archive.event_state import MAX_INT64
from hub.archive.values import CameraKey, EventFilter
from hub.archive.windows import ALWAYS_MS, Window

_STAYS = f"""SELECT camera_id, since_ms AS from_ms, lead(since_ms, 1, {MAX_INT64})
    OVER (PARTITION BY camera_id ORDER BY since_ms) AS until_ms, area, organisation
    FROM placements"""  # noqa: S608 - a constant
_WITHIN = """(WITH RECURSIVE within (code) AS (SELECT value FROM json_each(?) UNION
    SELECT areas.code FROM areas JOIN within ON within.code IN (areas.parent, areas.into_code))
    SELECT code FROM within)"""


_LISTED = "(SELECT value FROM json_each(?))"


def id_of(db: sqlite3.Connection, node_id: int, camera: str) -> int:
    """The camera's row, made if absent."""
    found = db.execute(
        "SELECT cameras.id FROM nodes JOIN cameras ON node = nodes.name"
        " WHERE nodes.id = ? AND cameras.name = ?",
        (node_id, camera),
    ).fetchone()
    if found is None:
        found = db.execute(
            "INSERT INTO cameras (node, name) SELECT name, ? FROM nodes WHERE id = ?"
            " RETURNING id, node",
            (camera, node_id),
        ).fetchone()
        name_rows.make(db, found["id"], found["node"], camera)
    return int(found[0])


def with_footage(db: sqlite3.Connection) -> set[CameraKey]:
    """The cameras of which there is an event or an account; they cannot be forgotten."""
    rows = db.execute(
        "SELECT node, cameras.name FROM cameras JOIN nodes ON nodes.name = node"
        " WHERE EXISTS (SELECT 1 FROM events WHERE camera_id = cameras.id)"
        " OR EXISTS (SELECT 1 FROM spans WHERE node_id = nodes.id AND camera = cameras.name)"
    )
    return {CameraKey(*row) for row in rows}


def windows(db: sqlite3.Connection, where: EventFilter) -> list[Window] | None:
    """The time of which cameras the filter's scope and places allow, each moment once; None: all.

    A camera counts for where it was at the time, not for where it is now.
    """
    tests: list[str] = []
    values: list[object] = []
    if where.node is not None:
        tests.append("cameras.node = ?")
        values.append(where.node)
    if where.camera is not None:
        tests.append("cameras.name = ?")
        values.append(where.camera)
    if where.not_of is not None:
        tests.append("(cameras.node, cameras.name) != (?, ?)")
        values += where.not_of
    placed = _placed_tests(where, values)
    if not tests and not placed:
        return None
    stays = f"({_STAYS}) AS stays ON camera_id = cameras.id"
    tables = f"cameras JOIN {stays}" if placed else "cameras"
    span = "from_ms, until_ms" if placed else f"{ALWAYS_MS}, {MAX_INT64}"
    rows = db.execute(
        f"SELECT cameras.id, {span} FROM {tables} WHERE {' AND '.join(tests + placed)}"  # noqa: S608
        " ORDER BY 1, 2",
        values,
    )
    return _merged([Window(*row) for row in rows])


def _placed_tests(where: EventFilter, values: list[object]) -> list[str]:
    tests: list[str] = []
    if where.area is not None:
        tests.append(f"area IN {_WITHIN}")
        values.append(json.dumps([where.area]))
    if where.organisation is not None:
        tests.append("organisation = ?")
        values.append(where.organisation)
    if not where.scope.is_everything:
        tests.append(f"(area IN {_WITHIN} OR organisation IN {_LISTED})")
        values.append(json.dumps(sorted(where.scope.areas)))
        values.append(json.dumps(sorted(where.scope.organisations)))
    return tests


def _merged(windows: list[Window]) -> list[Window]:
    """Windows of one camera that follow each other, as one."""
    result: list[Window] = []
    for window in windows:
        last = result[-1] if result else None
        if last and (last.camera_id, last.until_ms) == (window.camera_id, window.from_ms):
            result[-1] = last._replace(until_ms=window.until_ms)
        else:
            result.append(window)
    return result
