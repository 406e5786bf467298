"""Adding, replacing and shutting out nodes at the console."""

from __future__ import annotations

import base64
import html
import io
import re
import zipfile

import pytest

from edge.contract import nodefile
from edge.contract.nodefile import NodeFile
from hub.archive.audit import AuditFilter
from hub.registry.enrolment import NewNode
from tests.hub.people import Client, Reply
from tests.hub.site import Site

NEW = NewNode("gate-3")
ALL = AuditFilter()
FORM = {
    "node": "gate-3", "camera0": "gate", "source0": "rtsp://viewer:geheim5@192.0.2.10/stream1",
    "sub_source0": "rtsp://192.0.2.10/stream2", "days": "30",
}  # fmt: skip


@pytest.fixture
def administrator(site: Site) -> Client:
    """Of everything."""
    return site.client("an", "administrator")


def send(client: Client, path: str, **fields: str) -> Reply:
    return client.post_form(path, csrf=str(client.csrf), **fields)


def file_in(page: str) -> NodeFile:
    """The node file that the page's link holds."""
    (data,) = re.findall(r'href="data:application/octet-stream;base64,([^"]+)"', page)
    return nodefile.decode(base64.b64decode(html.unescape(data)))


def test_a_form_makes_a_node_file(site: Site, administrator: Client) -> None:
    """Shown once, as a download and as a code; the login is taken out of the address."""
    reply = send(administrator, "/join", **FORM)
    assert reply.status == 200, reply.text
    file = file_in(reply.text)
    camera = file.cameras[0]
    assert (file.node, camera.source) == ("gate-3", "rtsp://192.0.2.10/stream1")
    assert (camera.user, camera.password) == ("viewer", "geheim5")
    assert file.hub.url == site.url
    assert 'download="gate-3.node"' in reply.text
    assert "<svg" in reply.text
    assert "no-store" in reply.headers["cache-control"]
    assert file.token not in administrator.get("/nodes/gate-3").text
    assert "gate-3" in administrator.get("/nodes").text


def test_what_is_wrong_is_shown_and_what_was_typed_stays(administrator: Client) -> None:
    """But for the password."""
    wrong = FORM | {"source0": "ftp://192.0.2.1/", "user0": "viewer", "password0": "geheim5"}
    reply = send(administrator, "/join", **wrong)
    assert reply.status == 422
    assert "ftp://192.0.2.1/ is no camera's address" in html.unescape(reply.text)
    assert 'value="gate-3"' in reply.text
    assert "geheim5" not in reply.text


def test_a_name_that_is_taken_says_what_to_do(administrator: Client) -> None:
    """Twice the same form makes one node."""
    assert send(administrator, "/join", **FORM).status == 200
    reply = send(administrator, "/join", **FORM)
    assert reply.status == 422
    assert "there is a node of that name already" in html.unescape(reply.text)


def test_a_list_makes_an_archive_of_files_and_codes(administrator: Client) -> None:
    """One download for the installer."""
    lines = "".join(f"gate-{n},gate,rtsp://192.0.2.{n}/s\n" for n in range(20))
    reply = upload(administrator, f"node,camera,source\n{lines}")
    assert reply.status == 200, reply.text
    with zipfile.ZipFile(io.BytesIO(reply.body)) as packed:
        assert sorted(packed.namelist()) == sorted(
            f"gate-{n}.{kind}" for n in range(20) for kind in ("node", "png")
        )
        assert nodefile.decode(packed.read("gate-7.node")).node == "gate-7"


def test_a_list_with_a_mistake_makes_nothing(site: Site, administrator: Client) -> None:
    """The line and the column are told."""
    reply = upload(administrator, "node,camera,source\ngate-1,gate,csi:\nGate 2,gate,csi:\n")
    assert reply.status == 422
    assert re.search(r"<td>3</td><td>node</td>", reply.text)
    assert site.archive.nodes() == []


def test_a_new_box_and_the_end_of_one(site: Site, administrator: Client) -> None:
    """From the node's page; older files end, and the page says how the node stands."""
    first = file_in(send(administrator, "/join", **FORM).text)
    second = file_in(send(administrator, "/nodes/gate-3/replace", days="1").text)
    assert second.cameras == first.cameras
    assert second.token != first.token
    reply = send(administrator, "/nodes/gate-3/revoke")
    assert (reply.status, reply.headers["location"]) == (303, "/nodes/gate-3?out=soon")
    assert "Shut out on" in administrator.get("/nodes/gate-3?out=soon").text
    assert send(administrator, "/nodes/gate-3/revoke").status == 409
    actions = [e.deed.action for e in site.archive.audit.entries(ALL, limit=9)]
    assert actions[:3] == ["node.revoke", "node.replace", "node.add"]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_administrators_see_and_do_it(site: Site, role: str) -> None:
    """Neither forms nor their targets."""
    site.files.add([NEW], site.actor())
    client = site.client("binh", role)  # type: ignore[arg-type]
    assert client.get("/join").status == 403
    assert "/join" not in client.get("/nodes").text
    assert "/replace" not in client.get("/nodes/gate-3").text
    for path in ("/join", "/nodes/gate-3/replace", "/nodes/gate-3/revoke"):
        assert send(client, path, **FORM).status == 403


def test_without_the_pages_own_token_nothing_happens(site: Site, administrator: Client) -> None:
    """Another site cannot shut a node out."""
    site.files.add([NEW], site.actor())
    administrator.csrf = None
    assert administrator.post_form("/nodes/gate-3/revoke", csrf="x").status == 403
    assert administrator.post_form("/nodes/gate-3/revoke").status == 403
    assert site.archive.enrolments.standings(site.clock.utc())["gate-3"].revoked_utc is None


def upload(client: Client, table: str) -> Reply:
    boundary = "zz"
    parts = [("csrf", "", str(client.csrf)), ("days", "", "7"), ("file", "l.csv", table)]
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        + (f'; filename="{file}"' if file else "")
        + f"\r\n\r\n{value}\r\n"
        for name, file, value in parts
    )
    kind = {
        "Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "text/html",
    }  # fmt: skip
    return client.request("POST", "/join/list", f"{body}--{boundary}--\r\n".encode(), kind)
