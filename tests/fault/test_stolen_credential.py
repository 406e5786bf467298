"""Somebody has a node's credential: they reach what is that node's, and nothing else.

Every topic of the contract and every address of the hub is tried, on a real broker and hub, set up
as they are installed. Once the node is revoked, nothing is reached at all.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTMessage

from edge.contract import names, topics
from edge.contract.channels import CHANNELS, Channel
from edge.contract.discovery import topic as discovery_topic
from hub.archive.audit import Deed
from hub.archive.sqlite_archive import SqliteArchive
from hub.archive.values import Credential
from hub.registry.broker_access import PROOF_S
from hub.registry.passwd import mqtt_hash
from tests.harness.child import HarnessError
from tests.harness.link import Account, Link
from tests.harness.publisher import Publisher
from tests.harness.traffic import Message, Traffic
from tests.hub.people import API, Client, Reply
from tests.hub.test_access import PAGES
from tests.system.joining import Box, Place, place
from tests.system.stage import wait

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("stolen")]

THIEF, VICTIM = "thief-1", "victim-1"
ROOT = Path(__file__).parents[2]
SPECIAL = (
    "$CONTROL/dynamic-security/v1", "$CONTROL/broker/v1", "$SYS/broker/uptime",
    "homeassistant/status", "camwatch", "camwatch/1", f"camwatch/1/{THIEF}", "camwatch/2/x/record",
    f"camwatch/1/{THIEF}/record/", f"camwatch/1//{THIEF}/record", f"/camwatch/1/{THIEF}/record",
    f"camwatch/1/{THIEF}/status/x", f"camwatch/1/{THIEF}/camera/gate/other", "any/thing",
)  # fmt: skip
FILTERS = (
    "#", "+/#", "+/+/+/#", "camwatch/#", "camwatch/1/#", "camwatch/1/+/record",
    f"camwatch/1/{VICTIM}/#", f"camwatch/1/{VICTIM}/ack", f"camwatch/1/{VICTIM}/command",
    "$SYS/#", "$CONTROL/#", "homeassistant/#", f"$share/all/camwatch/1/{VICTIM}/#", "$share/g/#",
)  # fmt: skip
OPEN = {"POST /enrol", "OPTIONS /uploads", "GET /healthz"}
VALUES = {"node": VICTIM, "camera": "gate", "event": "019b8f6c-7a00-7abc-8def-0123456789ab",
          "command": "0" * 32}  # fmt: skip


@dataclass
class Heard:
    """What came in over one connection."""

    topics: list[str] = field(default_factory=list)

    def note(self, message: MQTTMessage) -> None:
        """In the connection's thread."""
        self.topics.append(message.topic)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A hub with two nodes."""
    with place(tmp_path_factory.mktemp("stolen")) as made:
        made.join(THIEF)
        made.join(VICTIM)
        yield made


@pytest.fixture(scope="module")
def stolen(town: Place) -> Account:
    """What somebody copied from the one node's card."""
    return Box(town.folder / f"box-{THIEF}").account(THIEF)


def address(channel: Channel, node: str) -> str:
    """One topic of the channel."""
    text = channel.address
    for name, value in (VALUES | {"node": node}).items():
        text = text.replace("{" + name + "}", value)
    return text


def publisher(town: Place, name: str) -> Publisher:
    """The node, scripted and connected, with its own key."""
    box = Box(town.folder / f"box-{name}")
    made = Publisher(name, town.broker.nodes, box.account(name), key=box.key)
    made.connect()
    return made


def test_nothing_of_others_can_be_written(town: Place, stolen: Account) -> None:
    """Every channel of another node, the hub's own, and the broker's: all refused."""
    foreign = [address(channel, VICTIM) for channel in CHANNELS]
    with town.connect(stolen) as link:
        for topic in (*foreign, *SPECIAL, discovery_topic(THIEF)):
            for retain in (False, True):
                try:
                    said = link.publish(topic, b"x", retain=retain)
                except HarnessError:  # the broker may close the connection over it
                    said = "closed"
                assert said in ("Not authorized", "closed"), topic
                if said == "closed":
                    link = town.connect(stolen)


