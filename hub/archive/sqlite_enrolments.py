"""How nodes join and leave, in the SQLite archive."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from hub.archive import node_rows, record_rows, sqlite_audit
from hub.archive.audit import Deed
from hub.archive.enrolments import (
    Beginning,
    Enrolment,
    NewEnrolment,
    Standing,
    StandingError,
    TokenStateError,
)
from hub.archive.event_state import from_ms, to_ms
from hub.archive.sqlite_file import SqliteFile
from hub.archive.values import Credential


class SqliteEnrolments:
    """`Enrolments`; see there."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def begin(
        self, enrolments: Sequence[NewEnrolment], how: Beginning, deeds: Sequence[Deed]
    ) -> None:
        now_ms = to_ms(deeds[0].at_utc)
        nodes = [each.node for each in enrolments]
        with self._file.writing() as db:
            _check(db, nodes, how, now_ms)
            for each in enrolments:
                record_rows.node_id_of(db, each.node)
                _close(db, each.node, "newer", now_ms)
                db.execute(
                    "INSERT INTO enrolments (token_hash, node, made_ms, expires_ms)"
                    " VALUES (?, ?, ?, ?)",
                    (each.token_hash, each.node, now_ms, to_ms(each.expires_utc)),
                )
                db.execute(
                    "INSERT INTO node_cameras (node, sealed) VALUES (?, ?)"
                    " ON CONFLICT DO UPDATE SET sealed = excluded.sealed",
                    (each.node, each.sealed),
                )
                if how == "replace_now":
                    _shut_out(db, each.node, now_ms)
            sqlite_audit.add(db, deeds)

    def check(self, nodes: Sequence[str], how: Beginning, now_utc: datetime) -> None:
        with self._file.reading() as db:
            _check(db, nodes, how, to_ms(now_utc))

    def find(self, token_hash: bytes) -> Enrolment | None:
        with self._file.reading() as db:
            row = _row(db, token_hash)
            return None if row is None else _enrolment_in(row)

    def redeem(self, token_hash: bytes, public_key: bytes, account: Credential, deed: Deed) -> bool:
        now_ms = to_ms(deed.at_utc)
        with self._file.writing() as db:
            row = _row(db, token_hash)
            if (
                row is None or row["node"] != account.name or row["closed_ms"] is not None
                or row["expires_ms"] <= now_ms
                or row["public_key"] not in (None, public_key)
            ):  # fmt: skip
                raise TokenStateError("the token cannot be redeemed by this key")
            is_first = row["used_ms"] is None
            node_id = record_rows.node_id_of(db, account.name)
            node_rows.put_credential(db, account)
            _retire_key(db, account.name, now_ms, unless=public_key)
            db.execute(
                "UPDATE nodes SET public_key = ?, pinned_ms = coalesce(pinned_ms, ?),"
                " enrolled_ms = ?, revoked_ms = NULL WHERE id = ?",
                (public_key, now_ms, now_ms, node_id),
            )
            db.execute(
                "UPDATE enrolments SET used_ms = coalesce(used_ms, ?), public_key = ?"
                " WHERE token_hash = ?",
                (now_ms, public_key, token_hash),
            )
            sqlite_audit.add(db, [deed])
            return is_first

    def revoke(self, node: str, deed: Deed) -> bool:
        now_ms = to_ms(deed.at_utc)
        with self._file.writing() as db:
            standing = _standings(db, now_ms, node).get(node, Standing())
            if not standing.has_account and standing.awaited_until_utc is None:
                return False
            _close(db, node, "revoked", now_ms)
            _shut_out(db, node, now_ms)
            db.execute("UPDATE nodes SET revoked_ms = ? WHERE name = ?", (now_ms, node))
            sqlite_audit.add(db, [deed])
            return True

    def sealed_cameras(self, node: str) -> bytes | None:
        with self._file.reading() as db:
            row = db.execute("SELECT sealed FROM node_cameras WHERE node = ?", (node,)).fetchone()
            return None if row is None else bytes(row["sealed"])

    def standings(self, now_utc: datetime) -> dict[str, Standing]:
        with self._file.reading() as db:
            return _standings(db, to_ms(now_utc))

    def shut_out(self) -> list[str]:
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT name FROM nodes WHERE state IS NOT NULL AND NOT EXISTS"
                " (SELECT 1 FROM credentials WHERE credentials.name = nodes.name"
                "  AND role = 'node') ORDER BY name"
            )
            return [row["name"] for row in rows]

    def accounts_version(self) -> int:
        with self._file.reading() as db:
            return node_rows.accounts_version(db)


