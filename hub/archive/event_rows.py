"""Rows of events, their zones, clips and snapshots, kept in step with the archived records."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from edge.contract.parts import ClipRef, SnapshotRef
from edge.contract.record import EventEnded, EventStarted, EventUpdated, Header
from hub.archive.event_state import (
    ENDED,
    EventFacts,
    facts_of,
    from_ms,
    merge,
    to_ms,
)
from hub.archive.record_rows import Journal
from hub.archive.values import Clip, Event, Snapshot

EventBody = EventStarted | EventUpdated | EventEnded

EVENT_COLUMNS = """events.id, change, event, nodes.name AS node, camera, kind, rank,
    events.started_ms, ended_ms, events.duration_ms, reason, fault, score, zones, parts,
    (SELECT count(DISTINCT part) FROM clips WHERE event_id = events.id) AS announced,
    (SELECT count(DISTINCT part) FROM clips
        WHERE event_id = events.id AND stored_ms IS NOT NULL) AS stored"""
CLIP_COLUMNS = """nodes.name AS node, event, part, hash, size_bytes, clips.duration_ms, codec,
    width, height, starts_ms, pre_roll_ms, stored_ms"""
CLIP_TABLES = "clips JOIN events ON events.id = event_id JOIN nodes ON nodes.id = events.node_id"
SNAPSHOT_COLUMNS = """nodes.name AS node, event, events.camera, snapshots.hash, size_bytes, width,
    height, taken_ms, box, stored_ms"""
SNAPSHOT_TABLES = (
    "snapshots JOIN events ON events.id = event_id JOIN nodes ON nodes.id = events.node_id"
)


def apply(db: sqlite3.Connection, journal: Journal, header: Header, body: EventBody) -> int | None:
    """Bring the record's event up to date. Returns its number if this record ended it."""
    facts = facts_of(header, body)
    row = db.execute(
        "SELECT * FROM events WHERE event = ? AND node_id = ?", (header.event, journal.node_id)
    ).fetchone()
    if row is None:
        number = _insert(db, journal, header, facts)
    else:
        number = row["id"]
        before = _facts_in(row)
        facts = merge(before, facts)
        _update(db, number, before, facts)
    if body_clip := body.clip if not isinstance(body, EventStarted) else None:
        _announce_clip(db, number, journal, header, body_clip)
    if body_snapshot := body.snapshot if not isinstance(body, EventUpdated) else None:
        _announce_snapshot(db, number, journal, header, body_snapshot)
    is_end = facts.rank == ENDED and (row is None or row["rank"] != ENDED)
    return number if is_end else None


def touch(db: sqlite3.Connection, number: int) -> None:
    """Give the event a new change number."""
    db.execute(
        "UPDATE events SET change = (SELECT max(change) + 1 FROM events) WHERE id = ?", (number,)
    )


def _insert(db: sqlite3.Connection, journal: Journal, header: Header, facts: EventFacts) -> int:
    (number,) = db.execute(
        "INSERT INTO events (change, event, node_id, camera, kind, rank, source_epoch, source_seq,"
        " started_ms, ended_ms, duration_ms, reason, fault, score, zones, parts)"
        " VALUES ((SELECT coalesce(max(change), 0) + 1 FROM events),"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (header.event, journal.node_id, *_columns_of(facts)),
    ).fetchone()
    _insert_zones(db, number, facts)
    return int(number)


def _update(db: sqlite3.Connection, number: int, before: EventFacts, facts: EventFacts) -> None:
    if facts != before:
        db.execute(
            "UPDATE events SET camera = ?, kind = ?, rank = ?, source_epoch = ?, source_seq = ?,"
            " started_ms = ?, ended_ms = ?, duration_ms = ?, reason = ?, fault = ?, score = ?,"
            " zones = ?, parts = ? WHERE id = ?",
            (*_columns_of(facts), number),
        )
        if (before.zones, before.started_ms) != (facts.zones, facts.started_ms):
            db.executemany(
                "DELETE FROM event_zones WHERE zone = ? AND started_ms = ? AND event_id = ?",
                [(zone, before.started_ms, number) for zone in before.zones],
            )
            _insert_zones(db, number, facts)
    touch(db, number)


def _insert_zones(db: sqlite3.Connection, number: int, facts: EventFacts) -> None:
    db.executemany(
        "INSERT INTO event_zones (zone, started_ms, event_id) VALUES (?, ?, ?)",
        [(zone, facts.started_ms, number) for zone in facts.zones],
    )


def _columns_of(facts: EventFacts) -> tuple[object, ...]:
    return (
        facts.camera, facts.kind, facts.rank, facts.epoch, facts.seq, facts.started_ms,
        facts.ended_ms, facts.duration_ms, facts.reason, facts.fault, facts.score,
        json.dumps(facts.zones), facts.parts,
    )  # fmt: skip


def _facts_in(row: sqlite3.Row) -> EventFacts:
    return EventFacts(
        row["rank"], row["source_epoch"], row["source_seq"], row["camera"], row["kind"],
        row["started_ms"], row["ended_ms"], row["duration_ms"], row["reason"], row["fault"],
        row["score"], tuple(json.loads(row["zones"])), row["parts"],
    )  # fmt: skip


def _announce_clip(
    db: sqlite3.Connection, number: int, journal: Journal, header: Header, clip: ClipRef
) -> None:
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


def _announce_snapshot(
    db: sqlite3.Connection, number: int, journal: Journal, header: Header, shot: SnapshotRef
) -> None:
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


def mark_snapshot(db: sqlite3.Connection, shot: Snapshot, now_utc: datetime) -> None:
    """Note that the bytes are kept; make it the camera's picture if it is the newest."""
    digest = bytes.fromhex(shot.sha256)
    row = db.execute(
        f"SELECT event_id, events.node_id, events.camera, epoch_id, seq FROM {SNAPSHOT_TABLES}"  # noqa: S608
        " WHERE event = ? AND nodes.name = ? AND snapshots.hash = ?",
        (shot.event, shot.node, digest),
    ).fetchone()
    if row is None:
        return
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
    touch(db, row["event_id"])


def event_in(row: sqlite3.Row) -> Event:
    """The event in a row of EVENT_COLUMNS."""
    return Event(
        number=row["id"],
        change=row["change"],
        id=row["event"],
        node=row["node"],
        camera=row["camera"],
        kind=row["kind"],
        state="ended" if row["rank"] == ENDED else "open",
        started_utc=from_ms(row["started_ms"]),
        ended_utc=None if row["ended_ms"] is None else from_ms(row["ended_ms"]),
        duration_ms=row["duration_ms"],
        zones=tuple(json.loads(row["zones"])),
        score=row["score"],
        parts=row["parts"],
        reason=row["reason"],
        fault=row["fault"],
        clips_announced=row["announced"],
        clips_stored=row["stored"],
    )


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
        stored_utc=None if row["stored_ms"] is None else from_ms(row["stored_ms"]),
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
        stored_utc=None if row["stored_ms"] is None else from_ms(row["stored_ms"]),
    )
