"""What goes into an archive and what comes out, as frozen values. Times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from edge.contract.parts import Box
from edge.contract.record import Record
from edge.contract.status import Status

Outcome = Literal["stored", "known", "conflict", "chain"]
"""What became of one record: stored now; known from before; refused because its number holds
another record (conflict), or because it does not continue its neighbours (chain)."""

EventState = Literal["open", "ended"]
Role = Literal["node", "reader"]


@dataclass(frozen=True)
class Arrival:
    """A verified record as it came: decoded, and the exact bytes that were signed."""

    record: Record
    payload: bytes
    signature: bytes
    digest: str
    received_utc: datetime


@dataclass(frozen=True)
class Refusal:
    """A message that is not archived, and why; `reason` is a short fixed word."""

    topic: str
    node: str
    reason: str
    detail: str
    payload: bytes
    received_utc: datetime


@dataclass(frozen=True)
class StatusNote:
    """What a node said of itself."""

    node: str
    status: Status
    received_utc: datetime


@dataclass(frozen=True)
class HealthNote:
    """A node's newest health report, as received."""

    node: str
    payload: bytes
    received_utc: datetime


@dataclass(frozen=True)
class Batch:
    """Everything that one transaction archives. `counts` is keyed by (counter, node)."""

    arrivals: tuple[Arrival, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    statuses: tuple[StatusNote, ...] = ()
    healths: tuple[HealthNote, ...] = ()
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)


class PageKey(NamedTuple):
    """Where a page of events ends: newest first, then by archive number."""

    started_ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.started_ms}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> PageKey:
        """The key that `str` printed. Raises ValueError."""
        started, dot, number = text.partition(".")
        if not dot or len(text) > 40:
            raise ValueError(f"{text[:40]!r} is not a page key such as 1767225600000.42")
        return cls(int(started), int(number))


@dataclass(frozen=True)
class Clip:
    """One announced part of an event's recording; `stored_utc` is None until it is verified."""

    node: str
    event: str
    part: int
    sha256: str
    size_bytes: int
    duration_ms: int
    codec: str
    width: int
    height: int
    starts_utc: datetime
    pre_roll_ms: int
    stored_utc: datetime | None


@dataclass(frozen=True)
class Snapshot:
    """One announced picture of an event; `stored_utc` is None until its bytes are here."""

    node: str
    event: str
    camera: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    taken_utc: datetime
    box: Box | None
    stored_utc: datetime | None


@dataclass(frozen=True)
class Event:
    """One event, put together from its records. `number` is the archive's own; `change` rises
    each time anything about any event changes."""

    number: int
    change: int
    id: str
    node: str
    camera: str
    kind: str | None
    state: EventState
    started_utc: datetime
    ended_utc: datetime | None
    duration_ms: int | None
    zones: tuple[str, ...]
    score: float | None
    parts: int
    reason: str | None
    fault: str | None
    clips_announced: int
    clips_stored: int

    @property
    def key(self) -> PageKey:
        """Where a page that ends with this event continues."""
        return PageKey(round(self.started_utc.timestamp() * 1000), self.number)


@dataclass(frozen=True)
class EventFilter:
    """Which events; None and 0 mean any. Times are of the start: since <= started < until."""

    since_utc: datetime | None = None
    until_utc: datetime | None = None
    node: str | None = None
    camera: str | None = None
    kind: str | None = None
    zone: str | None = None
    min_duration_ms: int = 0


@dataclass(frozen=True)
class StoredRecord:
    """A record as archived, with the exact bytes and signature."""

    node: str
    epoch: str
    seq: int
    type: str
    at_utc: datetime
    received_utc: datetime
    digest: str
    payload: bytes
    signature: bytes


@dataclass(frozen=True)
class Written:
    """What a batch did: the outcome of each arrival, and the events that it brought to an end."""

    outcomes: tuple[Outcome, ...]
    ended: tuple[Event, ...]


@dataclass(frozen=True)
class Progress:
    """How far the archive holds one journal: all up to `upto`, whose hash is `head`, and `also`.

    `also` is bounded; `beyond` is how many records there are beyond `upto` in all.
    """

    node: str
    epoch: str
    upto: int
    head: str
    also: tuple[int, ...]
    beyond: int


@dataclass(frozen=True)
class NodeState:
    """What the archive knows of a node. `counts` has its refusals and alarms by counter."""

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
    journals: tuple[Progress, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Credential:
    """An account: `secret_sha256` for HTTP, `mqtt_hash` as the broker's password file has it."""

    name: str
    role: Role
    secret_sha256: bytes
    mqtt_hash: str
    added_utc: datetime


@dataclass(frozen=True)
class Quarantined:
    """A refused message that was kept for inspection; `payload` may be cut, `size_bytes` is not."""

    topic: str
    reason: str
    detail: str
    payload: bytes
    size_bytes: int
    received_utc: datetime
