"""The archive as the rest of the hub sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from hub.archive.values import (
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
    PageKey,
    Progress,
    Quarantined,
    RecordKey,
    Snapshot,
    StoredRecord,
    Stretch,
    Written,
)


class Archive(Protocol):
    """A durable store. What a method wrote survives a power cut once it returned.

    Methods may be called from any thread and block. All raise StorageError (DiskFullError for a
    full disk); nothing of the failed call is kept then, and it can be called again.
    """

    def close(self) -> None:
        """Release the store; no other method may be called afterwards."""

    # What comes in from nodes.

    def write(self, batch: Batch) -> Written:
        """Archive a batch in one transaction. Idempotent by (node, epoch, seq)."""

    def pin_key(self, node: str, public_key: bytes, now_utc: datetime) -> bytes:
        """The key pinned for `node`: the one from before, or `public_key` from now on."""

    def unpin_key(self, node: str, now_utc: datetime) -> None:
        """Let the next key of `node` be pinned; the old one is kept for proving old records."""

    def pinned_keys(self) -> dict[str, bytes]:
        """Every node's pinned key."""

    def progress(self, node: str, epoch: str) -> Progress:
        """How far one journal is archived; all zeros for one never heard of."""

    # Clips and snapshots: announced by records, stored when their bytes are verified.

    def announced_clip(self, node: str, event: str, part: int, sha256: str) -> Clip | None:
        """The clip, if a record of that node announced exactly it."""

    def clip_stored(self, clip: Clip, now_utc: datetime) -> Event:
        """Note that the clip store holds `clip`; returns its event. Idempotent."""

    def announced_snapshot(self, node: str, event: str, sha256: str) -> Snapshot | None:
        """The snapshot, if a record of that node announced it for that event."""

    def snapshots_stored(self, snapshots: Sequence[Snapshot], now_utc: datetime) -> None:
        """Note that the snapshot store holds these. Idempotent."""

    def newest_snapshots(self, node: str) -> list[Snapshot]:
        """Each of the node's cameras' newest stored snapshot, by the journal's order."""

    def waiting(self) -> tuple[list[Clip], list[Snapshot]]:
        """The clips and snapshots that were announced and are not noted as stored, of all nodes."""

    def recently_stored(self, node: str, limit: int) -> tuple[list[Clip], list[Snapshot]]:
        """The node's last stored clips and snapshots, newest first."""

    # Accounts.

    def put_credential(self, credential: Credential) -> None:
        """Add an account or replace the one of that name."""

    def credential(self, name: str) -> Credential | None:
        """The account of that name."""

    def credentials(self) -> list[Credential]:
        """All accounts, by name."""

    # Questions.

    def events(self, where: EventFilter, *, limit: int, before: PageKey | None) -> list[Event]:
        """A page of events, newest first, beginning after `before`."""

    def changes(self, where: EventFilter, *, after: int, limit: int) -> list[Event]:
        """Events that changed after change number `after`, in the order of their changes."""

    def last_change(self) -> int:
        """The number of the newest change; 0 for none."""

    def events_by_id(self, prefix: str, *, limit: int) -> list[Event]:
        """Events whose id begins with `prefix`."""

    def records_of(self, event: Event) -> list[StoredRecord]:
        """The event's records in journal order, as received."""

    def clips_of(self, event: Event) -> list[Clip]:
        """The event's announced clips by part; of one part, the last announced comes last."""

    def snapshots_of(self, event: Event) -> list[Snapshot]:
        """The event's announced snapshots, in journal order."""

    def nodes(self) -> list[NodeState]:
        """Every node that has an account or was heard of, by name."""

    def gaps(self, where: GapFilter) -> list[Gap]:
        """Records that are missing, and those that their node told to be lost, by node."""

    def lost_files(self, where: GapFilter) -> list[LostFile]:
        """Clips and snapshots that will never come, by node."""

    def cameras(self) -> list[CameraKey]:
        """Every camera that a node named or accounted for, by node and name."""

    def coverage(self, key: CameraKey, since: datetime, until: datetime) -> tuple[Stretch, ...]:
        """What is known of the camera's time, as stretches without gap or overlap."""

    def counts(self) -> dict[tuple[str, str], int]:
        """All counters by (counter, node)."""

    # Checking.

    def integrity(self, *, is_full: bool) -> list[str]:
        """What is wrong with the store itself; nothing for a sound one."""

    def broken_links(self) -> list[str]:
        """Records that do not continue their neighbours, without reading their bytes."""

    def records_after(self, after: RecordKey, limit: int) -> list[StoredRecord]:
        """The next records in the order of their keys."""

    def public_keys(self, node: str) -> list[bytes]:
        """All keys that the node's records may be signed with, retired ones too."""

    def announced_media(self) -> tuple[list[Clip], list[Snapshot]]:
        """All clips and snapshots that records announced."""

    def quarantined(self, *, limit: int) -> list[Quarantined]:
        """The newest refused messages."""
