"""A real hub process behind a real broker: what survives, what is refused, what is told."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.base.clock import SystemClock
from edge.contract import discovery, record, topics
from edge.contract.parts import Instant
from edge.contract.record import EventEnded, NodeBooted
from edge.keys import PrivateKey, PublicKey
from hub.archive import SqliteArchive
from hub.archive.values import EventFilter
from tests.harness.broker import Broker, free_port
from tests.harness.credentials import Authority
from tests.harness.link import Account, Link
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import HubFactory
from tests.harness.processes import HubProcess
from tests.harness.publisher import Publisher
from tests.harness.traffic import Message, Traffic
from tests.hub.journals import Journal, snapshot_ref
from tests.hub.tus_client import TusClient

pytestmark = pytest.mark.system

TIMEOUT_S = PATIENCE_S
BOOTED = NodeBooted("0.1.0", ("gate",))


@dataclass
class Hub:
    """A running hub on a broker that uses the hub's own files."""

    process: HubProcess
    broker: Broker

    def start(self) -> None:
        """Until it says ready; counted, since the log spans restarts."""
        before = self.process.log_text.count("hub ready")
        self.process.start_until(lambda: self.process.log_text.count("hub ready") > before)

    def node(self, name: str, *arguments: str) -> Publisher:
        """Enrol a node and connect it."""
        secret_file = self.process.folder / f"{name}.secret"
        result = self.process.command(
            "node", "add", name, "--secret-to", str(secret_file), *arguments
        )
        assert result.returncode == 0, result.stderr
        self.broker.adopt(self.process.passwd_file, self.process.acl_file)
        account = Account(name, secret_file.read_text().strip())
        return Publisher(name, self.broker.address, account, hub_key=self.key)

    def secret(self, name: str) -> str:
        """The secret of a node made by `node`."""
        return (self.process.folder / f"{name}.secret").read_text().strip()

    @property
    def key(self) -> PublicKey:
        """The hub's, as its command prints it."""
        return PublicKey.from_text(self.process.command("key").stdout)

    def archive(self) -> SqliteArchive:
        """A reader beside the running hub."""
        return SqliteArchive(self.process.state_dir / "archive.sqlite", is_read_only=True)

    def counts(self) -> dict[tuple[str, str], int]:
        """What the hub counted so far."""
        archive = self.archive()
        counts = archive.counts()
        archive.close()
        return counts

    def wait_for_count(self, counter: str, node: str, least: int = 1) -> None:
        """Until it was counted so often. Raises HarnessError."""
        self.process.wait_until(lambda: self.counts().get((counter, node), 0) >= least, TIMEOUT_S)


@pytest.fixture
def running(hub: HubFactory, broker: Broker) -> Hub:
    """A hub that is ready."""
    process = hub()
    assert process.command("node", "add", "first", "--secret-to", "-").returncode == 0
    broker.adopt(process.passwd_file, process.acl_file)
    made = Hub(process, broker)
    made.start()
    return made


def test_an_event_is_archived_acknowledged_and_found(running: Hub) -> None:
    """From a signed record to `query`, `show` and `nodes`; the ack is signed by the hub."""
    node = running.node("gate-1")
    node.connect()
    started, ended = node.make_event(zones=("path",))
    for made in (started, ended):
        node.send(made)
    ack = node.wait_for_ack(ended, TIMEOUT_S)
    assert (ack.upto, ack.head, ack.also) == (2, ended.digest, ())
    assert node.refused_acks == 0
    lines = running.process.command("query", "--json", "--zone", "path").stdout.splitlines()
    (event,) = map(json.loads, lines)
    assert (event["node"], event["state"], event["duration_ms"]) == ("gate-1", "ended", 4000)
    shown = json.loads(running.process.command("show", event["id"][:13], "--json").stdout)
    payloads = [each["payload"].encode() for each in shown["records"]]
    assert payloads == [started.payload, ended.payload]
    nodes = running.process.command("nodes", "--json").stdout.splitlines()
    states = {each["node"]: each["state"] for each in map(json.loads, nodes)}
    assert states == {"first": "never seen", "gate-1": "online"}
    node.close()


