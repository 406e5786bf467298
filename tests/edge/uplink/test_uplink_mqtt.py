"""Session and publisher against a real Mosquitto, with the hub's side played by the test."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge import keys
from edge.base.clock import SystemClock
from edge.contract import ack as acks
from edge.contract import names, record, topics
from edge.contract.parts import ClockStamp
from edge.outbox.outbox import Outbox
from edge.uplink import lanes
from edge.uplink.publisher import Publisher
from edge.uplink.session import Address, Session
from tests.harness.broker import Broker
from tests.harness.link import Link
from tests.harness.patience import PATIENCE_S, wait_until
from tests.harness.traffic import Message, Traffic

pytestmark = pytest.mark.system
NODE = "gate-3"
WAIT_S = PATIENCE_S


@dataclass
class Node:
    """A node's uplink without a camera."""

    outbox: Outbox
    session: Session
    publisher: Publisher
    hub_key: keys.PrivateKey
    threads: list[threading.Thread]

    def start(self) -> None:
        for body in (self.session.run, self.publisher.run):
            thread = threading.Thread(target=body)
            thread.start()
            self.threads.append(thread)

    def stop(self) -> None:
        self.publisher.stop()
        self.session.stop()
        for thread in self.threads:
            thread.join(WAIT_S)

    def ack(self, upto: int, head: str) -> bytes:
        return acks.encode(acks.Ack(names.VERSION, NODE, self.outbox.epoch, upto, head))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker")
    made.add_user(NODE)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def traffic(broker: Broker) -> Iterator[Traffic]:
    with Traffic(broker.address, broker.account("_observer")) as seen:
        yield seen


@pytest.fixture
def node(tmp_path: Path, broker: Broker) -> Iterator[Node]:
    clock = SystemClock()
    outbox = Outbox(
        tmp_path / "journal.db",
        node=NODE,
        key=keys.load_or_make(tmp_path / "node.key"),
        clock=clock,
        stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
        free=lambda name: None,
    )
    address = Address("127.0.0.1", broker.port, NODE, broker.account(NODE).password, None)
    session = Session(address, will=(topics.status(NODE), b"gone"), topics=(topics.ack(NODE),))
    hub_key = keys.load_or_make(tmp_path / "hub.key")
    sender = Publisher(
        session, outbox, node=NODE, hub_key=hub_key.public, clock=clock, spool_dir=tmp_path
    )
    made = Node(outbox, session, sender, hub_key, [])
    yield made
    made.stop()
    outbox.close()


def append(node: Node, count: int) -> list[str]:
    """Append records; their hashes."""
    for _ in range(count):
        node.outbox.append(record.NodeBooted("0.1.0", ("gate",)))
    return [record.digest(each.payload) for each in node.outbox.pending(0, 10**6)]


def is_record(message: Message) -> bool:
    return message.is_leaf(topics.RECORD, NODE)


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, WAIT_S)


def send_ack(broker: Broker, payload: bytes, signature: bytes) -> None:
    with Link(broker.address, broker.account("_hub")) as hub:
        sig = base64.b64encode(signature).decode()
        hub.publish(topics.ack(NODE), payload, user_properties={names.SIGNATURE_PROPERTY: sig})


def test_records_travel_in_order_with_their_signature(node: Node, traffic: Traffic) -> None:
    """What a subscriber gets is the journal, byte for byte, and verifies."""
    append(node, 4)
    node.start()
    seen = traffic.wait_for_count(is_record, 4, WAIT_S)
    assert [json.loads(each.payload)["seq"] for each in seen] == [1, 2, 3, 4]
    public = keys.load_or_make(node.outbox._path.parent / "node.key").public
    for each in seen:
        signature = base64.b64decode(dict(each.user_properties)[names.SIGNATURE_PROPERTY])
        assert public.verify(each.payload, signature)


