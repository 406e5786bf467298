"""Node files over the API, and POST /enrol: who is let in, who is refused, and what is written."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest

from edge.contract import enrolment, nodefile
from edge.contract.enrolment import Request
from edge.contract.nodefile import NodeFile
from edge.keys import PrivateKey
from hub.archive.audit import AuditFilter
from hub.registry import accounts, redeem
from hub.registry.enrolment import NewNode
from tests.hub.people import API, Client, Reply
from tests.hub.site import Site

NODE = "gate-3"
CAMERA = {"name": "gate", "source": "rtsp://192.0.2.10/s", "user": "v", "password": "geheim5"}
SECRET = "s" * 43


def new_file(site: Site, name: str = NODE) -> NodeFile:
    """A node file of this site."""
    (file,) = site.files.add([NewNode(name)], site.actor())
    return file


def asked(file: NodeFile, key: PrivateKey, secret: str = SECRET) -> Request:
    """What an honest box asks."""
    mine = key.public.text
    said = enrolment.asked_bytes(file.node, file.token, file.hub_key, mine, secret)
    signature = base64.b64encode(key.sign(said)).decode()
    return Request(1, file.node, file.token, file.hub_key, mine, secret, signature)


def send(site: Site, request: Request) -> Reply:
    """POST /enrol."""
    kind = {"Content-Type": "application/json"}
    return site.stranger().request("POST", "/enrol", enrolment.encode(request), kind)


def new_key() -> PrivateKey:
    return PrivateKey(os.urandom(32))


def refusals(site: Site) -> list[tuple[str, str]]:
    """Target and reason of each refused try, oldest first."""
    found = site.archive.audit.entries(AuditFilter(action="node.enrol"), limit=99)
    return [
        (each.deed.target, each.deed.detail["reason"])
        for each in reversed(found)
        if each.deed.outcome == "refused"
    ]


def is_in(site: Site, secret: str = SECRET, name: str = NODE) -> bool:
    return accounts.is_node_secret(site.archive, name, secret)


def test_a_box_is_taken_though_the_broker_does_not_answer(site: Site) -> None:
    """503 tells it to ask again; this site has no broker. The account is there all the same."""
    file, key = new_file(site), new_key()
    reply = send(site, asked(file, key))
    assert (reply.status, reply.get("error")) == (503, "broker")
    assert is_in(site)
    assert site.archive.pinned_keys() == {NODE: key.public.raw}


def test_a_token_that_was_never_given_out_is_refused(site: Site) -> None:
    """And written down with the name that it came with."""
    file = replace(new_file(site), token="A" * 43)
    reply = send(site, asked(file, new_key()))
    assert (reply.status, reply.get("error")) == (403, "unknown_token")
    assert "camwatch-hub node replace" in str(reply.get("message"))
    assert refusals(site) == [("node:gate-3", "unknown_token")]
    assert not is_in(site)


def test_a_token_does_not_open_another_nodes_name(site: Site) -> None:
    """It is bound to the one that it was made for."""
    new_file(site, "gate-4")
    file = replace(new_file(site), node="gate-4")
    assert send(site, asked(file, new_key())).get("error") == "other_node"
    assert not is_in(site, name="gate-4")


def test_an_ended_token_says_when_it_ended_and_what_to_do(site: Site) -> None:
    """By the hub's clock."""
    file = new_file(site)
    site.clock.advance(7 * 86400 + 1)
    reply = send(site, asked(file, new_key()))
    assert reply.get("error") == "expired"
    assert file.expires_utc.strftime("%Y-%m-%d") in str(reply.get("message"))
    assert refusals(site)[-1][1] == "expired"


