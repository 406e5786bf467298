"""The archive in one SQLite file: WAL with synchronous=FULL, one transaction a batch.

One connection, used by one thread at a time under a lock; other processes read through their own.

A flush that fails may leave pages in the kernel's memory that look written and are not on the disk.
SQLite itself writes such pages again, as long as its connection lives. Where it is opened anew, its
log is first written over with its own content and flushed, so that nothing is believed durable
that is only in memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from edge.base import sqlite
from edge.base.errors import StorageError
from hub.archive import (
    check_rows,
    coverage,
    damage,
    event_rows,
    event_search,
    gap_rows,
    media_rows,
    media_search,
    node_rows,
    record_rows,
    span_rows,
    upgrade,
)
from hub.archive.derive import Deriver
from hub.archive.event_state import to_ms
from hub.archive.folder import Guard
from hub.archive.schema import MIGRATIONS
from hub.archive.values import (
    Arrival,
    Batch,
    CameraKey,
    Clip,
    Credential,
    Event,
    EventFilter,
    Gap,
    GapFilter,
    LostFile,
    NodeState,
    Outcome,
    PageKey,
    Progress,
    Quarantined,
    RecordKey,
    Refusal,
    Snapshot,
    StoredRecord,
    Stretch,
    Written,
)

UNREADABLE = (TypeError, ValueError, IndexError, OverflowError)


class SqliteArchive:
    """`Archive` in the file `path`; see the interface for what each method does.

    After an I/O error the connection is closed and the next call opens another.
    """

    def __init__(
        self, path: Path, *, is_read_only: bool = False, guard: Guard | None = None
    ) -> None:
        """Open or create it. Raises StorageError; read-only, the file must exist.

        `guard` is asked before every write whether the disk is there and has room.
        """
        if is_read_only and not path.exists():
            raise StorageError(
                f"{path}: there is no archive yet",
                path=str(path),
                hint="start the hub once: camwatch-hub run",
                is_retryable=False,
            )
        self._path = path
        self._is_read_only = is_read_only
        self._guard = guard
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = self._open()

    def guard_by(self, guard: Guard) -> None:
        """From now on ask `guard` before every write."""
        self._guard = guard

    def close(self) -> None:
        with self._lock:
            self._drop()

    def check_quickly(self, limit_s: float) -> bool:
        """Look for damage for at most `limit_s`; false when that was too short for all of it.

        Raises DamagedDatabaseError.
        """
        with self._reading() as db:
            return damage.check_quickly(db, self._path, limit_s)

    def _open(self) -> sqlite3.Connection:
        db = sqlite.open_database(self._path, MIGRATIONS, is_read_only=self._is_read_only)
        try:
            if not self._is_read_only:
                with sqlite.errors_named(self._path):
                    upgrade.bring_up_to_date(db)
        except BaseException:
            db.close()
            raise
        return db

    def _open_again(self) -> sqlite3.Connection:
        """After an error. Never makes a new file; raises StorageError."""
        if self._guard is not None:
            self._guard.check_mounted()
        if not self._path.exists():
            raise StorageError(f"{self._path} is gone", path=str(self._path))
        db = self._open()
        try:
            if not self._is_read_only:
                with sqlite.errors_named(self._path), sqlite.transaction(db):
                    damage.flush_log_again(self._path)
        except BaseException:
            db.close()
            raise
        return db

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """For reading alone: a row that holds what no row can hold is damage."""
        with self._connected() as db:
            try:
                yield db
            except UNREADABLE as err:
                raise sqlite.DamagedDatabaseError(
                    f"{self._path}: a row cannot be read: {err}",
                    path=str(self._path),
                    is_retryable=False,
                ) from err

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._db is None:
                    self._db = self._open_again()
                with sqlite.errors_named(self._path):
                    yield self._db
            except StorageError as err:
                if damage.is_connection_spoilt(err):
                    self._drop()
                raise

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # Not as `_reading`: what our own code does wrong with one message is not the disk's fault.
        with self._connected() as db:
            if self._guard is not None:
                self._guard.check_records()
            with sqlite.transaction(db):
                yield db

    def write(self, batch: Batch) -> Written:
        with self._writing() as db:
            for status in batch.statuses:
                node_rows.note_status(db, status)
            for health in batch.healths:
                node_rows.note_health(db, health)
            written, alarms = _add_records(db, batch.arrivals)
            refusals = (*batch.refusals, *alarms)
            counts = dict(batch.counts)
            for refusal in refusals:
                key = (refusal.reason, refusal.node)
                counts[key] = counts.get(key, 0) + 1
            if counts:
                node_rows.add_counts(db, counts)
            if refusals:
                node_rows.quarantine(db, refusals)
            return written

    def pin_key(self, node: str, public_key: bytes, now_utc: datetime) -> bytes:
        with self._writing() as db:
            node_id = record_rows.node_id_of(db, node)
            db.execute(
                "UPDATE nodes SET public_key = ?, pinned_ms = ?"
                " WHERE id = ? AND public_key IS NULL",
                (public_key, to_ms(now_utc), node_id),
            )
            row = db.execute("SELECT public_key FROM nodes WHERE id = ?", (node_id,)).fetchone()
            return bytes(row[0])

    def unpin_key(self, node: str, now_utc: datetime) -> None:
        with self._writing() as db:
            db.execute(
                "INSERT INTO retired_keys (node_id, public_key, pinned_ms, retired_ms)"
                " SELECT id, public_key, pinned_ms, ? FROM nodes"
                " WHERE name = ? AND public_key IS NOT NULL",
                (to_ms(now_utc), node),
            )
            db.execute(
                "UPDATE nodes SET public_key = NULL, pinned_ms = NULL WHERE name = ?", (node,)
            )

    def pinned_keys(self) -> dict[str, bytes]:
        with self._reading() as db:
            rows = db.execute("SELECT name, public_key FROM nodes WHERE public_key IS NOT NULL")
            return {row["name"]: bytes(row["public_key"]) for row in rows}

    def progress(self, node: str, epoch: str) -> Progress:
        with self._reading() as db:
            return record_rows.progress(db, node, epoch)

    def announced_clip(self, node: str, event: str, part: int, sha256: str) -> Clip | None:
        with self._reading() as db:
            found = media_search.clip(db, node, event, part, sha256)
            return None if found is None else found[1]

    def clip_stored(self, clip: Clip, now_utc: datetime) -> Event:
        with self._writing() as db:
            found = media_search.clip(db, clip.node, clip.event, clip.part, clip.sha256)
            if found is None:
                raise StorageError(
                    f"clip {clip.event}.{clip.part} was never announced", is_retryable=False
                )
            number, _ = found
            cursor = db.execute(
                "UPDATE clips SET stored_ms = ?"
                " WHERE event_id = ? AND part = ? AND hash = ? AND stored_ms IS NULL",
                (to_ms(now_utc), number, clip.part, bytes.fromhex(clip.sha256)),
            )
            if cursor.rowcount:
                event_rows.touch(db, number)
            return event_search.by_number(db, number)

    def announced_snapshot(self, node: str, event: str, sha256: str) -> Snapshot | None:
        with self._reading() as db:
            return media_search.snapshot(db, node, event, sha256)

    def snapshots_stored(self, snapshots: Sequence[Snapshot], now_utc: datetime) -> None:
        with self._writing() as db:
            for shot in snapshots:
                number = media_rows.mark_snapshot(db, shot, now_utc)
                if number is not None:
                    event_rows.touch(db, number)

    def newest_snapshots(self, node: str) -> list[Snapshot]:
        with self._reading() as db:
            return media_search.newest_snapshots(db, node)

    def waiting(self) -> tuple[list[Clip], list[Snapshot]]:
        with self._reading() as db:
            return media_search.waiting(db)

    def recently_stored(self, node: str, limit: int) -> tuple[list[Clip], list[Snapshot]]:
        with self._reading() as db:
            return media_search.recently_stored(db, node, limit)

    def put_credential(self, credential: Credential) -> None:
        with self._writing() as db:
            node_rows.put_credential(db, credential)

    def credential(self, name: str) -> Credential | None:
        with self._reading() as db:
            return next(iter(node_rows.credentials(db, name)), None)

    def credentials(self) -> list[Credential]:
        with self._reading() as db:
            return node_rows.credentials(db)

    def events(self, where: EventFilter, *, limit: int, before: PageKey | None) -> list[Event]:
        with self._reading() as db:
            return event_search.page(db, where, limit=limit, before=before)

    def changes(self, where: EventFilter, *, after: int, limit: int) -> list[Event]:
        with self._reading() as db:
            return event_search.changes(db, where, after=after, limit=limit)

    def last_change(self) -> int:
        with self._reading() as db:
            (number,) = db.execute("SELECT coalesce(max(change), 0) FROM events").fetchone()
            return int(number)

    def events_by_id(self, prefix: str, *, limit: int) -> list[Event]:
        with self._reading() as db:
            return event_search.by_id(db, prefix, limit=limit)

    def records_of(self, event: Event) -> list[StoredRecord]:
        with self._reading() as db:
            return event_search.records_of(db, event)

    def clips_of(self, event: Event) -> list[Clip]:
        with self._reading() as db:
            return event_search.clips_of(db, event)

    def snapshots_of(self, event: Event) -> list[Snapshot]:
        with self._reading() as db:
            return event_search.snapshots_of(db, event)

    def nodes(self) -> list[NodeState]:
        with self._reading() as db:
            return node_rows.nodes(db)

    def gaps(self, where: GapFilter) -> list[Gap]:
        with self._reading() as db:
            return gap_rows.search(db, where)

    def lost_files(self, where: GapFilter) -> list[LostFile]:
        with self._reading() as db:
            return media_search.lost_files(db, where)

    def cameras(self) -> list[CameraKey]:
        with self._reading() as db:
            told = {
                CameraKey(node.name, camera)
                for node in node_rows.nodes(db)
                for camera in node.cameras
            }
            return sorted(told.union(span_rows.cameras(db)))

    def coverage(self, key: CameraKey, since: datetime, until: datetime) -> tuple[Stretch, ...]:
        from_ms, until_ms = to_ms(since), to_ms(until)
        with self._reading() as db:
            accounts = span_rows.accounts(db, key, from_ms, until_ms)
            return coverage.resolve(
                accounts, from_ms, until_ms, lambda one, other: span_rows.between(db, one, other)
            )

    def counts(self) -> dict[tuple[str, str], int]:
        with self._reading() as db:
            return node_rows.all_counts(db)

    def integrity(self, *, is_full: bool) -> list[str]:
        with self._reading() as db:
            return check_rows.integrity(db, is_full=is_full)

    def broken_links(self) -> list[str]:
        with self._reading() as db:
            return check_rows.broken_links(db)

    def records_after(self, after: RecordKey, limit: int) -> list[StoredRecord]:
        with self._reading() as db:
            return check_rows.records_after(db, after, limit)

    def public_keys(self, node: str) -> list[bytes]:
        with self._reading() as db:
            return check_rows.public_keys(db, node)

    def announced_media(self) -> tuple[list[Clip], list[Snapshot]]:
        with self._reading() as db:
            return check_rows.media(db)

    def quarantined(self, *, limit: int) -> list[Quarantined]:
        with self._reading() as db:
            return node_rows.quarantined(db, limit)


def _add_records(
    db: sqlite3.Connection, arrivals: Sequence[Arrival]
) -> tuple[Written, list[Refusal]]:
    writer = record_rows.RecordWriter(db)
    deriver = Deriver(db, writer, are_fresh=True)
    outcomes: list[Outcome] = []
    alarms: list[Refusal] = []
    for arrival in arrivals:
        outcome = writer.add(arrival)
        outcomes.append(outcome)
        header = arrival.record.header
        if outcome == "stored":
            journal = writer.journal(header.node, header.epoch)
            deriver.take(journal, arrival.record, to_ms(arrival.received_utc))
        elif outcome in ("conflict", "chain"):
            alarms.append(_alarm(arrival, outcome))
    ended = deriver.finish()
    writer.flush()
    return Written(tuple(outcomes), ended), alarms


def _alarm(arrival: Arrival, outcome: Outcome) -> Refusal:
    header = arrival.record.header
    return Refusal(
        topic="",
        node=header.node,
        reason=f"alarm.{outcome}",
        detail=f"epoch {header.epoch} seq {header.seq}",
        payload=arrival.payload,
        received_utc=arrival.received_utc,
    )
