"""Uploads over real HTTP: the server with its archive and stores, in this process."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.clock import SystemClock
from edge.base.durable import PartFile
from edge.base.errors import DiskFullError, StorageError
from hub.api import uploads as uploads_module
from hub.api.app import make_app
from hub.api.upload_store import Appending, UploadStore
from hub.api.uploads import Uploads
from hub.archive import SqliteArchive
from hub.archive.audit import Deed
from hub.archive.values import Clip, Event
from hub.clipstore import FileClipStore
from hub.config import HttpSettings
from hub.registry import accounts
from hub.web.node_gate import NodeGate
from hub.web.server import listen, serve
from tests.harness.broker import free_port
from tests.harness.patience import wait_until
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal
from tests.hub.tus_client import TusClient

CLIP = os.urandom(600_000)
SHA256 = hashlib.sha256(CLIP).hexdigest()


class Server:
    """The upload server over one state folder; can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = SqliteArchive(folder / "archive.sqlite")
        self.stored: list[Clip] = []
        self.event = ""
        self.start()

    def start(self) -> None:
        """Listen on a free port, in a thread of its own."""
        self.clips = FileClipStore(self.folder / "clips", suffix=".mp4")
        self.store = UploadStore(self.folder / "uploads")
        self.gate = NodeGate(self.archive)
        self.uploads = Uploads(
            self.archive, self.clips, self.store, SystemClock(), on_stored=self._note,
            gate=self.gate,
        )  # fmt: skip
        self.uploads.finish_complete()
        settings = HttpSettings(port=free_port())
        self.url = f"http://127.0.0.1:{settings.port}"
        self.port = settings.port
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        listener = listen(settings)

        async def until() -> None:
            await self._stopping.wait()

        def run() -> None:
            self._loop.run_until_complete(serve(make_app(self.uploads), settings, listener, until))

        self._thread = threading.Thread(target=run, name="server")
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; everything else is on disk."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def restart(self) -> None:
        """As after a crash: nothing of the old process is used again."""
        self.stop()
        self.start()

    def client(self, node: str) -> TusClient:
        """A node with an account."""
        secret = accounts.add(self.archive, node, "node", SystemClock())
        return TusClient(self.url, node, secret)

    def announce(self, *contents: bytes, node: str = "gate-1") -> str:
        """Archive an event with a clip of each of these contents; its id."""
        lines = Journal(node).event(clip=contents[-1], more_parts=contents[:-1])
        self.archive.write(batch(lines))
        self.event = str(lines[0].header.event)
        return self.event

    def _note(self, clip: Clip, event: Event) -> None:
        assert event.clips_stored > 0
        self.stored.append(clip)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that listens."""
    made = Server(tmp_path)
    yield made
    made.stop()
    made.archive.close()


@pytest.fixture
def node(server: Server) -> TusClient:
    """The node gate-1, which announced CLIP."""
    server.announce(CLIP)
    return server.client("gate-1")


def begin(server: Server, node: TusClient, content: bytes = CLIP) -> str:
    """Create the upload; its path."""
    answer = node.create(server.event, content)
    assert answer.status == 201, answer.body
    return answer.headers["location"]


def test_a_clip_comes_up_in_pieces_and_is_stored(server: Server, node: TusClient) -> None:
    """Creation, offsets, and the verified clip in store and archive."""
    path = begin(server, node)
    assert node.head(path).offset == 0
    assert node.append(path, 0, CLIP[:250_000]).offset == 250_000
    head = node.head(path)
    assert (head.status, head.offset, head.headers["upload-length"]) == (200, 250_000, "600000")
    assert head.headers["cache-control"] == "no-store"
    answer = node.append(path, 250_000, CLIP[250_000:])
    assert (answer.status, answer.offset) == (204, len(CLIP))
    assert [clip.sha256 for clip in server.stored] == [SHA256]
    assert b"".join(server.clips.read(SHA256)) == CLIP
    assert node.head(path).status == 404
    assert list((server.folder / "uploads").iterdir()) == []


def test_an_upload_goes_on_after_a_restart_at_its_durable_offset(
    server: Server, node: TusClient
) -> None:
    """A restart of the hub costs no byte that was acknowledged."""
    path = begin(server, node)
    node.append(path, 0, CLIP[:400_001])
    server.restart()
    again = TusClient(server.url, "gate-1", node.secret)
    assert again.head(path).offset == 400_001
    assert begin(server, again) == path
    assert again.append(path, 400_001, CLIP[400_001:]).status == 204
    assert server.clips.size_of(SHA256) == len(CLIP)


def test_a_clip_that_no_record_announced_is_not_taken(server: Server, node: TusClient) -> None:
    """Wrong content, event, part or size, and another node's clip: 409, saying why."""
    assert node.create(server.event, CLIP + b"x").error == "not_announced"
    assert node.create(server.event, CLIP, part=1).error == "not_announced"
    answer = node.create(server.event, CLIP, upload_length="5")
    assert (answer.status, answer.error) == (409, "size")
    other = server.client("gate-2")
    assert other.create(server.event, CLIP).status == 409


