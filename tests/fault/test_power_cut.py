"""Power cuts: only what was flushed survives, the rest torn and in any order."""

from __future__ import annotations

import pytest

from tests.fault import power_cut, power_vfs

pytestmark = pytest.mark.skipif(
    power_vfs.library() is None, reason="SQLite's file layer cannot be reached in this Python"
)
SIDES = ("node", "hub")
DEFAULT_STATES, SLOW_STATES = 600, 5000  # of each side


@pytest.mark.parametrize("side", SIDES)
def test_no_power_cut_breaks_a_promise(side: str) -> None:
    """Whatever was promised before the cut holds after the next start: records, clips, offsets."""
    explore(side, DEFAULT_STATES, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 5))
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
