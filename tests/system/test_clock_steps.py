"""A node without a clock battery: its wall clock is years off, then set, then set back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.contract import record
from tests.harness.patience import PATIENCE_S
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("clock-steps")]

NODE = "gate-3"
TIMEOUT_S = PATIENCE_S
YEARS_S = 9 * 365 * 86_400.0
HOUR_S = 3600.0


class Skew:
    """What the node's wall clock is off by, and whether it thinks itself synced."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def set(self, offset_s: float, state: str) -> None:
        """The clock is set; takes effect at once, in one piece."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{offset_s} {state}", encoding="ascii")
        fresh.replace(self.path)


def told(traffic: Traffic) -> list[record.Record]:
    """All records so far, each once, in order."""
    seen = {each.payload for each in traffic.matching(lambda each: each.is_leaf("record", NODE))}
    return sorted(map(record.decode, seen), key=lambda each: each.header.seq)


def count(traffic: Traffic, body: type[record.Body]) -> int:
    """How many records of that type were told."""
    return sum(isinstance(each.body, body) for each in told(traffic))


@pytest.fixture(scope="module")
def records(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[record.Record]]:
    """Events before, across and after a step forward by years and one back by an hour."""
    folder = tmp_path_factory.mktemp("clock")
    skew = Skew(folder / "skew")
    skew.set(-YEARS_S, "unsynced")
    with stage.stage(folder) as town, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMWATCH_CLOCK_SKEW_FILE", str(skew.path))
        node = town.add_node(NODE, [stage.camera("gate", stage.car(folder / "car.mp4"))])
        patch.delenv("CAMWATCH_CLOCK_SKEW_FILE")
        town.hub.start_ready()
        with town.traffic() as traffic:
            node.start_ready()
            for steps, offset_s, state in ((1, 0.0, "synced"), (2, -HOUR_S, "synced")):
                _wait_for_a_running_event(traffic, at_least=2 * steps)
                skew.set(offset_s, state)
                _wait_for_steps(traffic, steps)
            ended = count(traffic, record.EventEnded)
            _wait_for_events(traffic, ended + 2)
            node.stop()
            _wait_until_archived(town)
            yield told(traffic)


def _wait_for_a_running_event(traffic: Traffic, at_least: int) -> None:
    stage.wait(
        lambda: at_least <= count(traffic, record.EventStarted) > count(traffic, record.EventEnded),
        TIMEOUT_S, "a running event",
    )  # fmt: skip


def _wait_for_steps(traffic: Traffic, steps: int) -> None:
    stage.wait(lambda: count(traffic, record.ClockStepped) >= steps, TIMEOUT_S, "clock.stepped")


def _wait_for_events(traffic: Traffic, events: int) -> None:
    stage.wait(lambda: count(traffic, record.EventEnded) >= events, TIMEOUT_S, "more events")


def _wait_until_archived(town: Stage) -> None:
    stage.wait(
        lambda: stage.nodes(town.hub)[NODE]["missing_records"] == 0, TIMEOUT_S, "all records"
    )


def test_each_step_is_told_once_with_how_far_it_went(records: list[record.Record]) -> None:
    """Forward by nine years with the first synchronisation, then back by an hour."""
    steps = [each.body for each in records if isinstance(each.body, record.ClockStepped)]
    wanted_ms = [round(YEARS_S * 1000), round(-HOUR_S * 1000)]
    assert [each.step_ms for each in steps] == pytest.approx(wanted_ms, abs=50)
    for each in steps:
        apart = each.after_utc - each.before_utc
        assert apart == pytest.approx(
            timedelta(milliseconds=each.step_ms), abs=timedelta(0, 0, 2000)
        )


def test_records_before_the_synchronisation_say_that_they_are_unsynced(
    records: list[record.Record],
) -> None:
    """Their monotonic times and their boot place them later."""
    states = [each.header.clock.state for each in records]
    first_synced = states.index("synced")
    assert set(states[:first_synced]) == {"unsynced"}
    assert set(states[first_synced:]) == {"synced"}
    assert len({each.header.clock.boot for each in records}) == 1


def test_steps_do_not_reorder_records(records: list[record.Record]) -> None:
    """Seq and monotonic time rise together, whatever the wall clock says."""
    mono_ns = [each.header.clock.mono_ns for each in records]
    assert mono_ns == sorted(mono_ns)
    assert [each.header.seq for each in records] == list(range(1, len(records) + 1))


def test_an_event_across_a_step_is_one_event_with_its_true_length(
    records: list[record.Record],
) -> None:
    """None is lost, cut or merged; start and end are told by one clock."""
    starts = {e.header.event: e.body for e in records if isinstance(e.body, record.EventStarted)}
    ends = {e.header.event: e.body for e in records if isinstance(e.body, record.EventEnded)}
    assert starts.keys() == ends.keys()
    assert len(starts) >= 4
    whole = [end for end in ends.values() if end.reason == "quiet"]
    assert len(whole) >= len(ends) - 1  # the last one may have been stopped
    for event, end in ends.items():
        assert end.started == starts[event].started
        length_ms = (end.ended.utc - end.started.utc) / timedelta(milliseconds=1)
        assert length_ms == pytest.approx(end.duration_ms, abs=5)
    lengths_ms = [end.duration_ms for end in whole]
    assert max(lengths_ms) - min(lengths_ms) < 1500


def test_a_start_at_a_wrong_time_is_right_by_its_monotonic_time(
    records: list[record.Record],
) -> None:
    """The first synced record of the boot tells where each earlier one belongs."""
    synced = next(each.header for each in records if each.header.clock.state == "synced")
    booted = records[0].header
    since = timedelta(microseconds=(synced.clock.mono_ns - booted.clock.mono_ns) / 1000)
    truth = synced.at_utc - since
    assert truth - booted.at_utc == pytest.approx(
        timedelta(seconds=YEARS_S), abs=timedelta(milliseconds=50)
    )
