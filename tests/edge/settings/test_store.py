"""What survives a crash of the agent, a power cut in a trial, and damage of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.base.errors import StorageError
from edge.contract.record import ConfigApplied
from edge.settings.store import FILE, State, Store, Version, read

ONE = Version(1, "a" * 64, {"log_level": "debug"})
TWO = Version(2, "b" * 64, {"log_level": "error"})
BOOT, NEXT_BOOT, THIRD_BOOT = "1" * 32, "2" * 32, "3" * 32


def start(folder: Path, boot: str = BOOT) -> Store:
    """As the agent's start does."""
    store = Store(folder, FakeClock(boot=boot))
    store.begin_run()
    return store


def on_trial(folder: Path, version: Version = TWO, *, is_switched: bool = True) -> Store:
    """Version 1 is good, and another one is tried."""
    store = start(folder)
    store.try_out(ONE, ())
    store.switch(())
    store.pass_trial()
    store.try_out(version, ())
    if is_switched:
        store.switch(("gate",))
    return store


def test_nothing_is_set_at_first(tmp_path: Path) -> None:
    """And nothing is written, for the card's sake."""
    store = start(tmp_path)
    store.end_run()
    assert store.state == State()
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_on_the_disk_before_it_is_in_effect(tmp_path: Path) -> None:
    """Whatever it does to the agent, the next start knows of it."""
    store = on_trial(tmp_path, is_switched=False)
    assert store.state.in_effect == ONE
    assert read(tmp_path).trial == TWO
    store.switch(())
    assert read(tmp_path).in_effect == TWO


@pytest.mark.parametrize("is_switched", [False, True])
def test_an_agent_that_died_while_a_version_was_tried_takes_it_back(
    tmp_path: Path, *, is_switched: bool
) -> None:
    """The machine lived on, so it was the agent: a crash, a kill, or too much memory."""
    on_trial(tmp_path, is_switched=is_switched)
    state = start(tmp_path).state
    assert (state.in_effect, state.trial, state.seen) == (ONE, None, 2)
    assert state.failure is not None
    assert (state.failure.version, state.failure.outcome, state.failure.reason) == (
        2, "rolled_back", "crash",
    )  # fmt: skip
    assert start(tmp_path).state == state


def test_an_agent_that_was_stopped_goes_on_with_the_trial(tmp_path: Path) -> None:
    """An update or an operator is no crash."""
    store = on_trial(tmp_path)
    store.end_run()
    assert start(tmp_path).state.in_effect == TWO


def test_a_power_cut_is_forgiven_once(tmp_path: Path) -> None:
    """A kernel that dies of the version dies again; a town's power seldom does."""
    on_trial(tmp_path)
    again = start(tmp_path, NEXT_BOOT)
    assert (again.state.in_effect, again.state.boots) == (TWO, 2)
    last = start(tmp_path, THIRD_BOOT)
    assert last.state.in_effect == ONE
    assert last.state.failure is not None


def test_an_agent_that_dies_after_the_power_cut_takes_it_back(tmp_path: Path) -> None:
    """A crash loop over reboots ends too."""
    on_trial(tmp_path)
    start(tmp_path, NEXT_BOOT)
    assert start(tmp_path, NEXT_BOOT).state.in_effect == ONE


def test_what_passed_is_what_one_goes_back_to(tmp_path: Path) -> None:
    """And what fails first goes back to the local file."""
    store = on_trial(tmp_path)
    store.pass_trial()
    assert read(tmp_path).good == TWO
    (tmp_path / FILE).unlink()
    fresh = start(tmp_path)
    fresh.try_out(ONE, ())
    fresh.fail(ONE, "stream", "gate sends nothing")
    assert fresh.state.in_effect is None


def test_the_journal_is_told_once_it_can_be(tmp_path: Path) -> None:
    """Also by a later run, in the order in which it was."""
    store = on_trial(tmp_path)
    store.fail(TWO, "stream", "gate sends nothing")

    def refuse(_: ConfigApplied) -> None:
        raise StorageError("the journal is full")

    store.tell(refuse)
    told: list[ConfigApplied] = []
    start(tmp_path).tell(told.append)
    assert [(each.version, each.outcome, each.in_effect) for each in told] == [
        (1, "applied", 1), (2, "applied", 2), (2, "rolled_back", 1),
    ]  # fmt: skip
    assert read(tmp_path).untold == ()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"v":2}', b'{"v":1,"seen":-1}', bytes(40)])
def test_a_damaged_file_counts_for_nothing(tmp_path: Path, damage: bytes) -> None:
    """The node runs by its own file, and the hub's newest version comes again."""
    (tmp_path / FILE).write_bytes(damage)
    store = start(tmp_path)
    assert store.state == State()
    store.try_out(ONE, ())
    assert read(tmp_path) == replace(store.state)


def test_a_disk_that_takes_nothing_keeps_no_node_from_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what was good, for a trial of which nothing can be written is none."""

    def fail(*_: object, **__: object) -> None:
        raise StorageError("read-only file system")

    on_trial(tmp_path)
    monkeypatch.setattr("edge.base.durable.write_file", fail)
    store = start(tmp_path)
    assert store.state.in_effect == ONE
    store.end_run()
