"""TLS everywhere: who has the right authority and password is heard, who has not says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.harness.credentials import Authority
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import NodeProcess
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("tls")]

TIMEOUT_S = PATIENCE_S
PASSWORD = "not-the-password-of-this-node"


@dataclass(frozen=True)
class Street:
    """A town with TLS, and one node for each thing that can be wrong."""

    town: Stage
    nodes: dict[str, NodeProcess]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """All nodes run, and the good one's first event is archived."""
    folder = tmp_path_factory.mktemp("tls")
    with stage.stage(folder, has_tls=True) as town:
        nodes = start(town, folder)
        town.wait_for_events(stage.are_complete(1), TIMEOUT_S, "--node", "good")
        yield Street(town, nodes)


def start(town: Stage, folder: Path) -> dict[str, NodeProcess]:
    """One node that is enrolled as it should be, and three that are not."""
    other = Authority(folder / "other").ca_file
    wrong = folder / "wrong.secret"
    wrong.touch(mode=0o600)
    wrong.write_text(PASSWORD, encoding="ascii")
    names = ("good", "other-broker-ca", "other-upload-ca", "other-password")
    good = {name: town.enrol(name) for name in names}
    broker = town.broker.address
    enrolments = {
        "good": good["good"],
        "other-broker-ca": replace(good["other-broker-ca"], mqtt=replace(broker, ca_file=other)),
        "other-upload-ca": replace(good["other-upload-ca"], upload_ca_file=other),
        "other-password": replace(good["other-password"], secret_file=wrong),
    }
    path = stage.car(folder / "car.mp4")
    town.hub.start_ready()
    nodes = {}
    for name, enrolment in enrolments.items():
        nodes[name] = town.node(name, [stage.camera("gate", path)], enrolment)
        nodes[name].start()
    return nodes


def test_an_event_and_its_clip_come_through_tls(street: Street, tmp_path: Path) -> None:
    """Broker and uploads both speak TLS, and the clip is what was recorded."""
    assert street.town.hub.url.startswith("https://")
    event = next(row["id"] for row in street.town.query("--node", "good") if stage.is_complete(row))
    clip = street.town.clip(event, 0, tmp_path / "clip.mp4")
    assert stage.ffmpeg_complaints(clip) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other-broker-ca", "CERTIFICATE_VERIFY_FAILED"),
        ("other-password", "the broker refuses other-password: Not authorized"),
    ],
)
def test_a_node_that_is_not_let_in_says_why(street: Street, name: str, reason: str) -> None:
    """Nothing of it is archived; its log names the reason."""
    node = street.nodes[name]
    stage.wait(lambda: reason in node.log_text, TIMEOUT_S, f"{reason} in the log of {name}")
    assert node.is_running
    assert street.town.query("--node", name) == []


def test_a_clip_is_not_given_to_a_server_of_another_authority(street: Street) -> None:
    """The event is told over the broker; the clip stays on the node, which says why."""
    name = "other-upload-ca"
    rows = street.town.wait_for_events(
        lambda rows: any(row["state"] == "ended" for row in rows), TIMEOUT_S, "--node", name
    )
    node = street.nodes[name]
    reason = "POST failed: [SSL: CERTIFICATE_VERIFY_FAILED]"
    stage.wait(lambda: reason in node.log_text, TIMEOUT_S, f"{reason} in the log")
    assert {row["clips_stored"] for row in rows} == {0}


def test_no_log_holds_a_password(street: Street) -> None:
    """Neither a good one nor a wrong one, of nobody."""
    for name, node in street.nodes.items():
        secret = Path(str(node.settings["hub"]["secret_file"])).read_text().strip()  # type: ignore[index]
        assert secret not in node.log_text, name
        assert secret not in street.town.hub.log_text, name
    assert PASSWORD not in street.town.hub.log_text
