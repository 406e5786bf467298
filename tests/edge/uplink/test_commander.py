"""Commands against a real Mosquitto: what is obeyed, what is refused, what is not even answered."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.contract import command as commands
from edge.contract import names, reply, topics
from edge.contract.command import Command
from edge.contract.reply import Reply
from edge.keys import PrivateKey
from edge.uplink import session as session_module
from edge.uplink.commander import Commander, Done, Picture, RefusedError
from edge.uplink.session import Address, Session
from tests.harness.broker import HUB, OBSERVER, Broker
from tests.harness.link import Link
from tests.harness.patience import wait_until
from tests.harness.traffic import Message, Traffic

pytestmark = pytest.mark.system
NODE = "gate-3"
WAIT_S = 60.0
JPEG = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"


@dataclass
class Node:
    """A node's session and commander, and the hub's key that commands are signed with."""

    session: Session
    commander: Commander
    clock: FakeClock
    hub_key: PrivateKey
    link: Link
    traffic: Traffic
    key: PrivateKey
    obeyed: list[Command] = field(default_factory=list)
    number: int = 0

    def make(self, name: str = commands.RESTART, nonce: str | None = None) -> Command:
        """A command as the hub would make it."""
        self.number += 1
        return Command(names.VERSION, NODE, f"{self.number:032x}", name, nonce)

    def send(
        self, command: Command, *, signature: bytes | None = None, retain: bool = False
    ) -> None:
        payload = commands.encode(command)
        sig = self.hub_key.sign(payload) if signature is None else signature
        self.link.publish(
            topics.command(NODE), payload, retain=retain, correlation=command.id.encode(),
            user_properties={names.SIGNATURE_PROPERTY: base64.b64encode(sig).decode()},
        )  # fmt: skip

    def replies(self, command: Command) -> list[Message]:
        return self.traffic.matching(
            lambda each: is_reply(each) and reply.decode(each.payload).id == command.id
        )

    def reply_to(self, command: Command) -> Reply:
        """Send it and wait for the reply, which the node must have signed."""
        self.send(command)
        until(lambda: bool(self.replies(command)))
        (message,) = self.replies(command)
        signature = base64.b64decode(dict(message.user_properties)[names.SIGNATURE_PROPERTY])
        assert self.key.public.verify(message.payload, signature)
        return reply.decode(message.payload)

    def nonce(self) -> str:
        given = self.reply_to(self.make(commands.NONCE)).nonce
        assert given is not None
        return given

    def is_well(self) -> bool:
        """Whether a rightful command is obeyed, behind all that was sent before it."""
        before = len(self.obeyed)
        assert self.reply_to(self.make(nonce=self.nonce())).status == "ok"
        return len(self.obeyed) == before + 1


def is_reply(message: Message) -> bool:
    return message.topic == topics.reply(NODE)


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, WAIT_S)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    broker = Broker(tmp_path / "broker")
    broker.add_user(NODE)
    broker.start()
    clock, hub_key, key = FakeClock(), PrivateKey(os.urandom(32)), PrivateKey(os.urandom(32))
    address = Address("127.0.0.1", broker.port, NODE, broker.account(NODE).password, None)
    session = Session(
        address, will=(topics.status(NODE), b"gone"), topics=(topics.ack(NODE),),
        commands_topic=topics.command(NODE),
    )  # fmt: skip
    obeyed: list[Command] = []

    def note(command: Command) -> Done:
        obeyed.append(command)
        if command.camera == "none":
            raise RefusedError("camera", "no camera none here")
        if command.camera == "broken":
            raise ZeroDivisionError
        return Done(Picture(JPEG, 4, 3) if command.name == commands.SNAPSHOT_NOW else None)

    commander = Commander(
        session, node=NODE, key=key, hub_key=hub_key.public, clock=clock,
        executors={commands.RESTART: note, commands.SNAPSHOT_NOW: note},
    )  # fmt: skip
    threads = [threading.Thread(target=body) for body in (session.run, commander.run)]
    for thread in threads:
        thread.start()
    try:
        with (
            Traffic(broker.address, broker.account(OBSERVER)) as traffic,
            Link(broker.address, broker.account(HUB)) as link,
        ):
            until(lambda: session.is_online)
            yield Node(session, commander, clock, hub_key, link, traffic, key, obeyed)
    finally:
        commander.stop()
        session.stop()
        for thread in threads:
            thread.join(WAIT_S)
        broker.stop()


def test_a_signed_command_with_a_nonce_of_the_node_is_obeyed_once(node: Node) -> None:
    """The reply is signed, has the correlation data, and the nonce for the next command."""
    first = node.make(nonce=node.nonce())
    answer = node.reply_to(first)
    assert (answer.status, [each.id for each in node.obeyed]) == ("ok", [first.id])
    second = node.reply_to(node.make(nonce=answer.nonce))
    assert (second.status, len(node.obeyed)) == ("ok", 2)


def test_a_picture_comes_before_the_reply_that_names_its_hash(node: Node) -> None:
    """Whoever has the reply has the picture."""
    command = node.make(commands.SNAPSHOT_NOW, node.nonce())
    said = node.reply_to(dataclasses.replace(command, camera="gate"))
    assert said.picture is not None
    seen = [each for each in node.traffic.messages if topics.reply(NODE) in each.topic]
    assert seen[-2].topic == topics.reply_picture(NODE, command.id)
    assert (seen[-2].payload, said.picture.size_bytes) == (JPEG, len(JPEG))


@pytest.mark.parametrize("forgery", ["unsigned", "other key", "other node", "garbage"])
def test_a_forged_command_is_neither_obeyed_nor_answered(node: Node, forgery: str) -> None:
    """Only what the hub's key signed, for this node, is a command."""
    command = node.make(nonce=node.nonce())
    if forgery == "garbage":
        payload = b'{"v":1,'
        sig = base64.b64encode(node.hub_key.sign(payload)).decode()
        node.link.publish(
            topics.command(NODE), payload, user_properties={names.SIGNATURE_PROPERTY: sig}
        )
    elif forgery == "other node":
        node.send(dataclasses.replace(command, node="gate-4"))
    else:
        other = PrivateKey(os.urandom(32)).sign(commands.encode(command))
        node.send(command, signature=b"" if forgery == "unsigned" else other)
    until(lambda: node.commander.ignored == 1)
    assert node.is_well()
    assert node.replies(command) == []
    assert command.id not in {each.id for each in node.obeyed}


