"""Watching over HTTPS: who may, what is answered, and how long it goes on.

The test is the node here: it answers what the hub asks, and brings the stream over HTTPS.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Self

import pytest

from edge.contract import command as commands
from edge.contract import live, names, reply
from edge.contract.command import Command
from edge.contract.live import Head, Kind
from edge.contract.reply import Reply
from edge.keys import PrivateKey
from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Area, Camera, Place
from hub.archive.scope import Scope
from hub.commands.message import Said
from hub.live import relay
from hub.registry import accounts, users
from hub.registry.sessions import IDLE
from tests.harness.patience import wait_until
from tests.hub.people import API, Client
from tests.hub.site import Site

NODE = "gate-3"
LIVE = f"{API}/nodes/{NODE}/cameras/gate/live"
MIME = 'video/mp4; codecs="avc1.42c016"'
WAIT_S = 60.0


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, WAIT_S)


class Node:
    """A node that does what it is asked and sends what the test wants, in threads of its own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._key = PrivateKey(bytes(range(32)))
        self.secret = accounts.add(site.archive, NODE, "node", site.clock)
        site.node_keys[NODE] = self._key.public
        before = site.archive.registry()
        known = replace(before, cameras=(Camera(NODE, "gate"),))
        assert site.archive.replace_registry(before, known)
        self.refuses: str | None = None
        self.commands: list[Command] = []
        self._posts: list[http.client.HTTPSConnection] = []
        self._post_of: dict[str | None, http.client.HTTPSConnection] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._obey)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for post in self._posts:
            post.close()

    def send(self, *pieces: bytes) -> None:
        """To the newest stream."""
        for piece in pieces:
            self._posts[-1].send(b"%x\r\n%b\r\n" % (len(piece), piece))

    @property
    def streams(self) -> int:
        """How many it was asked for."""
        return len({each.stream for each in self.commands if each.name == commands.LIVE_START})

    def _obey(self) -> None:
        while not self._stop.wait(0.02):
            while self._site.asked:
                self._answer(commands.decode(self._site.asked.pop(0).payload))

    def _answer(self, command: Command) -> None:
        is_refused = command.name == commands.LIVE_START and self.refuses is not None
        is_refused = is_refused and command.live is not None and command.live.form == "fmp4"
        known = any(each.stream == command.stream for each in self.commands)
        self.commands.append(command)
        said = Reply(
            names.VERSION, NODE, command.id, "refused" if is_refused else "ok", "ab" * 16,
            self.refuses if is_refused else None,
        )  # fmt: skip
        payload = reply.encode(said)
        self._site.commander.take(Said(NODE, payload, self._key.sign(payload)))
        if command.name == commands.LIVE_START and not is_refused and not known:
            self._post(command)
        if command.name == commands.LIVE_STOP and command.stream in self._post_of:
            with contextlib.suppress(OSError):
                self._post_of[command.stream].send(b"0\r\n\r\n")

    def _post(self, command: Command) -> None:
        assert command.live is not None
        context = ssl.create_default_context(cafile=str(self._site.ca_file))
        port = int(self._site.url.rsplit(":", 1)[1])
        post = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=WAIT_S)
        post.putrequest("POST", f"/{live.PATH}/{command.stream}")
        login = base64.b64encode(f"{NODE}:{self.secret}".encode()).decode()
        post.putheader("Authorization", f"Basic {login}")
        post.putheader(live.TOKEN_HEADER, command.live.token)
        post.putheader("Content-Type", live.CONTENT_TYPE)
        post.putheader("Transfer-Encoding", "chunked")
        post.endheaders()
        self._posts.append(post)
        self._post_of[command.stream] = post
        if command.live.form == "jpeg":
            head = Head(names.VERSION, "jpeg", "large", "image/jpeg", 640, 360)
            pieces = [live.pack(Kind.JPEG, b"picture 1")]
        else:
            head = Head(names.VERSION, "fmp4", "large", MIME, 640, 360)
            pieces = [live.pack(Kind.INIT, b"init"), live.pack(Kind.KEYFRAME, b"key")]
        self.send(live.pack(Kind.HEAD, live.encode_head(head)), *pieces)


@pytest.fixture
def node(site: Site) -> Iterator[Node]:
    made = Node(site)
    yield made
    made.close()


class Watcher:
    """Reads a live answer in a thread; a context manager that goes away."""

    def __init__(self, client: Client, path: str = LIVE) -> None:
        context = ssl.create_default_context(cafile=None)
        context = client._context or context
        self._line = http.client.HTTPSConnection(
            client.host, client.port, context=context, timeout=WAIT_S
        )
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self._line.request("GET", path, headers={"Cookie": cookies})
        self.answer = self._line.getresponse()
        self.status, self.type = self.answer.status, self.answer.headers["Content-Type"]
        self.data = b""
        self.is_over = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while data := self.answer.read1(65536):
                self.data += data
        self.is_over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line.sock is not None:
            with contextlib.suppress(OSError):
                self._line.sock.shutdown(2)
        else:
            self.answer.close()
        self._thread.join(WAIT_S)
        self._line.close()


