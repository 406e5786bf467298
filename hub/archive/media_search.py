"""Questions about announced and stored clips and snapshots."""

from __future__ import annotations

import sqlite3

from hub.archive import camera_rows
from hub.archive.event_state import from_ms, to_ms
from hub.archive.media_rows import (
    CLIP_COLUMNS,
    CLIP_TABLES,
    SNAPSHOT_COLUMNS,
    SNAPSHOT_TABLES,
    clip_in,
    snapshot_in,
)
from hub.archive.node_values import GapFilter, LostFile
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, Clip, EventFilter, Snapshot
from hub.archive.windows import Window


def clip(
    db: sqlite3.Connection, node: str, event: str, part: int, sha256: str
) -> tuple[int, Clip] | None:
    """The announced clip with its event's number."""
    row = db.execute(
        f"SELECT event_id, {CLIP_COLUMNS} FROM {CLIP_TABLES}"  # noqa: S608 - no value in it
        " WHERE event = ? AND nodes.name = ? AND part = ? AND hash = ?",
        (event, node, part, bytes.fromhex(sha256)),
    ).fetchone()
    return None if row is None else (row["event_id"], clip_in(row))


def snapshot(db: sqlite3.Connection, node: str, event: str, sha256: str) -> Snapshot | None:
    """The announced snapshot."""
    row = db.execute(
        f"SELECT {SNAPSHOT_COLUMNS} FROM {SNAPSHOT_TABLES}"  # noqa: S608 - no value in it
        " WHERE event = ? AND nodes.name = ? AND snapshots.hash = ?",
        (event, node, bytes.fromhex(sha256)),
    ).fetchone()
    return None if row is None else snapshot_in(row)


_PICTURES = (
    f"SELECT events.camera_id, events.started_ms, {SNAPSHOT_COLUMNS}"  # noqa: S608 - no value in it
    " FROM camera_pictures AS picture JOIN snapshots ON snapshots.event_id = picture.event_id"
    " AND snapshots.hash = picture.hash JOIN events ON events.id = snapshots.event_id"
    " JOIN nodes ON nodes.id = events.node_id"
)


def pictures(db: sqlite3.Connection, scope: Scope, of: CameraKey | None) -> list[Snapshot]:
    """Each camera's newest stored snapshot whose event the scope allows, or that of one camera."""
    node, camera = of or (None, None)
    windows = camera_rows.windows(db, EventFilter(node=node, camera=camera, scope=scope))
    of_camera: dict[int, list[Window]] = {}
    for window in windows or ():
        of_camera.setdefault(window.camera_id, []).append(window)
    tests = (
        ""
        if of is None
        else (
            " WHERE picture.node_id = (SELECT id FROM nodes WHERE name = ?) AND picture.camera = ?"
        )
    )
    rows = db.execute(f"{_PICTURES}{tests} ORDER BY nodes.name, events.camera", of or ())
    return [
        snapshot_in(row)
        for row in rows
        if windows is None
        or any(each.holds(row["started_ms"]) for each in of_camera.get(row["camera_id"], ()))
    ]


def newest_snapshots(db: sqlite3.Connection, node: str) -> list[Snapshot]:
    """Each camera's newest stored snapshot."""
    rows = db.execute(
        f"SELECT {SNAPSHOT_COLUMNS} FROM camera_pictures AS picture"  # noqa: S608 - no value in it
        " JOIN snapshots ON snapshots.event_id = picture.event_id AND"
        " snapshots.hash = picture.hash JOIN events ON events.id = snapshots.event_id"
        " JOIN nodes ON nodes.id = events.node_id WHERE nodes.name = ? ORDER BY events.camera",
        (node,),
    )
    return [snapshot_in(row) for row in rows]


def recently_stored(
    db: sqlite3.Connection, node: str, limit: int
) -> tuple[list[Clip], list[Snapshot]]:
    """The node's last stored clips and snapshots, newest first."""
    clips = db.execute(
        f"SELECT {CLIP_COLUMNS} FROM {CLIP_TABLES}"  # noqa: S608 - no value in it
        " WHERE clips.node_id = (SELECT id FROM nodes WHERE name = ?)"
        " AND stored_ms IS NOT NULL ORDER BY stored_ms DESC LIMIT ?",
        (node, limit),
    )
    snapshots = db.execute(
        f"SELECT {SNAPSHOT_COLUMNS} FROM {SNAPSHOT_TABLES}"  # noqa: S608 - no value in it
        " WHERE snapshots.node_id = (SELECT id FROM nodes WHERE name = ?)"
        " AND stored_ms IS NOT NULL ORDER BY stored_ms DESC LIMIT ?",
        (node, limit),
    )
    return [clip_in(row) for row in clips], [snapshot_in(row) for row in snapshots]


def waiting(db: sqlite3.Connection) -> tuple[list[Clip], list[Snapshot]]:
    """Announced, and not noted as stored."""
    clips = db.execute(
        f"SELECT {CLIP_COLUMNS} FROM {CLIP_TABLES} WHERE stored_ms IS NULL"  # noqa: S608 - ours
    )
    snapshots = db.execute(
        f"SELECT {SNAPSHOT_COLUMNS} FROM {SNAPSHOT_TABLES} WHERE stored_ms IS NULL"  # noqa: S608
    )
    return [clip_in(row) for row in clips], [snapshot_in(row) for row in snapshots]


_CAME_ALL_THE_SAME = """EXISTS (SELECT 1 FROM events JOIN {0} AS file ON file.event_id = events.id
    WHERE events.event = dropped.event AND events.node_id = dropped.node_id
        AND file.hash = dropped.hash AND file.stored_ms IS NOT NULL)"""


def lost_files(db: sqlite3.Connection, where: GapFilter) -> list[LostFile]:
    """Files that will never come, by node and the hub's notice; none that came all the same."""
    since_ms = None if where.since_utc is None else to_ms(where.since_utc)
    rows = db.execute(
        "SELECT dropped.*, name FROM dropped_files AS dropped JOIN nodes ON nodes.id = node_id"  # noqa: S608 - no value in it
        " WHERE name = coalesce(?, name) AND told_ms >= coalesce(?, told_ms)"
        f" AND NOT {_CAME_ALL_THE_SAME.format('clips')}"
        f" AND NOT {_CAME_ALL_THE_SAME.format('snapshots')}"
        " ORDER BY name, told_ms, epoch_id, seq",
        (where.node, since_ms),
    )
    return [
        LostFile(
            row["name"],
            row["event"],
            row["kind"],
            row["part"],
            bytes(row["hash"]).hex(),
            row["size_bytes"],
            row["cause"],
            from_ms(row["told_ms"]),
        )
        for row in rows
    ]