def test_a_retained_command_is_ignored_now_and_at_the_next_connection(node: Node) -> None:
    """A command left in the broker would be obeyed by whoever comes later."""
    command = node.make(nonce=node.nonce())
    node.send(command, retain=True)
    until(lambda: node.commander.ignored == 1)
    client = node.session._client
    assert client is not None
    client.disconnect()
    until(lambda: node.commander.ignored == 2)
    assert node.is_well()
    assert node.replies(command) == []


def test_the_same_command_again_is_neither_obeyed_nor_answered_again(node: Node) -> None:
    """QoS 1 may deliver twice, and whoever listened can send it again."""
    command = node.make(nonce=node.nonce())
    node.reply_to(command)
    node.send(command)
    until(lambda: node.commander.ignored == 1)
    assert node.is_well()
    assert len(node.replies(command)) == 1


def test_a_nonce_is_good_for_one_command(node: Node) -> None:
    """Another command with a nonce that was used is refused, and says why."""
    nonce = node.nonce()
    assert node.reply_to(node.make(nonce=nonce)).status == "ok"
    again = node.reply_to(node.make(nonce=nonce))
    assert (again.status, again.reason, len(node.obeyed)) == ("refused", "nonce", 1)


@pytest.mark.parametrize("nonce", [None, "0" * 32])
def test_a_command_without_a_nonce_of_the_node_is_refused(node: Node, nonce: str | None) -> None:
    """So is one from before the node's restart: it knows none of the old ones."""
    said = node.reply_to(node.make(nonce=nonce))
    assert (said.status, said.reason, node.obeyed) == ("refused", "nonce", [])


def test_a_command_that_was_held_back_is_refused(node: Node) -> None:
    """By the node's monotonic clock alone: the wall clock may say anything."""
    nonce = node.nonce()
    node.clock.advance(commands.NONCE_LIFE_S)
    said = node.reply_to(node.make(nonce=nonce))
    assert (said.status, said.reason, node.obeyed) == ("refused", "nonce", [])


def test_what_is_not_on_the_list_is_refused(node: Node) -> None:
    """An older node says that it does not know a newer command."""
    said = node.reply_to(node.make("format.disk", node.nonce()))
    assert (said.status, said.reason, node.obeyed) == ("refused", "unknown", [])


def test_a_command_that_fails_is_answered_and_the_next_one_obeyed(node: Node) -> None:
    """Neither a refusal nor a bug ends the thread."""
    for camera, expected in (("none", ("refused", "camera")), ("broken", ("failed", "failed"))):
        command = node.make(commands.SNAPSHOT_NOW, node.nonce())
        said = node.reply_to(dataclasses.replace(command, camera=camera))
        assert (said.status, said.reason) == expected
    assert node.is_well()


def test_a_flood_of_commands_is_bounded_and_takes_no_acknowledgement(node: Node) -> None:
    """What waits is bounded, the rest is let go; acknowledgements have a queue of their own."""
    flood = [node.make(nonce="0" * 32) for _ in range(400)]
    for command in flood:
        node.send(command, signature=bytes(64))
    node.link.publish(topics.ack(NODE), b"{}")
    node.send(flood[0], signature=bytes(64))
    until(lambda: node.session.dropped_commands > 0)
    assert node.session.commands.qsize() <= session_module.WAITING_COMMANDS
    taken: list[str] = []

    def has_ack() -> bool:
        with contextlib.suppress(queue.Empty):
            taken.append(node.session.inbox.get_nowait().topic)
        return bool(taken)

    until(has_ack)
    assert taken == [topics.ack(NODE)]
    until(lambda: node.session.commands.empty())
    assert node.is_well()
    assert node.traffic.matching(lambda m: is_reply(m) and json.loads(m.payload)["id"] in
                                 {each.id for each in flood}) == []  # fmt: skip
