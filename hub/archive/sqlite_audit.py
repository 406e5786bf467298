"""The audit trail in the SQLite archive. Triggers keep its rows from being changed by mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from hub.archive import audit
from hub.archive.audit import AuditEntry, AuditFilter, AuditHead, AuditRow, Deed
from hub.archive.event_state import to_ms
from hub.archive.sqlite_file import SqliteFile


class SqliteAudit:
    """`AuditTrail`; see there."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def append(self, deeds: Sequence[Deed]) -> AuditHead:
        with self._file.writing() as db:
            return add(db, deeds)

    def head(self) -> AuditHead:
        with self._file.reading() as db:
            return _head(db)

    def entries(
        self, where: AuditFilter, *, limit: int, before: int | None = None
    ) -> list[AuditEntry]:
        tests, values = _tests_of(where)
        if before is not None:
            tests.append("seq < ?")
            values.append(before)
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT seq, hash, payload FROM audit"  # noqa: S608 - our own tests
                f" WHERE {' AND '.join(tests) or 'true'} ORDER BY seq DESC LIMIT ?",
                (*values, limit),
            )
            return [
                AuditEntry(row["seq"], bytes(row["hash"]).hex(), audit.decode(row["payload"])[2])
                for row in rows
            ]

    def rows_after(self, seq: int, limit: int) -> list[AuditRow]:
        with self._file.reading() as db:
            rows = db.execute(
                # Cast, since somebody may have written anything into the file.
                "SELECT seq, CAST(hash AS BLOB), CAST(payload AS BLOB),"
                " user, action, target, outcome FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, limit),
            )
            return [
                AuditRow(row[0], bytes(row[1]).hex(), bytes(row[2]), tuple(row)[3:]) for row in rows
            ]


def add(db: sqlite3.Connection, deeds: Sequence[Deed]) -> AuditHead:
    """Append within the caller's transaction; the new head."""
    head = _head(db)
    for deed in deeds:
        payload = audit.encode(deed, head.seq + 1, head.digest)
        head = AuditHead(head.seq + 1, audit.digest_of(payload))
        db.execute(
            "INSERT INTO audit (seq, hash, payload, at_ms, user, action, target, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                head.seq, bytes.fromhex(head.digest), payload, to_ms(deed.at_utc),
                *audit.columns_of(deed),
            ),
        )  # fmt: skip
    return head


def _head(db: sqlite3.Connection) -> AuditHead:
    row = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return audit.EMPTY if row is None else AuditHead(row["seq"], bytes(row["hash"]).hex())


def _tests_of(where: AuditFilter) -> tuple[list[str], list[object]]:
    tests: list[str] = []
    values: list[object] = []

    def test(condition: str, *given: object) -> None:
        tests.append(condition)
        values.extend(given)

    if where.since_utc is not None:
        test("at_ms >= ?", to_ms(where.since_utc))
    if where.until_utc is not None:
        test("at_ms < ?", to_ms(where.until_utc))
    if where.user is not None:
        test("user = ?", where.user)
    if where.action is not None and where.action.endswith("."):
        test("action >= ? AND action < ?", where.action, where.action[:-1] + "/")  # / follows .
    elif where.action is not None:
        test("action = ?", where.action)
    if where.target is not None:
        test("target = ?", where.target)
    if where.outcome is not None:
        test("outcome = ?", where.outcome)
    return tests, values
