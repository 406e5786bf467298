"""Commands from the hub's command line to a real node and its camera, and to nodes that lie."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from paho.mqtt.client import MQTTMessage

from edge.contract import command as commands
from edge.contract import reply, topics
from edge.keys import PrivateKey, PublicKey
from tests.contract.validate import check_message
from tests.harness.link import Account, Link
from tests.harness.processes import Enrolment, NodeProcess, run_command
from tests.harness.publisher import Publisher
from tests.harness.rtsp_camera import CameraStream
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("commands"), pytest.mark.timeout(400)]

NODE, LIAR, AWAY = "gate-3", "liar", "away"
WAIT_S = 90.0
JPEG = b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9"
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Street:
    """A town with TLS: a node that watches a camera, a scripted one, and one that never came."""

    town: Stage
    node: NodeProcess
    traffic: Traffic
    liar: Publisher
    enrolment: Enrolment

    def command(self, *arguments: str) -> Done:
        return self.town.hub.command("command", *arguments)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The camera's packets arrive."""
    folder = tmp_path_factory.mktemp("commands")
    with stage.stage(folder, has_tls=True) as town:
        film = stage.walker(folder / "walker.mp4")
        served = town.rtsp({"/gate": CameraStream(film, at_end="loop")})
        node = town.add_node(NODE, [stage.camera("gate", served.url("/gate"))])
        enrolment = town.enrol(LIAR)
        town.enrol(AWAY)
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        account = Account(LIAR, enrolment.secret)
        with Publisher(LIAR, town.broker.address, account, hub_key=enrolment.hub_key) as liar:
            liar.connect()
            traffic.wait_for(
                lambda each: stage.is_record(each, "camera.found", NODE), WAIT_S
            )  # fmt: skip
            stage.wait(lambda: LIAR in stage.nodes(town.hub), WAIT_S, "the scripted node")
            yield Street(town, node, traffic, liar, enrolment)


