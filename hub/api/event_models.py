"""Events as the API gives them; the names are those of `camwatch-hub query --json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.contract.parts import Box
from hub.api.models import Answer, Moment
from hub.archive.values import Clip, Event, EventLabel, Remark, Snapshot, StoredRecord

Mark = Literal["new", "seen", "confirmed", "false_alarm"]
BOX = "left, top, width, height, as parts of the picture from 0 to 1"


class LabelAnswer(Answer):
    """What a model on the node took an event for."""

    label: str
    confidence: float
    box: tuple[float, float, float, float] = Field(description=BOX)
    seen_utc: Moment

    @classmethod
    def of(cls, label: EventLabel) -> LabelAnswer:
        """As it is given out."""
        return cls(
            label=label.label,
            confidence=label.confidence,
            box=_box(label.box),
            seen_utc=label.seen_utc,
        )


class EventAnswer(Answer):
    """An event, put together from its records. Times are the best known ones."""

    id: str
    node: str
    camera: str
    kind: str | None = Field(description="Such as `motion`; null until its start or end is here.")
    state: Literal["open", "ended"]
    started_utc: Moment
    ended_utc: Moment | None
    duration_ms: int | None
    zones: list[str]
    labels: list[LabelAnswer] | None = Field(description="Null where no model looked.")
    score: float | None
    parts: int = Field(description="Clips that it has, as far as known.")
    reason: str | None = Field(description="Why it ended.")
    fault: str | None = Field(description="Why a clip is missing or short.")
    tampering: str | None = Field(description="What was wrong with the camera: covered, moved, ...")
    tamper_outcome: str | None = Field(description="restored or accepted; null while it lasts.")
    clips_announced: int
    clips_stored: int
    clips_lost: int
    started_claimed_utc: Moment = Field(description="By the node's own clock.")
    ended_claimed_utc: Moment | None
    is_corrected: bool = Field(description="Whether the node's own times were replaced.")
    clock: str = Field(description="The node's clock then: synced, holdover, unsynced.")
    time_error_ms: int | None
    earliest_utc: Moment | None = Field(description="Of a clock never set: not before this.")
    latest_utc: Moment | None = Field(description="Of a clock never set: not after this.")
    key: str = Field(description="Where a page that ends with this event goes on.")
    mark: Mark

    @classmethod
    def of(cls, event: Event) -> EventAnswer:
        """As it is given out."""
        labels = event.labels
        return cls(
            id=event.id,
            node=event.node,
            camera=event.camera,
            kind=event.kind,
            state=event.state,
            started_utc=event.started_utc,
            ended_utc=event.ended_utc,
            duration_ms=event.duration_ms,
            zones=list(event.zones),
            labels=None if labels is None else [LabelAnswer.of(each) for each in labels],
            score=event.score,
            parts=event.parts,
            reason=event.reason,
            fault=event.fault,
            tampering=event.tampering,
            tamper_outcome=event.tamper_outcome,
            clips_announced=event.clips_announced,
            clips_stored=event.clips_stored,
            clips_lost=event.clips_lost,
            started_claimed_utc=event.started_claimed_utc,
            ended_claimed_utc=event.ended_claimed_utc,
            is_corrected=event.is_corrected,
            clock=event.clock,
            time_error_ms=event.error_ms,
            earliest_utc=event.earliest_utc,
            latest_utc=event.latest_utc,
            key=str(event.key),
            mark=event.mark,
        )


class EventPage(Answer):
    """Events, newest first."""

    events: list[EventAnswer]
    next: str | None = Field(description="What `before` gets the next page; null at the end.")
    filter: str = Field(description="What was asked, in its canonical form, to be shared.")


class EventCount(Answer):
    """How many events fit."""

    number: int
    is_more: bool = Field(description="Whether counting stopped at the limit.")


class ClipAnswer(Answer):
    """One part of an event's recording, as its node announced it."""

    part: int
    sha256: str
    size_bytes: int
    duration_ms: int
    codec: str = Field(description="h264 or hevc")
    width: int
    height: int
    starts_utc: Moment = Field(description="By the node's own clock.")
    pre_roll_ms: int
    stored_utc: Moment | None = Field(description="When it was verified here; null until then.")
    lost_cause: str | None = Field(description="Why it will never come, by its node's word.")
    url: str | None = Field(description="Where it is, once it is here.")

    @classmethod
    def of(cls, clip: Clip) -> ClipAnswer:
        """As it is given out."""
        is_here = clip.stored_utc is not None
        return cls(
            part=clip.part,
            sha256=clip.sha256,
            size_bytes=clip.size_bytes,
            duration_ms=clip.duration_ms,
            codec=clip.codec,
            width=clip.width,
            height=clip.height,
            starts_utc=clip.starts_utc,
            pre_roll_ms=clip.pre_roll_ms,
            stored_utc=clip.stored_utc,
            lost_cause=clip.lost_cause,
            url=f"/api/v1/events/{clip.event}/clips/{clip.part}" if is_here else None,
        )


class SnapshotAnswer(Answer):
    """One picture of an event, as its node announced it."""

    sha256: str
    size_bytes: int
    width: int
    height: int
    taken_utc: Moment = Field(description="By the node's own clock.")
    box: tuple[float, float, float, float] | None = Field(description=BOX)
    stored_utc: Moment | None
    lost_cause: str | None
    url: str | None = Field(description="Where it is, once it is here.")

    @classmethod
    def of(cls, shot: Snapshot) -> SnapshotAnswer:
        """As it is given out."""
        is_here = shot.stored_utc is not None
        return cls(
            sha256=shot.sha256,
            size_bytes=shot.size_bytes,
            width=shot.width,
            height=shot.height,
            taken_utc=shot.taken_utc,
            box=None if shot.box is None else _box(shot.box),
            stored_utc=shot.stored_utc,
            lost_cause=shot.lost_cause,
            url=f"/api/v1/events/{shot.event}/snapshots/{shot.sha256}" if is_here else None,
        )


class RecordAnswer(Answer):
    """A record exactly as it was received and signed, so that it can be verified elsewhere."""

    epoch: str
    seq: int
    type: str
    at_utc: Moment
    received_utc: Moment
    sha256: str = Field(description="Of the payload's bytes.")
    payload: str = Field(description="The signed bytes, which are UTF-8 JSON.")
    signature: str = Field(description="Ed25519 over the payload's bytes, hexadecimal.")

    @classmethod
    def of(cls, record: StoredRecord) -> RecordAnswer:
        """As it is given out."""
        return cls(
            epoch=record.epoch,
            seq=record.seq,
            type=record.type,
            at_utc=record.at_utc,
            received_utc=record.received_utc,
            sha256=record.digest,
            payload=record.payload.decode(),
            signature=record.signature.hex(),
        )


class RemarkAnswer(Answer):
    """What a person said of an event."""

    user: str
    at_utc: Moment
    mark: Mark | None
    note: str | None

    @classmethod
    def of(cls, remark: Remark) -> RemarkAnswer:
        """As it is given out."""
        return cls(user=remark.user, at_utc=remark.at_utc, mark=remark.mark, note=remark.note)


class EventDetail(Answer):
    """One event with all that belongs to it."""

    event: EventAnswer
    clips: list[ClipAnswer]
    snapshots: list[SnapshotAnswer]
    records: list[RecordAnswer]
    remarks: list[RemarkAnswer]


def _box(box: Box) -> tuple[float, float, float, float]:
    left, top, width, height = box
    return left, top, width, height
