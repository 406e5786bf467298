"""Records: one signed line each about what a node saw or did.

A record's identity is (node, epoch, seq). Its payload bytes are what is hashed, signed and kept;
nothing is ever serialised again, so nothing needs canonicalising.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.base import schema, strictjson
from edge.base.schema import item
from edge.contract import documents, names
from edge.contract.errors import ContractError
from edge.contract.parts import Box, ClipRef, ClockStamp, Instant, Label, SnapshotRef, Track

EventKind = Literal["motion", "tampered"]
TamperFault = Literal["covered", "defocused", "moved", "blinded", "frozen", "black"]
EndReason = Literal["quiet", "camera_lost", "stopped", "interrupted"]
TamperOutcome = Literal["restored", "accepted"]


@dataclass(frozen=True)
class EventStarted:
    """Something began to happen in front of a camera."""

    kind: EventKind = item("what kind of event")
    started: Instant = item("the first frame in which it was seen")
    zones: tuple[str, ...] = item(
        "zones it touched so far", max_items=64, pattern=names.ZONE_PATTERN
    )
    score: float = item("how much of the watched picture changed at most, 0 to 1", min=0, max=1)
    box: Box | None = item(
        "what moved: left, top, width, height, each 0 to 1 of the picture", None, min=0, max=1
    )
    snapshot: SnapshotRef | None = item("the frame that confirmed it", None)
    tracks: tuple[Track, ...] = item("the ways of what moved, so far", (), max_items=8)


@dataclass(frozen=True)
class EventUpdated:
    """A running event: a part of its clip was completed."""

    clip: ClipRef = item("the completed part; the next one, if any, continues it without a gap")
    zones: tuple[str, ...] = item("zones touched so far", max_items=64, pattern=names.ZONE_PATTERN)


@dataclass(frozen=True)
class EventEnded:
    """An event is over and its last clip closed."""

    kind: EventKind = item("what kind of event")
    started: Instant = item("the first frame in which it was seen")
    ended: Instant = item("the last frame in which it was seen")
    duration_ms: int = item("from started to ended on the monotonic clock", min=0)
    reason: EndReason = item("quiet: it is over; otherwise what cut it short")
    zones: tuple[str, ...] = item("all zones it touched", max_items=64, pattern=names.ZONE_PATTERN)
    score: float = item("how much of the watched picture changed at most, 0 to 1", min=0, max=1)
    parts: int = item("how many clips the event has", min=0, max=10000)
    clip: ClipRef | None = item("the last part; absent where recording failed", None)
    snapshot: SnapshotRef | None = item("the best frame of the event", None)
    fault: str | None = item(
        "why a clip is missing or short", None, max_length=names.MAX_FAULT_CHARS
    )
    tracks: tuple[Track, ...] = item(
        "the ways of what moved, those that got farthest, in the order of their coming",
        (),
        max_items=8,
    )


@dataclass(frozen=True)
class EventLabelled:
    """What an optional model took an event for. The newest one of an event counts, alone."""

    labels: tuple[Label, ...] = item(
        "each label once, the surest first; empty where nothing was recognised", max_items=16
    )
    frames: int = item("how many of its frames were looked at", min=1, max=100)
    looked: Instant = item("when the last of them was captured")
    model: str = item("SHA-256 of the model's file", pattern=names.HASH_PATTERN)


@dataclass(frozen=True)
class CameraLost:
    """A camera stopped delivering packets."""

    reason: str = item("a short fixed word: unreachable, refused, unauthorised, ...", max_length=32)
    detail: str = item("for people", max_length=names.MAX_DETAIL_CHARS)
    last_packet: Instant | None = item("the last packet before the loss", None)


@dataclass(frozen=True)
class CameraFound:
    """A camera delivers packets (again)."""

    codec: str = item("of the video stream as it is sent: h264, hevc, mjpeg", max_length=16)
    width: int = item("pixels", min=0, max=65535)
    height: int = item("pixels", min=0, max=65535)
    audio: str | None = item("codec of the audio stream, if any", None, max_length=16)
    lost_ms: int | None = item(
        "how long it was lost, where the record names the event of that loss and the boot is still"
        " the same",
        None,
        min=0,
    )


@dataclass(frozen=True)
class CameraTampered:
    """Somebody or something keeps a camera from showing what it should; an event of that kind.

    The event's own records tell its clips: they show the minute before.
    """

    fault: TamperFault = item(
        "covered: wholly or in part; defocused; moved: turned, shifted or lifted off; blinded: by"
        " light; frozen: one picture again and again; black"
    )
    since: Instant = item("the first picture that shows it")
    found: Instant = item("when that was certain")
    score: float = item("how much of the view is gone, 0 to 1", min=0, max=1)
    before: SnapshotRef | None = item("what the camera showed before", None)
    after: SnapshotRef | None = item("what it showed when that was certain", None)


@dataclass(frozen=True)
class CameraRestored:
    """What an earlier camera.tampered of the same event told is over."""

    fault: TamperFault = item("what it was")
    since: Instant = item("when it began")
    restored: Instant = item("the picture that proved it over")
    duration_ms: int = item("from since to restored on the monotonic clock", min=0)
    outcome: TamperOutcome = item(
        "restored: the view is back; accepted: another view stayed for ten minutes, and is taken"
        " for the camera's own from now on"
    )


@dataclass(frozen=True)
class NodeBooted:
    """The agent started."""

    version: str = item("of the software", max_length=32)
    cameras: tuple[str, ...] = item(
        "the cameras it is set to watch", max_items=64, pattern=names.CAMERA_PATTERN
    )
    was_clean: bool | None = item(
        "whether the run before ended in good order; absent at the first start", None
    )


@dataclass(frozen=True)
class ClockStepped:
    """The wall clock was set: times of this boot before it are known better now."""

    before_utc: datetime = item("what the wall clock said at clock.mono_ns before the step")
    after_utc: datetime = item("what it said right after")
    step_ms: int = item("after minus before; negative for a step back")


@dataclass(frozen=True)
class JournalGap:
    """Records that the hub does not have and the node cannot supply any more."""

    lost_epoch: str = item("the journal that they belonged to", pattern=names.EPOCH_PATTERN)
    first_seq: int = item("the first lost one", min=1, max=names.MAX_SEQ)
    cause: Literal["corrupt", "quota", "storage"] = item(
        "corrupt: the journal file was damaged; quota: its disk space ran out; storage: the disk"
        " failed while they were in memory only"
    )
    last_seq: int | None = item(
        "the last lost one; absent where the node cannot know", None, min=1, max=names.MAX_SEQ
    )
    detail: str | None = item("for people", None, max_length=names.MAX_DETAIL_CHARS)


BlindCause = Literal[
    "stream_lost", "frozen", "black", "tampered", "storage", "disarmed", "overload", "starting",
    "stopped",
]  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A stretch of a camera's time, in milliseconds after the record's `starts`."""

    from_ms: int = item("its start", min=0, max=86_400_000)
    to_ms: int = item("its end", min=0, max=86_400_000)
    state: Literal["watched", "blind"] = item("whether motion would have been seen and recorded")
    cause: BlindCause | None = item("why not; absent where it was watched", None)
    detail: str | None = item("for people, such as who disarmed it", None, max_length=100)


