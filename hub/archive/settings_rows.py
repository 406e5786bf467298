"""Rows of nodes' settings: versions are only added, and what became of them is noted."""

from __future__ import annotations

import json
import sqlite3

from edge.base import schema
from edge.contract import applied as applied_documents
from edge.contract import wanted as wanted_documents
from edge.contract.applied import FieldProblem
from edge.contract.errors import ContractError
from hub.archive.event_state import from_ms, to_ms
from hub.archive.settings_values import AppliedNote, SettingsVersion

PROOFS = {"local": None, "pending": None, "trial": "trial", "applied": "applied"}
ABOUT_OTHERS = frozenset({"older", "conflict", "signature", "node", "too_large", "malformed"})
"""Reasons of a failure that tell of a message, not of a version that this hub made."""
NEWEST = "version = (SELECT max(version) FROM settings_versions AS of WHERE of.node = one.node)"


def versions(db: sqlite3.Connection, node: str, limit: int) -> list[SettingsVersion]:
    """A node's versions, newest first."""
    rows = db.execute(
        "SELECT * FROM settings_versions WHERE node = ? ORDER BY version DESC LIMIT ?",
        (node, limit),
    )
    return [_version_in(row) for row in rows]


def version(db: sqlite3.Connection, node: str, number: int) -> SettingsVersion | None:
    """One of a node's versions."""
    row = db.execute(
        "SELECT * FROM settings_versions WHERE node = ? AND version = ?", (node, number)
    ).fetchone()
    return None if row is None else _version_in(row)


def newest(db: sqlite3.Connection, *, after: int = 0) -> list[SettingsVersion]:
    """Each node's newest version, of those with a number above `after`, by number."""
    rows = db.execute(
        f"SELECT * FROM settings_versions AS one WHERE id > ? AND {NEWEST} ORDER BY id",  # noqa: S608 - ours
        (after,),
    )
    return [_version_in(row) for row in rows]


def add(db: sqlite3.Connection, given: SettingsVersion) -> SettingsVersion:
    """Keep a version; the row's number is made here."""
    row = db.execute(
        "INSERT INTO settings_versions (node, version, made_ms, user, note, undoes, payload, state,"
        " state_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 'wanted', ?) RETURNING *",
        (
            given.node, given.version, to_ms(given.made_utc), given.user, given.note,
            given.undoes, given.payload, to_ms(given.made_utc),
        ),
    ).fetchone()  # fmt: skip
    return _version_in(row)


def applied(db: sqlite3.Connection, node: str | None = None) -> dict[str, AppliedNote]:
    """What each node, or that one, said last of its settings."""
    rows = db.execute("SELECT * FROM settings_applied WHERE node = coalesce(?, node)", (node,))
    found = {}
    for row in rows:
        payload = bytes(row["payload"])
        try:
            value = applied_documents.decode(payload)
        except ContractError:  # kept by another version of the hub
            continue
        found[row["node"]] = AppliedNote(value, payload, from_ms(row["received_ms"]))
    return found


def note_applied(db: sqlite3.Connection, note: AppliedNote) -> None:
    """Keep what a node says, and what that means for the versions."""
    said, now_ms = note.applied, to_ms(note.received_utc)
    db.execute(
        "INSERT INTO settings_applied (node, payload, received_ms) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET payload = excluded.payload, received_ms = excluded.received_ms",
        (said.node, note.payload, now_ms),
    )
    if (state := PROOFS[said.state]) is not None:
        _put_state(db, said.node, said.version, state, now_ms)
    failure = said.failure
    if failure is not None and failure.reason not in ABOUT_OTHERS:
        _put_state(db, said.node, failure.version, failure.outcome, now_ms)
        db.execute(
            "UPDATE settings_versions SET reason = ?, detail = ?, problems = ?"
            " WHERE node = ? AND version = ?",
            (
                failure.reason, failure.detail, json.dumps(schema.dump(failure.problems)),
                said.node, failure.version,
            ),
        )  # fmt: skip
    db.execute(  # what a later one took the place of
        "UPDATE settings_versions SET state_ms = ?,"
        " state = CASE state WHEN 'trial' THEN 'applied' ELSE 'wanted' END"
        " WHERE node = ? AND version < ? AND state IN ('trial', 'pending') AND version != ?",
        (now_ms, said.node, said.seen, said.version),
    )
    if said.state == "pending" and (failure is None or failure.version < said.seen):
        _put_state(db, said.node, said.seen, "pending", now_ms)


def _put_state(
    db: sqlite3.Connection, node: str, version_number: int, state: str, now_ms: int
) -> None:
    db.execute(
        "UPDATE settings_versions SET state = ?, state_ms = ?"
        " WHERE node = ? AND version = ? AND state != ?",
        (state, now_ms, node, version_number, state),
    )


def _version_in(row: sqlite3.Row) -> SettingsVersion:
    payload = bytes(row["payload"])
    problems = json.loads(row["problems"] or "[]")
    return SettingsVersion(
        number=row["id"],
        node=row["node"],
        version=row["version"],
        made_utc=from_ms(row["made_ms"]),
        user=row["user"],
        note=row["note"],
        undoes=row["undoes"],
        settings=wanted_documents.decode(payload).settings,
        payload=payload,
        state=row["state"],
        state_utc=from_ms(row["state_ms"]),
        reason=row["reason"],
        detail=row["detail"],
        problems=tuple(FieldProblem(**each) for each in problems),
    )