def test_only_a_node_with_its_secret_may_upload(server: Server, node: TusClient) -> None:
    """No header, a wrong secret, a reader's secret, an unknown name: all 401."""
    reader = accounts.add(server.archive, "home", "reader", SystemClock())
    for client in (
        TusClient(server.url, "gate-1", "wrong"),
        TusClient(server.url, "home", reader),
        TusClient(server.url, "nobody", ""),
    ):
        answer = client.create(server.event, CLIP)
        assert (answer.status, answer.error) == (401, "unauthorised")
    for header in (None, "Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 600):
        assert node.create(server.event, CLIP, authorization=header).status == 401


def test_another_nodes_upload_does_not_exist(server: Server, node: TusClient) -> None:
    """Knowing the location is no right to it."""
    path = begin(server, node)
    other = server.client("gate-2")
    assert other.head(path).status == 404
    assert other.append(path, 0, b"x").status == 404
    assert other.request("DELETE", path).status == 404
    assert node.head(path).status == 200


def test_bytes_at_another_offset_are_refused(server: Server, node: TusClient) -> None:
    """Neither a gap nor an overlap gets in."""
    path = begin(server, node)
    node.append(path, 0, CLIP[:1000])
    for offset in ("0", "1001", "-1", "x", "", None):
        answer = node.append(path, 0, CLIP[:10], upload_offset=offset)
        assert (answer.status, answer.error) == (409, "offset")
    assert node.head(path).offset == 1000


def test_more_bytes_than_announced_are_refused(server: Server, node: TusClient) -> None:
    """Also when the length is not told beforehand."""
    path = begin(server, node)
    assert node.append(path, 0, CLIP + b"x").status == 413
    assert node.head(path).offset == 0


def test_a_clip_with_the_wrong_bytes_is_dropped(server: Server, node: TusClient) -> None:
    """Nothing is stored, and the node may begin again."""
    path = begin(server, node)
    answer = node.append(path, 0, b"\0" * len(CLIP))
    assert (answer.status, answer.error) == (460, "hash")
    assert server.stored == []
    assert server.clips.size_of(SHA256) is None
    assert node.head(path).status == 404
    path = begin(server, node)
    assert node.append(path, 0, CLIP).status == 204


def test_a_piece_that_fails_its_checksum_is_taken_back(server: Server, node: TusClient) -> None:
    """The checksum extension: the upload stays where it was."""
    path = begin(server, node)
    node.append(path, 0, CLIP[:1000])
    good = base64.b64encode(hashlib.sha256(CLIP[1000:2000]).digest()).decode()
    answer = node.append(path, 1000, b"\0" * 1000, upload_checksum=f"sha256 {good}")
    assert (answer.status, answer.error) == (460, "checksum")
    assert node.head(path).offset == 1000
    assert node.append(path, 1000, CLIP[1000:2000], upload_checksum=f"sha256 {good}").offset == 2000
    for wrong in ("md5 AAAA", "sha256 !!", "sha256 AAAA"):
        assert node.append(path, 2000, b"", upload_checksum=wrong).status == 400


def test_a_stored_clip_is_not_asked_for_again(server: Server, node: TusClient) -> None:
    """A node whose acknowledgement was lost learns that it can go on, and is told again."""
    path = begin(server, node)
    node.append(path, 0, CLIP)
    answer = node.create(server.event, CLIP)
    assert (answer.status, answer.body) == (200, b'{"stored":true}')
    assert len(server.stored) == 2


def test_a_clip_adopted_before_a_crash_is_found_again(server: Server, node: TusClient) -> None:
    """Death between the clip store and the archive's row costs no second upload."""
    server.clips.keep(CLIP, SHA256)
    assert node.create(server.event, CLIP).status == 200
    assert [clip.sha256 for clip in server.stored] == [SHA256]


def test_an_upload_that_was_whole_at_a_crash_is_finished_at_start(
    server: Server, node: TusClient
) -> None:
    """Death between the last byte and the clip store costs no second upload either."""
    path = begin(server, node)
    upload = server.store.find(path.rpartition("/")[2], "gate-1")
    assert upload is not None
    appending = Appending(server.store, upload)
    appending.write(CLIP)
    appending.commit()
    server.restart()
    assert server.clips.size_of(SHA256) == len(CLIP)
    assert [clip.sha256 for clip in server.stored] == [SHA256]


def test_leftovers_of_a_crash_are_cleared_at_start(server: Server) -> None:
    """A part that was never told to anyone, and a note whose part was adopted."""
    folder = server.folder / "uploads"
    (folder / "aa.part").write_bytes(b"x")
    (folder / "bb.json").write_text("{}")
    (folder / "cc.json.part").write_text("{")
    server.restart()
    assert list(folder.iterdir()) == []


def test_an_abandoned_upload_expires(server: Server, node: TusClient) -> None:
    """Nothing added for a day: its bytes are given back."""
    path = begin(server, node)
    node.append(path, 0, CLIP[:1000])
    (part,) = (server.folder / "uploads").glob("*.part")
    a_day_ago_s = time.time() - 24 * 3600 - 1
    os.utime(part, (a_day_ago_s, a_day_ago_s))
    server.uploads.drop_expired()
    assert node.head(path).status == 404
    assert list((server.folder / "uploads").iterdir()) == []


def test_an_upload_can_be_given_up(server: Server, node: TusClient) -> None:
    """The termination extension."""
    path = begin(server, node)
    assert node.request("DELETE", path).status == 204
    assert node.head(path).status == 404


def test_a_full_disk_takes_nothing_and_says_so(
    server: Server, node: TusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """507; the upload goes on from its offset when there is room again."""
    path = begin(server, node)
    node.append(path, 0, CLIP[:1000])
    with monkeypatch.context() as patch:

        def fail(file: PartFile, data: bytes) -> int:
            raise DiskFullError("no space")

        patch.setattr(PartFile, "write", fail)
        answer = node.append(path, 1000, CLIP[1000:])
        assert (answer.status, answer.error) == (507, "disk_full")
    assert node.head(path).offset == 1000
    assert node.append(path, 1000, CLIP[1000:]).status == 204
    assert server.clips.size_of(SHA256) == len(CLIP)


def test_a_failed_flush_drops_the_upload(
    server: Server, node: TusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fsync the bytes on disk are unknown, so the node begins again."""
    path = begin(server, node)
    with monkeypatch.context() as patch:

        def fail(file: PartFile) -> None:
            raise StorageError("input/output error")

        patch.setattr(PartFile, "flush_to_disk", fail)
        answer = node.append(path, 0, CLIP[:1000])
        assert (answer.status, answer.error) == (503, "storage")
    assert node.head(path).status == 404
    assert begin(server, node) != path


def test_a_request_in_another_version_or_form_is_refused(server: Server, node: TusClient) -> None:
    """tus version, content type, metadata and length are checked before anything is written."""
    assert node.create(server.event, CLIP, tus_resumable=None).status == 412
    assert node.create(server.event, CLIP, tus_resumable="0.2.2").status == 412
    for metadata in ("", "clip", "clip !!", "clip AAAA,sha256 AAAA", "x" * 5000, None):
        assert node.create(server.event, CLIP, upload_metadata=metadata).status == 400
    for length in ("-1", "0", "x", "9" * 30, None):
        assert node.create(server.event, CLIP, upload_length=length).status == 400
    assert node.create(server.event, CLIP, upload_length=str(2**40)).status == 413
    path = begin(server, node)
    assert node.append(path, 0, b"x", content_type="text/plain").status == 415
    for name in ("../archive.sqlite", "..%2farchive.sqlite", "%00", "x" * 3000):
        assert node.head(f"/uploads/{name}").status == 404


def test_options_say_what_the_server_can_do(server: Server, node: TusClient) -> None:
    """The protocol's discovery, without log-in."""
    answer = node.request(
        "OPTIONS", "/uploads", headers={"authorization": None, "tus_resumable": None}
    )
    assert answer.status == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert "checksum" in answer.headers["tus-extension"]


def test_two_writers_to_one_upload_do_not_mix(server: Server, node: TusClient) -> None:
    """The second is locked out while the first one's body is on its way."""
    path = begin(server, node)
    first = _half_request(server, node, path, 2000, CLIP[:1000])
    wait_until(lambda: server.uploads.is_busy, 30, poll_s=0.01)
    answer = node.append(path, 0, CLIP[:10])
    assert (answer.status, answer.error) == (423, "locked")
    assert node.request("DELETE", path).status == 423
    first.close()


def test_what_came_before_a_cut_counts(server: Server, node: TusClient) -> None:
    """A connection lost in the middle of a piece does not lose the bytes that arrived."""
    path = begin(server, node)
    cut = _half_request(server, node, path, len(CLIP), CLIP[:300_000])
    cut.shutdown(socket.SHUT_RDWR)
    cut.close()
    wait_until(lambda: node.head(path).offset > 0 and not server.uploads.is_busy, 30, poll_s=0.01)
    offset = node.head(path).offset
    assert offset <= 300_000
    assert node.append(path, offset, CLIP[offset:]).status == 204


@pytest.mark.parametrize("is_header_whole", [False, True])
def test_half_a_request_is_cut_off(
    server: Server, node: TusClient, monkeypatch: pytest.MonkeyPatch, is_header_whole: bool
) -> None:
    """A client that stops in the middle of a header or a body cannot hold its connection."""
    monkeypatch.setattr(uploads_module, "STALL_S", 0.2)
    path = begin(server, node)
    if is_header_whole:
        sock = _half_request(server, node, path, 2000, b"x" * 100)
    else:
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    answer = b""
    while data := sock.recv(4096):
        answer += data
    assert (b" 408 " in answer) == is_header_whole
    sock.close()


def _half_request(
    server: Server, node: TusClient, path: str, length: int, data: bytes
) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Authorization: Basic {node.login}\r\nContent-Length: {length}\r\n"
        "Content-Type: application/offset+octet-stream\r\n\r\n"
    )
    sock.sendall(head.encode() + data)
    return sock


def test_a_node_that_is_shut_out_is_cut_off_in_the_middle_of_an_upload(
    server: Server, node: TusClient
) -> None:
    """What its request brought is let go; what came before stays where it was."""
    path = begin(server, node)
    assert node.append(path, 0, CLIP[:200_000]).status == 204
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    line.putrequest("PATCH", path)
    for name, value in {
        "Tus-Resumable": "1.0.0", "Authorization": f"Basic {node.login}",
        "Content-Type": "application/offset+octet-stream", "Upload-Offset": "200000",
        "Content-Length": "400000",
    }.items():  # fmt: skip
        line.putheader(name, value)
    line.endheaders()
    line.send(CLIP[200_000:500_000])
    deed = Deed(SystemClock().utc(), "an", "command", "", "node.revoke", "node:gate-1")
    assert server.archive.enrolments.revoke("gate-1", deed)
    assert server.gate.refresh() == {"gate-1"}
    line.send(CLIP[500_000:])
    assert line.getresponse().status == 401
    line.close()
    assert node.append(path, 200_000, b"x").status == 401
    assert server.stored == []
    (data,) = (each for each in (server.folder / "uploads").rglob("*") if each.is_file()
               and each.stat().st_size > 100_000)  # fmt: skip
    assert data.stat().st_size == 200_000
