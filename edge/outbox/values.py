"""What the outbox hands out and takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edge.base.errors import StorageError
from edge.contract import ack as acks
from edge.contract import names, record
from edge.contract.parts import ClipRef, SnapshotRef

GapCause = Literal["corrupt", "quota", "storage"]
ORDINARY = 0  # priority; what is above goes before everything ordinary
URGENT = 10


@dataclass(frozen=True)
class Pending:
    """A record that waits for the hub."""

    seq: int
    payload: bytes
    signature: bytes
    priority: int = ORDINARY


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
    priority: int = ORDINARY


@dataclass(frozen=True)
class Depth:
    """How much waits."""

    records: int
    snapshots: int
    clips: int
    clip_bytes: int
    oldest_s: float


@dataclass(frozen=True)
class Signed:
    """One record of this journal with its signature, on disk or not yet."""

    header: record.Header
    body: record.Body | None
    payload: bytes
    signature: bytes
    digest: str
    priority: int = ORDINARY

    @property
    def seq(self) -> int:
        """Its place in the journal."""
        return self.header.seq


@dataclass(frozen=True)
class Tip:
    """How far a journal goes, and how far the hub has it."""

    epoch: str
    last_seq: int = 0
    last_hash: str = names.FIRST_HASH
    acked_seq: int = 0
    acked_hash: str = names.FIRST_HASH


@dataclass(frozen=True)
class Gap:
    """Own records from `first_seq` to `last_seq` that were given up before the hub had them."""

    first_seq: int
    last_seq: int
    cause: GapCause
    declared_seq: int | None = None


@dataclass(frozen=True)
class Salvage:
    """How far the rest of a journal that was moved aside has been appended again."""

    name: str
    after_seq: int
    is_done: bool


@dataclass(frozen=True)
class OpenEvent:
    """An event that has not ended: payloads of its first record and its newest event.updated."""

    started: bytes
    updated: bytes | None = None


@dataclass(frozen=True)
class Change:
    """What one transaction brings the file up to."""

    tip: Tip
    records: tuple[Signed, ...] = ()
    acked: frozenset[int] = frozenset()
    """Seqs beyond the tip's acked_seq that the hub has."""
    freed: frozenset[str] = frozenset()
    """Names of files that the hub has, or that nobody waits for."""
    uploads: tuple[tuple[str, str | None], ...] = ()
    """Where the uploads of named files go on."""
    gaps: tuple[Gap, ...] = ()
    files: tuple[WaitingFile, ...] = ()
    """Taken over from an earlier journal."""
    open_events: tuple[OpenEvent, ...] = ()
    """The same."""
    salvages: tuple[Salvage, ...] = ()
    is_clean: bool = False


class AckMismatchError(StorageError):
    """The hub acknowledges a history that is not this journal's.

    `is_beyond`: it acknowledges more than was ever written here, so the journal lost its tail.
    """

    def __init__(self, message: str, *, path: str, is_beyond: bool) -> None:
        super().__init__(
            message,
            path=path,
            hint="another box may use this node's name, or this card is an old copy",
            is_retryable=False,
        )
        self.is_beyond = is_beyond


def announced(signed: Signed) -> list[WaitingFile]:
    """The files that a record announces."""
    event, files = signed.header.event or "", []
    clip: ClipRef | None = getattr(signed.body, "clip", None)
    if clip is not None:
        name = clip_name(acks.clip_id(event, clip.part))
        files.append(
            WaitingFile(
                name, event, clip.part, clip.sha256, clip.size_bytes, signed.seq, None,
                signed.priority,
            )
        )  # fmt: skip
    shots = [getattr(signed.body, name, None) for name in ("snapshot", "before", "after")]
    for snapshot in shots:
        if not isinstance(snapshot, SnapshotRef):
            continue
        name = snapshot_name(snapshot.sha256)
        files.append(
            WaitingFile(
                name, event, None, snapshot.sha256, snapshot.size_bytes, signed.seq, None,
                signed.priority,
            )
        )  # fmt: skip
    return files


def runs(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Rising numbers as stretches without a hole: first and last of each."""
    found: list[tuple[int, int]] = []
    for seq in seqs:
        if found and found[-1][1] + 1 == seq:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


def clip_name(clip_id: str) -> str:
    """The spool's file name of a clip."""
    return f"{clip_id}.mp4"


def snapshot_name(sha256: str) -> str:
    """The spool's file name of a snapshot."""
    return f"{sha256}.jpg"
