"""Releases, roll-outs and what nodes say of their updates, as values; and who keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from edge.contract.release import Release
from edge.contract.update import UpdateState
from hub.archive.audit import Deed

RolloutState = Literal["running", "paused", "stopped", "aborted", "done"]
OPEN_STATES: frozenset[RolloutState] = frozenset({"running", "paused", "stopped"})


@dataclass(frozen=True)
class ReleaseKey:
    """A maker's public key."""

    public_key: str
    name: str
    added_utc: datetime


@dataclass(frozen=True)
class StoredRelease:
    """A release that was verified when it was added."""

    release: Release
    manifest: bytes
    signature: bytes
    maker: str
    added_utc: datetime

    @property
    def version(self) -> str:
        """Of the software."""
        return self.release.version


@dataclass(frozen=True)
class RolloutStage:
    """Nodes that are updated together."""

    title: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Rollout:
    """One release on its way to nodes, stage by stage."""

    id: int
    version: str
    stages: tuple[RolloutStage, ...]
    stage: int
    state: RolloutState
    reason: str | None
    healthy: timedelta
    may_be_older: bool
    passed_over: frozenset[str]
    user: str
    begun_utc: datetime
    changed_utc: datetime

    @property
    def nodes(self) -> tuple[str, ...]:
        """Of all stages."""
        return tuple(node for stage in self.stages for node in stage.nodes)


@dataclass(frozen=True)
class UpdateOrderRow:
    """The newest order to a node; `version` is None where one is called back."""

    node: str
    number: int
    rollout: int | None
    version: str | None
    payload: bytes
    ordered_utc: datetime


@dataclass(frozen=True)
class NodeUpdate:
    """What a node said last of its update, and since when it says so."""

    said: UpdateState
    since_utc: datetime
    said_utc: datetime


class UpdateStore(Protocol):
    """What the archive keeps of updates. Durable on return; raises StorageError."""

    def release_keys(self) -> list[ReleaseKey]:
        """By name."""

    def add_release_key(self, key: ReleaseKey, deed: Deed) -> None:
        """Add it, or give the one that is there another name."""

    def remove_release_key(self, public_key: str, deed: Deed) -> bool:
        """Whether it was there."""

    def releases(self) -> list[StoredRelease]:
        """The newest added first."""

    def add_release(self, release: StoredRelease, deed: Deed) -> None:
        """Its files are in place."""

    def remove_release(self, version: str, deed: Deed) -> bool:
        """Whether it was there. Roll-outs of it stay in the history without it."""

    def groups(self) -> dict[str, list[str]]:
        """Nodes by group."""

    def set_group(self, name: str, nodes: Sequence[str], deed: Deed) -> None:
        """Make these the group's nodes; none removes it."""

    def rollouts(self, *, limit: int = 50) -> list[Rollout]:
        """The newest first."""

    def begin_rollout(self, rollout: Rollout, deed: Deed) -> Rollout | None:
        """With its number; None while another one is open."""

    def change_rollout(self, before: Rollout, after: Rollout, deed: Deed | None) -> bool:
        """Change stage, state, reason and what is passed over, if it still is as `before`."""

    def orders(self) -> dict[str, UpdateOrderRow]:
        """By node."""

    def put_orders(self, orders: Sequence[UpdateOrderRow]) -> None:
        """Each in place of the one before to its node, whose number must be lower."""

    def states(self) -> dict[str, NodeUpdate]:
        """By node."""

    def put_state(self, said: UpdateState, payload: bytes, now_utc: datetime) -> None:
        """What a node says now."""
