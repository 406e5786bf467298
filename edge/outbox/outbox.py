"""Appending records, reading what waits, and freeing what the hub acknowledged.

Invariants
- A record's row is committed (WAL, synchronous=FULL) before `append` returns its seq.
- The journal row (last_seq, last_hash) moves in the same transaction as the record, so seq has no
  gap and no fork whatever is killed when.
- A file's row is committed with the record that announces it, after the file itself is durable.
- Freeing takes the row back first and removes the file second: a row never names a missing file
  for longer than a crash, and a file without a row is swept at start.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.base import crashpoint, sqlite
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.contract import ack as acks
from edge.contract import names, record
from edge.contract.parts import ClipRef, ClockStamp, SnapshotRef
from edge.keys import PrivateKey
from edge.outbox.history import History
from edge.outbox.tables import MIGRATIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pending:
    """A record that waits for the hub."""

    seq: int
    payload: bytes
    signature: bytes


@dataclass(frozen=True)
class WaitingFile:
    """A clip or snapshot that waits for the hub."""

    name: str
    event: str
    part: int | None
    sha256: str
    size_bytes: int
    seq: int
    upload: str | None


@dataclass(frozen=True)
class Depth:
    """How much waits."""

    records: int
    snapshots: int
    clips: int
    clip_bytes: int
    oldest_s: float


class AckMismatchError(StorageError):
    """The hub acknowledges a history that is not this journal's."""


