"""What the archive tells of nodes: their state, their journals, what is missing, their health over
time. Frozen values; times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple


@dataclass(frozen=True)
class Progress:
    """How far the archive holds one journal: all up to `upto`, whose hash is `head`, and `also`.

    What the node told to be lost counts as held. `also` is bounded.
    """

    node: str
    epoch: str
    upto: int
    head: str
    also: tuple[int, ...]


@dataclass(frozen=True)
class JournalState:
    """One journal of a node: all up to `upto` is settled, `beyond` records came early, and
    `missing` ones are neither here nor told to be lost."""

    epoch: str
    upto: int
    beyond: int
    missing: int


@dataclass(frozen=True)
class GapFilter:
    """Which gaps and lost files; None means any. `since_utc` is of the hub's notice."""

    node: str | None = None
    since_utc: datetime | None = None


@dataclass(frozen=True)
class Gap:
    """Records that are not here. `missing`: unexplained, and asked for; `lost`: the node told, in
    the record `told_by` (epoch, seq), that it cannot supply them.

    `last_seq` and `count` are None where the node cannot know how many it lost. `count` leaves out
    those of the range that came all the same. The chain is not verified across a gap.
    """

    node: str
    epoch: str
    first_seq: int
    last_seq: int | None
    count: int | None
    state: Literal["missing", "lost"]
    cause: str | None
    detail: str | None
    noticed_utc: datetime
    told_by: tuple[str, int] | None


@dataclass(frozen=True)
class LostFile:
    """A clip or snapshot of which its node said that it will never come."""

    node: str
    event: str | None
    kind: Literal["clip", "snapshot"]
    part: int | None
    sha256: str
    size_bytes: int
    cause: str
    told_utc: datetime


@dataclass(frozen=True)
class NodeState:
    """What the archive knows of a node. `counts` has its refusals and alarms by counter.

    `lost_records` and `lost_files` are what the node told of.
    """

    name: str
    public_key: bytes | None
    state: Literal["online", "offline", "never seen"]
    since_utc: datetime | None
    version: str | None
    boot: str | None
    epoch: str | None
    cameras: tuple[str, ...]
    last_record_utc: datetime | None
    health: bytes | None
    health_utc: datetime | None
    journals: tuple[JournalState, ...]
    lost_records: int
    lost_files: int
    counts: Mapping[str, int]

    @property
    def missing_records(self) -> int:
        """How many records are missing without a word."""
        return sum(journal.missing for journal in self.journals)


@dataclass(frozen=True)
class HealthSample:
    """How a node was at one moment: what can be drawn over time. `watching` of its `cameras` were
    watched; `waiting_*` is what the hub had not acknowledged yet."""

    at_utc: datetime
    cpu_percent: float
    memory_bytes: int
    disk_free_bytes: int
    temperature_c: float | None
    clock_error_ms: int | None
    waiting_records: int
    waiting_clip_bytes: int
    watching: int
    cameras: int
    bits_per_s: float


class NodePulse(NamedTuple):
    """What changes when there is news of a node: cheap to ask for again and again."""

    state: Literal["online", "offline", "never seen"]
    boot: str | None
    cameras: str | None
    health_ms: int | None
