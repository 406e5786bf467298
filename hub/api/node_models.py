"""Nodes, cameras and what is missing, as the API gives them; named as the commands name them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.base import schema
from edge.keys import PublicKey
from hub.api.models import Answer, Moment
from hub.archive.enrolments import Standing
from hub.archive.event_state import from_ms
from hub.archive.node_values import Gap, JournalState, LostFile, NodeState
from hub.archive.problems import Problem
from hub.archive.values import Stretch
from hub.registry import present
from hub.registry.present import CameraNow

Condition = Literal["lost", "blind", "offline", "silent", "new", "watching"]


class JournalAnswer(Answer):
    """One journal of a node: all up to `upto` is settled."""

    epoch: str
    upto: int
    beyond: int = Field(description="Records that came early.")
    missing: int = Field(description="Neither here nor told to be lost.")

    @classmethod
    def of(cls, journal: JournalState) -> JournalAnswer:
        """As it is given out."""
        return cls(
            epoch=journal.epoch,
            upto=journal.upto,
            beyond=journal.beyond,
            missing=journal.missing,
        )


class NodeAnswer(Answer):
    """A camera node, as it was heard of last."""

    node: str
    state: Literal["online", "offline", "never seen"]
    since_utc: Moment | None
    version: str | None
    cameras: list[str] = Field(description="Those that the visitor may see.")
    key: str | None = Field(description="Its pinned Ed25519 public key, base64.")
    last_record_utc: Moment | None
    health_utc: Moment | None
    health: dict[str, object] | None = Field(
        description="Its newest report, as in config/schema/health.schema.json, with the cameras"
        " that the visitor may see."
    )
    journals: list[JournalAnswer]
    missing_records: int
    lost_records: int
    lost_files: int
    counts: dict[str, int] = Field(description="Refused messages and alarms, by counter.")
    has_account: bool = Field(description="Whether a box may speak as it.")
    enrolled_utc: Moment | None = Field(description="When its box joined by a node file.")
    awaited_until_utc: Moment | None = Field(description="A node file is out, good until then.")
    revoked_utc: Moment | None = Field(description="When it was shut out.")

    @classmethod
    def of(cls, node: NodeState, cameras: set[str], standing: Standing) -> NodeAnswer:
        """As it is given out, with these cameras of it."""
        report = present.health_of(node)
        health = None if report is None else schema.dump(report)
        if health is not None:
            health["cameras"] = [each for each in health["cameras"] if each["camera"] in cameras]
        return cls(
            node=node.name,
            state=node.state,
            since_utc=node.since_utc,
            version=node.version,
            cameras=[name for name in node.cameras if name in cameras],
            key=None if node.public_key is None else PublicKey(node.public_key).text,
            last_record_utc=node.last_record_utc,
            health_utc=node.health_utc,
            health=health,
            journals=[JournalAnswer.of(each) for each in node.journals],
            missing_records=node.missing_records,
            lost_records=node.lost_records,
            lost_files=node.lost_files,
            counts=dict(node.counts),
            has_account=standing.has_account,
            enrolled_utc=standing.enrolled_utc,
            awaited_until_utc=standing.awaited_until_utc,
            revoked_utc=standing.revoked_utc,
        )


class CameraAnswer(Answer):
    """A camera with what it does at the moment."""

    node: str
    camera: str
    title: str
    condition: Condition = Field(
        description="lost: it sends nothing; blind: not watched, see `cause`; offline: its node is"
        " not connected; silent: its node has not said how it is; new: nothing was heard of it."
    )
    cause: str | None
    is_moving: bool
    area: str | None = Field(description="Code of the area that it is in now.")
    organisation: str | None = Field(description="Code of the organisation that it belongs to.")
    picture_url: str | None = Field(description="Its newest snapshot.")
    picture_utc: Moment | None

    @classmethod
    def of(cls, now: CameraNow) -> CameraAnswer:
        """As it is given out."""
        shot = now.picture
        url = None if shot is None else f"/api/v1/events/{shot.event}/snapshots/{shot.sha256}"
        return cls(
            node=now.camera.node,
            camera=now.camera.name,
            title=now.camera.title,
            condition=now.condition,
            cause=now.cause,
            is_moving=now.is_moving,
            area=None if now.area is None else now.area.code,
            organisation=None if now.organisation is None else now.organisation.code,
            picture_url=url,
            picture_utc=None if shot is None else shot.taken_utc,
        )


class StretchAnswer(Answer):
    """A stretch of a camera's time in which one thing is known."""

    from_utc: Moment
    to_utc: Moment
    state: Literal["watched", "blind", "unknown"]
    cause: str | None
    detail: str | None

    @classmethod
    def of(cls, stretch: Stretch) -> StretchAnswer:
        """As it is given out."""
        return cls(
            from_utc=from_ms(stretch.from_ms),
            to_utc=from_ms(stretch.to_ms),
            state=stretch.state,
            cause=stretch.cause,
            detail=stretch.detail,
        )


class CoverageAnswer(Answer):
    """When a camera was watched, when not, and why; counted in whole minutes."""

    node: str
    camera: str
    minutes: int
    watched_minutes: int
    blind_minutes: int
    unknown_minutes: int
    percent: float
    stretches: list[StretchAnswer]


class GapAnswer(Answer):
    """Records that are missing, or that their node told to be lost."""

    node: str
    state: Literal["missing", "lost"]
    epoch: str
    first_seq: int
    last_seq: int | None
    count: int | None
    cause: str | None
    detail: str | None
    noticed_utc: Moment

    @classmethod
    def of(cls, gap: Gap) -> GapAnswer:
        """As it is given out."""
        return cls(
            node=gap.node,
            state=gap.state,
            epoch=gap.epoch,
            first_seq=gap.first_seq,
            last_seq=gap.last_seq,
            count=gap.count,
            cause=gap.cause,
            detail=gap.detail,
            noticed_utc=gap.noticed_utc,
        )


class LostFileAnswer(Answer):
    """A clip or snapshot that will never come, by its node's word."""

    node: str
    event: str | None
    kind: Literal["clip", "snapshot"]
    part: int | None
    sha256: str
    size_bytes: int
    cause: str
    noticed_utc: Moment

    @classmethod
    def of(cls, file: LostFile) -> LostFileAnswer:
        """As it is given out."""
        return cls(
            node=file.node,
            event=file.event,
            kind=file.kind,
            part=file.part,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            cause=file.cause,
            noticed_utc=file.told_utc,
        )


class Absences(Answer):
    """All that is missing or lost."""

    records: list[GapAnswer]
    files: list[LostFileAnswer]


class ProblemAnswer(Answer):
    """What troubles the hub itself."""

    what: str
    text: str
    since_utc: Moment

    @classmethod
    def of(cls, problem: Problem) -> ProblemAnswer:
        """As it is given out."""
        return cls(what=problem.what, text=problem.text, since_utc=problem.since_utc)
