"""What to do next with a roll-out, from what its nodes say. Pure.

- A node that took the version back, refused it or could not try it stops the roll-out: no further
  node is ordered until a person has looked. Going on passes over the nodes that failed so far.
- So does one that can be ordered nothing, as it says that its order has the last number there is.
- The next stage begins once every node of this one that is online runs the version, well, for as
  long as was asked, and at least one does. Nodes that are off are not waited for: their order
  stays, and they follow when they come back; one that fails then still stops the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.contract import update
from hub.archive.update_values import NodeUpdate, Rollout, UpdateOrderRow

AT_END = f"its orders have come to number {update.MAX_NUMBER}, the last: enrol it anew"
FAILED = frozenset({"returned", "refused", "failed"})
Action = Literal["wait", "order", "next", "stop", "done"]


@dataclass(frozen=True)
class NodeView:
    """What is known of one node."""

    is_online: bool
    order: UpdateOrderRow | None
    update: NodeUpdate | None

    @property
    def next_number(self) -> int | None:
        """Of an order that is newer than all it has heard of; None where numbers are at their end.
        An archive from a backup knows less than its nodes."""
        ordered = 0 if self.order is None else self.order.number
        heard = 0 if self.update is None else self.update.said.number
        number = max(ordered, heard) + 1
        return number if number <= update.MAX_NUMBER else None

    def is_ordered(self, rollout: Rollout) -> bool:
        """Whether its newest order is this roll-out's."""
        return self.order is not None and self.order.rollout == rollout.id

    def stage(self, rollout: Rollout) -> str:
        """What it says of this roll-out; `idle` while it said nothing."""
        if not self.is_ordered(rollout) or self.order is None or self.update is None:
            return "idle"
        said = self.update.said
        return said.stage if said.number == self.order.number else "idle"


@dataclass(frozen=True)
class Verdict:
    """What to do: order these `nodes`, begin the next stage, stop for `reason`, end, or wait."""

    action: Action
    nodes: tuple[str, ...] = ()
    reason: str = ""


UNKNOWN = NodeView(False, None, None)


def failures(rollout: Rollout, nodes: Mapping[str, NodeView]) -> dict[str, str]:
    """Nodes that failed under this roll-out, each with why."""
    found = {}
    for node in rollout.nodes:
        view = nodes.get(node, UNKNOWN)
        if view.stage(rollout) in FAILED and view.update is not None:
            said = view.update.said
            found[node] = f"{said.stage}: {said.detail or said.reason or '?'}"
        elif view.next_number is None and view.stage(rollout) == "idle":
            found[node] = f"failed: {AT_END}"
    return found


def judge(rollout: Rollout, nodes: Mapping[str, NodeView], now_utc: datetime) -> Verdict:
    """For a roll-out that runs."""
    new = {
        node: why
        for node, why in failures(rollout, nodes).items()
        if node not in rollout.passed_over
    }
    if new:
        node, why = min(new.items())
        more = f", and {len(new) - 1} more" if len(new) > 1 else ""
        return Verdict("stop", reason=f"{node} {why}{more}")
    stage = rollout.stages[rollout.stage]
    views = {node: nodes.get(node, UNKNOWN) for node in stage.nodes}
    waiting = tuple(
        node
        for node, view in views.items()
        if not view.is_ordered(rollout) and view.next_number is not None
    )
    if waiting:
        return Verdict("order", waiting)
    if not _is_well(rollout, nodes, now_utc):
        return Verdict("wait")
    is_last = rollout.stage + 1 >= len(rollout.stages)
    return Verdict("done" if is_last else "next")


def _is_well(rollout: Rollout, nodes: Mapping[str, NodeView], now_utc: datetime) -> bool:
    names = [
        node for node in rollout.stages[rollout.stage].nodes if node not in rollout.passed_over
    ]
    views = [nodes.get(node, UNKNOWN) for node in names]
    good = [view for view in views if view.stage(rollout) == "good"]
    begun = [view for view in views if view.is_online and view.stage(rollout) != "good"]
    if begun or (names and not good):
        return False
    return all(
        view.is_online and view.update is not None
        and now_utc - view.update.since_utc >= rollout.healthy
        for view in good
    )  # fmt: skip