def test_of_its_own_it_writes_what_nodes_write_and_no_more(town: Place, stolen: Account) -> None:
    """The hub's acknowledgements, commands and settings are the hub's, also to this node."""
    with town.connect(stolen) as link:
        for channel in CHANNELS:
            said = link.publish(address(channel, THIEF), b"x")
            assert (said != "Not authorized") == (channel.sender == "node"), channel.name


def test_nothing_of_others_can_be_read(town: Place, stolen: Account) -> None:
    """By whatever filter, while all of it goes by: a reader hears it, the thief does not."""
    secret = town.folder / "reader.secret"
    town.command("reader", "add", "wall", "--to", str(secret))
    reader = Account("wall", secret.read_text(encoding="ascii").strip())
    theirs, wall = Heard(), Heard()
    wait(lambda: town.is_let_in(reader), 10, "the reader's account")
    with (
        Link(town.broker.nodes, stolen, on_message=theirs.note) as thief,
        Link(town.broker.nodes, reader, on_message=wall.note) as display,
    ):
        display.subscribe("camwatch/1/#")
        for each in FILTERS:
            try:
                thief.subscribe(each)
            except HarnessError:
                continue
        with publisher(town, VICTIM) as victim:
            made = victim.make_booted()
            victim.send(made)
            victim.wait_for_ack(made, 60)
            for channel in CHANNELS:
                if channel.sender == "node" and channel.name not in ("status", "record"):
                    victim_link_publish(victim, channel)
            town.hub.command("command", VICTIM, "restart")
        heard = {topics.record(VICTIM), topics.status(VICTIM), topics.ack(VICTIM)}
        wait(lambda: heard <= set(wall.topics), 60, "what goes by")
        town.hub.command("command", THIEF, "restart")  # nobody answers; it is sent all the same
        wait(lambda: topics.command(THIEF) in theirs.topics, 60, "the thief's own")
    assert {each for each in theirs.topics if f"/{THIEF}/" not in each} == set()


def victim_link_publish(victim: Publisher, channel: Channel) -> None:
    """Something on that channel of the victim's own."""
    victim.publish(address(channel, VICTIM), b"x", retain=channel.is_retained)


def test_a_will_of_another_is_never_spoken(town: Place, stolen: Account) -> None:
    """Nobody can have the broker say that another node is gone."""
    heard = Heard()
    with Link(
        town.broker.nodes, Box(town.folder / f"box-{VICTIM}").account(VICTIM),
        on_message=heard.note,
    ) as victim:  # fmt: skip
        victim.subscribe(topics.ack(VICTIM))
        will = (topics.ack(VICTIM), b"lie")
        try:
            link = Link(town.broker.nodes, stolen, will=will)
        except HarnessError:
            return
        link.drop()
        with town.connect(stolen) as again:
            assert again.publish(topics.motion(THIEF, "gate"), b"OFF") != "Not authorized"
    assert heard.topics == []


def test_another_nodes_session_cannot_be_taken(town: Place, stolen: Account) -> None:
    """The client identifier is the account's name, whatever the client says."""
    account = Box(town.folder / f"box-{VICTIM}").account(VICTIM)
    with town.connect(account) as victim:
        false = Account(THIEF, stolen.password, client_id=VICTIM)
        with town.connect(false):
            assert victim.publish(topics.motion(VICTIM, "gate"), b"OFF") != "Not authorized"
            assert victim.is_open


def addresses(town: Place) -> list[tuple[str, str]]:
    """Method and path of everything that the hub serves."""
    document = json.loads((ROOT / "config" / "hub-openapi.json").read_text(encoding="utf-8"))
    calls = [
        (method.upper(), API + path)
        for path, operations in document["paths"].items()
        for method in operations
        if method in ("get", "put", "post", "patch", "delete")
    ]
    pages = [tuple(name.split(" ", 1)) for name in PAGES]
    return [(method, filled(path)) for method, path in [*calls, *pages] if method and path]


