"""`camwatch-edge doctor` in a town with TLS: what is well passes, and each fault is named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.harness.broker import free_port
from tests.harness.credentials import Authority, new_password
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import Enrolment, NodeProcess, Settings
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("doctor")]

Found = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A hub and a broker that run."""
    with stage.stage(tmp_path_factory.mktemp("doctor"), has_tls=True) as made:
        made.hub.start_ready()
        yield made


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the cameras show."""
    return stage.car(tmp_path_factory.mktemp("film") / "car.mp4")


@pytest.fixture(scope="module")
def enrolment(town: Stage) -> Enrolment:
    """Of a node that is as it should be."""
    return town.enrol("gate-1")


def examined(node: NodeProcess, *more: str) -> tuple[int, Found]:
    """Exit status, and the findings by check."""
    node.state_dir.mkdir(exist_ok=True)
    done = node.command("doctor", "--json", "--seconds", "4", *more)
    assert done.stdout, done.stderr
    return done.returncode, {each["check"]: each for each in json.loads(done.stdout)["findings"]}


def outcomes(found: Found, start: str) -> dict[str, str]:
    """Of the checks whose names start so."""
    return {name: each["outcome"] for name, each in found.items() if name.startswith(start)}


def test_a_node_that_is_well_passes_beside_its_running_agent(
    town: Stage, enrolment: Enrolment, film: Path
) -> None:
    """And the agent keeps its connection to the broker: one since its start."""
    node = town.node("gate-1", [stage.camera("gate", film)], enrolment)
    node.start()
    stage.wait(lambda: "connected to the broker" in node.log_text, PATIENCE_S, "the agent online")
    _, found = examined(node)
    bad = {name: each for name, each in found.items() if each["outcome"] == "fail"}
    bad.pop("time", None)  # the clock, the heat and the disk of the machine that tests ...
    bad.pop("disk", None)
    bad.pop("temperature", None)  # ... are its own affair
    assert bad == {}
    assert found["agent"]["outcome"] == "pass"
    assert set(outcomes(found, "hub.").values()) <= {"pass", "warn"}  # its certificates end soon
    assert found["hub.rights"]["outcome"] == "pass"
    assert found["camera.gate"]["outcome"] == "pass"
    assert found["journal"]["outcome"] == "pass"
    told = town.hub.command("doctor", "--json").stdout
    assert enrolment.hub_key.fingerprint in told
    assert enrolment.hub_key.fingerprint in found["hub.key"]["text"]
    assert node.log_text.count("connected to the broker") == 1
    assert node.stop() == 0


@pytest.fixture
def ill(film: Path, tmp_path: Path) -> IllNode:
    """Makes nodes with one thing wrong."""
    return IllNode(film, tmp_path)


class IllNode:
    """A node's settings with one thing wrong."""

    def __init__(self, film: Path, folder: Path) -> None:
        self._film = film
        self._folder = folder

    def __call__(self, enrolment: Enrolment, cameras: list[Settings] | None = None) -> NodeProcess:
        shown = cameras or [stage.camera("gate", self._film)]
        return NodeProcess("gate-1", self._folder / "node", enrolment, shown)


def test_a_wrong_secret_is_named_at_broker_and_hub(
    ill: IllNode, enrolment: Enrolment, tmp_path: Path
) -> None:
    """The way there is good, and the secret is in nothing that is printed."""
    wrong = tmp_path / "wrong.secret"
    wrong.touch(mode=0o600)
    wrong.write_text(password := new_password(), encoding="ascii")
    node = ill(replace(enrolment, secret_file=wrong))
    status, found = examined(node, "--no-cameras")
    assert status == 1
    assert found["hub.broker.tls"]["outcome"] != "fail"
    assert found["hub.credential"]["outcome"] == "fail"
    assert "this box was never enrolled" in found["hub.credential"]["remedy"]
    assert found["hub.uploads"]["outcome"] == "fail"
    assert "this box was never enrolled" in found["hub.uploads"]["remedy"]
    assert password not in json.dumps(found)


def test_a_broker_that_has_not_read_the_hubs_accounts_is_named(
    town: Stage, ill: IllNode, enrolment: Enrolment
) -> None:
    """The hub takes the account, so the fault is not this box's."""
    known_to_hub_alone = town.hub.add_node("gate-1b")
    node = ill(replace(enrolment, secret_file=known_to_hub_alone))
    node.settings["node"] = "gate-1b"
    status, found = examined(node, "--no-cameras")
    assert status == 1
    assert found["hub.uploads"]["outcome"] == "pass"
    assert found["hub.credential"]["outcome"] == "fail"
    remedy = found["hub.credential"]["remedy"]
    assert "the hub takes this very account" in remedy
    assert "camwatch-broker-reload.path" in remedy


def test_a_strange_authority_is_named(ill: IllNode, enrolment: Enrolment, tmp_path: Path) -> None:
    """Before any password is sent."""
    other = Authority(tmp_path / "other").ca_file
    node = ill(replace(enrolment, mqtt=replace(enrolment.mqtt, ca_file=other)))
    status, found = examined(node, "--no-cameras")
    assert status == 1
    assert found["hub.broker.tls"]["outcome"] == "fail"
    assert "hub.mqtt.ca_file" in found["hub.broker.tls"]["remedy"]
    assert "hub.credential" not in found


def test_a_hub_that_is_off_is_named(ill: IllNode, enrolment: Enrolment) -> None:
    """The name is found, the port is shut."""
    node = ill(replace(enrolment, upload_url=f"https://127.0.0.1:{free_port()}"))
    status, found = examined(node, "--no-cameras")
    assert status == 1
    assert outcomes(found, "hub.http") == {"hub.http.name": "pass", "hub.http.tcp": "fail"}
    assert found["agent"]["outcome"] == "warn"


class _Nothing(BaseHTTPRequestHandler):
    """A web server of something else."""

    def do_HEAD(self) -> None:
        """It has no such page."""
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_server_that_is_no_hub_is_named(ill: IllNode, enrolment: Enrolment) -> None:
    """It says 404 to everybody, as a hub does to a node that it knows."""
    with HTTPServer(("127.0.0.1", 0), _Nothing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        node = ill(replace(enrolment, upload_url=f"http://127.0.0.1:{server.server_port}"))
        _, found = examined(node, "--no-cameras")
        server.shutdown()
        thread.join()
    assert found["hub.uploads"]["outcome"] == "fail"
    assert "no hub" in found["hub.uploads"]["text"]


def test_a_camera_that_is_off_is_named(ill: IllNode, enrolment: Enrolment) -> None:
    """With what to look at."""
    off = stage.camera("gate", f"rtsp://me:hidden@127.0.0.1:{free_port()}/main")
    status, found = examined(ill(enrolment, [off]))
    assert status == 1
    assert found["camera.gate"]["outcome"] == "fail"
    assert "port" in found["camera.gate"]["remedy"]
    assert "hidden" not in json.dumps(found)


def test_wrong_settings_and_wrong_usage_have_their_own_exit_status(
    ill: IllNode, enrolment: Enrolment
) -> None:
    """78 and 2, as the other commands."""
    node = ill(enrolment, [{"name": "gate", "source": "nonsense://"}])
    assert node.command("doctor").returncode == 78
    assert node.command("doctor", "--seconds", "none").returncode == 2
