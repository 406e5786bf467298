"""Power cuts and orderly ends in the middle of an event, and two agents with one state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.contract import record
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import NodeProcess, Settings
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("interruptions")]

TIMEOUT_S = PATIENCE_S
CONFIG = 78  # EX_CONFIG
RECORDED_BYTES = 300_000  # some seconds of the walker


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A town whose hub runs."""
    with stage.stage(tmp_path_factory.mktemp("interruptions")) as made:
        stage.walker(made.folder / "walker.mp4")
        made.hub.start_ready()
        yield made


@pytest.fixture
def traffic(town: Stage) -> Iterator[Traffic]:
    """What goes over the broker during one test."""
    with town.traffic() as recorder:
        yield recorder


def walking(town: Stage, traffic: Traffic, name: str) -> NodeProcess:
    """A node in the middle of an event, with some seconds of its clip on the disk."""
    source = town.folder / "walker.mp4"
    node = town.add_node(name, [stage.camera("path", source, loop=False)])
    node.start_ready()
    traffic.wait_for(lambda each: stage.is_record(each, "event.started", name), TIMEOUT_S)
    spool = node.state_dir / "spool"
    stage.wait(
        lambda: sum(part.stat().st_size for part in spool.glob("*.part")) > RECORDED_BYTES,
        TIMEOUT_S,
        f"{RECORDED_BYTES} bytes of an open clip",
    )
    return node


def test_an_event_cut_by_a_power_cut_is_ended_and_its_clip_plays(
    town: Stage, traffic: Traffic, tmp_path: Path
) -> None:
    """After SIGKILL and a new start the event is `interrupted`, and nothing is missing."""
    node = walking(town, traffic, "cut")
    node.kill()
    assert list((node.state_dir / "spool").glob("*.part"))
    node.start_ready()
    rows = town.wait_for_events(
        lambda rows: any(
            stage.is_complete(row) and row["reason"] == "interrupted" for row in rows
        ),
        TIMEOUT_S, "--node", "cut",
    )  # fmt: skip
    row = next(row for row in rows if row["reason"] == "interrupted")
    assert "stopped without warning" in row["fault"]
    clip = town.clip(row["id"], 0, tmp_path / "clip.mp4")
    assert stage.ffmpeg_complaints(clip) == ""
    told = stage.shown(town.hub, row["id"])["clips"][0]
    assert told["duration_ms"] > 2000
    known = stage.nodes(town.hub)["cut"]
    assert (known["missing_records"], known["problems"]) == (0, [])
    node.stop()
    epoch, seq = stage.last_seq(node)
    stage.wait(
        lambda: stage.nodes(town.hub)["cut"]["journals"] == [
            {"epoch": epoch, "upto": seq, "beyond": 0, "missing": 0}
        ],
        TIMEOUT_S, "one unbroken chain at the hub",
    )  # fmt: skip


def test_sigterm_closes_the_clip_and_ends_the_event(town: Stage, traffic: Traffic) -> None:
    """Within five seconds, exit status 0, `stopped` in the journal, no open clip left."""
    node = walking(town, traffic, "ended")
    town.hub.stop()
    try:
        assert node.stop(timeout_s=5) == 0
    finally:
        town.hub.start_ready()
    ends = [each.body for each in stage.journal(node) if isinstance(each.body, record.EventEnded)]
    assert [each.reason for each in ends] == ["stopped"]
    clip = ends[0].clip
    assert clip is not None
    names = [path.name for path in (node.state_dir / "spool").iterdir()]
    assert not [name for name in names if name.endswith(".part")]
    assert [name for name in names if name.endswith(".mp4")]


def test_a_second_agent_on_the_same_state_is_refused(town: Stage) -> None:
    """Two would fork one journal: exit status 78, and the first goes on."""
    enrolment = town.enrol("twice")
    cameras = [stage.camera("wall", "synthetic:?still=1&width=320&height=180&fps=2")]
    first = town.node("twice", cameras, enrolment)
    first.start_ready()
    second = first.command("run")
    assert second.returncode == CONFIG
    assert "another agent uses" in second.stderr
    assert first.is_running


def test_bad_settings_are_refused_with_all_their_problems_at_once(town: Stage) -> None:
    """`run` and `check-config` exit with 78 and name every problem and the nearest known key."""
    enrolment = town.enrol("wrong")
    cameras: list[Settings] = [
        {"name": "Gate", "source": "synthetic:", "motoin": {}},
        {"name": "b"},
    ]
    node = town.node("wrong", cameras, enrolment, {"log_level": "loud"})
    for command in ("run", "check-config"):
        done = node.command(command)
        assert done.returncode == CONFIG
        for word in ("cameras[0].name", "motoin", "motion", "cameras[1].source", "log_level"):
            assert word in done.stderr
    assert not node.state_dir.exists()


def test_check_config_says_what_a_good_file_means(town: Stage) -> None:
    """Exit status 0, the node and its cameras."""
    node = town.node("fine", [stage.camera("gate", "synthetic:")], town.enrol("fine"))
    done = node.command("check-config")
    assert done.returncode == 0
    assert "Node fine watches gate" in done.stdout