def filled(path: str) -> str:
    """The path with the victim's names."""
    values = VALUES | {"node": VICTIM, "id": "0" * 32, "event_id": VALUES["event"]}
    return re.sub(r"\{(\w+)(:path)?\}", lambda match: values.get(match[1], "x"), path)


def credentials(account: Account) -> Sequence[dict[str, str]]:
    """The stolen secret in every place where a secret can stand."""
    basic = base64.b64encode(f"{account.user}:{account.password}".encode()).decode()
    return (
        {"Authorization": f"Basic {basic}"},
        {"Authorization": f"Bearer {account.password}"},
        {"Cookie": f"__Host-camwatch={account.password}"},
    )


def test_no_address_gives_it_more_than_a_stranger(town: Place, stolen: Account) -> None:
    """Calls, pages and files alike; where nodes upload, others' things are not there."""
    client = Client(town.hub.url, town.authority.ca_file)
    found = addresses(town)
    assert len(found) > 100
    for method, path in found:
        if method == "GET" and path.endswith(("/live-updates", "/updates")):
            continue  # they would go on for ever if they let it in; the next test asks them
        bare = ask(client, method, path, {}).status
        for headers in credentials(stolen):
            reply = ask(client, method, path, headers)
            if path.startswith(("/uploads", "/streams", "/traces")):
                assert reply.status in (204, 400, 401, 404, 405, 409, 412, 415, 422), path
                assert not (reply.status < 300 and method != "OPTIONS"), (method, path)
            else:
                assert reply.status in (bare, 429), (method, path, reply.status, bare)
                is_for_all = reply.status >= 300 or f"{method} {path}" in OPEN or is_public(path)
                assert is_for_all, (method, path, reply.status)


def is_public(path: str) -> bool:
    """What a log-in page needs."""
    return path.startswith(("/static/", "/login", "/welcome", "/language"))


def ask(client: Client, method: str, path: str, headers: dict[str, str]) -> Reply:
    """As a program would."""
    return client.request(method, path, b"{}" if method != "GET" else None, headers)


def test_others_clips_traces_and_streams_are_not_there_for_it(town: Place, stolen: Account) -> None:
    """An upload that the victim began cannot be seen, continued or removed."""
    client = Client(town.hub.url, town.authority.ca_file)
    mine, theirs = (
        credentials(each)[0]
        for each in (Box(town.folder / f"box-{VICTIM}").account(VICTIM), stolen)
    )
    with publisher(town, VICTIM) as victim:
        content = os.urandom(50_000)
        made = victim.make_event(clip=content)
        for each in made:
            victim.send(each)
        victim.wait_for_ack(made[-1], 60)
    event = str(made[-1].event)
    begun = client.request("POST", "/uploads", b"", mine | tus(event, content))
    assert begun.status == 201, begun.text
    where = begun.headers["location"]
    assert client.request("POST", "/uploads", b"", theirs | tus(event, content)).status == 409
    for method in ("HEAD", "PATCH", "DELETE"):
        more = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream"}  # fmt: skip
        assert client.request(method, where, content, theirs | more).status == 404
    assert client.request("HEAD", where, None, mine | {"Tus-Resumable": "1.0.0"}).status == 200
    kind = {"Content-Type": "application/vnd.camwatch.live", "X-Camwatch-Token": "0" * 32}
    assert client.request("POST", f"/streams/{'0' * 32}", b"", theirs | kind).status in (404, 415)


def tus(event: str, content: bytes) -> dict[str, str]:
    """Headers that begin the upload of that clip."""
    pairs = {"clip": f"{event}.0", "sha256": hashlib.sha256(content).hexdigest()}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())
    return {
        "Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)), "Upload-Metadata": metadata,
    }  # fmt: skip