def test_a_snapshot_of_now_is_the_cameras_picture(street: Street, tmp_path: Path) -> None:
    """A JPEG of the camera's size and of at most 256 KiB, which shows something."""
    path = tmp_path / "now.jpg"
    done = street.command(NODE, "snapshot", "gate", "-o", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (stage.HEIGHT, stage.WIDTH, 3)
    assert picture.std() > 10
    assert path.stat().st_size <= 256 * 1024


def test_what_travels_follows_the_published_contract(street: Street, tmp_path: Path) -> None:
    """Command, reply and picture, with their topics, signatures, QoS and flags."""
    assert street.command(NODE, "snapshot", "gate", "-o", str(tmp_path / "x")).returncode == 0
    keys = {"command": street.enrolment.hub_key}
    kinds = set()
    for message in street.traffic.messages:
        parts = topics.parse(message.topic)
        if parts is not None and parts.leaf in (topics.COMMAND, topics.REPLY):
            channel = check_message(
                message.topic, message.payload, message.user_properties, keys=keys,
                is_retained=message.retain,
            )  # fmt: skip
            kinds.add(channel.name)
    assert kinds == {"command", "reply", "reply_picture"}


def test_a_reader_sees_neither_commands_nor_replies(street: Street, tmp_path: Path) -> None:
    """It may read everything else; a command may hold a token, a reply's picture was asked for."""
    hub, secret = street.town.hub, tmp_path / "wall.secret"
    seen: list[MQTTMessage] = []
    assert hub.command("reader", "add", "wall", "--to", str(secret)).returncode == 0
    street.town.broker.adopt(hub.passwd_file, hub.acl_file)
    account = Account("wall", secret.read_text(encoding="ascii").strip())
    with Link(street.town.broker.address, account, on_message=seen.append) as link:
        link.subscribe(f"{topics.ROOT}/#")
        assert street.command(NODE, "snapshot", "gate", "-o", str(tmp_path / "x")).returncode == 0
        street.liar.publish(topics.motion(LIAR, "gate"), b"ON", retain=True)
        is_last = topics.motion(LIAR, "gate")
        stage.wait(lambda: any(each.topic == is_last for each in seen), WAIT_S, "motion")
    assert [each.topic for each in seen if "/command" in each.topic or "/reply" in each.topic] == []


def test_a_node_proves_the_key_that_is_pinned_for_it(street: Street) -> None:
    """The signature over the challenge can be verified by anybody who has the key."""
    done = street.command(NODE, "prove-key", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    key = PublicKey.from_text(said["key"])
    signed = reply.proof_bytes(NODE, said["challenge"])
    assert key.verify(signed, reply.proof_signature(said["proof"]))
    assert stage.nodes(street.town.hub)[NODE]["key"] == said["key"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((NODE, "snapshot", "yard", "-o", "-"), "no camera yard here; there are: gate"),
        ((AWAY, "prove-key"), "away did not answer within 15 s"),
        (("Nobody", "restart"), "node: 'Nobody' is not a name"),
    ],
)
def test_what_cannot_be_done_is_said(
    street: Street, arguments: tuple[str, ...], complaint: str
) -> None:
    """With exit status 1 and one line."""
    done = street.command(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr


def test_a_reply_that_the_node_did_not_sign_is_no_reply(street: Street) -> None:
    """Nor is one of another node: the command is given up as unanswered."""
    before = len(street.liar.commands)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(street.command, LIAR, "restart")
        asked = street.liar.wait_for_command(commands.NONCE, WAIT_S, after=before)
        street.liar.answer(asked, signature=PrivateKey(os.urandom(32)).sign(b"{}"))
        done = running.result(WAIT_S)
    assert (done.returncode, "did not answer" in done.stderr) == (1, True)
    assert all(each.name == commands.NONCE for each in street.liar.commands[before:])


def test_a_picture_that_is_not_the_one_named_is_no_picture(street: Street) -> None:
    """The hash in the signed reply decides."""
    before = len(street.liar.commands)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(street.command, LIAR, "snapshot", "gate", "-o", "-")
        street.liar.answer(street.liar.wait_for_command(commands.NONCE, WAIT_S, after=before))
        asked = street.liar.wait_for_command(commands.SNAPSHOT_NOW, WAIT_S, after=before)
        street.liar.answer(asked, picture=JPEG, sent_picture=JPEG[:-2] + b"\0\0")
        done = running.result(WAIT_S)
    assert (done.returncode, "did not come" in done.stderr) == (1, True)


def test_without_a_running_hub_the_command_says_so(street: Street, tmp_path: Path) -> None:
    """It signs and sends nothing itself."""
    other = tmp_path / "hub.yaml"
    other.write_text(f"state_dir: {tmp_path}\n", encoding="utf-8")
    done = run_command("hub.cli", ["command", NODE, "restart", "--config", str(other)])
    assert done.returncode == 1
    assert "hint: camwatch-hub run must be running on this machine" in done.stderr


def test_a_node_that_is_told_to_restart_ends_in_good_order(street: Street) -> None:
    """With exit status 0 and a journal closed as at a stop; started again, it obeys again."""
    done = street.command(NODE, "restart")
    assert (done.returncode, done.stdout) == (0, f"{NODE} restarts\n"), done.stderr
    stage.wait(lambda: not street.node.is_running, WAIT_S, "the node's end")
    assert street.node.stop() == 0
    stage.wait(lambda: stage.nodes(street.town.hub)[NODE]["state"] == "offline", WAIT_S, "Will")
    offline = street.command(NODE, "prove-key")
    assert (offline.returncode, "gate-3 is offline" in offline.stderr) == (1, True)
    street.node.start_ready()
    stage.wait(lambda: stage.nodes(street.town.hub)[NODE]["state"] == "online", WAIT_S, "return")
    again = street.command(NODE, "prove-key")
    assert again.returncode == 0, again.stderr
