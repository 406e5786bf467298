"""A day in a town: a node with a busy and a quiet camera, a hub, and someone who asks it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from edge.contract import status, topics
from edge.contract.channels import CHANNELS
from edge.keys import PublicKey
from tests.contract.validate import check_message
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import ROOT, NodeProcess
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage
from tests.system.town import Row

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("town")]

NODE, BUSY, QUIET = "gate-3", "gate", "wall"
EVENTS = 4
TIMEOUT_S = PATIENCE_S
STILL = "synthetic:?still=1&width=640&height=360"


@dataclass(frozen=True)
class Day:
    """The town after some events: `rows` as queried, newest first."""

    town: Stage
    node: NodeProcess
    traffic: Traffic
    rows: list[Row]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """EVENTS events archived with their clips, and the node still at work."""
    folder = tmp_path_factory.mktemp("town")
    with stage.stage(folder) as town:
        path = stage.car(folder / "car.mp4")
        cameras = [stage.camera(BUSY, path), stage.camera(QUIET, STILL)]
        node = town.add_node(NODE, cameras)
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        town.wait_for_events(stage.are_complete(EVENTS), TIMEOUT_S)
        traffic.wait_for_count(lambda each: each.is_leaf("health", NODE), 2, TIMEOUT_S)
        rows = [row for row in town.query() if stage.is_complete(row)]
        yield Day(town, node, traffic, rows)


def ask(day: Day, *arguments: str) -> list[Row]:
    """The events of the day that a query finds; those that came later are left out."""
    known = {row["id"] for row in day.rows}
    return [row for row in day.town.query(*arguments) if row["id"] in known]


def test_every_message_on_the_broker_follows_the_published_contract(
    day: Day, tmp_path: Path
) -> None:
    """Schemas, topics, QoS, retained flags and signatures, on every channel that there is.

    But for orders to update, which need a signed release; tests/system/test_updates.py has one.
    """
    hub_key = PublicKey.from_text(day.town.hub.command("key").stdout)
    node_key = PublicKey.from_text(stage.nodes(day.town.hub)[NODE]["key"])
    keys = {"record": node_key, "ack": hub_key, "command": hub_key, "wanted": hub_key}
    wish = f"cameras.{QUIET}.motion.sensitivity=6"
    done = day.town.hub.command("settings", "set", NODE, "--set", wish)
    assert done.returncode == 0, done.stderr
    day.traffic.wait_for(lambda each: each.topic == topics.wanted(NODE), TIMEOUT_S)
    done = day.town.hub.command("command", NODE, "snapshot", BUSY, "-o", str(tmp_path / "now.jpg"))
    assert done.returncode == 0, done.stderr
    day.traffic.wait_for(lambda each: each.is_leaf("reply", NODE), TIMEOUT_S)
    seen = set()
    for message in day.traffic.messages:
        properties, qos = message.user_properties, message.qos
        channel = check_message(
            message.topic, message.payload, properties, qos=qos, is_retained=message.retain,
            keys=keys,
        )  # fmt: skip
        seen.add(channel.name)
    assert seen | {"update_order"} == {channel.name for channel in CHANNELS}


def test_motion_is_told_to_home_automation_as_it_comes_and_goes(day: Day) -> None:
    """OFF at the start, then ON and OFF in turn."""
    topic = topics.motion(NODE, BUSY)
    said = [each.payload for each in day.traffic.matching(lambda each: each.topic == topic)]
    assert len(said) > 2 * EVENTS - 1
    changes = [
        said[0],
        *(now for before, now in itertools.pairwise(said) if now != before),
    ]
    assert changes[:3] == [b"OFF", b"ON", b"OFF"]


def test_a_still_scene_with_noise_makes_no_event(day: Day) -> None:
    """Half a minute of sensor noise, watched all the while, is no motion."""
    reports = day.traffic.matching(lambda each: each.is_leaf("health", NODE))
    assert reports[-1].mono_s - reports[0].mono_s > 25
    watched = {each["camera"]: each for each in json.loads(reports[-1].payload)["cameras"]}
    assert watched[QUIET]["state"] == "watching"
    assert watched[QUIET]["analysed_per_s"] > 0.25  # a busy machine looks at less
    assert ask(day, "--camera", QUIET) == []


def test_a_query_filters_by_what_it_is_given(day: Day) -> None:
    """Camera, node, kind, duration and time each leave out what does not fit."""
    everything = [row["id"] for row in day.rows]
    assert [row["id"] for row in ask(day, "--camera", BUSY, "--node", NODE)] == everything
    assert [row["id"] for row in ask(day, "--kind", "motion", "--since", "1h")] == everything
    assert ask(day, "--node", "gate-4") == []
    longest_ms = max(row["duration_ms"] for row in day.rows)
    found = ask(day, "--min-duration", f"{longest_ms}ms")
    assert {row["duration_ms"] for row in found} == {longest_ms}
    third = day.rows[2]["started_utc"]
    assert [row["id"] for row in ask(day, "--since", third)] == everything[:3]
    assert [row["id"] for row in ask(day, "--until", third)] == everything[3:]


def test_pages_follow_each_other_without_a_gap(day: Day) -> None:
    """The key that a page ends with begins the next one."""
    first = day.town.hub.command("query", "--json", "--limit", "2", "--until", "now")
    rows = [json.loads(line) for line in first.stdout.splitlines()]
    assert f"--before {rows[-1]['key']}" in first.stderr
    rest = day.town.query("--before", rows[-1]["key"])
    known = [row["id"] for row in day.rows]
    assert [row["id"] for row in rows + rest if row["id"] in known] == known


def test_the_table_and_the_csv_say_what_the_json_says(day: Day) -> None:
    """Three forms, one answer."""
    until = day.rows[0]["ended_utc"]
    table = day.town.hub.command("query", "--until", until).stdout.splitlines()
    assert table[0].split()[:3] == ["started", "duration", "node"]
    assert [line.split()[-1] for line in table[1:]] == [row["id"] for row in day.rows]
    text = day.town.hub.command("query", "--csv", "--until", until).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == [row["id"] for row in day.rows]
    assert rows[0]["duration_ms"] == str(day.rows[0]["duration_ms"])


def test_a_query_tells_by_its_exit_status_what_it_found(day: Day) -> None:
    """0 found, 1 nothing, 2 a question that makes no sense; the reason on standard error."""
    hub = day.town.hub
    assert hub.command("query", "--camera", BUSY).returncode == 0
    nothing = hub.command("query", "--camera", QUIET)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "no event" in nothing.stderr
    wrong = hub.command("query", "--since", "teatime")
    assert wrong.returncode == 2
    assert "--since" in wrong.stderr
    assert hub.command("show", "ffffffff").returncode == 1


def test_following_prints_the_next_event_as_it_happens(day: Day) -> None:
    """`--follow` goes on until interrupted, and tells of events that were not there before."""
    known = {row["id"] for row in day.town.query()}
    argv = [sys.executable, "-m", "hub.cli", "query", "--json", "--follow", "--config"]
    with subprocess.Popen(
        [*argv, str(day.town.hub.config_file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        for line in following.stdout:
            if json.loads(line)["id"] not in known:
                break
        following.send_signal(signal.SIGINT)
        following.stdout.read()
    assert following.returncode == 130


def test_an_event_is_shown_with_its_records_and_clips(day: Day) -> None:
    """`show` gives what the signed records say, found by the beginning of an id."""
    row = day.rows[0]
    found = stage.shown(day.town.hub, row["id"])
    assert [clip["part"] for clip in found["clips"]] == list(range(row["parts"]))
    text = day.town.hub.command("show", row["id"][:30])
    assert text.returncode == 0
    for word in (row["id"], "event.started", "event.ended", NODE, BUSY):
        assert word in text.stdout


def test_a_clip_comes_out_of_a_pipe_as_it_was_recorded(day: Day) -> None:
    """`clip -o -` writes the bytes and nothing else, and they decode."""
    hub = day.town.hub
    argv = [sys.executable, "-m", "hub.cli", "clip", day.rows[0]["id"], "-o", "-", "--config"]
    done = subprocess.run([*argv, str(hub.config_file)], cwd=ROOT, capture_output=True, check=True)
    clip = stage.shown(hub, day.rows[0]["id"])["clips"][0]
    assert len(done.stdout) == clip["size_bytes"]
    with av.open(io.BytesIO(done.stdout), "r") as container:
        assert len(list(container.decode(video=0))) == round(clip["duration_ms"] * stage.FPS / 1000)


def test_the_hub_knows_who_is_online_and_that_nothing_is_missing(day: Day) -> None:
    """`nodes` in both forms."""
    node = stage.nodes(day.town.hub)[NODE]
    assert (node["state"], node["missing_records"]) == ("online", 0)
    problems = [each for each in node["problems"] if "overload" not in each]  # which is the test's
    assert (node["cameras"], problems) == ([BUSY, QUIET], [])
    header, line = day.town.hub.command("nodes").stdout.splitlines()[:2]
    assert line.startswith(NODE)
    assert line[header.index("state") :].split()[0] == "online"


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_node_that_ends_is_offline_for_all_who_ask_later(day: Day, end: str) -> None:
    """In good order it says so itself, for its cameras too; killed, the Will says it."""
    day.node.stop()
    day.node.start_ready()
    online = topics.camera_status(NODE, BUSY)
    seen = day.town.traffic()
    seen.wait_for(lambda each: (each.topic, each.payload) == (online, b"online"), TIMEOUT_S)
    if end == "SIGTERM":
        assert day.node.stop(timeout_s=5) == 0
    else:
        day.node.kill()
    seen.wait_for(
        lambda each: each.is_leaf("status", NODE) and b'"offline"' in each.payload, TIMEOUT_S
    )
    left = day.town.traffic()
    said = left.wait_for(lambda each: each.is_leaf("status", NODE), TIMEOUT_S)
    assert status.decode(said.payload).state == "offline"
    if end == "SIGTERM":
        payloads = {each.topic: each.payload for each in left.messages}
        for camera in (BUSY, QUIET):
            assert payloads[topics.camera_status(NODE, camera)] == b"offline"
            assert payloads[topics.motion(NODE, camera)] == b"OFF"


def test_the_folder_of_a_node_holds_nothing_that_others_may_read(day: Day) -> None:
    """The key and the journal are the node's own."""
    key: Path = day.node.state_dir / "node.key"
    assert key.stat().st_mode & 0o077 == 0
