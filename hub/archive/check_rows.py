"""Going over all that is archived, for checking it."""

from __future__ import annotations

import sqlite3

from hub.archive.media_rows import (
    CLIP_COLUMNS,
    CLIP_TABLES,
    SNAPSHOT_COLUMNS,
    SNAPSHOT_TABLES,
    clip_in,
    snapshot_in,
)
from hub.archive.record_rows import STORED_COLUMNS, STORED_TABLES, stored_in
from hub.archive.values import Clip, RecordKey, Snapshot, StoredRecord

MAX_FOUND = 100  # of each kind of damage


def integrity(db: sqlite3.Connection, *, is_full: bool) -> list[str]:
    """What SQLite finds wrong with its file; nothing for a sound one."""
    check = "integrity_check" if is_full else "quick_check"
    try:
        found = [str(row[0]) for row in db.execute(f"PRAGMA {check}({MAX_FOUND})")]
    except sqlite3.DatabaseError as err:
        return [str(err)]
    except UnicodeDecodeError:  # SQLite's message repeats what a damaged file holds
        return ["its schema is no text"]
    return [] if found == ["ok"] else found


def broken_links(db: sqlite3.Connection) -> list[str]:
    """Neighbours in a journal that do not continue each other, and heads that are not there, by
    the columns alone."""
    links = db.execute(
        "SELECT name, epochs.epoch, later.seq FROM records AS earlier JOIN records AS later"
        " ON later.epoch_id = earlier.epoch_id AND later.seq = earlier.seq + 1"
        " JOIN epochs ON epochs.id = later.epoch_id JOIN nodes ON nodes.id = node_id"
        " WHERE later.prev IS NOT earlier.hash LIMIT ?",
        (MAX_FOUND,),
    )
    found = [f"{_where(row)} breaks the chain" for row in links]
    heads = db.execute(
        "SELECT name, epochs.epoch, upto FROM epochs JOIN nodes ON nodes.id = node_id"
        " WHERE upto > 0 AND NOT EXISTS (SELECT 1 FROM records WHERE epoch_id = epochs.id"
        " AND seq = upto AND hash = head) LIMIT ?",
        (MAX_FOUND,),
    )
    return found + [f"{_where(row)}, its head, is not there" for row in heads]


def _where(row: sqlite3.Row) -> str:
    node, epoch, seq = row
    return f"{node}, journal {epoch}: record {seq}"


def records_after(db: sqlite3.Connection, after: RecordKey, limit: int) -> list[StoredRecord]:
    """Records in the order of their keys, journal by journal."""
    rows = db.execute(
        f"SELECT {STORED_COLUMNS} FROM {STORED_TABLES}"  # noqa: S608 - ours
        " WHERE (epoch_id, seq) > (?, ?) ORDER BY epoch_id, seq LIMIT ?",
        (*after, limit),
    )
    return [stored_in(row) for row in rows]


def public_keys(db: sqlite3.Connection, node: str) -> list[bytes]:
    """All keys that the node's records may be signed with, retired ones too."""
    rows = db.execute(
        "SELECT public_key FROM nodes WHERE name = :node AND public_key IS NOT NULL"
        " UNION SELECT retired_keys.public_key FROM retired_keys"
        " JOIN nodes ON nodes.id = node_id WHERE name = :node",
        {"node": node},
    )
    return [bytes(key) for (key,) in rows]


def media(db: sqlite3.Connection) -> tuple[list[Clip], list[Snapshot]]:
    """All that were announced."""
    clips = db.execute(f"SELECT {CLIP_COLUMNS} FROM {CLIP_TABLES}")  # noqa: S608 - ours
    snapshots = db.execute(f"SELECT {SNAPSHOT_COLUMNS} FROM {SNAPSHOT_TABLES}")  # noqa: S608
    return [clip_in(row) for row in clips], [snapshot_in(row) for row in snapshots]