def test_a_second_box_with_the_same_file_is_refused_with_an_alarm(site: Site) -> None:
    """The first box stays in; the node's page shows that somebody has a copy."""
    file, key = new_file(site), new_key()
    send(site, asked(file, key))
    reply = send(site, asked(file, new_key(), "x" * 43))
    assert (reply.status, reply.get("error")) == (403, "used")
    assert f"camwatch-hub node revoke {NODE}" in str(reply.get("message"))
    assert is_in(site)
    assert not is_in(site, "x" * 43)
    assert site.archive.counts()[redeem.ALARM, NODE] == 1
    assert refusals(site)[-1] == ("node:gate-3", "used")
    client = site.client("an", "administrator")
    assert "a second box came with the same node file" in client.get(f"/nodes/{NODE}").text


def test_the_same_box_may_ask_again_while_the_token_lasts(site: Site) -> None:
    """The answer was lost by a power cut; afterwards the token is as ended as any."""
    file, key = new_file(site), new_key()
    assert [send(site, asked(file, key)).get("error") for _ in range(2)] == ["broker"] * 2
    assert site.archive.counts() == {}
    site.clock.advance(7 * 86400 + 1)
    assert send(site, asked(file, key)).get("error") == "expired"
    assert is_in(site)


@pytest.mark.parametrize("how", ["revoked", "newer"])
def test_a_file_that_was_taken_back_is_refused(site: Site, how: str) -> None:
    """Whoever finds the lost card gets nothing by it."""
    file = new_file(site)
    if how == "revoked":
        site.files.revoke(NODE, site.actor())
    else:
        site.files.replace(NODE, site.actor())
    assert send(site, asked(file, new_key())).get("error") == how
    assert not is_in(site)


def test_a_box_that_does_not_hold_its_key_is_refused(site: Site) -> None:
    """Each part of what is signed counts, so nothing can be exchanged on the way."""
    file, key = new_file(site), new_key()
    good = asked(file, key)
    other = new_key()
    for bad in (
        replace(good, key=other.public.text),
        replace(good, secret="x" * 43),
        replace(good, signature=base64.b64encode(bytes(64)).decode()),
    ):
        assert send(site, bad).get("error") == "signature"
    assert not is_in(site)
    assert send(site, good).get("error") == "broker"


def test_a_file_of_another_hub_is_told_so(site: Site) -> None:
    """An installer who mixes up two towns reads it."""
    file = replace(new_file(site), hub_key=new_key().public.text)
    assert send(site, asked(file, new_key())).get("error") == "other_hub"


def test_tries_are_counted_by_address_and_then_not_looked_at(site: Site) -> None:
    """Five for a node, thirty for all, in five minutes; nor does the trail grow without end."""
    file = new_file(site)
    bad = asked(replace(file, token="A" * 43), new_key())
    assert [send(site, bad).status for _ in range(8)] == [403] * 5 + [429] * 3
    others = [replace(file, node=f"gate-{n}", token="A" * 43) for n in range(10, 45)]
    statuses = [send(site, asked(each, new_key())).status for each in others]
    assert statuses == [403] * 25 + [429] * 10
    assert len(refusals(site)) == 5 + 1 + 25
    assert [reason for _, reason in refusals(site)].count("too_many") == 1
    assert send(site, asked(file, new_key())).status == 429
    site.clock.advance(301)
    assert send(site, asked(file, new_key())).get("error") == "broker"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[" * 5000, b"\x00", b'{"v":1}', b'{"v":2}', b"x" * 5000],
    ids=["empty", "object", "deep", "nul", "bare", "version", "long"],
)
def test_what_is_no_request_is_refused_before_anything_else(site: Site, body: bytes) -> None:
    """Nothing of it reaches the archive."""
    assert site.stranger().request("POST", "/enrol", body).status in (413, 422)
    assert refusals(site) == []


@pytest.mark.parametrize("name", ["+", "#", "gate/3", "gate\x003", "$SYS", "GATE", "", "a" * 33])
def test_no_name_with_a_meaning_at_the_broker_becomes_a_node(site: Site, name: str) -> None:
    """Wildcards, NUL, levels: neither by the API nor by a request to enrol."""
    client = site.client("an", "administrator")
    assert client.send("POST", f"{API}/nodes", {"node": name}).status == 422
    good = json.loads(enrolment.encode(asked(new_file(site), new_key())))
    body = json.dumps(good | {"node": name}).encode()
    assert site.stranger().request("POST", "/enrol", body).status == 422
    assert [each.name for each in site.archive.nodes()] == [NODE]


