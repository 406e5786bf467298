"""The hub's MQTT session against a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.base.clock import SystemClock
from edge.contract import topics
from hub.config import MqttSettings
from hub.ingest.inbox import Inbox
from hub.ingest.message import Publication
from hub.ingest.session import Session
from tests.harness.broker import HUB, OBSERVER, Broker
from tests.harness.patience import PATIENCE_S
from tests.harness.traffic import Traffic

pytestmark = pytest.mark.system
CAPACITY, FLOOD = 50, 3000
WAIT_S = PATIENCE_S


@pytest.fixture
def inbox() -> Inbox:
    """One that is full long before the flood is over."""
    return Inbox(CAPACITY)


@pytest.fixture
def session(broker: Broker, inbox: Inbox) -> Iterator[Session]:
    """Subscribed at the broker."""
    settings = MqttSettings(host=broker.address.host, port=broker.address.port)
    secret = broker.secret_file(HUB).read_text(encoding="ascii").strip()
    made = Session(settings, secret, inbox, SystemClock())
    made.start()
    limit_s = time.monotonic() + WAIT_S
    while not made.is_subscribed:
        assert time.monotonic() < limit_s
        time.sleep(0.01)
    yield made
    made.stop(WAIT_S)


@pytest.fixture
def flood(broker: Broker) -> Iterator[mqtt.Client]:
    """A node that has just sent FLOOD messages, faster than anybody takes them."""
    broker.add_user("gate-3")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set("gate-3", broker.account("gate-3").password)
    client.connect(broker.address.host, broker.address.port)
    client.loop_start()
    for number in range(FLOOD):
        client.publish(topics.record("gate-3"), str(number).encode(), qos=1)
    yield client
    client.disconnect()
    client.loop_stop()


def test_a_full_inbox_holds_the_broker_back_and_loses_nothing(
    session: Session, inbox: Inbox, flood: mqtt.Client
) -> None:
    """Every message comes, in order and once, on one connection, though the inbox is far smaller
    than what waits; Mosquitto does not keep to the Receive Maximum."""
    assert flood.is_connected()
    seen: list[bytes] = []
    limit_s = time.monotonic() + WAIT_S
    while len(seen) < FLOOD and time.monotonic() < limit_s:
        batch = inbox.take(0.2)
        time.sleep(0.002)  # a commit takes a while
        for message in batch:
            session.acknowledge(message)
        seen += [message.payload for message in batch]
    assert seen == [str(number).encode() for number in range(FLOOD)]


def test_large_messages_of_several_threads_do_not_tear_each_other(
    session: Session, broker: Broker
) -> None:
    """Each arrives whole; the broker sees no protocol error and the connection stands."""
    threads, each = 4, 25
    made = {topics.camera_snapshot(f"node-{number}", "gate"): number for number in range(threads)}
    with Traffic(broker.address, broker.account(OBSERVER)) as traffic:

        def send(topic: str, number: int) -> None:
            for _ in range(each):
                session.publish(Publication(topic, bytes([number]) * 200_000, qos=1))

        senders = [threading.Thread(target=send, args=pair) for pair in made.items()]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(WAIT_S)
        seen = traffic.wait_for_count(lambda m: m.topic in made, threads * each, WAIT_S)
    assert all(m.payload == bytes([made[m.topic]]) * 200_000 for m in seen)
    assert session._connection == 1


def test_stopping_does_not_wait_for_room_in_the_inbox(
    session: Session, inbox: Inbox, flood: mqtt.Client
) -> None:
    """A hub that stops while its archive takes nothing ends all the same."""
    limit_s = time.monotonic() + WAIT_S
    while inbox.take(0.0) == [] and time.monotonic() < limit_s:
        time.sleep(0.01)
    session.stop(WAIT_S)
    assert time.monotonic() < limit_s