def test_a_thousand_events_survive_kills_of_the_hub_without_loss_or_duplicate(
    running: Hub,
) -> None:
    """The hub is killed at random moments while 2,000 records arrive; the node sends again what
    is not acknowledged; in the end the archive holds exactly what the node wrote."""
    node = running.node("gate-1")
    node.connect()
    made = [each for _ in range(1000) for each in node.make_event()]
    for position, each in enumerate(made):
        node.send(each)
        if position in (300, 900, 1500):
            running.process.kill()
        if position in (600, 1200):
            running.start()
    running.start()
    node.connect()  # a node says online again, and hears how far the archive is

    def is_done() -> bool:
        upto = max((ack.upto for ack in node.acks), default=0)
        if upto < len(made):
            for each in made[upto : upto + 200]:
                node.send(each)
        return upto == len(made)

    running.process.wait_until(is_done, 120.0)
    node.close()
    archive = running.archive()
    events = archive.events(EventFilter(), limit=5000, before=None)
    assert {event.id for event in events} == {each.event for each in made}
    assert len(events) == 1000
    stored = [(each.seq, each.payload) for event in events for each in archive.records_of(event)]
    assert sorted(stored) == [(each.seq, each.payload) for each in made]
    assert not [counter for counter, _ in archive.counts() if counter.startswith("alarm.")]
    archive.close()


def test_hostile_messages_are_counted_and_others_go_on(running: Hub) -> None:
    """What does not parse, is too large, is forged, or claims another node never gets in."""
    node = running.node("gate-1")
    node.connect()
    first = node.make_booted()
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    where = topics.record("gate-1")
    good = node.make_booted()
    for payload in (b"\xff", b"{}", b"[" * 5000, b"x" * 9000, b"x" * 300_000):
        node.publish(where, payload)
    node.publish(where, good.payload)
    node.send(good, signature=node.forged_signature(good))
    other = node.make(BOOTED, node="gate-2", seq=1, prev="0" * 64)
    node.send(other)
    node.send(good)
    node.wait_for_ack(good, TIMEOUT_S)
    counts = {
        counter: count for (counter, who), count in running.counts().items() if who == "gate-1"
    }
    assert counts == {
        "refused.not_json": 2,
        "refused.version": 1,
        "refused.too_large": 2,
        "refused.no_signature": 1,
        "refused.signature": 1,
        "refused.other_node": 1,
    }
    node.close()


def test_a_node_with_another_key_is_refused_until_the_operator_replaces_it(running: Hub) -> None:
    """A stolen password alone archives nothing; a replaced box is let in on purpose."""
    node = running.node("gate-1")
    node.connect()
    first = node.make_booted()
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    node.close()
    node.key = PrivateKey(bytes(range(32)))
    node.epoch = "f" * 16
    node.records.clear()
    node.connect()
    forged = node.make_booted()
    node.send(forged)
    running.wait_for_count("alarm.other_key", "gate-1")
    running.wait_for_count("refused.signature", "gate-1")
    assert not [ack for ack in node.acks if ack.epoch == node.epoch]
    assert "ALARM: other_key" in running.process.command("nodes").stdout
    node.close()
    replaced = running.node("gate-1", "--replace")
    replaced.connect()
    fresh = replaced.make_booted()
    replaced.send(fresh)
    replaced.wait_for_ack(fresh, TIMEOUT_S)
    replaced.close()


def test_another_record_under_a_known_number_raises_an_alarm(running: Hub) -> None:
    """A journal that was rewritten is noticed, and the first version stays."""
    node = running.node("gate-1")
    node.connect()
    first = node.make_booted()
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    node.send(node.make(BOOTED, seq=1, prev="0" * 64))
    running.wait_for_count("alarm.conflict", "gate-1")
    assert node.wait_for_ack(first, TIMEOUT_S).head == first.digest
    node.close()


def test_a_node_reaches_only_its_own_topics(running: Hub) -> None:
    """The broker's files, as the hub writes them, hold each account to its own subtree."""
    one = running.node("gate-1")
    running.node("gate-2")
    one.connect()
    assert one.publish(topics.record("gate-1"), b"x") == "Success"
    for topic in (
        topics.record("gate-2"),
        topics.status("gate-2"),
        topics.ack("gate-1"),
        topics.camera_snapshot("gate-1", "door"),
        discovery.topic("gate-1"),
        "camwatch/1/gate-1/other",
        "elsewhere",
    ):
        assert one.publish(topic, b"x") == "Not authorized", topic
    one.close()


