"""Hub and broker killed at the worst moments: everything arrives, once, with its clip."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.harness.patience import PATIENCE_S
from tests.harness.processes import NodeProcess
from tests.harness.proxy import Proxy
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("outages")]

NODE = "gate-3"
TIMEOUT_S = PATIENCE_S
SLOW_S = 0.25  # each way, so that a clip of several chunks is some seconds on its way
EVENTS = 3  # at least: one over each outage, and one more


@dataclass(frozen=True)
class Outage:
    """A node whose uploads go through `uploads`, and whose every loop of the film is an event."""

    town: Stage
    node: NodeProcess
    uploads: Proxy

    def events(self, state: str) -> int:
        """How many of the node's events the hub has in that state."""
        return sum(row["state"] == state for row in self.town.query())

    def wait_for_events(self, state: str, count: int) -> None:
        """Until the hub has so many."""
        stage.wait(lambda: self.events(state) >= count, TIMEOUT_S, f"{count} events {state}")

    def is_uploading(self) -> bool:
        """Whether a clip has arrived at the hub in part."""
        folder = self.town.hub.state_dir
        return any(path.stat().st_size for path in folder.rglob("uploads/*.part"))


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """The hub is killed in the middle of an event and of an upload, then the broker; all return."""
    folder = tmp_path_factory.mktemp("outages")
    with stage.stage(folder) as town:
        enrolment = town.enrol(NODE)
        town.hub.start_ready()
        with Proxy(int(town.hub.url.rpartition(":")[2])) as uploads:
            proxied = replace(enrolment, upload_url=f"http://127.0.0.1:{uploads.port}")
            path = stage.car(folder / "car.mp4", crf=8)
            node = town.node(NODE, [stage.camera("gate", path)], proxied)
            outage = Outage(town, node, uploads)
            node.start_ready()
            _kill_the_hub(outage)
            _kill_the_broker(outage)
            _let_all_arrive(outage)
            yield outage


def _kill_the_hub(outage: Outage) -> None:
    outage.wait_for_events("open", 1)
    outage.town.hub.kill()
    outage.uploads.delay(SLOW_S)
    outage.town.hub.start_ready()
    _wait_now(outage.is_uploading, "a clip on its way")
    outage.town.hub.kill()
    outage.uploads.heal()
    outage.town.hub.start_ready()


def _kill_the_broker(outage: Outage) -> None:
    before = outage.events("ended")
    outage.wait_for_events("open", 1)
    outage.town.broker.kill()
    spool = outage.node.state_dir / "spool"
    _wait_now(lambda: any(spool.glob("*.mp4")), "an event that ended without a broker")
    outage.town.broker.start()
    outage.wait_for_events("ended", before + 1)


def _let_all_arrive(outage: Outage) -> None:
    """Stop the node between events, then let another start of it without a camera deliver all."""
    outage.wait_for_events("ended", EVENTS)
    outage.node.stop()
    outage.node.settings["cameras"] = [
        stage.camera("gate", "synthetic:?still=1&width=320&height=180&fps=2")
    ]
    outage.node.start_ready()
    outage.town.wait_for_events(lambda rows: all(stage.is_complete(row) for row in rows), TIMEOUT_S)
    outage.node.stop()
    stage.wait(lambda: _has_all(outage), TIMEOUT_S, "the whole journal in the archive")


def _has_all(outage: Outage) -> bool:
    epoch, seq = stage.last_seq(outage.node)
    return archived(outage.town) == [(epoch, each) for each in range(1, seq + 1)]


def _wait_now(is_done: Callable[[], bool], what: str) -> None:
    stage.wait(is_done, TIMEOUT_S, what)


def archived(town: Stage) -> list[tuple[str, int]]:
    """Epoch and seq of each record in the hub's archive, as its database has them."""
    path = town.hub.state_dir / "archive.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [(str(row[0]), int(row[1])) for row in db.execute(
            "SELECT epoch, seq FROM records JOIN epochs ON epochs.id = epoch_id ORDER BY 1, 2"
        )]  # fmt: skip


def test_every_record_of_the_journal_is_archived_exactly_once(outage: Outage) -> None:
    """Killed hubs and brokers leave neither a gap nor a double in (epoch, seq)."""
    epoch, seq = stage.last_seq(outage.node)
    assert archived(outage.town) == [(epoch, each) for each in range(1, seq + 1)]
    known = stage.nodes(outage.town.hub)[NODE]
    assert known["missing_records"] == 0
    assert not [problem for problem in known["problems"] if "ALARM" in problem]


def test_every_event_is_there_with_its_clips_as_recorded(outage: Outage, tmp_path: Path) -> None:
    """Each event ended, each clip whole: the hub checks the hash when it hands one out."""
    rows = outage.town.query()
    assert len(rows) >= EVENTS
    for row in rows:
        for part in range(row["parts"]):
            clip = outage.town.clip(row["id"], part, tmp_path / f"{row['id']}.{part}.mp4")
            assert stage.ffmpeg_complaints(clip) == ""


def test_nothing_is_left_to_send(outage: Outage) -> None:
    """What the hub has acknowledged is freed on the node."""
    assert stage.journal(outage.node) == []
    assert list((outage.node.state_dir / "spool").glob("*.mp4")) == []
