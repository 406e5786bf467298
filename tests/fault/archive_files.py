"""A hub's state folder as it lies on the disk: rows by sqlite3, files by their names and bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fault.history import Json, Key

Row = dict[str, Any]

RECORDS = """SELECT nodes.name AS node, epochs.epoch AS epoch, records.* FROM records
    JOIN epochs ON epochs.id = epoch_id JOIN nodes ON nodes.id = node_id ORDER BY epoch_id, seq"""
EPOCHS = "SELECT nodes.name AS node, epochs.* FROM epochs JOIN nodes ON nodes.id = node_id"
EVENTS = "SELECT nodes.name AS node, events.* FROM events JOIN nodes ON nodes.id = node_id"
CLIPS = """SELECT nodes.name AS node, event, clips.* FROM clips
    JOIN events ON events.id = event_id JOIN nodes ON nodes.id = events.node_id"""
SNAPSHOTS = """SELECT nodes.name AS node, event, snapshots.* FROM snapshots
    JOIN events ON events.id = event_id JOIN nodes ON nodes.id = events.node_id"""
KEYS = """SELECT name, public_key FROM nodes WHERE public_key IS NOT NULL UNION ALL
    SELECT name, retired_keys.public_key FROM retired_keys JOIN nodes ON nodes.id = node_id"""


@dataclass(frozen=True)
class Archived:
    """One archived record: its row, and what its payload says."""

    row: Row
    body: Json

    @property
    def key(self) -> Key:
        """Its identity by the columns, not by the payload."""
        return self.row["node"], self.row["epoch"], self.row["seq"]

    @property
    def hash(self) -> str:
        """The SHA-256 of its payload, computed here."""
        return hashlib.sha256(self.row["payload"]).hexdigest()


@dataclass(frozen=True)
class HubFiles:
    """Everything that the checker looks at of a hub."""

    folder: Path
    records: list[Archived]
    epochs: list[Row]
    events: list[Row]
    clips: list[Row]
    snapshots: list[Row]
    keys: dict[str, list[bytes]]
    """Public keys of each node, retired ones too."""
    is_sound: str
    """What SQLite's integrity check says; ok for a sound file."""

    def media(self, kind: str, suffix: str) -> dict[str, Path]:
        """The visible files of clips or snapshots, by the hash in their names."""
        return {path.stem: path for path in (self.folder / kind).rglob(f"*{suffix}")}

    def parts(self) -> list[Path]:
        """Unfinished files, wherever they lie."""
        return sorted(self.folder.rglob("*.part"))


def read_hub(folder: Path) -> HubFiles:
    """Read the state folder of a hub, which may be running."""
    uri = f"{(folder / 'archive.sqlite').absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        db.execute("BEGIN")  # one snapshot for all questions
        records = _rows(db, RECORDS)
        keys: dict[str, list[bytes]] = {}
        for name, key in db.execute(KEYS):
            keys.setdefault(name, []).append(bytes(key))
        return HubFiles(
            folder,
            [Archived(row, json.loads(row["payload"])) for row in records],
            _rows(db, EPOCHS),
            _rows(db, EVENTS),
            _rows(db, CLIPS),
            _rows(db, SNAPSHOTS),
            keys,
            "; ".join(row[0] for row in db.execute("PRAGMA integrity_check")),
        )


def _rows(db: sqlite3.Connection, query: str) -> list[Row]:
    return [dict(row) for row in db.execute(query)]


def file_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
