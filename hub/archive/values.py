"""What goes into an archive and what comes out, as frozen values. Times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from edge.contract.parts import Box, ClockState
from edge.contract.record import EventKind, Record
from edge.contract.status import Status
from hub.archive.placing import Placed
from hub.archive.scope import EVERYTHING, Scope
from hub.archive.settings_values import AppliedNote

Outcome = Literal["stored", "known", "conflict", "chain"]
"""What became of one record: stored now; known from before; refused because its number holds
another record (conflict), or because it does not continue its neighbours (chain)."""

EventState = Literal["open", "ended"]
Role = Literal["node", "reader"]
Mark = Literal["new", "seen", "confirmed", "false_alarm"]
"""What a person made of an event; new until somebody looked at it."""
MARKS: tuple[Mark, ...] = get_args(Mark)
Tagged = Literal["zone", "label"]
KINDS: tuple[str, ...] = (*get_args(EventKind), "lost")
"""Of events: those that records tell of as events, and the loss of a camera."""


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
    applied: tuple[AppliedNote, ...] = ()
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
    """One announced part of an event's recording; `stored_utc` is None until it is verified.

    `lost_cause` is set when its node said that it will never come. `starts_utc` is as claimed.
    """

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
    lost_cause: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One announced picture of an event; `stored_utc` is None until its bytes are here.

    `lost_cause` is set when its node said that it will never come. `taken_utc` is as claimed.
    """

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
    lost_cause: str | None = None


@dataclass(frozen=True)
class EventLabel:
    """What a model on the node took an event for, where it was surest; `seen_utc` as claimed."""

    label: str
    confidence: float
    box: Box
    seen_utc: datetime


@dataclass(frozen=True)
class Event:
    """One event, put together from its records. `number` is the archive's own; `change` rises
    each time anything about any event changes.

    `started_utc` and `ended_utc` are the best known times, wrong by `error_ms` at most as far as
    the node can tell; the claimed ones are what its wall clock said, which was `clock`. Where the
    clock was not set, `placed` says whether a later record corrected the times, or only bounds
    are known: the event began between `earliest_utc` (None: unknown) and `latest_utc`.
    `mark` is what the newest of its remarks that set one says.
    """

    number: int
    change: int
    id: str
    node: str
    camera: str
    kind: str | None
    state: EventState
    started_utc: datetime
    started_claimed_utc: datetime
    ended_utc: datetime | None
    ended_claimed_utc: datetime | None
    clock: ClockState
    placed: Placed
    error_ms: int | None
    earliest_utc: datetime | None
    latest_utc: datetime | None
    duration_ms: int | None
    zones: tuple[str, ...]
    score: float | None
    parts: int
    reason: str | None
    fault: str | None
    clips_announced: int
    clips_stored: int
    clips_lost: int
    mark: Mark
    labels: tuple[EventLabel, ...] | None = None
    """The surest first; None where no model looked, or its word is not here yet."""
    tampering: str | None = None
    """What was wrong with the camera, of an event of that kind: covered, moved, ..."""
    tamper_outcome: str | None = None
    """restored, or accepted as a new view; None while it lasts."""

    @property
    def is_corrected(self) -> bool:
        """Whether the node's own times were replaced by better ones."""
        return self.placed == "corrected"

    @property
    def camera_path(self) -> str:
        """Whose footage it is, as NODE/CAMERA."""
        return f"{self.node}/{self.camera}"

    @property
    def key(self) -> PageKey:
        """Where a page that ends with this event continues."""
        return PageKey(round(self.started_utc.timestamp() * 1000), self.number)


@dataclass(frozen=True)
class Remark:
    """What a person said of an event: a mark, a note, or both. Remarks are never changed."""

    user: str
    at_utc: datetime
    mark: Mark | None = None
    note: str | None = None


@dataclass(frozen=True)
class EventFilter:
    """Which events; None, () and 0 mean any. Times are of the start: since <= started < until.

    `area` means the area of that code and all below it, `organisation` whose the camera was; both
    at the time of the event. Each word of `text`, folded, stands in the event's notes or in a
    name of its camera, areas or organisation. `scope` is what the asker may see. `not_of` is a
    camera whose events are left out.
    """

    since_utc: datetime | None = None
    until_utc: datetime | None = None
    node: str | None = None
    camera: str | None = None
    kinds: tuple[str, ...] = ()
    zone: str | None = None
    label: str | None = None
    min_duration_ms: int = 0
    max_duration_ms: int | None = None
    marks: tuple[Mark, ...] = ()
    area: str | None = None
    organisation: str | None = None
    text: str = ""
    scope: Scope = EVERYTHING
    not_of: CameraKey | None = None


class Count(NamedTuple):
    """How many; with `is_more`, more than that."""

    number: int
    is_more: bool


class RecordKey(NamedTuple):
    """The archive's own order of records: by journal, as first heard of, and number."""

    journal: int
    seq: int


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
    key: RecordKey


@dataclass(frozen=True)
class Written:
    """What a batch did: the outcome of each arrival, and the events that it brought to an end."""

    outcomes: tuple[Outcome, ...]
    ended: tuple[Event, ...]


class CameraKey(NamedTuple):
    """A camera of a node; cameras of two nodes may have the same name."""

    node: str
    camera: str


@dataclass(frozen=True)
class Stretch:
    """A stretch of a camera's time in which one thing is known. `cause` says why it was not
    watched, or why nobody knows."""

    from_ms: int
    to_ms: int
    state: Literal["watched", "blind", "unknown"]
    cause: str | None = None
    detail: str | None = None


class HourCell(NamedTuple):
    """What is known of an hour of a camera, in milliseconds; `cause` is what kept it most from
    watching, or from being known, as in Stretch."""

    watched_ms: int
    blind_ms: int
    unknown_ms: int
    cause: str | None


class HeatRow(NamedTuple):
    """A camera's hours; None for those that the asker may not see."""

    camera: CameraKey
    cells: tuple[HourCell | None, ...]


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
