"""SIGKILL at every named step of clip writing, journal, recovery, ingest and upload.

The steps stand in the code (`edge.base.crashpoint`); the table says what a kill there leaves
behind. Node and hub are killed step by step while events happen; the checker judges at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.base.crashpoint import CRASH_ENV, Crash
from tests.edge.update.rig import BACK, BEFORE, TRIED
from tests.fault import small_town
from tests.fault.node_files import read_node
from tests.fault.node_rules import check_node
from tests.fault.siege import Siege, logs, siege
from tests.fault.verdict import Verdict
from tests.harness.processes import ProductProcess

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
STEP_S = 60.0
ROOMS = "journal|part|publish|rename|remove|clip|uplink|ingest|upload|update"
OPEN = (
    "import sys; from pathlib import Path; from edge.base.clock import FakeClock\n"
    "from tests.fault import small_town\n"
    "small_town.outbox(Path(sys.argv[1]), FakeClock(mono_ns=10**13)).close()"
)
STEP_NAME = rf'"((?:{ROOMS})\.[a-z]+)"'


@dataclass(frozen=True)
class Step:
    """Where a process is killed, and what must become of what it was doing."""

    at: str
    means: str


NODE_STEPS = (
    Step("journal.mark:1", "opened, not marked as in use"),
    Step("journal.marked:1", "marked as in use, nothing else done"),
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
    Step("journal.free:2", "an acknowledgement applied and not committed"),
    Step("journal.freed:2", "rows are gone, their files are not"),
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

DAMAGE_STEPS = (
    Step("journal.aside:1", "the log is moved aside, the journal itself is not"),
    Step("journal.moved:1", "the journal is moved aside, no new one has begun"),
    Step("journal.commit:1", "what the old one held is in the new one's first transaction"),
    Step("journal.committed:1", "it is taken over, the old one is not marked as done"),
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


def test_kills_at_every_step_lose_tear_and_double_nothing(tmp_path: Path) -> None:
    """Node and hub die at each step of the table and start again; all is archived, once, whole."""
    with siege(tmp_path, seed=1) as besieged:
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
        verdict = besieged.judge()
        told = f"{verdict}\n{logs(besieged.node, besieged.town)}"
    for march in marches:
        assert march.reached == [step.at for step in march.steps]
    assert verdict.is_good, told
    for kind in ("records", "clips", "snapshots"):
        assert verdict.counts[f"{kind} whose loss is explained"] == 0, told


def test_kills_while_a_damaged_journal_is_replaced_lose_nothing_that_it_held(
    tmp_path: Path,
) -> None:
    """All that it held comes again in a new epoch, once, whatever moment of that was cut short."""
    folder, clock = tmp_path / "node", FakeClock(mono_ns=10**12)
    with contextlib.closing(small_town.outbox(folder, clock)) as box:
        for _ in range(3):
            small_town.journal_event(box, folder / "spool", clock)
        said = [_saying(each.payload) for each in box.pending(0, 100)]
    with contextlib.closing(sqlite3.connect(folder / "journal.db")) as db:
        db.execute("UPDATE journal SET last_seq = last_seq - 1")
        db.commit()
    for step in DAMAGE_STEPS:
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(folder)], cwd=ROOT,
            env=os.environ | {CRASH_ENV: step.at}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, f"{step}: {done.stderr[-2000:]}"
    with contextlib.closing(small_town.outbox(folder, clock)) as box:
        again = [_saying(each.payload) for each in box.pending(0, 100)]
    assert [each for each in again if each["type"] != "journal.gap"] == said
    verdict = Verdict()
    check_node(verdict, read_node(folder), is_clean=False, is_drained=False)
    assert verdict.is_good, str(verdict)


def _saying(payload: bytes) -> dict[str, object]:
    """A record without its place in a journal."""
    body: dict[str, object] = json.loads(payload)
    return {key: value for key, value in body.items() if key not in ("epoch", "seq", "prev")}


def test_every_step_in_the_code_is_in_the_table() -> None:
    """A new step that nobody kills at would be forgotten; one that is gone cannot be reached."""
    in_table = {Crash(step.at).step for step in (*NODE_STEPS, *HUB_STEPS, *DAMAGE_STEPS)}
    in_table |= {*BEFORE, *TRIED, *BACK}  # tests/edge/update/test_installer.py kills at these
    in_code: set[str] = set()
    for path in [*ROOT.glob("edge/**/*.py"), *ROOT.glob("hub/**/*.py")]:
        text = path.read_text(encoding="utf-8")
        if "crashpoint.at(" in text:
            in_code.update(re.findall(STEP_NAME, text))
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