def test_the_hubs_signed_acknowledgement_frees_records(
    node: Node, broker: Broker, traffic: Traffic
) -> None:
    """After the ack the journal holds only what the hub does not have."""
    hashes = append(node, 3)
    node.start()
    traffic.wait_for_count(is_record, 3, WAIT_S)
    payload = node.ack(2, hashes[1])
    send_ack(broker, payload, node.hub_key.sign(payload))
    until(lambda: node.outbox.acked_seq == 2)
    assert [pending.seq for pending in node.outbox.pending(0, 9)] == [3]


@pytest.mark.parametrize("forgery", ["unsigned", "other key", "other node", "garbage"])
def test_a_forged_acknowledgement_frees_nothing(
    node: Node, broker: Broker, traffic: Traffic, tmp_path: Path, forgery: str
) -> None:
    """Only the hub's key over this node's own history frees a record."""
    hashes = append(node, 1)
    node.start()
    traffic.wait_for(is_record, WAIT_S)
    payload = node.ack(1, hashes[0])
    if forgery == "other node":
        payload = payload.replace(b'"gate-3"', b'"gate-4"')
    if forgery == "garbage":
        payload = b"\xff{"
    key = keys.load_or_make(tmp_path / "thief.key") if forgery == "other key" else node.hub_key
    send_ack(broker, payload, b"" if forgery == "unsigned" else key.sign(payload))
    until(lambda: node.publisher.rejected_acks == 1)
    assert node.outbox.depth().records == 1
    assert node.publisher.problem


@pytest.mark.parametrize("beyond", [True, False])
def test_a_history_that_is_not_the_nodes_is_answered_with_a_new_epoch(
    node: Node, broker: Broker, traffic: Traffic, beyond: bool
) -> None:
    """The hub has more than this journal, or another record: nothing is freed, all goes again."""
    append(node, 2)
    node.start()
    traffic.wait_for_count(is_record, 2, WAIT_S)
    old_epoch = node.outbox.epoch
    payload = node.ack(7 if beyond else 1, "f" * 64)
    send_ack(broker, payload, node.hub_key.sign(payload))
    until(lambda: node.outbox.epoch != old_epoch)
    node.outbox.mend()
    seen = traffic.wait_for_count(is_record, 5, WAIT_S)
    bodies = [json.loads(each.payload) for each in seen[2:]]
    assert [body["seq"] for body in bodies] == [1, 2, 3]
    gap = bodies[0]
    assert (gap["type"], gap["lost_epoch"]) == ("journal.gap", old_epoch)
    assert gap["first_seq"] == (8 if beyond else 2)
    assert [body["type"] for body in bodies[1:]] == ["node.booted", "node.booted"]


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_forged_acknowledgement_cannot_make_a_node_leave_its_journal(
    node: Node, broker: Broker, traffic: Traffic, tmp_path: Path, is_signed: bool
) -> None:
    """The signature is looked at first."""
    append(node, 1)
    node.start()
    traffic.wait_for(is_record, WAIT_S)
    old_epoch, payload = node.outbox.epoch, node.ack(9, "f" * 64)
    thief = keys.load_or_make(tmp_path / "thief.key")
    send_ack(broker, payload, thief.sign(payload) if is_signed else b"")
    until(lambda: node.publisher.rejected_acks == 1)
    assert node.outbox.epoch == old_epoch


def test_after_the_broker_comes_back_everything_unacknowledged_is_sent_again(
    node: Node, broker: Broker, traffic: Traffic
) -> None:
    """A killed broker has forgotten its queues; the node sends all that waits once more."""
    append(node, 3)
    node.start()
    traffic.wait_for_count(is_record, 3, WAIT_S)
    broker.kill()
    broker.start()
    traffic.reopen()
    seqs = [json.loads(each.payload)["seq"] for each in traffic.wait_for_count(is_record, 6, 60.0)]
    assert seqs == [1, 2, 3, 1, 2, 3]


