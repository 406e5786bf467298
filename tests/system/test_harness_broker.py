"""The private broker: who may do what, and what a kill leaves of it."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from edge.contract import topics
from tests.harness.broker import HUB, MAX_PACKET_BYTES, OBSERVER, Broker
from tests.harness.child import HarnessError
from tests.harness.link import Account, Link
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import PublisherFactory
from tests.harness.traffic import Traffic

pytestmark = pytest.mark.system

TIMEOUT_S = PATIENCE_S
NODE_TOPICS = [
    topics.status("gate-3"),
    topics.record("gate-3"),
    topics.snapshot("gate-3", "any"),
    topics.health("gate-3"),
    topics.motion("gate-3", "yard"),
    topics.camera_status("gate-3", "yard"),
    "camwatch/1/gate-3/config/applied",
    "camwatch/1/gate-3/reply",
]
FOREIGN_TOPICS = [
    topics.record("gate-4"),
    topics.status("gate-4"),
    topics.ack("gate-3"),
    "camwatch/1/gate-3/config/wanted",
    "camwatch/1/gate-3/command",
    "homeassistant/device/gate-3/config",
    "elsewhere",
]


@pytest.fixture
def node_link(broker: Broker) -> Link:
    """A connection with a node's account."""
    broker.add_user("gate-3")
    return Link(broker.address, broker.account("gate-3"))


@pytest.mark.parametrize("topic", NODE_TOPICS)
def test_a_node_may_write_what_the_contract_gives_it(topic: str, node_link: Link) -> None:
    """Every leaf that a node publishes on passes the ACL."""
    with node_link:
        assert node_link.publish(topic, b"x") in ("Success", "No matching subscribers")


@pytest.mark.parametrize("topic", FOREIGN_TOPICS)
def test_a_node_may_write_nothing_else(topic: str, node_link: Link) -> None:
    """Neither another node's topics nor those that only the hub writes."""
    with node_link:
        assert node_link.publish(topic, b"x") == "Not authorized"


def test_a_node_sees_its_own_ack_and_no_other(broker: Broker) -> None:
    """What the hub sends to one node reaches no other one."""
    broker.add_user("gate-3")
    seen: list[str] = []
    with (
        Link(broker.address, broker.account(HUB)) as hub,
        Link(
            broker.address,
            broker.account("gate-3"),
            on_message=lambda message: seen.append(message.topic),
        ) as node,
    ):
        for topic_filter in ("#", topics.of_all_nodes("ack"), topics.ack("gate-3")):
            node.subscribe(topic_filter)
        hub.publish(topics.record("gate-3"), b"other leaf")
        hub.publish(topics.ack("gate-4"), b"other node")
        hub.publish(topics.ack("gate-3"), b"own")
        node.publish(topics.status("gate-3"), b"a round trip after all deliveries")
    assert set(seen) == {topics.ack("gate-3")}


def test_the_observer_sees_everything_and_writes_nothing(
    broker: Broker, publisher: PublisherFactory, traffic: Traffic
) -> None:
    """The recorder of traffic cannot disturb what it records."""
    publisher("gate-3")
    traffic.wait_for(lambda message: message.topic == topics.status("gate-3"), TIMEOUT_S)
    with Link(broker.address, Account(OBSERVER, broker.account(OBSERVER).password, "x")) as link:
        assert link.publish(topics.status("gate-3"), b"x") == "Not authorized"


@pytest.mark.parametrize("account", [Account("gate-3", "wrong"), Account("nobody", "x")])
def test_a_stranger_is_refused(account: Account, broker: Broker) -> None:
    """A wrong password and an unknown user get no connection."""
    broker.add_user("gate-3")
    with pytest.raises(HarnessError, match="refused"):
        Link(broker.address, account)


def test_a_packet_over_the_limit_ends_the_connection(broker: Broker) -> None:
    """A client cannot make the broker hold a message larger than any of ours."""
    with Link(broker.address, broker.account(HUB)) as link:
        assert link.publish("camwatch/1/x/snapshot/y", bytes(MAX_PACKET_BYTES - 1000))
        with pytest.raises(HarnessError, match="no answer"):
            link.publish("camwatch/1/x/snapshot/y", bytes(MAX_PACKET_BYTES + 1))


def test_a_killed_broker_comes_back_empty_on_its_port(broker: Broker) -> None:
    """Nothing in the broker is durable, so a retained message is gone after a kill."""
    with Link(broker.address, broker.account(HUB)) as link:
        link.publish(topics.status("gate-3"), b"retained", retain=True)
    port = broker.port
    broker.kill()
    with pytest.raises(HarnessError, match="cannot reach"):
        Link(broker.address, broker.account(HUB))
    broker.start()
    assert broker.port == port
    with Traffic(broker.address, broker.account(OBSERVER)) as traffic:
        with Link(broker.address, broker.account(HUB)) as link:
            link.publish(topics.health("gate-3"), b"marker")
        traffic.wait_for(lambda message: message.payload == b"marker", TIMEOUT_S)
        assert [message.payload for message in traffic.messages] == [b"marker"]


def test_a_user_added_to_a_running_broker_gets_in_without_a_restart(broker: Broker) -> None:
    """Others stay connected while the password file is read again."""
    with Link(broker.address, broker.account(HUB)) as link:
        broker.add_user("late")
        Link(broker.address, broker.account("late")).close()
        assert link.is_open


def test_adopted_files_replace_rights_and_keep_the_observer(broker: Broker, tmp_path: Path) -> None:
    """With a hub's own password and ACL files, those decide."""
    passwd, acl = tmp_path / "passwd", tmp_path / "acl"
    passwd.write_text("")
    acl.write_text("user gate-3\ntopic write camwatch/1/gate-3/record\n")
    broker.add_user("gate-3")
    broker.adopt(passwd, acl)
    with Link(broker.address, broker.account("gate-3")) as link:
        assert link.publish(topics.record("gate-3"), b"x") == "No matching subscribers"
        assert link.publish(topics.status("gate-3"), b"x") == "Not authorized"
    with Traffic(broker.address, broker.account(OBSERVER)):
        pass


def test_tls_is_spoken_and_plain_text_is_not(tls_broker: Broker) -> None:
    """A client that trusts the authority gets in, one that does not trust it does not."""
    with Link(tls_broker.address, tls_broker.account(HUB)) as link:
        assert link.publish(topics.ack("gate-3"), b"x") == "No matching subscribers"
    assert tls_broker.address.ca_file is not None
    with (
        socket.create_connection(("127.0.0.1", tls_broker.port), timeout=TIMEOUT_S) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
