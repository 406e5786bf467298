"""Rows of nodes, accounts, counters and quarantined messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from hub.archive import camera_rows, gap_rows, health_rows, media_search
from hub.archive.event_state import from_ms, to_ms
from hub.archive.node_values import GapFilter, NodePulse, NodeState
from hub.archive.record_rows import journals_of, node_id_of
from hub.archive.values import Credential, HealthNote, Quarantined, Refusal, StatusNote

MAX_QUARANTINED = 1000
MAX_QUARANTINED_BYTES = 8 * 1024
MAX_DETAIL = 300  # characters


def note_status(db: sqlite3.Connection, note: StatusNote) -> None:
    """Keep what a node said of itself; `since` moves only when its state or boot changes."""
    node_id, now_ms = node_id_of(db, note.node), to_ms(note.received_utc)
    status = note.status
    db.execute(
        "UPDATE nodes SET state_since_ms = CASE WHEN state IS ? AND boot IS ?"
        " THEN state_since_ms ELSE ? END,"
        " state = ?, version = ?, boot = ?, epoch = ?, cameras = ? WHERE id = ?",
        (
            status.state, status.boot, now_ms, status.state, status.version, status.boot,
            status.epoch, json.dumps(status.cameras), node_id,
        ),
    )  # fmt: skip
    for camera in status.cameras:
        camera_rows.id_of(db, node_id, camera)


def note_health(db: sqlite3.Connection, note: HealthNote) -> None:
    """Keep a node's newest health report, and a sample of it for later."""
    node_id = node_id_of(db, note.node)
    db.execute(
        "UPDATE nodes SET health = ?, health_ms = ? WHERE id = ?",
        (note.payload, to_ms(note.received_utc), node_id),
    )
    health_rows.note(db, node_id, note)


def add_counts(db: sqlite3.Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to counters."""
    db.executemany(
        "INSERT INTO counters (counter, node, count) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET count = count + excluded.count",
        [(counter, node, number) for (counter, node), number in counts.items()],
    )


def quarantine(db: sqlite3.Connection, refusals: Iterable[Refusal]) -> None:
    """Keep the beginnings of refused messages, the newest MAX_QUARANTINED of them."""
    db.executemany(
        "INSERT INTO quarantine (received_ms, topic, node, reason, detail, size_bytes, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                to_ms(each.received_utc), each.topic[:MAX_DETAIL], each.node, each.reason,
                each.detail[:MAX_DETAIL], len(each.payload), each.payload[:MAX_QUARANTINED_BYTES],
            )
            for each in refusals
        ],
    )  # fmt: skip
    db.execute(
        "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?",
        (MAX_QUARANTINED,),
    )


def quarantined(db: sqlite3.Connection, limit: int) -> list[Quarantined]:
    """The newest refused messages."""
    rows = db.execute("SELECT * FROM quarantine ORDER BY id DESC LIMIT ?", (limit,))
    return [
        Quarantined(
            row["topic"],
            row["reason"],
            row["detail"],
            bytes(row["payload"]),
            row["size_bytes"],
            from_ms(row["received_ms"]),
        )
        for row in rows
    ]


def put_credential(db: sqlite3.Connection, account: Credential) -> None:
    """Add or replace an account; a node's also gets its row."""
    db.execute(
        "INSERT INTO credentials (name, role, secret_hash, mqtt_hash, added_ms)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role,"
        " secret_hash = excluded.secret_hash, mqtt_hash = excluded.mqtt_hash,"
        " added_ms = excluded.added_ms",
        (
            account.name, account.role, account.secret_sha256, account.mqtt_hash,
            to_ms(account.added_utc),
        ),
    )  # fmt: skip
    note_account_change(db)
    if account.role == "node":
        node_id = node_id_of(db, account.name)
        db.execute(
            "UPDATE nodes SET enrolled_ms = NULL, revoked_ms = NULL WHERE id = ?", (node_id,)
        )


def note_account_change(db: sqlite3.Connection) -> None:
    """Tell whoever looks at `accounts_version`."""
    db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'accounts'")


def accounts_version(db: sqlite3.Connection) -> int:
    """Rises with every change of an account."""
    row = db.execute("SELECT value FROM meta WHERE key = 'accounts'").fetchone()
    return 0 if row is None else int(row["value"])


def retire_key(db: sqlite3.Connection, node: str, now_ms: int) -> None:
    """Unpin the node's key; it is kept for proving the records that it signed."""
    db.execute(
        "INSERT INTO retired_keys (node_id, public_key, pinned_ms, retired_ms)"
        " SELECT id, public_key, pinned_ms, ? FROM nodes"
        " WHERE name = ? AND public_key IS NOT NULL",
        (now_ms, node),
    )
    db.execute("UPDATE nodes SET public_key = NULL, pinned_ms = NULL WHERE name = ?", (node,))


def credentials(db: sqlite3.Connection, name: str | None = None) -> list[Credential]:
    """All accounts by name, or the one of that name."""
    rows = db.execute(
        "SELECT * FROM credentials WHERE name = coalesce(?, name) ORDER BY name", (name,)
    )
    return [
        Credential(
            row["name"],
            row["role"],
            bytes(row["secret_hash"]),
            row["mqtt_hash"],
            from_ms(row["added_ms"]),
        )
        for row in rows
    ]


def nodes(db: sqlite3.Connection) -> list[NodeState]:
    """Every node by name."""
    counts: dict[str, dict[str, int]] = {}
    for (counter, node), number in all_counts(db).items():
        counts.setdefault(node, {})[counter] = number
    rows = db.execute("SELECT * FROM nodes ORDER BY name").fetchall()
    return [_node_in(db, row, counts.get(row["name"], {})) for row in rows]


def _node_in(db: sqlite3.Connection, row: sqlite3.Row, counts: dict[str, int]) -> NodeState:
    def moment(column: str) -> object:
        return None if row[column] is None else from_ms(row[column])

    times = {
        "since_utc": moment("state_since_ms"),
        "last_record_utc": moment("last_record_ms"),
        "health_utc": moment("health_ms"),
    }
    return NodeState(
        name=row["name"],
        public_key=row["public_key"],
        state=row["state"] or "never seen",
        version=row["version"],
        boot=row["boot"],
        epoch=row["epoch"],
        cameras=tuple(json.loads(row["cameras"] or "[]")),
        health=row["health"],
        journals=journals_of(db, row["id"]),
        lost_records=gap_rows.count_lost(db, row["id"]),
        lost_files=len(media_search.lost_files(db, GapFilter(node=row["name"]))),
        counts=counts,
        **times,  # type: ignore[arg-type]  # columns of times
    )


def pulses(db: sqlite3.Connection) -> dict[str, NodePulse]:
    """Every node's pulse."""
    rows = db.execute("SELECT name, state, boot, cameras, health_ms FROM nodes")
    return {row[0]: NodePulse(row[1] or "never seen", *tuple(row)[2:]) for row in rows}


def all_counts(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """All counters by (counter, node)."""
    rows = db.execute("SELECT counter, node, count FROM counters ORDER BY counter, node")
    return {(row["counter"], row["node"]): row["count"] for row in rows}