def test_without_progress_the_publisher_starts_again(
    node: Node, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost acknowledgement, or a hub that was away, is answered by sending again."""
    monkeypatch.setattr(lanes, "RESEND_S", 0.5)
    monkeypatch.setattr(lanes, "MAX_RESEND_S", 0.5)
    append(node, 2)
    node.start()
    seen = traffic.wait_for_count(is_record, 6, WAIT_S)
    assert [json.loads(each.payload)["seq"] for each in seen[:6]] == [1, 2, 1, 2, 1, 2]


def test_no_more_than_a_window_is_on_its_way(node: Node, traffic: Traffic) -> None:
    """A backlog does not flood the broker: the hub's acknowledgements set the pace."""
    append(node, lanes.FIRST_WINDOW + 50)
    node.start()
    seen = traffic.wait_for_count(is_record, lanes.FIRST_WINDOW, WAIT_S)
    time.sleep(1.0)
    assert len(traffic.matching(is_record)) == len(seen) == lanes.FIRST_WINDOW


def seq_of(message: Message) -> int:
    return int(json.loads(message.payload)["seq"])


def test_a_live_record_does_not_wait_for_the_backlog(node: Node, traffic: Traffic) -> None:
    """A hub that has yet to work through an outage hears at once of what happens now."""
    append(node, lanes.FIRST_WINDOW + 100)
    node.start()
    traffic.wait_for_count(is_record, lanes.FIRST_WINDOW, WAIT_S)
    append(node, 1)
    newest = node.outbox.last_seq
    traffic.wait_for(lambda each: is_record(each) and seq_of(each) == newest, WAIT_S)


def test_what_the_hub_misses_is_sent_again_at_once(
    node: Node, broker: Broker, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names later records and not this one: nothing else is said twice, and nothing waits until
    it is old enough to be sent again anyway."""
    monkeypatch.setattr(lanes, "RESEND_S", 10 * WAIT_S)
    append(node, 4)
    node.start()
    traffic.wait_for_count(is_record, 4, WAIT_S)
    time.sleep(lanes.LOST_S)
    ack = acks.Ack(names.VERSION, NODE, node.outbox.epoch, 0, names.FIRST_HASH, (2, 4))
    payload = acks.encode(ack)
    send_ack(broker, payload, node.hub_key.sign(payload))
    seen = traffic.wait_for_count(is_record, 6, WAIT_S)
    assert [seq_of(each) for each in seen] == [1, 2, 3, 4, 1, 3]


def test_a_record_of_priority_goes_before_the_backlog(
    node: Node, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stands in the journal."""
    monkeypatch.setattr(lanes, "FIRST_WINDOW", lanes.WINDOW)  # nobody acknowledges here
    append(node, 50)
    node.outbox.append(record.NodeBooted("urgent", ("gate",)), priority=1)
    append(node, 20)
    node.start()
    seen = traffic.wait_for_count(is_record, 71, WAIT_S)
    assert seq_of(seen[0]) == 51
    assert sorted(seq_of(each) for each in seen) == list(range(1, 72))


def test_retained_state_is_said_again_to_a_new_broker(
    node: Node, broker: Broker, traffic: Traffic
) -> None:
    """Nothing durable is in the broker, so a fresh one hears all state from the node."""
    node.session.set_retained(topics.status(NODE), b"here")
    node.start()
    traffic.wait_for(lambda message: message.payload == b"here", WAIT_S)
    broker.kill()
    broker.start()
    traffic.reopen()
    traffic.wait_for_count(lambda message: message.payload == b"here", 2, 60.0)


def test_a_clean_end_says_offline_itself(node: Node, traffic: Traffic) -> None:
    """A DISCONNECT does not fire the Will, so the node publishes it."""
    node.session.set_retained(topics.status(NODE), b"here")
    node.start()
    traffic.wait_for(lambda message: message.payload == b"here", WAIT_S)
    node.stop()
    traffic.wait_for(lambda message: message.payload == b"gone" and message.retain, WAIT_S)


def test_a_refused_password_is_reported_and_tried_again(
    node: Node, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is in the log, the password is not."""
    node.session._address = Address("127.0.0.1", broker.port, NODE, "hunter2", None)
    node.start()
    until(lambda: "Not authorized" in caplog.text or "Bad user name or password" in caplog.text)
    assert "hunter2" not in caplog.text
    assert not node.session.is_online