def test_a_reader_sees_everything_and_writes_nothing(running: Hub) -> None:
    """Home automation reads states; it cannot make any up."""
    result = running.process.command("reader", "add", "home")
    assert result.returncode == 0
    running.broker.adopt(running.process.passwd_file, running.process.acl_file)
    node = running.node("gate-1")
    seen: list[str] = []
    account = Account("home", result.stdout.strip())
    with Link(
        running.broker.address, account, on_message=lambda message: seen.append(message.topic)
    ) as link:
        link.subscribe(f"{topics.ROOT}/#")
        node.connect()
        running.process.wait_until(lambda: topics.ack("gate-1") in seen, TIMEOUT_S)
        assert link.publish(topics.status("gate-1"), b"x") == "Not authorized"
        assert link.publish(discovery.BIRTH_TOPIC, b"online") == "Success"
    node.close()


def test_a_snapshot_is_kept_when_a_record_announced_it(running: Hub, traffic: Traffic) -> None:
    """Its bytes are acknowledged by hash and shown, retained, as the camera's newest picture."""
    node = running.node("gate-1")
    node.connect()
    picture, other = b"\xff\xd8 picture", b"\xff\xd8 other"
    taken = Instant(SystemClock().utc(), 1)
    made = node.make_event(camera="door", snapshot=snapshot_ref(picture, taken))
    event = str(made[0].event)
    node.publish(topics.snapshot("gate-1", event), picture)
    running.wait_for_count("waiting.snapshot", "gate-1")
    for each in made:
        node.send(each)
    node.wait_for_ack(made[1], TIMEOUT_S)
    node.publish(topics.snapshot("gate-1", event), other)
    node.publish(topics.snapshot("gate-1", event), picture)
    shown = traffic.wait_for(
        lambda message: message.topic == topics.camera_snapshot("gate-1", "door"), TIMEOUT_S
    )
    assert (shown.payload, shown.retain) == (picture, True)
    sha256 = hashlib.sha256(picture).hexdigest()
    running.process.wait_until(lambda: any(sha256 in ack.snapshots for ack in node.acks), TIMEOUT_S)
    running.wait_for_count("waiting.snapshot", "gate-1", 2)
    node.close()


def test_home_assistant_is_told_of_each_node_and_again_when_it_restarts(
    running: Hub, traffic: Traffic
) -> None:
    """Discovery is retained, and repeated at Home Assistant's birth message."""
    node = running.node("gate-1")
    node.connect()

    def is_discovery(message: Message) -> bool:
        return message.topic == discovery.topic("gate-1")

    assert traffic.wait_for(is_discovery, TIMEOUT_S).retain
    result = running.process.command("reader", "add", "home")
    running.broker.adopt(running.process.passwd_file, running.process.acl_file)
    count = len(traffic.matching(is_discovery))
    with Link(running.broker.address, Account("home", result.stdout.strip())) as link:
        link.publish(discovery.BIRTH_TOPIC, b"online")
        traffic.wait_for_count(is_discovery, count + 1, TIMEOUT_S)
    node.close()


def test_sigterm_ends_the_hub_in_good_order(running: Hub) -> None:
    """Also while a node is connected; exit status 0."""
    node = running.node("gate-1")
    node.connect()
    assert running.process.stop() == 0
    assert "stopping" in running.process.log_text
    assert "Traceback" not in running.process.log_text
    node.close()


def test_the_hub_goes_on_when_the_broker_comes_back(running: Hub) -> None:
    """A broker that lost everything it held costs nothing."""
    node = running.node("gate-1")
    node.connect()
    first = node.make_booted()
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    node.vanish()
    running.broker.kill()
    running.broker.start()
    running.process.wait_until(
        lambda: running.process.log_text.count("connected to the broker") == 2, TIMEOUT_S
    )
    node.connect()
    second = node.make_booted()
    node.send(second)
    assert node.wait_for_ack(second, TIMEOUT_S).upto == 2
    node.close()