def test_a_revoked_node_is_out_and_its_credential_opens_nothing(town: Place) -> None:
    """Its connection is closed when the command returns, which says how soon; its uploads are
    refused; its records and files stay."""
    box = town.join("gone-1")
    account = box.account("gone-1")
    client = Client(town.hub.url, town.authority.ca_file)
    with publisher(town, "gone-1") as node:
        made = node.make_booted()
        node.send(made)
        node.wait_for_ack(made, 60)
    link = town.connect(account)
    said = town.command("node", "revoke", "gone-1")
    shown = re.fullmatch(r"gone-1 is out; the broker showed it after (\d+\.\d\d) s\n", said)
    assert shown and float(shown[1]) < PROOF_S, said
    print(said)
    with pytest.raises(HarnessError):
        link.publish(topics.motion("gone-1", "gate"), b"ON")
    assert not town.is_let_in(account)
    wait(lambda: not link.is_open, 10, "the end of its connection")
    link.close()
    headers = credentials(account)[0] | tus(VALUES["event"], b"x")
    assert client.request("POST", "/uploads", b"", headers).status == 401
    row = town.node("gone-1")
    assert (row["has_account"], row["state"]) == (False, "offline")
    assert row["revoked_utc"] is not None
    assert row["journals"]
    assert [each["outcome"] for each in town.audit("node.revoke")[:1]] == ["done"]
    again = town.replace("gone-1")
    assert box.enrol(again).returncode == 0
    assert town.is_let_in(box.account("gone-1"))
    assert not town.is_let_in(account)


def test_who_listens_is_told_that_a_revoked_node_is_gone(town: Place) -> None:
    """The broker speaks no Will for it; the hub says offline, and nothing stays at the broker."""
    town.join("left-1")
    secret = town.command("reader", "add", "hall").strip()
    hall = Account("hall", secret)

    def of_left(message: Message) -> bool:
        return message.topic == topics.status("left-1")

    with publisher(town, "left-1") as node:
        made = node.make_booted()
        node.send(made)
        node.wait_for_ack(made, 60)
        with contextlib.closing(Traffic(town.broker.nodes, hall)) as traffic:
            assert b'"online"' in traffic.wait_for(of_left, 30).payload
            town.command("node", "revoke", "left-1")
            gone, cleared = traffic.wait_for_count(of_left, 3, 30)[1:]
            assert b'"offline"' in gone.payload and not gone.retain
            assert cleared.payload == b""
        with contextlib.closing(Traffic(town.broker.nodes, hall)) as later:
            later.wait_for(lambda each: each.topic == discovery_topic("left-1"), 30)
            assert later.matching(of_left) == []
    assert not any("refused" in each for each in town.node("left-1")["problems"])  # type: ignore[attr-defined]


def test_the_running_hub_follows_whoever_changes_an_account(town: Place) -> None:
    """Another process changes the archive and dies before it wrote the broker's files."""
    box = town.join("quiet-1")
    archive = SqliteArchive(town.hub.state_dir / "archive.sqlite")
    with town.connect(box.account("quiet-1")) as link:
        deed = Deed(datetime.now(UTC), "test", "command", "", "node.revoke", "node:quiet-1")
        archive.enrolments.revoke("quiet-1", deed)
        archive.close()
        wait(lambda: not link.is_open, 10, "the end of its connection")


def test_a_thousand_accounts(town: Place) -> None:
    """One more comes and goes as with two; none of the others notices."""
    archive = SqliteArchive(town.hub.state_dir / "archive.sqlite")
    others = [f"many-{number}" for number in range(1000)]
    passwords = {name: secrets.token_urlsafe(32) for name in others}
    for name in others:
        account = Credential(
            name, "node", secrets.token_bytes(32), mqtt_hash(name, passwords[name]),
            datetime.now(UTC),
        )  # fmt: skip
        archive.put_credential(account)
    archive.close()
    wait(lambda: town.is_let_in(Account(others[-1], passwords[others[-1]])), 60, "the thousandth")
    links = [town.connect(Account(name, passwords[name])) for name in others[::50]]
    try:
        box = town.join("late-1")
        with town.connect(box.account("late-1")) as link:
            print(town.command("node", "revoke", "late-1"))
            wait(lambda: not link.is_open, 10, "the end of its connection")
        assert all(link.is_open for link in links)
    finally:
        for each in links:
            each.close()
    assert names.is_node(others[-1])
