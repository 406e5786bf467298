"""What people do with roll-outs: begin, pause, go on, give up. From any of the hub's doors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge.contract import names
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.update_values import (
    OPEN_STATES,
    NodeUpdate,
    Rollout,
    RolloutState,
    UpdateOrderRow,
)
from hub.rollouts import judge, stages
from hub.rollouts.errors import RolloutError
from hub.rollouts.judge import NodeView

DEFAULT_STAGES = ("10%", "50%", "all")
DEFAULT_HEALTHY = timedelta(minutes=30)
MAX_HEALTHY = timedelta(days=30)
MAX_GROUP = 1000


@dataclass(frozen=True)
class NodeLine:
    """One node, for tables: what it runs, what is ordered, how far it is."""

    node: str
    is_online: bool
    update: NodeUpdate | None
    order: UpdateOrderRow | None
    stage: str
    """Of its newest order: `ordered` until it speaks of it; empty where there is none."""


class RolloutControl:
    """Blocks. `Deed`s are completed here: who and when come with them."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._store = archive.updates

    def begin(
        self,
        version: str,
        words: Sequence[str],
        deed: Deed,
        *,
        healthy: timedelta = DEFAULT_HEALTHY,
        may_be_older: bool = False,
    ) -> Rollout:
        """Roll a release out from the next turn on. Raises RolloutError, StorageError."""
        releases = {each.version: each for each in self._store.releases()}
        found = releases.get(version)
        if found is None:
            known = ", ".join(releases) or "none"
            raise RolloutError(
                "unknown", f"there is no release {version[:40]}",
                hint=f"there are: {known}; camwatch-hub release add FILE",
            )  # fmt: skip
        if not timedelta(0) <= healthy <= MAX_HEALTHY:
            raise RolloutError(
                "healthy", f"a stage may have to be well for 0 to {MAX_HEALTHY.days} days"
            )
        archs = {bundle.arch for bundle in found.release.bundles}
        states = self._store.states()
        pool = [
            node for node, each in states.items()
            if each.said.can_update and each.said.arch in archs and self._is_known(node)
        ]  # fmt: skip
        made = stages.stages(
            words or DEFAULT_STAGES, pool=pool, groups=self._store.groups(),
            nodes_in=lambda code: self._nodes_in(code, deed.at_utc), salt=version,
        )  # fmt: skip
        rollout = Rollout(
            0, version, made, 0, "running", None, healthy, may_be_older, frozenset(), deed.user,
            deed.at_utc, deed.at_utc,
        )  # fmt: skip
        detail = {"stages": " ".join(f"{each.title}({len(each.nodes)})" for each in made)}
        begun = self._store.begin_rollout(rollout, self._deed(deed, "begin", version, detail))
        if begun is None:
            raise RolloutError(
                "busy", "another roll-out is open", hint="end it first: release abort"
            )
        return begun

    def pause(self, deed: Deed) -> Rollout:
        """Order nothing further; what is under way goes on. Raises RolloutError, StorageError."""
        return self._change(deed, "pause", ("running",), "paused")

    def resume(self, deed: Deed) -> Rollout:
        """Go on; nodes that failed so far are passed over. Raises RolloutError, StorageError."""
        rollout = self._open()
        failed = frozenset(judge.failures(rollout, self._views()))
        after = replace(
            rollout, state="running", reason=None, passed_over=rollout.passed_over | failed,
            changed_utc=deed.at_utc,
        )  # fmt: skip
        if rollout.state == "running":
            raise RolloutError("state", "it is running")
        return self._put(rollout, after, self._deed(deed, "resume", rollout.version))

    def abort(self, deed: Deed) -> Rollout:
        """Give up: nothing further, and orders that no node has begun are called back. Nodes that
        run the version keep it. Raises RolloutError, StorageError."""
        return self._change(deed, "abort", tuple(OPEN_STATES), "aborted")

    def set_group(self, name: str, nodes: Sequence[str], deed: Deed) -> None:
        """Make these the nodes of a group. Raises RolloutError, StorageError."""
        if not re.fullmatch(names.NODE_PATTERN, name):
            raise RolloutError("group", f"{name[:40]!r} is no name", hint="such as: canary")
        unknown = [node for node in nodes if not self._is_known(node)]
        if unknown:
            raise RolloutError("node", f"there is no node {unknown[0][:40]}")
        if len(nodes) > MAX_GROUP:
            raise RolloutError("group", f"a group has at most {MAX_GROUP} nodes")
        made = replace(deed, action="rollout.group", target=f"group:{name}",
                       detail={"nodes": " ".join(nodes)[:1000]})  # fmt: skip
        self._store.set_group(name, nodes, made)

    def lines(self) -> list[NodeLine]:
        """Every node, by name."""
        lines = []
        for node, view in sorted(self._views().items()):
            stage = ""
            if view.order is not None and view.order.version is not None:
                said = None if view.update is None else view.update.said
                is_heard = said is not None and said.number >= view.order.number
                stage = said.stage if is_heard and said is not None else "ordered"
            lines.append(NodeLine(node, view.is_online, view.update, view.order, stage))
        return lines

    def _views(self) -> dict[str, NodeView]:
        orders, states = self._store.orders(), self._store.states()
        return {
            name: NodeView(pulse.state == "online", orders.get(name), states.get(name))
            for name, pulse in self._archive.pulses().items()
        }

    def _is_known(self, node: str) -> bool:
        account = self._archive.credential(node)
        return account is not None and account.role == "node"

    def _nodes_in(self, code: str, now_utc: datetime) -> list[str] | None:
        """Those with a camera that is in the area now."""
        registry = self._archive.registry()
        if registry.area(code) is None:
            return None
        within = registry.within(code)
        found = set()
        for camera in registry.cameras:
            place = camera.place_at(now_utc)
            if place is not None and place.area in within:
                found.add(camera.node)
        return sorted(found)

    def _open(self) -> Rollout:
        for rollout in self._store.rollouts(limit=1):
            if rollout.state in OPEN_STATES:
                return rollout
        raise RolloutError("none", "no roll-out is open")

    def _change(
        self, deed: Deed, word: str, allowed: Sequence[RolloutState], state: RolloutState
    ) -> Rollout:
        rollout = self._open()
        if rollout.state not in allowed:
            raise RolloutError("state", f"it is {rollout.state}")
        after = replace(rollout, state=state, changed_utc=deed.at_utc)
        return self._put(rollout, after, self._deed(deed, word, rollout.version))

    def _put(self, before: Rollout, after: Rollout, deed: Deed) -> Rollout:
        if not self._store.change_rollout(before, after, deed):
            raise RolloutError("changed", "it changed in this moment", hint="look, and try again")
        return after

    def _deed(
        self, deed: Deed, word: str, version: str, detail: dict[str, str] | None = None
    ) -> Deed:
        return replace(
            deed, action=f"rollout.{word}", target=f"release:{version}", detail=detail or {}
        )
