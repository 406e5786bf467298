"""The archive in one SQLite file: WAL with synchronous=FULL, one transaction a batch."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from edge.base.errors import StorageError
from hub.archive import (
    check_rows,
    event_rows,
    event_search,
    gap_rows,
    health_rows,
    media_rows,
    media_search,
    node_rows,
    record_rows,
    settings_rows,
    span_rows,
)
from hub.archive.derive import Deriver
from hub.archive.event_state import to_ms
from hub.archive.node_values import (
    Gap,
    GapFilter,
    HealthSample,
    LostFile,
    NodePulse,
    NodeState,
    Progress,
)
from hub.archive.scope import Scope
from hub.archive.sqlite_audit import SqliteAudit
from hub.archive.sqlite_enrolments import SqliteEnrolments
from hub.archive.sqlite_people import SqlitePeople
from hub.archive.sqlite_registry import SqliteRegistry
from hub.archive.sqlite_remarks import SqliteRemarks
from hub.archive.sqlite_search import SqliteSearch
from hub.archive.sqlite_settings import SqliteSettings
from hub.archive.sqlite_updates import SqliteUpdates
from hub.archive.values import (
    Arrival,
    Batch,
    CameraKey,
    Clip,
    Credential,
    Event,
    Outcome,
    Quarantined,
    RecordKey,
    Refusal,
    Snapshot,
    StoredRecord,
    Stretch,
    Written,
)


class SqliteArchive(SqliteSearch, SqliteRemarks, SqliteRegistry, SqliteSettings):
    """`Archive` in the file `path`; see the interface for what each method does."""

    @functools.cached_property
    def people(self) -> SqlitePeople:
        return SqlitePeople(self)

    @functools.cached_property
    def audit(self) -> SqliteAudit:
        return SqliteAudit(self)

    @functools.cached_property
    def enrolments(self) -> SqliteEnrolments:
        return SqliteEnrolments(self)

    @functools.cached_property
    def updates(self) -> SqliteUpdates:
        return SqliteUpdates(self)

    def write(self, batch: Batch) -> Written:
        with self.writing() as db:
            for status in batch.statuses:
                node_rows.note_status(db, status)
            for health in batch.healths:
                node_rows.note_health(db, health)
            for note in batch.applied:
                settings_rows.note_applied(db, note)
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
        with self.writing() as db:
            node_id = record_rows.node_id_of(db, node)
            db.execute(
                "UPDATE nodes SET public_key = ?, pinned_ms = ?"
                " WHERE id = ? AND public_key IS NULL",
                (public_key, to_ms(now_utc), node_id),
            )
            row = db.execute("SELECT public_key FROM nodes WHERE id = ?", (node_id,)).fetchone()
            return bytes(row[0])

    def unpin_key(self, node: str, now_utc: datetime) -> None:
        with self.writing() as db:
            node_rows.retire_key(db, node, to_ms(now_utc))

    def pinned_keys(self) -> dict[str, bytes]:
        with self.reading() as db:
            rows = db.execute("SELECT name, public_key FROM nodes WHERE public_key IS NOT NULL")
            return {row["name"]: bytes(row["public_key"]) for row in rows}

    def progress(self, node: str, epoch: str) -> Progress:
        with self.reading() as db:
            return record_rows.progress(db, node, epoch)

    def announced_clip(self, node: str, event: str, part: int, sha256: str) -> Clip | None:
        with self.reading() as db:
            found = media_search.clip(db, node, event, part, sha256)
            return None if found is None else found[1]

    def clip_stored(self, clip: Clip, now_utc: datetime) -> Event:
        with self.writing() as db:
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
        with self.reading() as db:
            return media_search.snapshot(db, node, event, sha256)

    def snapshots_stored(self, snapshots: Sequence[Snapshot], now_utc: datetime) -> None:
        with self.writing() as db:
            for shot in snapshots:
                number = media_rows.mark_snapshot(db, shot, now_utc)
                if number is not None:
                    event_rows.touch(db, number)

    def pictures(self, scope: Scope, of: CameraKey | None = None) -> list[Snapshot]:
        with self.reading() as db:
            return media_search.pictures(db, scope, of)

    def newest_snapshots(self, node: str) -> list[Snapshot]:
        with self.reading() as db:
            return media_search.newest_snapshots(db, node)

    def waiting(self) -> tuple[list[Clip], list[Snapshot]]:
        with self.reading() as db:
            return media_search.waiting(db)

    def recently_stored(self, node: str, limit: int) -> tuple[list[Clip], list[Snapshot]]:
        with self.reading() as db:
            return media_search.recently_stored(db, node, limit)

    def put_credential(self, credential: Credential) -> None:
        with self.writing() as db:
            node_rows.put_credential(db, credential)

    def credential(self, name: str) -> Credential | None:
        with self.reading() as db:
            return next(iter(node_rows.credentials(db, name)), None)

    def credentials(self) -> list[Credential]:
        with self.reading() as db:
            return node_rows.credentials(db)

    def records_of(self, event: Event) -> list[StoredRecord]:
        with self.reading() as db:
            return event_search.records_of(db, event)

    def clips_of(self, event: Event) -> list[Clip]:
        with self.reading() as db:
            return event_search.clips_of(db, event)

    def snapshots_of(self, event: Event) -> list[Snapshot]:
        with self.reading() as db:
            return event_search.snapshots_of(db, event)

    def nodes(self) -> list[NodeState]:
        with self.reading() as db:
            return node_rows.nodes(db)

    def health_samples(self, node: str, since: datetime, until: datetime) -> list[HealthSample]:
        with self.reading() as db:
            return health_rows.samples(db, node, since, until)

    def pulses(self) -> dict[str, NodePulse]:
        with self.reading() as db:
            return node_rows.pulses(db)

    def gaps(self, where: GapFilter) -> list[Gap]:
        with self.reading() as db:
            return gap_rows.search(db, where)

    def lost_files(self, where: GapFilter) -> list[LostFile]:
        with self.reading() as db:
            return media_search.lost_files(db, where)

    def cameras(self) -> list[CameraKey]:
        with self.reading() as db:
            told = {
                CameraKey(node.name, camera)
                for node in node_rows.nodes(db)
                for camera in node.cameras
            }
            return sorted(told.union(span_rows.cameras(db)))

    def coverage(self, key: CameraKey, since: datetime, until: datetime) -> tuple[Stretch, ...]:
        with self.reading() as db:
            return span_rows.resolve(db, key, to_ms(since), to_ms(until))

    def counts(self) -> dict[tuple[str, str], int]:
        with self.reading() as db:
            return node_rows.all_counts(db)

    def integrity(self, *, is_full: bool) -> list[str]:
        with self.reading() as db:
            return check_rows.integrity(db, is_full=is_full)

    def broken_links(self) -> list[str]:
        with self.reading() as db:
            return check_rows.broken_links(db)

    def records_after(self, after: RecordKey, limit: int) -> list[StoredRecord]:
        with self.reading() as db:
            return check_rows.records_after(db, after, limit)

    def public_keys(self, node: str) -> list[bytes]:
        with self.reading() as db:
            return check_rows.public_keys(db, node)

    def announced_media(self) -> tuple[list[Clip], list[Snapshot]]:
        with self.reading() as db:
            return check_rows.media(db)

    def quarantined(self, *, limit: int) -> list[Quarantined]:
        with self.reading() as db:
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
