"""`camwatch-hub doctor`, with a real broker: what is well passes, and each fault is named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.processes import HubProcess
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("doctor")]

Found = dict[str, dict[str, str]]
MACHINES_OWN = ("time", "time.zone")  # of the machine that tests


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Stage]:
    """A hub that runs, its broker, and a node that never came."""
    with stage.stage(tmp_path / "town", has_tls=True) as made:
        made.enrol("gate-1")
        made.hub.start_ready()
        yield made


def examined(hub: HubProcess) -> tuple[int, Found]:
    """Exit status, and the findings by check."""
    done = hub.command("doctor", "--json")
    assert done.stdout, done.stderr
    return done.returncode, {each["check"]: each for each in json.loads(done.stdout)["findings"]}


def failures(found: Found) -> set[str]:
    """The checks that failed, but for the machine's own."""
    return {name for name, each in found.items() if each["outcome"] == "fail"} - {*MACHINES_OWN}


def test_a_hub_that_is_well_has_no_failure_and_goes_on_undisturbed(town: Stage) -> None:
    """A node that never came, and that nobody can log in, are warnings."""
    status, found = examined(town.hub)
    assert failures(found) == set(), found
    assert status == int(any(found[each]["outcome"] == "fail" for each in MACHINES_OWN))
    for check in ("archive", "audit", "broker.account", "broker.rights", "broker.strangers",
                  "broker.files", "http", "problems"):  # fmt: skip
        assert found[check]["outcome"] == "pass", found[check]
    assert found["node.gate-1"]["outcome"] == "warn"
    assert found["people"]["outcome"] == "warn"
    assert town.hub.is_running
    assert town.hub.log_text.count("connected to the broker") == 1
    assert "refused" not in town.hub.log_text


def test_a_hub_that_is_off_and_a_broker_that_is_off_are_named(town: Stage) -> None:
    """Each by where the way ends."""
    town.hub.stop()
    town.broker.stop()
    status, found = examined(town.hub)
    assert status == 1
    assert failures(found) == {"http", "broker.tcp"}
    assert "systemctl" in found["http"]["remedy"]


def test_a_wrong_password_and_old_files_of_the_broker_are_named(town: Stage) -> None:
    """The secret is in nothing that is printed."""
    path = town.hub.state_dir / "broker" / "hub.secret"
    path.write_text("another-one\n", encoding="ascii")
    status, found = examined(town.hub)
    assert status == 1
    assert {"broker.account", "broker.files"} <= failures(found)
    assert "another-one" not in json.dumps(found)


def test_a_trail_that_somebody_changed_is_named(town: Stage) -> None:
    """The chain of the audit trail does not hold."""
    assert town.hub.command("user", "add", "ngoc.anh", "--role", "viewer").returncode == 0
    assert town.hub.command("user", "add", "minh.duc", "--role", "viewer").returncode == 0
    town.hub.stop()
    archive = sqlite3.connect(town.hub.state_dir / "archive.sqlite")
    with archive:
        tables = archive.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        ).fetchall()
        for (name,) in tables:
            archive.execute(f'DROP TRIGGER "{name}"')
        archive.execute("DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)")
    archive.close()
    _, found = examined(town.hub)
    assert "audit" in failures(found)
    assert "camwatch-hub audit --verify" in found["audit"]["remedy"]


def test_an_archive_that_is_away_is_named_and_what_needs_it_is_skipped(town: Stage) -> None:
    """Such as a disk that is not mounted."""
    town.hub.stop()
    (town.hub.state_dir / "archive.sqlite").rename(town.folder / "away.sqlite")
    status, found = examined(town.hub)
    assert status == 1
    assert found["archive"]["outcome"] == "fail"
    assert found["audit"]["outcome"] == "skip"


def test_too_little_room_is_named(town: Stage) -> None:
    """By asking that more stays free than any disk has."""
    town.hub.settings["keep_free"] = 2**50
    _, found = examined(town.hub)
    assert "keep_free" in found["archive.room"]["text"]
    assert "archive.room" in failures(found)


def test_what_nodes_would_refuse_is_named(town: Stage) -> None:
    """Broker and hub are asked by the name and the authority that node files tell."""
    url = town.hub.url.replace("127.0.0.1", "localhost")
    broker = {"url": url, "mqtt_host": "localhost", "mqtt_port": town.broker.address.port}

    def with_authority(ca_file: Path | None) -> Found:
        town.hub.settings["nodes"] = {**broker, "ca_file": str(ca_file)}
        town.hub.write_settings()
        return examined(town.hub)[1]

    found = with_authority(town.broker.address.ca_file)
    assert found["nodes.broker.tls"]["outcome"] != "fail", "it ends in two days, which is a warning"
    assert found["nodes.http.tls"]["outcome"] == "fail", "the hub's is by another one"
    assert "nodes.ca_file" in found["nodes.http.tls"]["remedy"]
    assert with_authority(town.hub.ca_file)["nodes.http.tls"]["outcome"] != "fail"
    broker["mqtt_host"] = "other.example"
    found = with_authority(town.broker.address.ca_file)
    assert "other.example is refused" in found["nodes.broker.tls"]["text"]
