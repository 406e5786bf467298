"""Rows of events and their zones, kept in step with the archived records."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from edge.contract.parts import SnapshotRef
from edge.contract.record import (
    CameraFound,
    CameraLost,
    CameraTampered,
    EventEnded,
    EventLabelled,
    EventUpdated,
    Header,
)
from hub.archive import camera_rows, label_rows, media_rows, note_rows, tamper_rows
from hub.archive.boot_rows import Boot, BootBook
from hub.archive.event_state import (
    ENDED,
    NS_IN_MS,
    EventBody,
    EventFacts,
    Moment,
    Start,
    facts_of,
    from_ms,
    merge,
)
from hub.archive.placing import Place, place
from hub.archive.record_rows import Journal
from hub.archive.values import Event

# Of an event whose time is only bounded: the newest time at which an earlier boot surely ran, and
# the latest that fits the receipt of every record of its own boot.
EARLIEST = """SELECT max(earlier.known_ms) FROM boots AS mine
    JOIN boots AS earlier ON earlier.node_id = mine.node_id
    WHERE mine.id = boot_id AND (earlier.first_epoch_id, earlier.first_seq)
        < (mine.first_epoch_id, mine.first_seq)"""
LATEST = "SELECT latest_zero_ms + mono_ns / 1000000 FROM boots WHERE boots.id = boot_id"
EVENT_COLUMNS = f"""events.id, change, event, nodes.name AS node, events.camera, kind, rank,
    events.started_ms, ended_ms, events.duration_ms, reason, fault, score, zones, parts,
    claimed_ms, ended_claimed_ms, clock, error_ms, placed, mark, labels,
    ({tamper_rows.FAULT}) AS tampering, ({tamper_rows.OUTCOME}) AS tamper_outcome,
    CASE placed WHEN 'bounded' THEN ({EARLIEST}) END AS earliest_ms,
    CASE placed WHEN 'bounded' THEN ({LATEST}) END AS latest_ms,
    (SELECT count(DISTINCT part) FROM clips WHERE event_id = events.id) AS announced,
    (SELECT count(DISTINCT part) FROM clips
        WHERE event_id = events.id AND stored_ms IS NOT NULL) AS stored,
    (SELECT count(DISTINCT part) FROM clips WHERE event_id = events.id AND stored_ms IS NULL
        AND ({media_rows.LOST_CAUSE.format("clips")}) IS NOT NULL) AS lost"""  # noqa: S608 - ours


def apply(
    db: sqlite3.Connection, boots: BootBook, journal: Journal, header: Header, body: EventBody
) -> int | None:
    """Bring the record's event up to date. Returns its number if this record ended it."""
    facts = facts_of(header, body)
    row = db.execute(
        "SELECT events.*, boots.boot FROM events LEFT JOIN boots ON boots.id = boot_id"
        " WHERE event = ? AND events.node_id = ?",
        (header.event, journal.node_id),
    ).fetchone()
    if row is None:
        number = _insert(db, boots, journal, header, facts)
    else:
        number = row["id"]
        before = _facts_in(row)
        facts = merge(before, facts)
        if facts != before:
            put(db, boots, row, facts)
        touch(db, number)
    if isinstance(body, EventUpdated | EventEnded) and body.clip is not None:
        media_rows.announce_clip(db, number, journal, header, body.clip)
    for shot in _snapshots_in(body):
        media_rows.announce_snapshot(db, number, journal, header, shot)
    is_end = facts.rank == ENDED and (row is None or row["rank"] != ENDED)
    return number if is_end else None


def _snapshots_in(body: EventBody) -> list[SnapshotRef]:
    if isinstance(body, EventUpdated | EventLabelled | CameraLost | CameraFound):
        return []
    shots = (body.before, body.after) if isinstance(body, CameraTampered) else (body.snapshot,)
    return [each for each in shots if each is not None]


def touch(db: sqlite3.Connection, number: int) -> None:
    """Give the event a new change number."""
    db.execute(
        "UPDATE events SET change = (SELECT max(change) + 1 FROM events) WHERE id = ?", (number,)
    )


