"""The archive as the rest of the hub sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from hub.archive.audit import AuditTrail
from hub.archive.enrolments import Enrolments
from hub.archive.node_values import (
    Gap,
    GapFilter,
    HealthSample,
    LostFile,
    NodePulse,
    NodeState,
    Progress,
)
from hub.archive.people import People
from hub.archive.registry_values import Registry
from hub.archive.scope import Scope
from hub.archive.settings_values import AppliedNote, SettingsVersion
from hub.archive.update_values import UpdateStore
from hub.archive.values import (
    Batch,
    CameraKey,
    Clip,
    Count,
    Credential,
    Event,
    EventFilter,
    HeatRow,
    Mark,
    PageKey,
    Quarantined,
    RecordKey,
    Remark,
    Snapshot,
    StoredRecord,
    Stretch,
    Tagged,
    Written,
)


class Remarks(Protocol):
    """What people make of events, kept as long as the event."""

    def remark(self, event: Event, remark: Remark, *, only_if: Mark | None = None) -> Event:
        """Set the event's mark, add a note, or both; returns the event as it is then.

        With `only_if` nothing happens unless the event bears that mark. A remark without a note
        that would leave the mark as it is changes nothing either. Raises UnknownEventError.
        """

    def remarks_of(self, event: Event) -> list[Remark]:
        """The event's remarks, in the order in which they were made."""


class Search(Protocol):
    """Finding events. Everything keeps to the filter's scope."""

    def events(
        self,
        where: EventFilter,
        *,
        limit: int,
        before: PageKey | None = None,
        after: PageKey | None = None,
    ) -> list[Event]:
        """A page of events, newest first: the newest ones, or the next older than `before`, or the
        next newer than `after`."""

    def count(self, where: EventFilter, *, limit: int) -> Count:
        """How many events fit, counted to `limit` at most."""

    def density(
        self, where: EventFilter, since: datetime, until: datetime, bucket_ms: int
    ) -> dict[CameraKey, list[int]]:
        """How many events that fit each camera had in each bucket of that time; cameras without
        one are left out. Raises ValueError for more than 5,000 buckets."""

    def tags(self, of: Tagged, scope: Scope) -> set[str]:
        """The zones that events touched, or the labels that they were taken for."""

    def coverage_hours(self, scope: Scope, since: datetime, until: datetime) -> list[HeatRow]:
        """The coverage of each camera of which there are accounts, for every hour (UTC) that the
        time touches; an hour that is not wholly in the scope is None."""

    def save_filter(self, user: str, name: str, query: str, now_utc: datetime) -> None:
        """Keep a filter's canonical text under a name of the user's, or replace it."""

    def remove_filter(self, user: str, name: str) -> bool:
        """Forget it; whether it was there."""

    def saved_filters(self, user: str) -> dict[str, str]:
        """The user's filters, by name."""

    def changes(self, where: EventFilter, *, after: int, limit: int) -> list[Event]:
        """Events that changed after change number `after`, in the order of their changes."""

    def last_change(self) -> int:
        """The number of the newest change; 0 for none."""

    def events_by_id(self, prefix: str, *, limit: int) -> list[Event]:
        """Events whose id begins with `prefix`."""


class RegistryStore(Protocol):
    """Areas, organisations, plans and where cameras are."""

    def registry(self) -> Registry:
        """All of it, with every camera that was ever heard of."""

    def replace_registry(self, before: Registry, after: Registry) -> bool:
        """Make `after` the registry if `before` still is; false, and nothing done, otherwise.

        Of `after` the version is not looked at. Cameras heard of meanwhile stay.
        """

    def cameras_with_footage(self) -> set[CameraKey]:
        """The cameras that events or accounts are about; they are not to be removed."""

    def may_see(self, scope: Scope, event: Event) -> bool:
        """Whether the event is within the scope."""


class SettingsStore(Protocol):
    """What nodes are to be set to, and what they are."""

    def settings_versions(self, node: str, *, limit: int = 1000) -> list[SettingsVersion]:
        """The versions made for that node, newest first."""

    def settings_version(self, node: str, version: int) -> SettingsVersion | None:
        """One of them."""

    def newest_settings(self, *, after: int = 0) -> list[SettingsVersion]:
        """Each node's newest version, of those with a number above `after`, in its order."""

    def add_settings(self, given: SettingsVersion, *, newest: int) -> SettingsVersion | None:
        """Keep a version, as numbered now, if `newest` still is the node's newest (0: none yet);
        None, and nothing is done, otherwise."""

    def applied_settings(self, node: str | None = None) -> dict[str, AppliedNote]:
        """What each node, or that one, said last of its settings; by name."""


class Archive(Search, Remarks, RegistryStore, SettingsStore, Protocol):
    """A durable store. What a method wrote survives a power cut once it returned.

    Methods may be called from any thread and block. All raise StorageError (DiskFullError for a
    full disk); nothing of the failed call is kept then, and it can be called again.
    """

    @property
    def people(self) -> People:
        """Who may log in."""

    @property
    def audit(self) -> AuditTrail:
        """Who did what."""

    @property
    def enrolments(self) -> Enrolments:
        """How nodes join and leave."""

    @property
    def updates(self) -> UpdateStore:
        """Releases, and how they are rolled out."""

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

    def pictures(self, scope: Scope, of: CameraKey | None = None) -> list[Snapshot]:
        """Each camera's newest stored snapshot, or that of one camera, by node and camera; only
        where its event is within the scope: the camera may have hung elsewhere."""

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

    def records_of(self, event: Event) -> list[StoredRecord]:
        """The event's records in journal order, as received."""

    def clips_of(self, event: Event) -> list[Clip]:
        """The event's announced clips by part; of one part, the last announced comes last."""

    def snapshots_of(self, event: Event) -> list[Snapshot]:
        """The event's announced snapshots, in journal order."""

    def nodes(self) -> list[NodeState]:
        """Every node that has an account or was heard of, by name."""

    def health_samples(self, node: str, since: datetime, until: datetime) -> list[HealthSample]:
        """How the node was over that time: every ten minutes, every hour for more than a week."""

    def pulses(self) -> dict[str, NodePulse]:
        """Every node's pulse, by name."""

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
