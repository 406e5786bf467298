"""What a roll-out does next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from edge.contract.update import Stage, UpdateState
from hub.archive.update_values import NodeUpdate, Rollout, RolloutStage, UpdateOrderRow
from hub.rollouts import judge
from hub.rollouts.judge import NodeView

NOW = datetime(2026, 1, 31, tzinfo=UTC)
ROLLOUT = Rollout(
    3, "0.2.0", (RolloutStage("canary", ("a", "b")), RolloutStage("all", ("c",))), 0, "running",
    None, timedelta(minutes=30), False, frozenset(), "anna", NOW, NOW,
)  # fmt: skip


def view(
    stage: Stage | None, *, minutes: float = 60, is_online: bool = True, number: int = 7
) -> NodeView:
    """A node that was given order 7 of the roll-out and says `stage` since so long."""
    node = "a"
    order = UpdateOrderRow(node, 7, ROLLOUT.id, "0.2.0", b"", NOW)
    if stage is None:
        return NodeView(is_online, order, None)
    since = NOW - timedelta(minutes=minutes)
    said = UpdateState(1, node, "0.1.0", "aarch64", "3.11", True, number, stage, detail="why")
    return NodeView(is_online, order, NodeUpdate(said, since, since))


NEW = NodeView(True, None, None)


def action(a: NodeView, b: NodeView, rollout: Rollout = ROLLOUT, **more: NodeView) -> str:
    return judge.judge(rollout, {"a": a, "b": b} | more, NOW).action


def test_nodes_of_a_stage_are_ordered_first() -> None:
    """Those that were not yet, also after a restart in the middle."""
    verdict = judge.judge(ROLLOUT, {"a": view("good"), "b": NEW}, NOW)
    assert (verdict.action, verdict.nodes) == ("order", ("b",))


def test_the_next_stage_begins_when_all_were_well_for_long_enough() -> None:
    """Not while one is on its way, nor before the time is up."""
    assert action(view("good"), view("good")) == "next"
    assert action(view("good"), view("good", minutes=29)) == "wait"
    stages: tuple[Stage, ...] = ("waiting", "downloading", "installing", "on_trial")
    for stage in stages:
        assert action(view("good"), view(stage)) == "wait"
    assert action(view("good"), view(None)) == "wait"
    assert action(view("good"), view("good", is_online=False)) == "wait", "it may have died of it"


def test_what_a_node_says_of_an_older_order_counts_for_nothing() -> None:
    """It said good of the release before."""
    assert action(view("good"), view("good", number=6)) == "wait"
    assert action(view("good"), view("returned", number=6)) == "wait"


def test_a_node_that_is_off_is_not_waited_for_but_one_has_to_be_well() -> None:
    """A stage of nodes that are all off proves nothing."""
    off = view(None, is_online=False)
    assert action(view("good"), off) == "next"
    assert action(off, off) == "wait"


def test_a_node_that_takes_it_back_stops_everything() -> None:
    """So do one that refuses it and one that cannot try it, also of a stage before."""
    stages: tuple[Stage, ...] = ("returned", "refused", "failed")
    for stage in stages:
        verdict = judge.judge(ROLLOUT, {"a": view("good"), "b": view(stage)}, NOW)
        assert verdict.action == "stop"
        assert verdict.reason == f"b {stage}: why"
    later = replace(ROLLOUT, stage=1)
    assert action(view("good"), view("returned"), later, c=NEW) == "stop"


def test_going_on_passes_over_those_that_failed() -> None:
    """They are neither waited for nor a reason to stop again; others are."""
    over = replace(ROLLOUT, passed_over=frozenset({"b"}))
    assert action(view("good"), view("returned"), over) == "next"
    assert action(view("returned"), view("returned"), over) == "stop"


def test_the_last_stage_ends_it() -> None:
    """Once it was well as the others were."""
    later = replace(ROLLOUT, stage=1)
    assert action(view("good"), view("good"), later, c=view("good")) == "done"
    assert action(view("good"), view("good"), later, c=view("good", minutes=1)) == "wait"


def test_an_empty_stage_is_passed_by() -> None:
    """Its nodes may all have been in one before."""
    empty = replace(ROLLOUT, stages=(RolloutStage("group:x", ()), RolloutStage("all", ("a",))))
    assert action(NEW, NEW, empty) == "next"
