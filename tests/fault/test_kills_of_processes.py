"""SIGKILL of node, hub and broker at random moments, while events happen all the time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault.archive_files import read_hub
from tests.fault.siege import Siege, logs, siege
from tests.fault.verdict import Verdict

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SEED_ENV = "CAMWATCH_KILL_SEED"
ALONE, TOGETHER = 8, 12  # kills of each process: first one after the other, then all at a time
ALONE_S, TOGETHER_S = 2.5, 3.5  # at most, after it was ready again
MANY = 34  # times as many in the long tier


@dataclass(frozen=True)
class Aftermath:
    """What was left when all was over."""

    siege: Siege
    verdict: Verdict

    @property
    def kills(self) -> dict[str, int]:
        """How often each process was killed."""
        return {name: victim.kills for name, victim in self.siege.victims.items()}


def survive(folder: Path, rounds: int) -> Iterator[Aftermath]:
    """Kill for so many rounds, drain, and judge."""
    with siege(folder, int(os.environ.get(SEED_ENV, "1"))) as besieged:
        for _ in range(rounds):
            for name in besieged.victims:
                besieged.kill_in_turn([name], ALONE, ALONE_S)
            besieged.kill_in_turn(list(besieged.victims), TOGETHER, TOGETHER_S)
        besieged.drain()
        yield Aftermath(besieged, besieged.judge())


def check_kept(aftermath: Aftermath) -> None:
    """Every promise was kept, or the evidence is shown."""
    town = aftermath.siege.town
    told = f"{aftermath.kills}\n{aftermath.verdict}\n{logs(aftermath.siege.node, town)}"
    assert aftermath.verdict.is_good, told
    counts = aftermath.verdict.counts
    assert counts["records whose loss is explained"] == 0, told
    assert counts["clips whose loss is explained"] == 0, told
    assert counts["snapshots whose loss is explained"] == 0, told


def check_worth(aftermath: Aftermath) -> None:
    """The kills fell into the middle of things: events were cut short, others lived through."""
    hub = read_hub(aftermath.siege.town.hub.state_dir)
    reasons = [row["reason"] for row in hub.events]
    boots = [each for each in hub.records if each.body["type"] == "node.booted"]
    told = (len(boots), Counter(reasons), aftermath.kills)
    assert reasons.count("interrupted") >= 2, told
    assert reasons.count("quiet") >= 8, told
    assert len(hub.media("clips", ".mp4")) >= 8, told
    assert 8 <= len(boots) <= aftermath.kills["node"] + 3, told


def test_sixty_kills_lose_tear_and_double_nothing(tmp_path: Path) -> None:
    """All that the node journalled is archived once, with whole clips, and in one chain."""
    for aftermath in survive(tmp_path, 1):
        assert all(kills >= 20 for kills in aftermath.kills.values())
        check_kept(aftermath)
        check_worth(aftermath)


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_two_thousand_kills_lose_tear_and_double_nothing(tmp_path: Path) -> None:
    """The long tier, with other moments than the short one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SEED_ENV, "2")
        for aftermath in survive(tmp_path, MANY):
            assert sum(aftermath.kills.values()) >= 2_000
            check_kept(aftermath)