def test_a_node_file_over_the_api(site: Site) -> None:
    """Told once, in both forms, with its place in the registry."""
    client = site.client("an", "administrator")
    assert client.send("PUT", f"{API}/areas/to-5", {"kind": "town", "name": "Tổ 5"}).status == 200
    given = {"node": NODE, "cameras": [CAMERA], "area": "to-5", "valid_hours": 24}
    reply = client.send("POST", f"{API}/nodes", given)
    assert reply.status == 201, reply.text
    file = nodefile.decode(json.dumps(reply.get("file")).encode())
    assert file == nodefile.decode(str(reply.get("text")).encode())
    assert file.expires_utc - site.clock.utc() <= timedelta(hours=24)
    assert (file.cameras[0].name, file.cameras[0].password) == ("gate", "geheim5")
    (camera,) = site.archive.registry().cameras
    assert (camera.node, camera.places[0].area) == (NODE, "to-5")
    told = client.get(f"{API}/nodes/{NODE}")
    assert (told.get("has_account"), told.get("enrolled_utc")) == (False, None)
    assert told.get("awaited_until_utc") == reply.get("expires_utc")
    assert "geheim5" not in told.text
    assert client.send("POST", f"{API}/nodes", given).status == 409


def test_what_a_file_says_of_cameras_is_kept_sealed(site: Site) -> None:
    """For the next file of the node; a copy of the archive gives no password away."""
    client = site.client("an", "administrator")
    client.send("POST", f"{API}/nodes", {"node": NODE, "cameras": [CAMERA]})
    reply = client.send("POST", f"{API}/nodes/{NODE}/replace", {})
    assert reply.get("file", "cameras", 0, "password") == "geheim5"
    stored = b"".join(path.read_bytes() for path in site.folder.glob("archive.sqlite*"))
    assert b"geheim5" not in stored
    assert str(reply.get("file", "token")).encode() not in stored


def test_shutting_a_node_out_over_the_api(site: Site) -> None:
    """Its account is gone whether or not the broker answers, and that is told."""
    file = new_file(site)
    send(site, asked(file, new_key()))
    client = site.client("an", "administrator")
    reply = client.send("POST", f"{API}/nodes/{NODE}/revoke", {})
    assert (reply.status, reply.json) == (200, {"node": NODE, "is_confirmed": False})
    assert not is_in(site)
    assert client.get(f"{API}/nodes/{NODE}").get("revoked_utc") is not None
    assert client.send("POST", f"{API}/nodes/{NODE}/revoke", {}).status == 409


def test_a_list_over_the_api(site: Site) -> None:
    """All or none, with the faults by line."""
    client = site.client("an", "administrator")
    lines = "node,camera,source\ngate-1,gate,csi:\ngate-2,gate,csi:\n"
    reply = client.send("POST", f"{API}/nodes/import", {"csv": lines})
    assert reply.status == 201
    assert [reply.get(n, "node") for n in (0, 1)] == ["gate-1", "gate-2"]
    reply = client.send("POST", f"{API}/nodes/import", {"csv": lines + "gate-5,g,csi:\n"})
    assert reply.status == 422
    assert reply.get("fields", 0, "field") == "line 2, node"


def test_a_camera_that_cannot_be_is_named_with_its_field(site: Site) -> None:
    """As all of the API does."""
    client: Client = site.client("an", "administrator")
    given = {"node": NODE, "cameras": [CAMERA | {"source": "exec:"}]}
    reply = client.send("POST", f"{API}/nodes", given)
    assert reply.status == 422
    assert "exec: cannot come with a node file" in reply.text