def touch_event(db: sqlite3.Connection, node_id: int, event: str) -> None:
    """The same by the event's id, if it is known."""
    db.execute(
        "UPDATE events SET change = (SELECT max(change) + 1 FROM events)"
        " WHERE event = ? AND node_id = ?",
        (event, node_id),
    )


def put(db: sqlite3.Connection, boots: BootBook, row: sqlite3.Row, facts: EventFacts) -> None:
    """Write the facts of an event over its `row`, and keep its zones in step."""
    values = _columns_of(db, boots, row["node_id"], facts)
    db.execute(
        f"UPDATE events SET {' = ?, '.join(FACT_COLUMNS)} = ? WHERE id = ?",  # noqa: S608 - ours
        (*values.values(), row["id"]),
    )
    zones, labels = tuple(json.loads(row["zones"])), label_rows.labels_in(row)
    before, after = ((each["camera_id"], each["started_ms"]) for each in (row, values))
    if (zones, before) != (facts.zones, after):
        _delete_zones(db, row["id"], zones, row["started_ms"])
        _insert_zones(db, row["id"], facts.zones, *after)
    if (labels, before) != (facts.labels, after):
        label_rows.delete(db, row["id"], labels, row["started_ms"])
        label_rows.insert(db, row["id"], facts.labels, *after)
    if before != after:
        note_rows.move(db, row["id"])


def place_again(db: sqlite3.Connection, boot: Boot) -> None:
    """Place the events that this boot's clock stamped before it was set."""
    rows = db.execute(
        "SELECT * FROM events WHERE boot_id = ? AND clock = 'unsynced'",
        (boot.id,),
    ).fetchall()
    for row in rows:
        start = place(_moment_in(row), boot.anchor, boot.latest_zero_ms)
        if (start.ms, start.placed) == (row["started_ms"], row["placed"]):
            continue
        ended_ms = _end_ms(start, row["mono_ns"], row["ended_claimed_ms"], row["ended_mono_ns"])
        db.execute(
            "UPDATE events SET started_ms = ?, ended_ms = ?, placed = ?, error_ms = ? WHERE id = ?",
            (start.ms, ended_ms, start.placed, start.error_ms, row["id"]),
        )
        zones = tuple(json.loads(row["zones"]))
        _delete_zones(db, row["id"], zones, row["started_ms"])
        _insert_zones(db, row["id"], zones, row["camera_id"], start.ms)
        labels = label_rows.labels_in(row)
        label_rows.delete(db, row["id"], labels, row["started_ms"])
        label_rows.insert(db, row["id"], labels, row["camera_id"], start.ms)
        note_rows.move(db, row["id"])
        touch(db, row["id"])


def _insert(
    db: sqlite3.Connection, boots: BootBook, journal: Journal, header: Header, facts: EventFacts
) -> int:
    values = _columns_of(db, boots, journal.node_id, facts)
    marks = ", ".join("?" * len(values))
    (number,) = db.execute(
        f"INSERT INTO events (change, event, node_id, {', '.join(FACT_COLUMNS)})"  # noqa: S608
        f" VALUES ((SELECT coalesce(max(change), 0) + 1 FROM events), ?, ?, {marks})"
        " RETURNING id",
        (header.event, journal.node_id, *values.values()),
    ).fetchone()
    _insert_zones(db, number, facts.zones, values["camera_id"], values["started_ms"])
    label_rows.insert(db, number, facts.labels, values["camera_id"], values["started_ms"])
    return int(number)


def _insert_zones(
    db: sqlite3.Connection,
    number: int,
    zones: tuple[str, ...],
    camera_id: object,
    started_ms: object,
) -> None:
    db.executemany(
        "INSERT INTO event_zones (zone, started_ms, event_id, camera_id) VALUES (?, ?, ?, ?)",
        [(zone, started_ms, number, camera_id) for zone in zones],
    )


