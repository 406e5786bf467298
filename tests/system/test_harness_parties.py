"""The scripted node, the recorder of traffic and the fault proxy, over a real broker."""

from __future__ import annotations

import base64
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from edge.contract import ack, names, record, status, topics
from edge.contract.ack import Ack
from edge.keys import PrivateKey
from tests.harness.broker import HUB, Broker
from tests.harness.child import HarnessError
from tests.harness.link import Account, BrokerAddress, Link
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import PublisherFactory
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher, SignedRecord
from tests.harness.traffic import Message, Traffic

pytestmark = pytest.mark.system

TIMEOUT_S = PATIENCE_S
NODE = "gate-3"


def is_record(message: Message) -> bool:
    """Whether a message is a record of the scripted node."""
    return message.is_leaf(topics.RECORD, NODE)


def test_records_arrive_signed_and_chained(publisher: PublisherFactory, traffic: Traffic) -> None:
    """What the scripted node says by default is what the contract asks of a node."""
    node = publisher(NODE)
    made = [node.make_booted(), *node.make_event(zones=("yard",)), *node.make_event()]
    assert {node.send(each) for each in made} == {"Success"}
    seen = traffic.wait_for_count(is_record, len(made), TIMEOUT_S)
    assert [message.payload for message in seen] == [each.payload for each in made]
    prev = names.FIRST_HASH
    for seq, message in enumerate(seen, start=1):
        header = record.decode(message.payload).header
        assert (header.node, header.epoch, header.seq, header.prev) == (NODE, node.epoch, seq, prev)
        assert node.key.public.verify(message.payload, message.signature or b"")
        prev = record.digest(message.payload)


def test_it_can_break_each_rule_of_the_journal(
    publisher: PublisherFactory, traffic: Traffic
) -> None:
    """A wrong signature, a wrong link, a repeat, a swap: all reach the wire as they were told."""
    node = publisher(NODE)
    first, second, third = (node.make_booted() for _ in range(3))
    unlinked = node.make(record.NodeBooted("x", ()), prev="f" * 64)
    foreign = node.make(record.NodeBooted("x", ()), node="gate-4")
    for made in (second, first, first, unlinked, foreign):
        node.send(made)
    node.send(third, signature=node.forged_signature(third))
    seen = traffic.wait_for_count(is_record, 6, TIMEOUT_S)
    headers = [record.decode(message.payload).header for message in seen]
    assert [header.seq for header in headers] == [2, 1, 1, 4, 5, 3]
    assert headers[3].prev == "f" * 64
    assert headers[4].node == "gate-4"
    verdicts = [node.key.public.verify(each.payload, each.signature or b"") for each in seen]
    assert verdicts == [True] * 5 + [False]


def test_the_broker_keeps_it_out_of_another_nodes_topics(publisher: PublisherFactory) -> None:
    """Claiming another name ends at the ACL."""
    node = publisher(NODE)
    assert node.send(node.make_booted(), node="gate-4") == "Not authorized"


def test_it_says_online_and_the_broker_says_offline_when_it_vanishes(
    publisher: PublisherFactory, traffic: Traffic
) -> None:
    """The Will is sent for a cut connection and not for one closed in order."""
    node = publisher(NODE)
    node.close()
    node.connect()
    node.vanish()
    seen = traffic.wait_for_count(lambda each: each.is_leaf(topics.STATUS, NODE), 3, TIMEOUT_S)
    states = [status.decode(message.payload).state for message in seen]
    assert states == ["online", "online", "offline"]
    assert all(message.retain for message in seen)


def test_only_acks_that_the_hub_signed_are_counted(
    broker: Broker, publisher: PublisherFactory
) -> None:
    """A scripted node is as distrustful as a real one."""
    hub_key = PrivateKey(os.urandom(32))
    node = publisher(NODE, hub_key.public)
    first, second = node.make_booted(), node.make_booted()
    with Link(broker.address, broker.account(HUB)) as hub:
        send_ack(hub, node, second, PrivateKey(os.urandom(32)))
        send_ack(hub, node, first, hub_key)
        node.wait_for_ack(first, TIMEOUT_S)
    assert node.is_acknowledged(first)
    assert not node.is_acknowledged(second)
    assert node.refused_acks == 1


