"""One reading of the clocks tells all that belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.camera.moments import Anchor
from edge.contract import record
from tests.edge.camera.rig import Rig, wait


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def test_an_anchor_keeps_monotonic_distances_whatever_happens_to_the_wall_clock() -> None:
    """Also as a clock of its own, which the recorder is given."""
    clock = FakeClock(mono_ns=10**12)
    anchor = Anchor(clock)
    before = anchor.utc()
    clock.set_utc(clock.utc() - timedelta(days=3))
    clock.advance(90)
    assert anchor.utc() - before == timedelta(seconds=90)
    assert anchor.instant(10**12).utc == before
    assert anchor.mono_ns() == clock.mono_ns()


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=400), timedelta(days=-9000)])
def test_a_step_of_the_wall_clock_moves_nothing_within_an_event(rig: Rig, step: timedelta) -> None:
    """Start, end, clip and snapshot are told by one reading: their distances are monotonic."""
    rig.rest(0, 3)
    rig.move(3, 4)
    rig.clock.set_utc(rig.clock.utc() + step)
    rig.move(4, 6)
    rig.rest(6, 10)
    wait(lambda: _ends(rig) != [], "the end of the event")
    (start,) = [body for body in rig.bodies() if isinstance(body, record.EventStarted)]
    (end,) = _ends(rig)
    assert end.started == start.started
    assert end.clip is not None
    assert end.snapshot is not None
    for each in (end.ended, end.clip.starts, end.snapshot.taken):
        apart = timedelta(microseconds=(each.mono_ns - start.started.mono_ns) / 1000)
        assert abs(each.utc - start.started.utc - apart) < timedelta(milliseconds=2)
    assert end.duration_ms == pytest.approx(3000, abs=200)


def _ends(rig: Rig) -> list[record.EventEnded]:
    return [body for body in rig.bodies() if isinstance(body, record.EventEnded)]
