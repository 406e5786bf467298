"""A node's state folder as it lies on the disk, read with sqlite3 alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.fault.archive_files import Row
from tests.fault.history import Json


@dataclass(frozen=True)
class NodeFiles:
    """What a node still holds."""

    folder: Path
    journal: Row
    records: list[Row]
    files: list[Row]
    open_events: list[str]
    is_sound: str

    @property
    def spool(self) -> Path:
        """Where its clips and snapshots lie."""
        return self.folder / "spool"

    def hashes(self) -> dict[str, Json]:
        """What its journal holds, by the hash computed here."""
        return {
            hashlib.sha256(row["payload"]).hexdigest(): json.loads(row["payload"])
            for row in self.records
        }

    def seen(self) -> list[str]:
        """Names of the spool's files, the unfinished ones too."""
        return sorted(path.name for path in self.spool.iterdir()) if self.spool.exists() else []


def read_node(folder: Path) -> NodeFiles:
    """Read the state folder of a node that does not run."""
    uri = f"{(folder / 'journal.db').absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        return NodeFiles(
            folder,
            dict(db.execute("SELECT * FROM journal").fetchone()),
            [dict(row) for row in db.execute("SELECT * FROM records ORDER BY seq")],
            [dict(row) for row in db.execute("SELECT * FROM files ORDER BY name")],
            [row["event"] for row in db.execute("SELECT event FROM open_events ORDER BY event")],
            "; ".join(row[0] for row in db.execute("PRAGMA integrity_check")),
        )