@dataclass(frozen=True)
class CoverageSpans:
    """What became of every moment of a camera between two instants; spans follow without a gap."""

    starts: Instant = item("where the account begins: the end of the one before it in this run")
    ends: Instant = item("where it ends")
    spans: tuple[Span, ...] = item("in order, without gap or overlap", max_items=64)


@dataclass(frozen=True)
class FileDropped:
    """A clip or snapshot that an earlier record announced will never reach the hub."""

    kind: Literal["clip", "snapshot"] = item("what is lost")
    sha256: str = item("of the lost file, as announced", pattern=names.HASH_PATTERN)
    size_bytes: int = item("of the lost file, as announced", min=1, max=names.MAX_CLIP_BYTES)
    cause: Literal["quota", "missing"] = item(
        "quota: the node's disk space ran out first; missing: the file is gone from the disk"
    )
    part: int | None = item("of a clip", None, min=0, max=9999)


@dataclass(frozen=True)
class ConfigApplied:
    """What became of a version of the hub's settings. One that was applied may be rolled back."""

    version: int = item("the hub's number of it", min=0, max=names.MAX_SEQ)
    outcome: Literal["applied", "refused", "rolled_back"] = item(
        "applied: in effect from now on; refused: never in effect; rolled_back: taken back, or not"
        " even put in effect when it was tried"
    )
    in_effect: int = item("the version in effect since; 0: none", min=0, max=names.MAX_SEQ)
    sha256: str | None = item("of its bytes, where they were read", None,
                              pattern=names.HASH_PATTERN)  # fmt: skip
    reason: str | None = item("for programs, why not", None, pattern=r"[a-z_]{1,32}")
    detail: str | None = item("for people, why not", None, max_length=names.MAX_DETAIL_CHARS)