def test_a_clip_is_uploaded_over_kills_of_the_hub_and_acknowledged(
    running: Hub, tmp_path: Path
) -> None:
    """An upload goes on at its durable offset; once verified, the signed ack names the clip, and
    the operator copies the very bytes."""
    content = os.urandom(3_000_000)
    node = running.node("gate-1")
    node.connect()
    journal = Journal("gate-1")
    ended = journal.event(clip=content)[-1]
    body = record.decode(ended.payload).body
    assert isinstance(body, EventEnded) and ended.header.event is not None
    event = ended.header.event
    made = node.make(body, event=event, camera="door")
    client = TusClient(running.process.url, "gate-1", running.secret("gate-1"))
    assert client.create(event, content).error == "not_announced"
    node.send(made)
    node.wait_for_ack(made, TIMEOUT_S)
    path = client.create(event, content).headers["location"]
    offset = 0
    while offset < len(content):
        offset = client.append(path, offset, content[offset : offset + 1_000_000]).offset
        if offset == 1_000_000:
            running.process.kill()
            running.start()
            assert client.head(path).offset == offset
    running.process.wait_until(
        lambda: any(f"{event}.0" in ack.clips for ack in node.acks), TIMEOUT_S
    )
    target = tmp_path / "clip.mp4"
    assert running.process.command("clip", event, "-o", str(target)).returncode == 0
    assert target.read_bytes() == content
    node.close()


def test_each_event_and_each_clip_is_printed_when_asked(hub: HubFactory, broker: Broker) -> None:
    """`run --print-events`: a line when an event is archived, another when its clip is verified."""
    process = hub()
    process.argv.append("--print-events")
    assert process.command("node", "add", "first", "--secret-to", "-").returncode == 0
    broker.adopt(process.passwd_file, process.acl_file)
    made = Hub(process, broker)
    made.start()
    node = made.node("gate-1")
    node.connect()
    ended = Journal("gate-1").event(clip=b"clip", zones=("path",))[-1]
    body = record.decode(ended.payload).body
    assert body is not None
    event = str(ended.header.event)
    sent = node.make(body, event=event, camera="door")
    for _ in range(2):
        node.send(sent)
    node.wait_for_ack(sent, TIMEOUT_S)
    client = TusClient(process.url, "gate-1", made.secret("gate-1"))
    path = client.create(event, b"clip").headers["location"]
    assert client.append(path, 0, b"clip").status == 204
    process.wait_until(lambda: len(process.out_path.read_text().splitlines()) >= 2, TIMEOUT_S)
    archived, stored = process.out_path.read_text().splitlines()
    for part in ("archived", "gate-1/door", "motion", "4.2s", "path", event):
        assert part in archived
    for part in ("clip", "verified", event):
        assert part in stored
    node.close()


def test_sigterm_ends_a_hub_that_never_reached_its_broker(hub: HubFactory, broker: Broker) -> None:
    """It says so, serves HTTP meanwhile, and stops in good order."""
    broker.stop()
    process = hub()
    process.start_until(lambda: "cannot reach the broker" in process.log_text)
    assert process.stop() == 0
    assert "Traceback" not in process.log_text


def test_a_taken_port_is_a_clear_error(running: Hub) -> None:
    """Status 1 and the remedy, no traceback."""
    result = running.process.command("run")
    assert result.returncode == 1
    assert "cannot listen on 127.0.0.1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_hub_speaks_tls_to_broker_and_nodes(
    tls_broker: Broker, harness_stack: contextlib.ExitStack, tmp_path: Path
) -> None:
    """With certificates set, both ways are encrypted and verified."""
    authority = Authority(tmp_path / "hub-tls")
    process = HubProcess(tmp_path / "hub", tls_broker.address, free_port(), authority=authority)
    harness_stack.callback(process.stop)
    assert process.command("node", "add", "first", "--secret-to", "-").returncode == 0
    tls_broker.adopt(process.passwd_file, process.acl_file)
    made = Hub(process, tls_broker)
    made.start()
    assert "not reached" not in process.log_text
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    with urllib.request.urlopen(f"{process.url}/healthz", context=context) as answer:  # noqa: S310
        assert answer.status == 200
    node = made.node("gate-1")
    node.connect()
    first = node.make_booted()
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    node.close()


@pytest.mark.parametrize(
    ("section", "keys", "complaint"),
    [
        ("http", ("cert_file", "key_file"), "cannot serve HTTPS with"),
        ("mqtt", ("ca_file",), "cannot trust the certificates in"),
    ],
)
def test_a_broken_certificate_is_a_clear_error(
    hub: HubFactory, tmp_path: Path, section: str, keys: tuple[str, ...], complaint: str
) -> None:
    """Status 1, naming the files; no traceback."""
    path = tmp_path / "x.pem"
    path.write_text("nonsense")
    files: dict[str, object] = {key: str(path) for key in keys}
    process = hub({section: {"port": free_port()} | files})
    result = process.command("run")
    assert result.returncode == 1
    assert f"{complaint} {path}" in result.stderr
    assert "Traceback" not in result.stderr
