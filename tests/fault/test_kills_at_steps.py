"""SIGKILL at every named step of clip writing, journal, recovery, ingest and upload.

The steps stand in the code (`edge.base.crashpoint`); the table says what a kill there leaves
behind. Node and hub are killed step by step while events happen; the checker judges at the end.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.base.crashpoint import CRASH_ENV, Crash
from tests.fault.siege import Siege, logs, siege
from tests.fault.verdict import Verdict
from tests.harness.processes import ProductProcess

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("steps"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
STEP_S = 60.0


@dataclass(frozen=True)
class Step:
    """Where a process is killed, and what must become of what it was doing."""

    at: str
    means: str


NODE_STEPS = (
    Step("journal.commit:1", "inside the transaction of node.booted: it never was"),
    Step("journal.committed:1", "the record is in the journal, nobody was told"),
    Step("part.created@.mp4:1", "an empty part, removed; the event ends without a clip"),
    Step("clip.fragment:1", "a fragment in the page cache, not flushed"),
    Step("part.flush@.mp4:2", "two fragments, the second not flushed"),
    Step("clip.fragment:2", "an open clip; what the next two steps recover"),
    Step("rename.begin@.mp4:1", "in recovery: closed and flushed under its part's name"),
    Step("journal.commit:1", "in recovery: the clip is whole, its event.ended never was"),
    Step("publish.fsync@.mp4:1", "the index is written, not flushed"),
    Step("rename.flush@.mp4:1", "renamed, the folder not flushed, no record"),
    Step("publish.done@.mp4:1", "a whole clip that no record names"),
    Step("publish.done@.jpg:1", "a whole picture that no record names"),
    Step("rename.begin@.jpg:1", "a picture's part"),
    Step("journal.commit:4", "inside the transaction of an event's record"),
    Step("journal.committed:4", "an event's record that nobody was told of"),
    Step("uplink.begun:1", "the hub knows an upload, the node does not"),
    Step("uplink.chunk:1", "the hub has bytes that the node believes unsent"),
    Step("journal.free:3", "an acknowledgement applied and not committed"),
    Step("journal.freed:3", "rows are gone, their files are not"),
    Step("remove.flush@.mp4:1", "the clip is unlinked, the folder not flushed"),
    Step("remove.flush@.jpg:1", "the picture is unlinked, the folder not flushed"),
)
HUB_STEPS = (
    Step("ingest.verified:2", "records checked, nothing written: the node sends them again"),
    Step("ingest.committed:2", "archived, no PUBACK: the broker or the node sends them again"),
    Step("ingest.puback:2", "PUBACK sent, no acknowledgement: the node sends them again"),
    Step("rename.begin@.jpg:1", "a picture's part"),
    Step("ingest.picture:1", "a picture that no row calls stored"),
    Step("upload.append:1", "bytes written, not flushed, no offset told"),
    Step("upload.flushed:1", "bytes flushed, no offset told"),
    Step("rename.begin@.mp4:1", "a verified clip, still an upload"),
    Step("rename.flush@.mp4:1", "a visible clip, the folder not flushed"),
    Step("upload.adopted:1", "a visible clip that no row calls stored"),
    Step("upload.stored:1", "stored, not acknowledged, the upload's description still there"),
)


@dataclass
class March:
    """One process on its way from step to step."""

    process: ProductProcess
    steps: Sequence[Step]
    reached: list[str] = field(default_factory=list)
    since_s: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it was killed at every step."""
        return len(self.reached) == len(self.steps)

    def go_on(self, siege: Siege) -> None:
        """Start it again once it died where it should; stop waiting after STEP_S."""
        step = self.steps[len(self.reached)]
        if self.process.is_running:
            late = time.monotonic() - self.since_s > STEP_S
            assert not late, f"{self.process.name} never came to {step}:\n{self.process.tail()}"
            return
        assert self.process.exit_status == -signal.SIGKILL, self.process.tail()
        self.reached.append(step.at)
        self.start(siege)

    def start(self, siege: Siege) -> None:
        """Start it, to be killed at the next step."""
        self.process.set_variable(CRASH_ENV, None if self.is_over else self._next)
        self.since_s = time.monotonic()
        if self.process is siege.node:
            siege.start_node()
        else:
            self.process.start()

    @property
    def _next(self) -> str:
        return self.steps[len(self.reached)].at


@dataclass(frozen=True)
class Outcome:
    """Which steps were reached, and the verdict after all of them."""

    reached: dict[str, list[str]]
    verdict: Verdict
    log: str


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Node and hub are killed at all their steps, each in its own order, at the same time."""
    with siege(tmp_path_factory.mktemp("steps"), seed=1) as besieged:
        marches = [March(besieged.node, NODE_STEPS), March(besieged.town.hub, HUB_STEPS)]
        for march in marches:
            march.process.kill()
            march.start(besieged)
        while not all(march.is_over for march in marches):
            for march in marches:
                if not march.is_over:
                    march.go_on(besieged)
            time.sleep(0.05)
        besieged.drain()
        yield Outcome(
            {"node": marches[0].reached, "hub": marches[1].reached},
            besieged.judge(),
            logs(besieged.node, besieged.town),
        )


def test_each_step_was_reached_and_survived(outcome: Outcome) -> None:
    """The processes died of SIGKILL at each step of the table, and started again after it."""
    assert outcome.reached["node"] == [step.at for step in NODE_STEPS]
    assert outcome.reached["hub"] == [step.at for step in HUB_STEPS]


def test_kills_at_every_step_lose_tear_and_double_nothing(outcome: Outcome) -> None:
    """All that the node journalled is archived once, with whole clips, and in one chain."""
    assert outcome.verdict.is_good, f"{outcome.verdict}\n{outcome.log}"
    counts = outcome.verdict.counts
    assert counts["records whose loss is explained"] == 0
    assert counts["clips whose loss is explained"] == 0, f"{outcome.verdict}\n{outcome.log}"
    assert counts["snapshots whose loss is explained"] == 0, f"{outcome.verdict}\n{outcome.log}"


def test_every_step_in_the_code_is_in_the_table() -> None:
    """A new step that nobody kills at would be forgotten; one that is gone cannot be reached."""
    in_code = set()
    for path in [*ROOT.glob("edge/**/*.py"), *ROOT.glob("hub/**/*.py")]:
        for call in re.findall(r"crashpoint\.at\((.*)\)", path.read_text(encoding="utf-8")):
            in_code.update(re.findall(r'"([^"]+)"', call))
    in_table = {Crash(step.at).step for step in (*NODE_STEPS, *HUB_STEPS)}
    assert in_code == in_table


def test_a_crash_is_due_once_and_counts_only_its_files() -> None:
    """NAME@SUFFIX:COUNT comes true at the COUNTth file of that suffix, and never again."""
    crash = Crash("rename.begin@.mp4:2")
    names = ["a.mp4", "b.jpg", "c.mp4", "d.mp4"]
    assert [crash.is_due(Path(name)) for name in names] == [False, False, True, False]
    assert not Crash("rename.begin@.mp4:1").is_due(None)
    assert Crash("journal.commit:1").is_due(None)
    with pytest.raises(ValueError, match="NAME:COUNT"):
        Crash("journal.commit")
