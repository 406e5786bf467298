"""A camera's loss as one event, across restarts of the agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.camera.losses import Losses
from edge.contract import names


def test_a_loss_is_one_event_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    """However often the connection fails meanwhile; the next one is another."""
    clock = FakeClock()
    losses = Losses(tmp_path / "losses" / "gate.json", clock)
    event = losses.begin(clock.mono_ns())
    clock.advance(12.5)
    assert losses.begin(clock.mono_ns()) == losses.event == event and names.is_event(event)
    assert losses.lasted_ms == 12_500
    losses.end()
    assert losses.begin(clock.mono_ns()) != event


def test_a_restarted_agent_ends_the_loss_that_the_one_before_began(tmp_path: Path) -> None:
    """Of another boot its length is not known."""
    path, clock = tmp_path / "losses" / "gate.json", FakeClock()
    event = Losses(path, clock).begin(clock.mono_ns())
    clock.advance(60)
    again = Losses(path, clock)
    assert (again.event, again.lasted_ms) == (event, 60_000)
    rebooted = FakeClock(boot="c" * 32)
    after = Losses(path, rebooted)
    assert (after.event, after.lasted_ms) == (event, None)
    after.end()
    assert Losses(path, rebooted).event is None


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\xff", b'{"event": "x", "boot": "", "mono_ns": 1}']
)
def test_a_file_that_is_none_of_ours_is_no_loss(tmp_path: Path, content: bytes) -> None:
    """Nothing that a damaged card gives back ends in a traceback."""
    path = tmp_path / "gate.json"
    path.write_bytes(content)
    assert Losses(path, FakeClock()).event is None


def test_a_full_disk_costs_the_memory_of_a_loss_not_the_loss(tmp_path: Path) -> None:
    """It is told all the same, and forgotten by a restart only."""
    (tmp_path / "losses").write_bytes(b"a file where the folder should be")
    losses = Losses(tmp_path / "losses" / "gate.json", FakeClock())
    assert losses.begin(5) == losses.event
    losses.end()
    assert losses.event is None