def send_ack(hub: Link, node: Publisher, made: SignedRecord, key: PrivateKey) -> None:
    """As a hub does, with any key."""
    said = Ack(v=1, node=node.node, epoch=node.epoch, upto=made.seq, head=made.digest)
    payload = ack.encode(said)
    signature = base64.b64encode(key.sign(payload)).decode()
    hub.publish(
        topics.ack(node.node), payload, user_properties={names.SIGNATURE_PROPERTY: signature}
    )


def test_traffic_that_does_not_come_is_an_error_that_shows_what_came(
    publisher: PublisherFactory, traffic: Traffic
) -> None:
    """A failing test must say what it saw instead."""
    node = publisher(NODE)
    traffic.wait_for(lambda each: each.is_leaf(topics.STATUS), TIMEOUT_S)
    with pytest.raises(HarnessError, match=f"0 of 1 .*{topics.status(node.node)}"):
        traffic.wait_for(is_record, 0.1)


def test_traffic_gets_messages_as_large_as_a_snapshot(
    publisher: PublisherFactory, traffic: Traffic
) -> None:
    """The largest payload of the contract passes whole."""
    jpeg = os.urandom(names.MAX_SNAPSHOT_BYTES)
    assert publisher(NODE).publish(topics.snapshot(NODE, "any"), jpeg) == "Success"
    seen = traffic.wait_for(lambda each: each.is_leaf(topics.SNAPSHOT), TIMEOUT_S)
    assert seen.payload == jpeg


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A TCP server that sends back what it gets, for one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                try:
                    while data := client.recv(65536):
                        client.sendall(data)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, name="echo")
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def call(port: int, data: bytes, timeout_s: float = TIMEOUT_S) -> bytes:
    """Send all of `data` and read as much back."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while part := sock.recv(65536):
            got += part
        return got


def test_a_healthy_proxy_changes_nothing(echo_port: int, proxy: Callable[[int], Proxy]) -> None:
    """Megabytes through it come out the same, and ends are passed on."""
    data = os.urandom(3_000_000)
    through = proxy(echo_port)
    got: list[bytes] = []
    with socket.create_connection(("127.0.0.1", through.port), timeout=TIMEOUT_S) as sock:

        def read() -> None:
            while part := sock.recv(65536):
                got.append(part)

        reader = threading.Thread(target=read)
        reader.start()
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        reader.join()
    assert b"".join(got) == data


def test_a_proxy_delays_swallows_cuts_and_refuses(
    echo_port: int, proxy: Callable[[int], Proxy]
) -> None:
    """Each fault does what its name says, and healing ends it."""
    through = proxy(echo_port)
    through.delay(0.2)
    began_s = time.monotonic()
    assert call(through.port, b"late") == b"late"
    assert time.monotonic() - began_s >= 0.4
    through.heal()
    through.swallow()
    with pytest.raises(TimeoutError):
        call(through.port, b"gone", timeout_s=0.3)
    through.cut()
    through.heal()
    with socket.create_connection(("127.0.0.1", through.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        through.cut()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    through.refuse()
    with pytest.raises(ConnectionRefusedError):
        call(through.port, b"x")
    through.heal()
    assert call(through.port, b"well") == b"well"


def test_a_proxy_that_holds_loses_nothing(echo_port: int, proxy: Callable[[int], Proxy]) -> None:
    """New connections are taken, nothing gets on, and all of it does once it is healed."""
    through = proxy(echo_port)
    through.hold()
    with socket.create_connection(("127.0.0.1", through.port), timeout=0.3) as sock:
        sock.sendall(b"kept")
        with pytest.raises(TimeoutError):
            sock.recv(1)
        assert through.is_in_use
        through.heal()
        sock.settimeout(TIMEOUT_S)
        assert sock.recv(16) == b"kept"


def test_a_cut_link_shows_as_closed(broker: Broker, proxy: Callable[[int], Proxy]) -> None:
    """MQTT through the proxy: a publish on a cut connection raises, it does not hang."""
    through = proxy(broker.port)
    address = replace(broker.address, port=through.port)
    assert isinstance(address, BrokerAddress)
    with Link(address, Account(HUB, broker.account(HUB).password, "cut")) as link:
        assert link.publish(topics.ack(NODE), b"x") == "No matching subscribers"
        through.cut()
        with pytest.raises(HarnessError, match="no answer"):
            link.publish(topics.ack(NODE), b"x")
        assert not link.is_open
