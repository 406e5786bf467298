"""How far a stamp says that the wall clock can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from edge.base.clock import SKEW_ENV, FakeClock, SystemClock
from edge.health.clocksync import HOLDOVER_PPM, ClockTrust, Reading


@dataclass
class Machine:
    """What kernel and systemd say."""

    reading: Reading | None = None

    def read(self) -> Reading | None:
        """As `ClockTrust` asks it."""
        return self.reading


def test_a_clock_that_was_never_set_is_unsynced_and_claims_no_error() -> None:
    """Nobody knows how wrong it is."""
    stamp = ClockTrust(FakeClock(), Machine().read).stamp()
    assert (stamp.state, stamp.error_ms) == ("unsynced", None)


def test_a_synced_clock_has_the_machines_error() -> None:
    """And the moment of the stamp on the monotonic clock."""
    clock = FakeClock(mono_ns=77)
    stamp = ClockTrust(clock, Machine(Reading(True, 12)).read).stamp()
    assert (stamp.state, stamp.error_ms, stamp.mono_ns, stamp.boot) == (
        "synced", 12, 77, clock.boot,
    )  # fmt: skip


def test_in_holdover_the_error_grows_with_the_time() -> None:
    """By the drift that is reckoned with, from the last synchronisation on."""
    clock, machine = FakeClock(mono_ns=10**12), Machine(Reading(True, 12))
    trust = ClockTrust(clock, machine.read)
    trust.stamp()
    machine.reading = None
    for hours in (1, 24, 24 * 30):
        clock.advance(hours * 3600 - (clock.mono_ns() - 10**12) / 1e9)
        stamp = trust.stamp()
        assert stamp.state == "holdover"
        assert stamp.error_ms == pytest.approx(12 + hours * 3600 * HOLDOVER_PPM / 1000, abs=1)


def test_a_synchronisation_resets_the_error() -> None:
    """The clock is right again."""
    clock, machine = FakeClock(), Machine(Reading(True, 5))
    trust = ClockTrust(clock, machine.read)
    trust.stamp()
    machine.reading = None
    clock.advance(86_400)
    assert (trust.stamp().error_ms or 0) > 40_000
    machine.reading = Reading(True, 5)
    assert trust.stamp().error_ms == 5


def test_an_agent_that_starts_in_holdover_counts_from_the_last_synchronisation() -> None:
    """Not from its own start: timesyncd's file tells when that was."""
    clock = FakeClock(mono_ns=10**15)
    machine = Machine(Reading(False, 500, age_s=7200))
    stamp = ClockTrust(clock, machine.read).stamp()
    assert stamp.state == "holdover"
    assert stamp.error_ms == pytest.approx(500 + 7200 * HOLDOVER_PPM / 1000, abs=1)


def test_drift_stays_within_the_stated_error() -> None:
    """A quartz of 480 ppm, either way, for a month without network."""
    for drift_ppm in (-480, 480):
        clock, machine = FakeClock(mono_ns=10**12), Machine(Reading(True, 10))
        trust = ClockTrust(clock, machine.read)
        trust.stamp()
        machine.reading = None
        for days in range(1, 31):
            clock.advance(86_400)
            wrong_ms = abs(days * 86_400 * drift_ppm / 1000)
            assert wrong_ms <= (trust.stamp().error_ms or 0)


def test_this_machine_gives_a_stamp() -> None:
    """Whatever it says: a known state, and an error only where there is a time to be wrong."""
    stamp = ClockTrust(SystemClock()).stamp()
    assert stamp.state in ("synced", "holdover", "unsynced")
    assert (stamp.error_ms is None) == (stamp.state == "unsynced")


def test_the_test_switch_sets_clock_and_trust(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that can be replaced at any time, read by the clock and by the trust in it."""
    path = tmp_path_factory.mktemp("clock") / "skew"
    path.write_text("0 unsynced")
    monkeypatch.setenv(SKEW_ENV, str(path))
    clock = SystemClock()
    trust = ClockTrust(clock)
    assert trust.state() == "unsynced"
    before = clock.utc()
    path.write_text("86400.5 synced")
    assert 86_400 < (clock.utc() - before).total_seconds() < 86_460
    assert trust.state() == "synced"
    path.write_text("86400.5 holdover")
    assert trust.state() == "holdover"