def _delete_zones(
    db: sqlite3.Connection, number: int, zones: tuple[str, ...], started_ms: int
) -> None:
    db.executemany(
        "DELETE FROM event_zones WHERE zone = ? AND started_ms = ? AND event_id = ?",
        [(zone, started_ms, number) for zone in zones],
    )


FACT_COLUMNS = (
    "camera", "camera_id", "kind", "rank", "source_epoch", "source_seq", "start_rank",
    "start_epoch", "start_seq", "boot_id", "clock", "clock_error_ms", "claimed_ms", "mono_ns",
    "told_ms",
    "ended_claimed_ms", "ended_mono_ns", "started_ms", "ended_ms", "placed", "error_ms",
    "duration_ms", "reason", "fault", "score", "zones", "parts",
    "labels", "labels_epoch", "labels_seq",
)  # fmt: skip


def _columns_of(
    db: sqlite3.Connection, boots: BootBook, node_id: int, facts: EventFacts
) -> dict[str, object]:
    """What stands in FACT_COLUMNS, in that order."""
    start = facts.start
    boot = boots.boot(node_id, start.boot)
    moment = start.moment
    placed = place(moment, boot.anchor, boot.latest_zero_ms)
    ended_ms = _end_ms(placed, moment.mono_ns, facts.ended_ms, facts.ended_mono_ns)
    values = (
        facts.camera, camera_rows.id_of(db, node_id, facts.camera), facts.kind, facts.rank,
        facts.epoch, facts.seq, start.rank, start.epoch, start.seq, boot.id, moment.clock,
        moment.error_ms, moment.claimed_ms, moment.mono_ns,
        moment.told_ms, facts.ended_ms, facts.ended_mono_ns, placed.ms, ended_ms, placed.placed,
        placed.error_ms,
        facts.duration_ms, facts.reason, facts.fault, facts.score, json.dumps(facts.zones),
        facts.parts, *label_rows.values_of(facts.labels),
    )  # fmt: skip
    return dict(zip(FACT_COLUMNS, values, strict=True))


def _end_ms(
    start: Place, mono_ns: int, ended_claimed_ms: int | None, ended_mono_ns: int | None
) -> int | None:
    if start.placed == "claimed" or ended_mono_ns is None:
        return ended_claimed_ms
    return start.ms + (ended_mono_ns - mono_ns) // NS_IN_MS


def _moment_in(row: sqlite3.Row) -> Moment:
    return Moment(
        row["clock"], row["clock_error_ms"], row["claimed_ms"], row["mono_ns"], row["told_ms"]
    )


def _facts_in(row: sqlite3.Row) -> EventFacts:
    start = Start(
        row["start_rank"], row["start_epoch"], row["start_seq"], row["boot"], _moment_in(row)
    )
    return EventFacts(
        row["rank"], row["source_epoch"], row["source_seq"], row["camera"], row["kind"], start,
        row["ended_claimed_ms"], row["ended_mono_ns"], row["duration_ms"], row["reason"],
        row["fault"], row["score"], tuple(json.loads(row["zones"])), row["parts"],
        label_rows.labels_in(row),
    )  # fmt: skip


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
        started_claimed_utc=from_ms(row["claimed_ms"]),
        ended_utc=_moment(row["ended_ms"]),
        ended_claimed_utc=_moment(row["ended_claimed_ms"]),
        clock=row["clock"],
        placed=row["placed"],
        error_ms=row["error_ms"],
        earliest_utc=_moment(row["earliest_ms"]),
        latest_utc=_moment(row["latest_ms"]),
        duration_ms=row["duration_ms"],
        zones=tuple(json.loads(row["zones"])),
        score=row["score"],
        parts=row["parts"],
        reason=row["reason"],
        fault=row["fault"],
        clips_announced=row["announced"],
        clips_stored=row["stored"],
        clips_lost=row["lost"],
        mark=row["mark"],
        labels=label_rows.told_in(row),
        tampering=row["tampering"],
        tamper_outcome=row["tamper_outcome"],
    )


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_ms(millis)
