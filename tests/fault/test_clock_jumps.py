"""Clocks that are wrong, set, and set again while a real node watches: nothing lost or merged."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from edge.base.clock import SKEW_ENV
from tests.fault.archive_files import Archived, read_hub
from tests.fault.trial import Trial, trial

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("clocks")]

YEAR_S = 365 * 86400
EVENTS = 2  # under each setting of the clock
DRIFT_STEPS, DRIFT_S = 20, 0.02
SLACK_S = 60.0  # between our clock and what the hub concludes


@dataclass(frozen=True)
class Wrong:
    """What was left after a node's clock had been everywhere."""

    trial: Trial
    began_s: float
    ended_s: float

    @property
    def records(self) -> list[Archived]:
        """The archived records in the journal's order."""
        return sorted(read_hub(self.trial.town.hub.state_dir).records, key=lambda each: each.key)

    def rows(self, query: str) -> list[sqlite3.Row]:
        """From the archive's file."""
        path = self.trial.town.hub.state_dir / "archive.sqlite"
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(query).fetchall()


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrong]:
    """Ten years back and unsynced, then right, an hour back, three years ahead, adrift, right."""
    folder = tmp_path_factory.mktemp("clocks")
    skew = folder / "skew"

    def set_clock(offset_s: float, state: str) -> None:
        fresh = skew.with_suffix(".new")
        fresh.write_text(f"{offset_s} {state}", encoding="ascii")
        fresh.rename(skew)

    with trial(folder / "town") as made:
        set_clock(-10 * YEAR_S, "unsynced")
        made.node.set_variable(SKEW_ENV, str(skew))
        began_s = time.time()
        made.node.start_ready()
        made.wait_for_journalled(EVENTS)
        for offset_s in (0.0, -3600.0, 3 * YEAR_S):
            set_clock(offset_s, "synced")
            made.wait_for_journalled(EVENTS)
        for step in range(DRIFT_STEPS):
            set_clock(step * DRIFT_S, "synced")
            time.sleep(0.1)
        set_clock(0.0, "synced")
        made.wait_for_journalled(EVENTS)
        made.drain()
        yield Wrong(made, began_s, time.time())


def test_no_event_is_lost_doubled_or_merged_by_a_clock_that_is_set(wrong: Wrong) -> None:
    """Each journalled event is one archived event; the checker finds nothing amiss."""
    wrong.trial.check_nothing_lost(least_events=5 * EVENTS)
    assert wrong.trial.archived == wrong.trial.journalled


def test_the_journals_order_does_not_follow_the_clock(wrong: Wrong) -> None:
    """Monotonic time rises from record to record, while wall time goes back and forth."""
    records = [each.body for each in wrong.records]
    by_boot = [each["clock"]["mono_ns"] for each in records]
    assert by_boot == sorted(by_boot)
    walls = [each["at_utc"] for each in records]
    assert walls != sorted(walls)


def test_durations_come_from_the_monotonic_clock(wrong: Wrong) -> None:
    """No event lasts an hour or less than nothing because the clock was set under it."""
    for row in wrong.rows("SELECT duration_ms FROM events WHERE kind = 'motion'"):
        assert 0 <= row["duration_ms"] < 30_000


def test_every_step_is_a_record_of_its_own(wrong: Wrong) -> None:
    """Back to the present, an hour back, years ahead, and back again."""
    steps_s = [
        each.body["step_ms"] / 1000
        for each in wrong.records
        if each.body["type"] == "clock.stepped"
    ]
    for expected_s in (10 * YEAR_S, -3600.0, 3 * YEAR_S + 3600.0):
        assert any(abs(step_s - expected_s) < SLACK_S for step_s in steps_s), steps_s


def test_events_from_before_the_first_setting_are_placed_when_they_happened(wrong: Wrong) -> None:
    """Their records say ten years ago; the archive places them within the test, and keeps both."""
    rows = wrong.rows("SELECT * FROM events WHERE clock = 'unsynced'")
    assert len(rows) >= EVENTS
    for row in rows:
        assert wrong.began_s - SLACK_S < row["started_ms"] / 1000 < wrong.ended_s + SLACK_S
        assert row["claimed_ms"] / 1000 < wrong.began_s - 9 * YEAR_S
