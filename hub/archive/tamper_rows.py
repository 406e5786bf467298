"""Rows of tampering: what was wrong with a camera, by the event that tells of it.

The two records of a tampering may come in any order, and before the event's own.
"""

from __future__ import annotations

import sqlite3

from edge.contract.record import CameraRestored, CameraTampered, Header
from hub.archive.record_rows import Journal

_OF_EVENT = "FROM tamperings WHERE node_id = events.node_id AND event = events.event"
FAULT = f"SELECT fault {_OF_EVENT}"  # - ours
OUTCOME = f"SELECT outcome {_OF_EVENT}"  # - ours


def tell(db: sqlite3.Connection, journal: Journal, header: Header, body: CameraTampered) -> None:
    """Keep what is wrong. Idempotent."""
    db.execute(
        "INSERT INTO tamperings (node_id, event, fault) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (journal.node_id, header.event, body.fault),
    )


def restore(db: sqlite3.Connection, journal: Journal, header: Header, body: CameraRestored) -> None:
    """Keep how it ended. Idempotent."""
    db.execute(
        "INSERT INTO tamperings (node_id, event, fault, outcome) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET outcome = excluded.outcome",
        (journal.node_id, header.event, body.fault, body.outcome),
    )
