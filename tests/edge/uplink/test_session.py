"""The node's MQTT session alone, over TLS."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from edge.contract import topics
from edge.uplink.session import Address, Session
from tests.harness.broker import HUB, OBSERVER, Broker
from tests.harness.link import Link
from tests.harness.traffic import Traffic

pytestmark = pytest.mark.system
NODE = "gate-3"
WAIT_S = 60.0
THREADS, EACH, BYTES, TALK = 4, 25, 200_000, 300


def test_large_messages_of_several_threads_do_not_tear_each_other(tmp_path: Path) -> None:
    """Snapshots, states, reports and replies are published by threads of their own; each message
    arrives whole, on one connection."""
    broker = Broker(tmp_path / "broker", has_tls=True)
    broker.add_user(NODE)
    broker.start()
    password = broker.account(NODE).password
    address = Address("127.0.0.1", broker.port, NODE, password, str(broker.address.ca_file))
    session = Session(address, will=(topics.status(NODE), b"gone"), topics=(topics.ack(NODE),))
    loop = threading.Thread(target=session.run)
    made = {topics.snapshot(NODE, str(number)): number for number in range(THREADS)}

    def talk(link: Link) -> None:
        for _ in range(TALK):
            link.publish(topics.ack(NODE), b"{}")

    def send(topic: str, number: int) -> None:
        for _ in range(EACH):
            session.publish(topic, bytes([number]) * BYTES)

    try:
        with (
            Traffic(broker.address, broker.account(OBSERVER)) as traffic,
            Link(broker.address, broker.account(HUB)) as link,
        ):
            loop.start()
            limit_s = time.monotonic() + WAIT_S
            while not session.is_online:
                assert time.monotonic() < limit_s
                time.sleep(0.02)
            senders = [threading.Thread(target=send, args=pair) for pair in made.items()]
            senders.append(threading.Thread(target=talk, args=(link,)))
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join(WAIT_S)
            seen = traffic.wait_for_count(lambda m: m.topic in made, THREADS * EACH, WAIT_S)
            assert all(m.payload == bytes([made[m.topic]]) * BYTES for m in seen)
            assert session.connections == 1
    finally:
        session.stop()
        loop.join(WAIT_S)
        broker.stop()
