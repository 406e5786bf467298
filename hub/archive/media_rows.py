"""Rows of clips and snapshots: announced by records, stored once their bytes are here, or lost."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from edge.contract.parts import ClipRef, SnapshotRef
from edge.contract.record import FileDropped, Header
from hub.archive.event_state import from_ms, to_ms
from hub.archive.record_rows import Journal
from hub.archive.values import Clip, Snapshot

LOST_CAUSE = """SELECT min(cause) FROM dropped_files AS dropped
    WHERE dropped.node_id = {0}.node_id AND dropped.hash = {0}.hash
        AND (dropped.event IS NULL OR dropped.event = events.event)"""

CLIP_COLUMNS = f"""nodes.name AS node, event, part, hash, size_bytes, clips.duration_ms, codec,
    width, height, starts_ms, pre_roll_ms, stored_ms,
    ({LOST_CAUSE.format("clips")}) AS lost_cause"""
CLIP_TABLES = "clips JOIN events ON events.id = event_id JOIN nodes ON nodes.id = events.node_id"
SNAPSHOT_COLUMNS = f"""nodes.name AS node, event, events.camera, snapshots.hash, size_bytes, width,
    height, taken_ms, box, stored_ms,
    ({LOST_CAUSE.format("snapshots")}) AS lost_cause"""
SNAPSHOT_TABLES = (
    "snapshots JOIN events ON events.id = event_id JOIN nodes ON nodes.id = events.node_id"
)


def announce_clip(
    db: sqlite3.Connection, number: int, journal: Journal, header: Header, clip: ClipRef
) -> None:
    """Keep a clip that a record of event `number` announces. Idempotent."""
    db.execute(
        "INSERT INTO clips (event_id, node_id, part, hash, epoch_id, seq, size_bytes,"
        " duration_ms, codec, width, height, starts_ms, pre_roll_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            number, journal.node_id, clip.part, bytes.fromhex(clip.sha256), journal.id, header.seq,
            clip.size_bytes, clip.duration_ms, clip.codec, clip.width, clip.height,
            to_ms(clip.starts.utc), clip.pre_roll_ms,
        ),
    )  # fmt: skip


def announce_snapshot(
    db: sqlite3.Connection, number: int, journal: Journal, header: Header, shot: SnapshotRef
) -> None:
    """Keep a snapshot that a record of event `number` announces. Idempotent."""
    db.execute(
        "INSERT INTO snapshots (event_id, node_id, hash, epoch_id, seq, size_bytes, width, height,"
        " taken_ms, box) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET seq = excluded.seq"
        " WHERE excluded.epoch_id = epoch_id AND excluded.seq > seq",
        (
            number, journal.node_id, bytes.fromhex(shot.sha256), journal.id, header.seq,
            shot.size_bytes, shot.width, shot.height, to_ms(shot.taken.utc),
            None if shot.box is None else json.dumps(shot.box),
        ),
    )  # fmt: skip


def mark_snapshot(db: sqlite3.Connection, shot: Snapshot, now_utc: datetime) -> int | None:
    """Note that the bytes are kept; make it the camera's picture if it is the newest.

    Returns the number of its event.
    """
    digest = bytes.fromhex(shot.sha256)
    row = db.execute(
        f"SELECT event_id, events.node_id, events.camera, epoch_id, seq FROM {SNAPSHOT_TABLES}"  # noqa: S608
        " WHERE event = ? AND nodes.name = ? AND snapshots.hash = ?",
        (shot.event, shot.node, digest),
    ).fetchone()
    if row is None:
        return None
    db.execute(
        "UPDATE snapshots SET stored_ms = ? WHERE event_id = ? AND hash = ? AND stored_ms IS NULL",
        (to_ms(now_utc), row["event_id"], digest),
    )
    db.execute(
        "INSERT INTO camera_pictures (node_id, camera, event_id, hash, epoch_id, seq)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET event_id = excluded.event_id,"
        " hash = excluded.hash, epoch_id = excluded.epoch_id, seq = excluded.seq"
        " WHERE (excluded.epoch_id, excluded.seq) > (epoch_id, seq)",
        (
            row["node_id"], row["camera"], row["event_id"], digest, row["epoch_id"], row["seq"],
        ),
    )  # fmt: skip
    return int(row["event_id"])


def drop(
    db: sqlite3.Connection, journal: Journal, header: Header, body: FileDropped, told_ms: int
) -> None:
    """Keep that a file will never come, and why. It need not have been announced yet."""
    db.execute(
        "INSERT INTO dropped_files (epoch_id, seq, node_id, hash, event, kind, part, size_bytes,"
        " cause, told_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            journal.id, header.seq, journal.node_id, bytes.fromhex(body.sha256), header.event,
            body.kind, body.part, body.size_bytes, body.cause, told_ms,
        ),
    )  # fmt: skip


def clip_in(row: sqlite3.Row) -> Clip:
    """The clip in a row of CLIP_COLUMNS."""
    return Clip(
        node=row["node"],
        event=row["event"],
        part=row["part"],
        sha256=bytes(row["hash"]).hex(),
        size_bytes=row["size_bytes"],
        duration_ms=row["duration_ms"],
        codec=row["codec"],
        width=row["width"],
        height=row["height"],
        starts_utc=from_ms(row["starts_ms"]),
        pre_roll_ms=row["pre_roll_ms"],
        stored_utc=_moment(row["stored_ms"]),
        lost_cause=row["lost_cause"] if row["stored_ms"] is None else None,
    )


def snapshot_in(row: sqlite3.Row) -> Snapshot:
    """The snapshot in a row of SNAPSHOT_COLUMNS."""
    return Snapshot(
        node=row["node"],
        event=row["event"],
        camera=row["camera"],
        sha256=bytes(row["hash"]).hex(),
        size_bytes=row["size_bytes"],
        width=row["width"],
        height=row["height"],
        taken_utc=from_ms(row["taken_ms"]),
        box=None if row["box"] is None else tuple(json.loads(row["box"])),
        stored_utc=_moment(row["stored_ms"]),
        lost_cause=row["lost_cause"] if row["stored_ms"] is None else None,
    )


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_ms(millis)