def test_a_viewer_is_answered_with_the_streams_type_and_its_bytes(site: Site, node: Node) -> None:
    """What a page gives to a SourceBuffer: init and all from the keyframe on, then what comes."""
    with Watcher(site.client("anna")) as viewer:
        assert (viewer.status, viewer.type) == (200, MIME)
        until(lambda: viewer.data == b"initkey")
        node.send(live.pack(Kind.MORE, b"more"), live.pack(Kind.IDLE), live.pack(Kind.MORE, b"!"))
        until(lambda: viewer.data == b"initkeymore!")
    assert viewer.answer.headers["Cache-Control"] == "no-store"


def test_several_viewers_cost_one_stream_which_ends_with_the_last(site: Site, node: Node) -> None:
    """A late one begins at the newest keyframe; who is left is not disturbed."""
    with Watcher(site.client("anna")) as one:
        until(lambda: one.data == b"initkey")
        node.send(live.pack(Kind.KEYFRAME, b"KEY"), live.pack(Kind.MORE, b"more"))
        with Watcher(site.client("binh")) as two:
            until(lambda: two.data == b"initKEYmore")
        node.send(live.pack(Kind.MORE, b"!"))
        until(lambda: one.data == b"initkeyKEYmore!")
        assert node.streams == 1
    until(lambda: node.commands[-1].name == commands.LIVE_STOP)
    with Watcher(site.client("chi")) as again:
        until(lambda: again.data == b"initkey")
    assert node.streams == 2


def test_of_a_camera_without_a_small_stream_the_large_one_is_shared(site: Site, node: Node) -> None:
    """Once that is known from the first who asked for it; a phone then costs no second upload."""
    with Watcher(site.client("anna"), f"{LIVE}?stream=small") as first:
        until(lambda: first.data == b"initkey")
    until(lambda: not any(stream.viewers for stream in site.relay._streams.values()))
    with Watcher(site.client("binh"), f"{LIVE}?stream=large") as large:
        until(lambda: large.data == b"initkey")
        before = node.streams
        with Watcher(site.client("chi"), f"{LIVE}?stream=small") as small:
            until(lambda: small.data == b"initkey")
            assert node.streams == before


def test_each_view_is_in_the_audit_trail(site: Site, node: Node) -> None:
    """Who saw which camera, once for a view that is begun again."""
    client = site.client("anna")
    for _ in range(2):
        with Watcher(client):
            pass
    entries = site.archive.audit.entries(AuditFilter(action="live.view"), limit=10)
    assert [(each.deed.user, each.deed.target, each.deed.by) for each in entries] == [
        ("anna", f"camera:{NODE}/gate", "session")
    ]


def test_a_motion_jpeg_camera_is_answered_with_pictures(site: Site, node: Node) -> None:
    """`auto` takes what there is; who insists on MP4 is told."""
    node.refuses = "form"
    client = site.client("anna")
    assert client.get(f"{LIVE}?form=fmp4").status == 409
    with Watcher(client) as viewer:
        assert viewer.type == "multipart/x-mixed-replace; boundary=camwatch"
        part = b"--camwatch\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\n\r\npicture 1\r\n"
        until(lambda: viewer.data == part)


def test_without_a_session_nobody_watches(site: Site, node: Node) -> None:
    """And the node is not even asked."""
    assert site.stranger().get(LIVE).status == 401
    assert node.commands == []


def test_another_areas_camera_does_not_exist_for_the_visitor(site: Site, node: Node) -> None:
    """Where a camera stands now counts; one that stands nowhere is for who sees everything."""
    before = site.archive.registry()
    areas = (Area("north", "town", "Bắc"), Area("south", "town", "Nam"))
    camera = Camera(NODE, "gate", places=(Place(area="north"),))
    after = replace(before, areas=areas, cameras=(camera,))
    assert site.archive.replace_registry(before, after)
    of_south = site.client("anna", scope=Scope(areas=frozenset({"south"})))
    assert of_south.get(LIVE).status == 404
    of_north = site.client("binh", scope=Scope(areas=frozenset({"north"})))
    assert of_north.get(f"{API}/nodes/{NODE}/cameras/yard/live").status == 404
    assert node.commands == []
    with Watcher(of_north) as viewer:
        until(lambda: viewer.data == b"initkey")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{API}/nodes/nobody/cameras/gate/live", 404),
        (f"{API}/nodes/{NODE}/cameras/yard/live", 404),
        (f"{API}/nodes/{NODE}/cameras/Gate/live", 422),
        (f"{LIVE}?form=gif", 422),
        (f"{LIVE}?stream=huge", 422),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    site: Site, node: Node, path: str, status: int
) -> None:
    """Before any node hears of it."""
    assert site.client("anna").get(path).status == status
    assert node.commands == []


