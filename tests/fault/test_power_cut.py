"""Power cuts: only what was flushed survives, the rest torn and in any order."""

from __future__ import annotations

import pytest

from tests.fault import power_cut, power_vfs
from tests.fault.power_node_marks import Appended, Flushed

pytestmark = pytest.mark.skipif(
    power_vfs.library() is None, reason="SQLite's file layer cannot be reached in this Python"
)
SIDES = ("node", "hub")
SLOW_STATES = 5000  # of each side


@pytest.mark.parametrize("side", SIDES)
def test_no_power_cut_breaks_a_promise(side: str) -> None:
    """Whatever was promised before the cut holds after the next start: records, clips, offsets."""
    explore(side, power_cut.STATES, seed=power_cut.SEED)


def test_the_nodes_life_has_all_that_may_be_cut_short() -> None:
    """Two parts of a long event, each of several flushed fragments; one killed; a short one."""
    marks = [op.mark for op in power_cut.record(power_cut.cycle("node").live).ops]
    bodies = [mark.body for mark in marks if isinstance(mark, Appended)]
    clips = [clip for body in bodies if isinstance(clip := body.get("clip"), dict)]
    assert [clip["part"] for clip in clips] == [0, 1, 0, 0]
    assert all(clip["lost_packets"] == 0 for clip in clips)
    last_motion = 30  # of the second part, and a second of post-roll
    assert [clip["packets"] for clip in clips[:2]] == [50, last_motion]
    assert [len(sizes) for sizes in flushes(marks)] == [4, 2, 4, 2]


def flushes(marks: list[object]) -> list[set[int]]:
    """The lengths, with none, that each clip in turn had when it was flushed while open."""
    sizes: dict[str, set[int]] = {}
    for mark in marks:
        if isinstance(mark, Flushed):
            sizes.setdefault(mark.name, set()).add(len(mark.content))
    return list(sizes.values())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("side", SIDES)
def test_no_power_cut_of_thousands_breaks_a_promise(side: str, seed: int) -> None:
    """The same with 15,000 states of each side."""
    explore(side, SLOW_STATES, seed=seed)


def explore(side: str, states: int, *, seed: int) -> None:
    """Record a cycle and cut it so often."""
    module = power_cut.cycle(side)
    tap = power_cut.record(module.live)
    assert not tap.defects
    report = power_cut.explore(tap.ops, module.check, power_cut.spread(tap.ops, states, seed))
    print(f"{side}: {len(tap.ops)} operations; {report}")
    assert report.states == states
    assert not report.broken, str(report)