class Outbox:
    """The journal in one SQLite file. Any thread may call any method; each blocks shortly."""

    def __init__(
        self,
        path: Path,
        *,
        node: str,
        key: PrivateKey,
        clock: Clock,
        stamp: Callable[[], ClockStamp],
        free: Callable[[str], object],
    ) -> None:
        """Open or create the journal at `path`. Raises StorageError.

        `free` removes a file from the spool, by its name, once the hub has it.
        """
        self._path = path
        self._node = node
        self._key = key
        self._clock = clock
        self._stamp = stamp
        self._free = free
        self._lock = threading.RLock()
        self.on_append: Callable[[], None] = lambda: None
        self._history = History()
        self._db = sqlite.open_database(path, MIGRATIONS)
        with sqlite.errors_named(path), sqlite.transaction(self._db) as db:
            db.execute(
                "INSERT OR IGNORE INTO journal VALUES (1, ?, 0, ?, 0, ?)",
                (secrets.token_hex(8), names.FIRST_HASH, names.FIRST_HASH),
            )
        row = self._journal()
        self.epoch: str = row["epoch"]
        self._last_seq: int = row["last_seq"]

    @property
    def last_seq(self) -> int:
        """Seq of the newest record, 0 for none."""
        return self._last_seq

    @property
    def acked_seq(self) -> int:
        """Every record up to this seq is in the hub's archive."""
        with self._lock:
            return int(self._journal()["acked_seq"])

    def append(
        self, body: record.Body, *, camera: str | None = None, event: str | None = None
    ) -> int:
        """Sign and store one record with the files that it announces; durable on return.

        The files must be complete in the spool. Raises StorageError; then nothing was appended.
        """
        with self._lock, sqlite.errors_named(self._path), sqlite.transaction(self._db) as db:
            journal = self._journal()
            seq = journal["last_seq"] + 1
            clock = self._stamp()
            header = record.Header(
                v=names.VERSION, node=self._node, epoch=self.epoch, seq=seq,
                prev=journal["last_hash"], type=record.TYPES[type(body)],
                at_utc=self._clock.utc(), clock=clock, camera=camera, event=event,
            )  # fmt: skip
            payload = record.encode(header, body)
            digest = record.digest(payload)
            self._history.intend(digest, payload)
            db.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    seq,
                    payload,
                    self._key.sign(payload),
                    digest,
                    header.type,
                    clock.boot,
                    clock.mono_ns,
                ),
            )
            db.execute("UPDATE journal SET last_seq = ?, last_hash = ?", (seq, digest))
            if isinstance(body, record.EventStarted):
                db.execute("INSERT INTO open_events VALUES (?, ?, ?)", (event, camera, payload))
            elif isinstance(body, record.EventEnded):
                db.execute("DELETE FROM open_events WHERE event = ?", (event,))
            elif isinstance(body, record.FileDropped):
                db.execute("DELETE FROM files WHERE sha256 = ? AND event = ?", (body.sha256, event))
            for file in _announced(body, event or "", seq):
                db.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", file)
            self._last_seq = seq
            crashpoint.at("journal.commit")
        crashpoint.at("journal.committed")
        self._history.returned(digest)
        self.on_append()
        return int(seq)

    def pending(self, after_seq: int, limit: int) -> list[Pending]:
        """Up to `limit` waiting records with a seq above `after_seq`, in order."""
        rows = self._read(
            "SELECT seq, payload, sig FROM records WHERE seq > ? AND NOT is_acked"
            " ORDER BY seq LIMIT ?",
            (after_seq, limit),
        )
        return [Pending(row["seq"], row["payload"], row["sig"]) for row in rows]

    def waiting_clips(self, limit: int) -> list[WaitingFile]:
        """Clips whose announcing record the hub has, oldest first."""
        return self._files("clip", limit)

    def waiting_snapshots(self, limit: int) -> list[WaitingFile]:
        """Snapshots whose announcing record the hub has, oldest first."""
        return self._files("snapshot", limit)

    def open_events(self) -> list[record.Record]:
        """The event.started records of events that have not ended; at start, those cut short."""
        rows = self._read("SELECT payload FROM open_events ORDER BY event", ())
        return [record.decode(row["payload"]) for row in rows]

    def set_upload(self, name: str, upload: str | None) -> None:
        """Remember where the upload of a clip goes on after an interruption."""
        with self._lock, sqlite.errors_named(self._path):
            self._db.execute("UPDATE files SET upload = ? WHERE name = ?", (upload, name))

    def apply(self, ack: acks.Ack) -> None:
        """Free what the hub has committed. The caller has verified the hub's signature.

        Raises AckMismatchError, and frees nothing, when the hub's head is not in this journal.
        """
        if ack.epoch != self.epoch:
            return  # an old ack for a journal that was replaced
        with self._lock, sqlite.errors_named(self._path):
            self._check_head(ack)
            with sqlite.transaction(self._db) as db:
                journal = self._journal()
                if ack.upto > journal["acked_seq"]:
                    db.execute(
                        "UPDATE journal SET acked_seq = ?, acked_hash = ?", (ack.upto, ack.head)
                    )
                    db.execute("DELETE FROM records WHERE seq <= ?", (ack.upto,))
                db.executemany(
                    "UPDATE records SET is_acked = 1 WHERE seq = ?", [(seq,) for seq in ack.also]
                )
                freed = self._freed_files(ack)
                db.executemany("DELETE FROM files WHERE name = ?", [(name,) for name in freed])
                crashpoint.at("journal.free")
        crashpoint.at("journal.freed")
        for name in freed:
            self._free(name)

    def depth(self) -> Depth:
        """How much waits for the hub."""
        with self._lock, sqlite.errors_named(self._path):
            count, oldest_ns = self._db.execute(
                "SELECT count(*), min(CASE WHEN boot = ? THEN mono_ns END) FROM records"
                " WHERE NOT is_acked",
                (self._clock.boot,),
            ).fetchone()
            files = self._db.execute(
                "SELECT kind, count(*), sum(size_bytes) FROM files GROUP BY kind"
            )
            by_kind = {kind: (number, size) for kind, number, size in files}
        clips, clip_bytes = by_kind.get("clip", (0, 0))
        age_ns = 0 if oldest_ns is None else max(0, self._clock.mono_ns() - oldest_ns)
        return Depth(count, by_kind.get("snapshot", (0, 0))[0], clips, clip_bytes, age_ns / 1e9)

    def drop(self, name: str, *, cause: Literal["quota", "missing"]) -> bool:
        """Record that a waiting file will never reach the hub; false if nobody waits for it.

        The row goes in the transaction that appends the record. Raises StorageError.
        """
        rows = self._read("SELECT * FROM files WHERE name = ?", (name,))
        if not rows:
            return False
        row = rows[0]
        body = record.FileDropped(row["kind"], row["sha256"], row["size_bytes"], cause, row["part"])
        self.append(body, event=row["event"])
        return True

    def file_names(self) -> set[str]:
        """The names of all files that wait; what else lies in the spool nobody waits for."""
        return {row["name"] for row in self._read("SELECT name FROM files", ())}

    def close(self) -> None:
        """Close the file. No other method may be called afterwards."""
        with self._lock, sqlite.errors_named(self._path):
            self._db.close()
            self._history.close()

    def _journal(self) -> sqlite3.Row:
        row: sqlite3.Row = self._db.execute("SELECT * FROM journal").fetchone()
        return row

    def _read(self, query: str, values: Sequence[object]) -> list[sqlite3.Row]:
        with self._lock, sqlite.errors_named(self._path):
            return self._db.execute(query, values).fetchall()

    def _files(self, kind: str, limit: int) -> list[WaitingFile]:
        rows = self._read(
            "SELECT name, event, part, sha256, size_bytes, seq, upload FROM files WHERE kind = ?"
            " AND seq NOT IN (SELECT seq FROM records WHERE NOT is_acked)"
            " ORDER BY seq, name LIMIT ?",
            (kind, limit),
        )
        return [WaitingFile(**dict(row)) for row in rows]

    def _check_head(self, ack: acks.Ack) -> None:
        journal = self._journal()
        row = self._db.execute("SELECT hash FROM records WHERE seq = ?", (ack.upto,)).fetchone()
        if row is not None:
            known: str | None = row["hash"]
        elif ack.upto == journal["acked_seq"]:
            known = journal["acked_hash"]
        elif ack.upto < journal["acked_seq"]:
            known = ack.head  # freed before; its hash is no longer here to compare
        else:
            known = None
        if known != ack.head:
            raise AckMismatchError(
                f"the hub acknowledges record {ack.upto} with a hash that is not this journal's",
                path=str(self._path),
                hint="another box may use this node's name, or this card is an old copy",
                is_retryable=False,
            )

    def _freed_files(self, ack: acks.Ack) -> list[str]:
        wanted = {clip_name(clip) for clip in ack.clips} | {
            snapshot_name(each) for each in ack.snapshots
        }
        marks = ",".join("?" * len(wanted))
        rows = self._db.execute(f"SELECT name FROM files WHERE name IN ({marks})", tuple(wanted))  # noqa: S608
        return [row["name"] for row in rows]


def _announced(body: record.Body, event: str, seq: int) -> list[tuple[object, ...]]:
    """The rows of the files that a record announces."""
    rows: list[tuple[object, ...]] = []
    clip: ClipRef | None = getattr(body, "clip", None)
    if clip is not None:
        name = clip_name(acks.clip_id(event, clip.part))
        rows.append((name, "clip", event, clip.part, clip.sha256, clip.size_bytes, seq))
    snapshot: SnapshotRef | None = getattr(body, "snapshot", None)
    if snapshot is not None:
        name = snapshot_name(snapshot.sha256)
        rows.append((name, "snapshot", event, None, snapshot.sha256, snapshot.size_bytes, seq))
    return rows


def clip_name(clip_id: str) -> str:
    """The spool's file name of a clip."""
    return f"{clip_id}.mp4"


def snapshot_name(sha256: str) -> str:
    """The spool's file name of a snapshot."""
    return f"{sha256}.jpg"