Body = (
    EventStarted
    | EventUpdated
    | EventEnded
    | EventLabelled
    | CameraLost
    | CameraFound
    | CameraTampered
    | CameraRestored
    | CoverageSpans
    | NodeBooted
    | ClockStepped
    | JournalGap
    | FileDropped
    | ConfigApplied
)

BODIES: dict[str, type[Body]] = {
    "event.started": EventStarted,
    "event.updated": EventUpdated,
    "event.ended": EventEnded,
    "event.labelled": EventLabelled,
    "camera.lost": CameraLost,
    "camera.found": CameraFound,
    "camera.tampered": CameraTampered,
    "camera.restored": CameraRestored,
    "node.booted": NodeBooted,
    "file.dropped": FileDropped,
    "clock.stepped": ClockStepped,
    "journal.gap": JournalGap,
    "coverage.spans": CoverageSpans,
    "config.applied": ConfigApplied,
}
TYPES: dict[type[Body], str] = {body: name for name, body in BODIES.items()}
EVENT_TYPES = frozenset({"event.started", "event.updated", "event.ended", "event.labelled"})
TAMPER_TYPES = frozenset({"camera.tampered", "camera.restored"})
EVENTFUL_TYPES = EVENT_TYPES | TAMPER_TYPES  # those that name their event


@dataclass(frozen=True)
class Header:
    """What every record begins with."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the node's name", pattern=names.NODE_PATTERN)
    epoch: str = item(
        "random, made with the journal; a new card is a new epoch", pattern=names.EPOCH_PATTERN
    )
    seq: int = item("rises by one from 1 without gaps within an epoch", min=1, max=names.MAX_SEQ)
    prev: str = item(
        "SHA-256 of the previous record's payload; zeros before the first",
        pattern=names.HASH_PATTERN,
    )
    type: str = item("what the record says", max_length=32, pattern=r"[a-z]+\.[a-z]+")
    at_utc: datetime = item("when the record was written, by the node's wall clock")
    clock: ClockStamp = item("how far at_utc can be trusted")
    camera: str | None = item("the camera it is about", None, pattern=names.CAMERA_PATTERN)
    event: str | None = item(
        "the event it is about, a UUIDv7; for links, never for order",
        None,
        pattern=names.EVENT_PATTERN,
    )


@dataclass(frozen=True)
class Record:
    """A decoded record. `body` is None for a type that this side does not know (yet)."""

    header: Header
    body: Body | None


def encode(header: Header, body: Body) -> bytes:
    """The payload bytes of a record. Raises ContractError for what `decode` would refuse.

    A record that no hub takes would stand in the journal for ever, so none is written.
    """
    try:
        payload = strictjson.dumps(schema.dump(header) | schema.dump(body))
    except ValueError as err:
        raise ContractError("schema", f"a {header.type} record: {err}") from err
    if header.type != TYPES[type(body)]:
        raise ContractError("schema", f"a {TYPES[type(body)]} record headed {header.type}")
    decode(payload)
    return payload


def decode(payload: bytes) -> Record:
    """The record in `payload`. Raises ContractError; an unknown type is not an error."""
    value = documents.parse(payload, max_bytes=names.MAX_RECORD_BYTES)
    header = documents.fit(Header, value)
    body_class = BODIES.get(header.type)
    if body_class is None:
        return Record(header, None)
    if header.type in EVENTFUL_TYPES and (header.event is None or header.camera is None):
        raise ContractError("schema", f"{header.type} without event or camera")
    return Record(header, documents.fit(body_class, value))


def digest(payload: bytes) -> str:
    """The SHA-256 that the next record carries as `prev`, in hexadecimal."""
    return hashlib.sha256(payload).hexdigest()