def test_a_node_that_is_offline_is_told_at_once(site: Site, node: Node) -> None:
    """Nobody waits for what cannot come."""
    site.node_keys.clear()
    answer = site.client("anna").get(LIVE)
    assert (answer.status, answer.get("error")) == (503, "offline")


@pytest.mark.parametrize("how", ["logs out", "is disabled", "is moved", "is idle for too long"])
def test_who_may_not_watch_any_more_is_cut_off(site: Site, node: Node, how: str) -> None:
    """An answer without an end must not outlive the right to it."""
    client = site.client("anna")
    user = site.archive.people.user_named("anna")
    assert user is not None
    with Watcher(client) as viewer:
        until(lambda: viewer.data == b"initkey")
        if how == "logs out":
            assert client.request("DELETE", f"{API}/session").status == 204
        elif how == "is disabled":
            gone = replace(user, disabled_utc=site.clock.utc())
            users.change(site.archive, user, gone, site.actor())
        elif how == "is moved":
            before = site.archive.registry()
            south_only = replace(before, areas=(Area("south", "town", "Nam"),))
            assert site.archive.replace_registry(before, south_only)
            south = replace(user, scope=Scope(areas=frozenset({"south"})))
            users.change(site.archive, user, south, site.actor())
        else:
            site.clock.advance(IDLE.total_seconds() + 60)
        until(lambda: viewer.is_over)
    until(lambda: node.commands[-1].name == commands.LIVE_STOP)


def test_a_viewer_who_takes_nothing_is_let_go_and_others_see_everything(
    site: Site, node: Node
) -> None:
    """What waits for the slow one is bounded, and so is the time that they hold a connection."""
    client = site.client("anna")
    with Watcher(client) as quick:
        until(lambda: quick.data == b"initkey")
        slow = http.client.HTTPSConnection(client.host, client.port, context=client._context)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        slow.request("GET", LIVE, headers={"Cookie": cookies})
        until(lambda: sum(s.viewers for s in site.relay._streams.values()) == 2)
        sent = 0
        while sum(s.viewers for s in site.relay._streams.values()) == 2:
            node.send(live.pack(Kind.KEYFRAME, bytes(500_000)))
            sent += 500_000
            until(lambda total=sent: len(quick.data) >= total)  # type: ignore[misc]
            time.sleep(0.2)
        slow.close()
        node.send(live.pack(Kind.KEYFRAME, b"the last"))
        until(lambda: quick.data.endswith(b"the last"))
        assert len(quick.data) == len(b"initkey") + sent + len(b"the last")


@pytest.mark.parametrize("ends", ["cuts the line", "sends nonsense"])
def test_when_the_node_fails_its_viewers_see_the_end(site: Site, node: Node, ends: str) -> None:
    """They may ask again, which begins a new stream."""
    client = site.client("anna")
    with Watcher(client) as viewer:
        until(lambda: viewer.data == b"initkey")
        if ends == "cuts the line":
            node._posts[-1].close()
        else:
            node.send(b"\x03\xff\xff\xff\xff")
        until(lambda: viewer.is_over)
    with Watcher(client) as again:
        until(lambda: again.data == b"initkey")


def test_a_node_that_is_shut_out_is_cut_off_in_the_middle_of_its_stream(
    site: Site, node: Node
) -> None:
    """Its viewers see the end, and it sends nothing more."""
    administrator = site.client("chi", "administrator")
    with Watcher(site.client("an")) as watcher:
        until(lambda: b"key" in watcher.data)
        reply = administrator.send("POST", f"{API}/nodes/{NODE}/revoke", {})
        assert reply.status == 200
        until(lambda: watcher.is_over)
    with pytest.raises((OSError, http.client.HTTPException)):
        for _ in range(200):
            node.send(live.pack(Kind.MORE, bytes(100_000)))


def test_no_more_watch_than_the_hub_relays_to_also_of_one_stream(
    site: Site, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes too late is told so, and may come when somebody has gone."""
    monkeypatch.setattr(relay, "MAX_VIEWERS", 2)
    client = site.client("anna")
    with Watcher(client) as one:
        with Watcher(client) as two:
            assert (one.status, two.status) == (200, 200)
            answer = client.get(LIVE)
            assert (answer.status, answer.get("error")) == (503, "busy")
        until(lambda: sum(s.viewers for s in site.relay._streams.values()) == 1)
        with Watcher(client) as three:
            assert three.status == 200
