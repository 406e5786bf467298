"""Releases and roll-outs as the API takes and gives them."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from hub.api.models import Answer, Moment, TakenIn
from hub.archive.update_values import Rollout, StoredRelease
from hub.rollouts.control import MAX_HEALTHY, NodeLine
from hub.rollouts.stages import FORMS, MAX_STAGES

NodeStage = Literal[
    "", "ordered", "idle", "waiting", "downloading", "installing", "on_trial", "good", "returned",
    "refused", "failed",
]  # fmt: skip


class BundleAnswer(Answer):
    """What a release holds for one architecture."""

    arch: str
    pythons: tuple[str, ...]
    size_bytes: int


class ReleaseAnswer(Answer):
    """A release that this hub has."""

    version: str
    maker: str = Field(description="Name of the key that signed it.")
    created_utc: Moment
    added_utc: Moment
    notes: str
    bundles: list[BundleAnswer]

    @classmethod
    def of(cls, kept: StoredRelease) -> ReleaseAnswer:
        """From the archive's."""
        found = kept.release
        return cls(
            version=found.version, maker=kept.maker, created_utc=found.created_utc,
            added_utc=kept.added_utc, notes=found.notes,
            bundles=[
                BundleAnswer(arch=each.arch, pythons=each.pythons, size_bytes=each.size_bytes)
                for each in found.bundles
            ],
        )  # fmt: skip


class StageAnswer(Answer):
    """Nodes that are updated together."""

    title: str
    nodes: tuple[str, ...]


class RolloutAnswer(Answer):
    """One release on its way."""

    id: int
    version: str
    state: Literal["running", "paused", "stopped", "aborted", "done"]
    reason: str | None = Field(description="Why it is stopped.")
    stage: int = Field(description="The one under way, from 1.")
    stages: list[StageAnswer]
    healthy_s: float
    may_be_older: bool
    passed_over: list[str] = Field(description="Nodes whose failure was seen and accepted.")
    user: str
    begun_utc: Moment
    changed_utc: Moment

    @classmethod
    def of(cls, rollout: Rollout) -> RolloutAnswer:
        """From the archive's."""
        return cls(
            id=rollout.id, version=rollout.version, state=rollout.state, reason=rollout.reason,
            stage=rollout.stage + 1,
            stages=[StageAnswer(title=each.title, nodes=each.nodes) for each in rollout.stages],
            healthy_s=rollout.healthy.total_seconds(), may_be_older=rollout.may_be_older,
            passed_over=sorted(rollout.passed_over), user=rollout.user,
            begun_utc=rollout.begun_utc, changed_utc=rollout.changed_utc,
        )  # fmt: skip


class NodeUpdateAnswer(Answer):
    """A node's update."""

    node: str
    is_online: bool
    version: str | None = Field(description="That runs; null: it has not said so yet.")
    arch: str | None
    python: str | None
    can_update: bool | None
    stage: NodeStage = Field(description="Of its newest order; empty where there is none.")
    wanted: str | None
    reason: str | None
    detail: str | None
    since_utc: Moment | None

    @classmethod
    def of(cls, line: NodeLine) -> NodeUpdateAnswer:
        """From a line of the control's."""
        said = None if line.update is None else line.update.said
        return cls.model_validate({
            "node": line.node, "is_online": line.is_online, "stage": line.stage,
            "version": said and said.version, "arch": said and said.arch,
            "python": said and said.python, "can_update": said and said.can_update,
            "wanted": line.order and line.order.version, "reason": said and said.reason,
            "detail": said and said.detail, "since_utc": line.update and line.update.since_utc,
        })  # fmt: skip


class RolloutIn(TakenIn):
    """A roll-out to begin."""

    version: str = Field(max_length=32)
    stages: list[str] = Field(
        default_factory=list, max_length=MAX_STAGES,
        description=f"Each {FORMS}; none: 10%, 50%, all.",
    )  # fmt: skip
    healthy_s: float = Field(1800.0, ge=0, le=MAX_HEALTHY / timedelta(seconds=1))
    may_be_older: bool = False


class GroupIn(TakenIn):
    """The nodes of a group; none ends it."""

    nodes: list[str] = Field(max_length=1000)
