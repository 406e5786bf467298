"""Makes again, from the records, what an older version of the hub did not derive from them."""

from __future__ import annotations

import logging
import sqlite3
from functools import reduce

from edge.base import sqlite
from edge.contract import record
from edge.contract.errors import ContractError
from edge.contract.record import CameraTampered, Record
from hub.archive import event_rows, hour_rows, name_rows, note_rows
from hub.archive.derive import Deriver
from hub.archive.event_state import EventBody, facts_of, merge
from hub.archive.record_rows import RecordWriter

logger = logging.getLogger(__name__)

DERIVED = "4"  # raise it when what is derived changes
CHUNK = 1000


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Derive again unless this version, or a newer one, did. Starts over after an interruption."""
    _derive_again(db)
    row = db.execute("SELECT value FROM meta WHERE key = 'folding'").fetchone()
    if row is None or row["value"] != note_rows.FOLDING:
        with sqlite.transaction(db):
            note_rows.index_all(db)
            name_rows.make_all(db)
            _set_meta(db, "folding", note_rows.FOLDING)
    row = db.execute("SELECT value FROM meta WHERE key = 'hours'").fetchone()
    if row is None or row["value"] != hour_rows.SUMMING:
        with sqlite.transaction(db):
            hour_rows.make_all(db)
            _set_meta(db, "hours", hour_rows.SUMMING)


def _set_meta(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET value = excluded.value",
        (key, value),
    )


def _derive_again(db: sqlite3.Connection) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'derived'").fetchone()
    if row is not None and int(row["value"]) >= int(DERIVED):
        return
    (count,) = db.execute("SELECT count(*) FROM records").fetchone()
    if count:
        logger.info("upgrading the archive: reading %d records again", count)
    last = 0
    while (last_taken := _take_chunk(db, last)) is not None:
        last = last_taken
    last = 0
    while (last_taken := _mend_chunk(db, last)) is not None:
        last = last_taken
    with sqlite.transaction(db):
        _set_meta(db, "derived", DERIVED)


def _take_chunk(db: sqlite3.Connection, after: int) -> int | None:
    """Derive from the next records all but events; the number of the last, None for none."""
    with sqlite.transaction(db):
        rows = db.execute(
            "SELECT records.id, received_ms, payload, name, epochs.epoch FROM records"
            " JOIN epochs ON epochs.id = epoch_id JOIN nodes ON nodes.id = node_id"
            " WHERE records.id > ? ORDER BY records.id LIMIT ?",
            (after, CHUNK),
        ).fetchall()
        writer = RecordWriter(db)
        deriver = Deriver(db, writer, are_fresh=False)
        for row in rows:
            found = _decoded(bytes(row["payload"]))
            is_event = found is not None and isinstance(found.body, EventBody)
            if found is not None and (not is_event or isinstance(found.body, CameraTampered)):
                deriver.take(writer.journal(row["name"], row["epoch"]), found, row["received_ms"])
            elif found is not None:
                journal = writer.journal(row["name"], row["epoch"])
                deriver.boots.note(
                    journal.node_id, journal.id, found.header, found.body, row["received_ms"]
                )
        deriver.finish()
        writer.flush()
        return rows[-1]["id"] if rows else None


def _mend_chunk(db: sqlite3.Connection, after: int) -> int | None:
    """Put the next events together from their records; the number of the last, None for none."""
    with sqlite.transaction(db):
        rows = db.execute(
            "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (after, CHUNK)
        ).fetchall()
        deriver = Deriver(db, RecordWriter(db), are_fresh=False)
        for row in rows:
            payloads = db.execute(
                "SELECT payload FROM records JOIN epochs ON epochs.id = epoch_id"
                " WHERE event = ? AND node_id = ?",
                (row["event"], row["node_id"]),
            )
            records = [_decoded(bytes(payload)) for (payload,) in payloads]
            facts = [
                facts_of(each.header, each.body)
                for each in records
                if each and isinstance(each.body, EventBody)
            ]
            if facts:
                event_rows.put(db, deriver.boots, row, reduce(merge, facts))
        return rows[-1]["id"] if rows else None


def _decoded(payload: bytes) -> Record | None:
    try:
        return record.decode(payload)
    except ContractError:  # taken by a version that knew better, or less
        return None
