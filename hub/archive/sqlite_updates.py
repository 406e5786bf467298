"""Releases and roll-outs in the SQLite archive."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from edge.contract import release, update
from edge.contract.update import UpdateState
from hub.archive import sqlite_audit
from hub.archive.audit import Deed
from hub.archive.event_state import from_ms, to_ms
from hub.archive.sqlite_file import SqliteFile
from hub.archive.update_values import (
    NodeUpdate,
    ReleaseKey,
    Rollout,
    RolloutStage,
    StoredRelease,
    UpdateOrderRow,
)

OPEN = "state IN ('running', 'paused', 'stopped')"


class SqliteUpdates:
    """`UpdateStore`; see there."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def release_keys(self) -> list[ReleaseKey]:
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM release_keys ORDER BY name, public_key")
            return [ReleaseKey(row["public_key"], row["name"], from_ms(row["added_ms"]))
                    for row in rows]  # fmt: skip

    def add_release_key(self, key: ReleaseKey, deed: Deed) -> None:
        with self._file.writing() as db:
            db.execute(
                "INSERT INTO release_keys VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET name = excluded.name",
                (key.public_key, key.name, to_ms(key.added_utc)),
            )
            sqlite_audit.add(db, [deed])

    def remove_release_key(self, public_key: str, deed: Deed) -> bool:
        return self._remove("DELETE FROM release_keys WHERE public_key = ?", public_key, deed)

    def releases(self) -> list[StoredRelease]:
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM releases ORDER BY added_ms DESC, version")
            return [_release_in(row) for row in rows]

    def add_release(self, release: StoredRelease, deed: Deed) -> None:
        with self._file.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO releases VALUES (?, ?, ?, ?, ?)",
                (release.version, release.manifest, release.signature, release.maker,
                 to_ms(release.added_utc)),
            )  # fmt: skip
            sqlite_audit.add(db, [deed])

    def remove_release(self, version: str, deed: Deed) -> bool:
        with self._file.writing() as db:
            db.execute("PRAGMA defer_foreign_keys=ON")
            used = db.execute(
                f"SELECT 1 FROM rollouts WHERE version = ? AND {OPEN}",  # noqa: S608 - ours
                (version,),
            ).fetchone()
            if used is not None:
                return False
            db.execute("UPDATE update_orders SET rollout = NULL WHERE rollout IN"
                       " (SELECT id FROM rollouts WHERE version = ?)", (version,))  # fmt: skip
            db.execute("DELETE FROM rollouts WHERE version = ?", (version,))
            cursor = db.execute("DELETE FROM releases WHERE version = ?", (version,))
            if cursor.rowcount:
                sqlite_audit.add(db, [deed])
            return cursor.rowcount > 0

    def groups(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with self._file.reading() as db:
            for row in db.execute("SELECT name, node FROM update_groups ORDER BY name, node"):
                found.setdefault(row["name"], []).append(row["node"])
        return found

    def set_group(self, name: str, nodes: Sequence[str], deed: Deed) -> None:
        with self._file.writing() as db:
            db.execute("DELETE FROM update_groups WHERE name = ?", (name,))
            db.executemany(
                "INSERT INTO update_groups VALUES (?, ?)", [(name, each) for each in set(nodes)]
            )
            sqlite_audit.add(db, [deed])

    def rollouts(self, *, limit: int = 50) -> list[Rollout]:
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM rollouts ORDER BY id DESC LIMIT ?", (limit,))
            return [_rollout_in(row) for row in rows]

    def begin_rollout(self, rollout: Rollout, deed: Deed) -> Rollout | None:
        with self._file.writing() as db:
            if db.execute(f"SELECT 1 FROM rollouts WHERE {OPEN}").fetchone():  # noqa: S608 - ours
                return None
            cursor = db.execute(
                "INSERT INTO rollouts (version, stages, stage, state, reason, healthy_ms,"
                " may_be_older, passed_over, user, begun_ms, changed_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    rollout.version,
                    json.dumps([[each.title, each.nodes] for each in rollout.stages]),
                    rollout.stage, rollout.state, rollout.reason,
                    round(rollout.healthy.total_seconds() * 1000), rollout.may_be_older,
                    json.dumps(sorted(rollout.passed_over)), rollout.user,
                    to_ms(rollout.begun_utc), to_ms(rollout.changed_utc),
                ),
            )  # fmt: skip
            sqlite_audit.add(db, [deed])
            row = db.execute("SELECT * FROM rollouts WHERE id = ?", (cursor.lastrowid,)).fetchone()
            return _rollout_in(row)

    def change_rollout(self, before: Rollout, after: Rollout, deed: Deed | None) -> bool:
        with self._file.writing() as db:
            cursor = db.execute(
                "UPDATE rollouts SET stage = ?, state = ?, reason = ?, passed_over = ?,"
                " changed_ms = ? WHERE id = ? AND stage = ? AND state = ? AND changed_ms = ?",
                (after.stage, after.state, after.reason, json.dumps(sorted(after.passed_over)),
                 to_ms(after.changed_utc), before.id, before.stage, before.state,
                 to_ms(before.changed_utc)),
            )  # fmt: skip
            if cursor.rowcount and deed is not None:
                sqlite_audit.add(db, [deed])
            return cursor.rowcount > 0

    def orders(self) -> dict[str, UpdateOrderRow]:
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM update_orders ORDER BY node")
            return {
                row["node"]: UpdateOrderRow(
                    row["node"], row["number"], row["rollout"], row["version"],
                    bytes(row["payload"]), from_ms(row["ordered_ms"]),
                )
                for row in rows
            }  # fmt: skip

    def put_orders(self, orders: Sequence[UpdateOrderRow]) -> None:
        with self._file.writing() as db:
            db.executemany(
                "INSERT INTO update_orders VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " number = excluded.number, rollout = excluded.rollout, version = excluded.version,"
                " payload = excluded.payload, ordered_ms = excluded.ordered_ms"
                " WHERE excluded.number > update_orders.number",
                [
                    (each.node, each.number, each.rollout, each.version, each.payload,
                     to_ms(each.ordered_utc))
                    for each in orders
                ],
            )  # fmt: skip

    def states(self) -> dict[str, NodeUpdate]:
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM update_states ORDER BY node")
            return {
                row["node"]: NodeUpdate(
                    update.decode_state(bytes(row["payload"])), from_ms(row["since_ms"]),
                    from_ms(row["said_ms"]),
                )
                for row in rows
            }  # fmt: skip

    def put_state(self, said: UpdateState, payload: bytes, now_utc: datetime) -> None:
        with self._file.writing() as db:
            row = db.execute(
                "SELECT payload, since_ms FROM update_states WHERE node = ?", (said.node,)
            ).fetchone()
            now_ms = to_ms(now_utc)
            since_ms = now_ms
            if row is not None:
                before = update.decode_state(bytes(row["payload"]))
                if (before.number, before.stage) == (said.number, said.stage):
                    since_ms = row["since_ms"]
            db.execute(
                "INSERT OR REPLACE INTO update_states VALUES (?, ?, ?, ?)",
                (said.node, payload, since_ms, now_ms),
            )

    def _remove(self, statement: str, key: str, deed: Deed) -> bool:
        with self._file.writing() as db:
            cursor = db.execute(statement, (key,))
            if cursor.rowcount:
                sqlite_audit.add(db, [deed])
            return cursor.rowcount > 0


def _release_in(row: sqlite3.Row) -> StoredRelease:
    manifest = bytes(row["manifest"])
    return StoredRelease(
        release.decode(manifest), manifest, bytes(row["signature"]), row["maker"],
        from_ms(row["added_ms"]),
    )  # fmt: skip


def _rollout_in(row: sqlite3.Row) -> Rollout:
    stages = tuple(
        RolloutStage(str(title), tuple(nodes)) for title, nodes in json.loads(row["stages"])
    )
    return Rollout(
        row["id"], row["version"], stages, row["stage"], row["state"], row["reason"],
        timedelta(milliseconds=row["healthy_ms"]), bool(row["may_be_older"]),
        frozenset(json.loads(row["passed_over"])), row["user"], from_ms(row["begun_ms"]),
        from_ms(row["changed_ms"]),
    )  # fmt: skip