def _row(db: sqlite3.Connection, token_hash: bytes) -> sqlite3.Row | None:
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM enrolments WHERE token_hash = ?", (token_hash,)
    ).fetchone()
    return found


def _enrolment_in(row: sqlite3.Row) -> Enrolment:
    return Enrolment(
        row["node"],
        from_ms(row["made_ms"]),
        from_ms(row["expires_ms"]),
        None if row["used_ms"] is None else from_ms(row["used_ms"]),
        None if row["public_key"] is None else bytes(row["public_key"]),
        row["closed_by"],
    )


def _check(db: sqlite3.Connection, nodes: Sequence[str], how: Beginning, now_ms: int) -> None:
    """Raises StandingError."""
    standings = _standings(db, now_ms)
    known = [
        node
        for node in nodes
        if (standing := standings.get(node)) is not None
        and (how != "new" or standing.has_account or standing.awaited_until_utc is not None)
    ]
    if how == "new" and known:
        raise StandingError(
            f"{', '.join(known[:5])}: there is a node of that name already", known,
            hint="take another name; for a new box or node file: camwatch-hub node replace NAME",
        )  # fmt: skip
    if how != "new" and (unknown := [node for node in nodes if node not in standings]):
        raise StandingError(
            f"{', '.join(unknown[:5])}: there is no such node", unknown,
            hint="camwatch-hub node add NAME makes one",
        )  # fmt: skip
    readers = db.execute("SELECT name FROM credentials WHERE role != 'node'")
    if taken := sorted({row["name"] for row in readers} & set(nodes)):
        raise StandingError(
            f"{', '.join(taken[:5])}: a reader has that name", taken, hint="take another name"
        )


def _close(db: sqlite3.Connection, node: str, why: str, now_ms: int) -> None:
    """Let the node's tokens end."""
    db.execute(
        "UPDATE enrolments SET closed_ms = ?, closed_by = ? WHERE node = ? AND closed_ms IS NULL",
        (now_ms, why, node),
    )


def _shut_out(db: sqlite3.Connection, node: str, now_ms: int) -> None:
    """Take the node's account; its key goes on proving its records."""
    db.execute("DELETE FROM credentials WHERE name = ? AND role = 'node'", (node,))
    node_rows.note_account_change(db)
    db.execute(  # no Will is spoken for who has no account any more
        "UPDATE nodes SET state = 'offline', state_since_ms = ?"
        " WHERE name = ? AND state = 'online'",
        (now_ms, node),
    )
    _retire_key(db, node, now_ms)


def _retire_key(
    db: sqlite3.Connection, node: str, now_ms: int, *, unless: bytes | None = None
) -> None:
    row = db.execute("SELECT public_key FROM nodes WHERE name = ?", (node,)).fetchone()
    if row is not None and row["public_key"] is not None and row["public_key"] != unless:
        node_rows.retire_key(db, node, now_ms)


def _standings(db: sqlite3.Connection, now_ms: int, node: str | None = None) -> dict[str, Standing]:
    rows = db.execute(
        "SELECT nodes.name, enrolled_ms, revoked_ms, credentials.name IS NOT NULL AS has_account,"
        " (SELECT max(expires_ms) FROM enrolments WHERE node = nodes.name AND closed_ms IS NULL"
        "  AND used_ms IS NULL) AS unused_ms"
        " FROM nodes LEFT JOIN credentials ON credentials.name = nodes.name AND role = 'node'"
        " WHERE nodes.name = coalesce(?, nodes.name)",
        (node,),
    )

    def moment(value: int | None) -> datetime | None:
        return None if value is None else from_ms(value)

    def standing(row: sqlite3.Row) -> Standing:
        unused_ms, has_account = row["unused_ms"], bool(row["has_account"])
        is_awaited = unused_ms is not None and unused_ms > now_ms
        return Standing(
            awaited_until_utc=moment(unused_ms) if is_awaited else None,
            enrolled_utc=moment(row["enrolled_ms"]) if has_account else None,
            revoked_utc=moment(row["revoked_ms"]),
            has_account=has_account,
            expired_utc=None if is_awaited else moment(unused_ms),
        )

    return {row["name"]: standing(row) for row in rows}
