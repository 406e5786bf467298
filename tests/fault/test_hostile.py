"""Floods over MQTT and HTTP requests that mean harm: others are served, nothing false is stored."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.contract import ids, topics
from edge.contract.parts import ClipRef, Instant
from edge.contract.record import EventEnded
from scripts.bench.mqtt_wire import Wire, publish_packet
from tests.fault.archive_files import read_hub
from tests.fault.hostile_town import ACK_S, HONEST, HOSTILE, HostileTown, hostile_town
from tests.hub.tus_client import TusClient
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("hostile")]

FLOOD, FLOOD_PER_S = 15_000, 5_000
SOCKETS = 200
CLOSE_S = 10.0  # docs/design: nobody holds a connection longer with half a request
MARGIN_S = 60.0  # for a loaded machine; what holds them open does so for longer
CLIP = random.Random(1).randbytes(700_000)
MAX_GROWTH_BYTES = 100 * 2**20


@dataclass
class Ground:
    """The town, and a client that may upload one announced clip."""

    town: HostileTown
    client: TusClient
    event: str

    @property
    def port(self) -> int:
        """Of the hub's HTTP server."""
        return int(self.town.town.hub.url.rpartition(":")[2])

    def announce(self, content: bytes) -> str:
        """Archive a record of the hostile node that announces a clip; the event's id."""
        now = Instant(datetime.now(UTC), time.monotonic_ns())
        event = ids.new_event(now.utc)
        clip = ClipRef(
            0, hashlib.sha256(content).hexdigest(), len(content), 900, "h264", 64, 48, now, 0, 0,
            (1, 90_000), 9,
        )  # fmt: skip
        body = EventEnded("motion", now, now, 0, "quiet", (), 0.5, 1, clip)
        node = self.town.hostile
        self.town.send_all(node, [node.make(body, event=event, camera="gate")])
        return event

    def begin(self, content: bytes) -> str:
        """Announce a clip and begin its upload; the upload's path."""
        answer = self.client.create(self.announce(content), content)
        assert answer.status == 201
        return answer.headers["location"]

    def is_healthy(self) -> bool:
        """Whether a stranger's plain request is answered, however long that takes."""
        login = {"authorization": None, "tus_resumable": None}
        return self.client.request("GET", "/healthz", headers=dict(login)).status == 200

    def stored(self) -> set[str]:
        """Hashes of the clips in the hub's store, computed here."""
        return set(read_hub(self.town.town.hub.state_dir).media("clips", ".mp4"))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One hub for all of these tests: each leaves it well."""
    with hostile_town(tmp_path_factory.mktemp("hostile")) as town:
        secret = town.enrolments[HOSTILE].secret
        made = Ground(town, TusClient(town.town.hub.url, HOSTILE, secret), "")
        made.event = made.announce(CLIP)
        yield made


def flood(ground: Ground, payloads: list[bytes], until: threading.Event) -> int:
    """Publish FLOOD messages at FLOOD_PER_S, PUBACKs counted and not waited for; how many."""
    address = ground.town.town.broker.address
    secret = ground.town.enrolments[HOSTILE].secret
    wire = Wire(address.port, HOSTILE, secret, topics.ack(HOSTILE))
    signature = os.urandom(64)
    packets = [
        publish_packet(topics.record(HOSTILE), payload, 1 + number % 60_000, signature)
        for number, payload in enumerate(payloads)
    ]
    began_s, sent = time.monotonic(), 0
    while sent < FLOOD and not until.is_set():
        due = min(FLOOD, int((time.monotonic() - began_s) * FLOOD_PER_S))
        while sent < due:
            wire.publish(packets[sent % len(packets)])
            sent += 1
        wire.flush()
        wire.receive()
        time.sleep(0.002)
    while wire.has_output and not until.is_set():
        wire.flush()
        wire.receive()
    wire.close()
    return sent


def test_a_flood_from_one_node_does_not_keep_others_from_being_archived(ground: Ground) -> None:
    """15,000 messages at 5,000 a second, half of them garbage and half with a false signature; an
    honest node's events are acknowledged meanwhile, and all of them are archived."""
    ground.town.hostile.close()  # one connection a name
    captured = [made.payload for made in ground.town.hostile.records]
    payloads = [captured[0], b"\xff" * 300, b'{"v":1}', captured[-1]]
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood, ground, payloads, stop)
        try:
            honest = 0
            while not flooding.done() or honest < 5:
                made = ground.town.honest.make_event()
                ground.town.send_all(ground.town.honest, list(made))
                honest += 1
        finally:
            stop.set()
    assert flooding.result() == FLOOD
    ground.town.hostile.connect()
    ground.town.send_all(ground.town.hostile, [ground.town.hostile.make_booted()])
    ground.town.expect_only(ground.town.honest)
    ground.town.expect_only(ground.town.hostile)
    counts = ground.town.counts()
    assert counts["refused.not_json"] > 500
    assert counts["refused.signature"] + counts["refused.no_signature"] > 500


HARMFUL_NAMES = [
    "../../../../etc/passwd", "/etc/passwd", "..%2f..%2fx", "x/../../y.0", "\0.0", "a" * 3000,
    "01890a5d-ac96-774b-bcce-b302099a8057.0/../../z", "01890a5d-ac96-774b-bcce-b302099a8057.-1",
    "01890A5D-AC96-774B-BCCE-B302099A8057.0", "01890a5d-ac96-774b-bcce-b302099a8057.00",
]  # fmt: skip


def pairs(**values: str) -> str:
    """An Upload-Metadata header."""
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items()
    )


def test_no_name_from_a_client_becomes_a_path(ground: Ground) -> None:
    """Neither in the metadata nor in the request's path; what lies on the disk is the hub's own."""
    digest = hashlib.sha256(CLIP).hexdigest()
    for name in HARMFUL_NAMES:
        for sha256 in (digest, "../" * 20 + digest[:4]):
            headers: dict[str, str | None] = {
                "upload_length": str(len(CLIP)),
                "upload_metadata": pairs(clip=name, sha256=sha256, filename="../../evil"),
            }
            assert ground.client.request("POST", "/uploads", headers=headers).status == 400
    for path in ("../archive.sqlite", "%2e%2e/archive.sqlite", "..%2f..%2fhub.key", "a" * 2000):
        assert ground.client.head(f"/uploads/{path}").status in (400, 404, 405)
        assert ground.client.append(f"/uploads/{path}", 0, b"x").status in (400, 404, 405)
    folder = ground.town.town.hub.state_dir
    strange = [
        path
        for top in ("uploads", "clips")
        for path in (folder / top).rglob("*")
        if path.is_file() and not set(path.name.partition(".")[0]) <= set("0123456789abcdef")
    ]
    assert strange == []
    assert not list(folder.parent.rglob("evil*"))


def test_wrong_offsets_lengths_and_bytes_never_become_a_clip(ground: Ground) -> None:
    """Each is refused with its own word; the wrong content is dropped, the right one is stored."""
    content = os.urandom(90_000)
    event = ground.announce(content)
    assert ground.client.create(event, content + b"x").error == "not_announced"
    changed = ground.client.create(event, content, upload_length=str(len(content) + 1))
    assert changed.error == "size"
    path = ground.client.create(event, content).headers["location"]
    for offset in (1, 90_000, 2**60):
        assert ground.client.append(path, offset, b"x").error == "offset"
    assert ground.client.append(path, -1, b"x").status == 409
    assert ground.client.append(path, 0, content + b"x").error == "too_large"
    checksum = "sha256 " + "A" * 43 + "="
    assert ground.client.append(path, 0, b"false", upload_checksum=checksum).error == "checksum"
    assert ground.client.append(path, 0, bytes(90_000)).error == "hash"
    assert ground.client.head(path).status == 404
    path = ground.client.create(event, content).headers["location"]
    assert ground.client.append(path, 0, content).status == 204
    assert hashlib.sha256(content).hexdigest() in ground.stored()
    assert hashlib.sha256(bytes(90_000)).hexdigest() not in ground.stored()


def test_many_writers_of_one_upload_end_in_one_whole_clip(ground: Ground) -> None:
    """Eight at a time for each piece: at most one wins, the others are told to look again."""
    content = os.urandom(800_000)
    event = ground.announce(content)
    path = ground.client.create(event, content).headers["location"]
    offset, piece = 0, 100_000
    with ThreadPoolExecutor(8) as pool:
        while offset < len(content):
            part = content[offset : offset + piece]
            answers = list(
                pool.map(lambda _n: ground.client.append(path, offset, part).status, range(8))  # noqa: B023
            )
            assert set(answers) <= {204, 404, 409, 423}
            assert answers.count(204) <= 1
            offset = min(len(content), offset + piece) if 204 in answers else offset
    assert hashlib.sha256(content).hexdigest() in ground.stored()


def test_abandoned_uploads_do_not_stand_in_the_way(ground: Ground) -> None:
    """Forty clients vanish in the middle of a body; each upload goes on where it was."""
    contents = [os.urandom(50_000) for _ in range(40)]
    paths = [ground.begin(content) for content in contents]
    for path in paths:
        with socket.create_connection(("127.0.0.1", ground.port), timeout=60) as sock:
            sock.sendall(head(ground, "PATCH", path, 50_000))
    for path, content in zip(paths, contents, strict=True):
        stage.wait(lambda: ground.client.head(path).status == 200, ACK_S, "the upload")  # noqa: B023
        offset = ground.client.head(path).offset
        assert offset == 0
        stage.wait(
            lambda: ground.client.append(path, 0, content).status == 204, ACK_S, "the clip"  # noqa: B023
        )  # fmt: skip
    assert {hashlib.sha256(content).hexdigest() for content in contents} <= ground.stored()


def head(ground: Ground, method: str, path: str, length: int, more: str = "") -> bytes:
    """The beginning of a request with a good login."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n"
        f"Authorization: Basic {ground.client.login}\r\nContent-Length: {length}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n{more}\r\n"
    ).encode()


def test_two_hundred_idle_and_slow_connections_are_closed_and_others_are_served(
    ground: Ground,
) -> None:
    """Silent ones, half a header, a body that trickles, a good answer and then nothing. Healthy
    requests are answered while they stand; then the server ends them."""
    path = ground.begin(os.urandom(60_000))
    half = head(ground, "PATCH", path, 60_000)
    kinds = [b"", half[:40], half, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]
    where = ("127.0.0.1", ground.port)
    socks = [socket.create_connection(where, timeout=60) for _ in range(SOCKETS)]
    try:
        for number, sock in enumerate(socks):
            sock.sendall(kinds[number % len(kinds)])
        for _ in range(20):
            assert ground.is_healthy()
        closed: set[int] = set()
        limit_s = time.monotonic() + CLOSE_S + MARGIN_S
        while len(closed) < SOCKETS and time.monotonic() < limit_s:
            for number, sock in enumerate(socks):
                if number not in closed and has_ended(sock, is_trickling=number % len(kinds) == 2):
                    closed.add(number)
            time.sleep(0.3)
        left = [number % len(kinds) for number in range(SOCKETS) if number not in closed]
        assert left == []
    finally:
        for sock in socks:
            sock.close()
    assert ground.is_healthy()


def has_ended(sock: socket.socket, *, is_trickling: bool) -> bool:
    """Whether the server closed it; a trickling one gets another byte."""
    sock.setblocking(False)
    try:
        if is_trickling:
            sock.send(b"z")
        while data := sock.recv(65536):
            if b"\r\n\r\n" in data and b"408" in data[:20]:
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_header_bombs_are_cut_off_and_take_no_memory(ground: Ground) -> None:
    """A header of megabytes, ten thousand headers, a request line without end, chunked nonsense."""
    before = resident_bytes(ground.town.town.hub.pid)
    bombs = [
        b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 4_000_000,
        b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(100_000)),
        b"GET /" + b"a" * 4_000_000,
        head(ground, "POST", "/uploads", 0, "Upload-Metadata: " + "clip YQ==," * 100_000 + "\r\n"),
        head(ground, "PATCH", "/uploads/x", 0, "Transfer-Encoding: chunked\r\n") + b"ffffffff\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
        b"\0" * 100_000,
    ]
    for bomb in bombs * 5:
        with socket.create_connection(("127.0.0.1", ground.port), timeout=60) as sock:
            try:
                sock.sendall(bomb)
                answer = sock.recv(65536)
            except OSError:
                answer = b""
            assert not answer or answer.split()[1][:1] == b"4", answer[:100]
    assert ground.is_healthy()
    assert resident_bytes(ground.town.town.hub.pid) - before < MAX_GROWTH_BYTES


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, proc(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_after_all_of_it_the_archive_is_what_both_nodes_sent(ground: Ground) -> None:
    """The hub ran through, without one traceback; every stored clip has its announced hash."""
    ground.town.expect_only(ground.town.honest)
    ground.town.expect_only(ground.town.hostile)
    assert ground.town.town.hub.is_running
    assert "Traceback" not in ground.town.town.hub.log_text
    announced = {
        each.body["clip"]["sha256"]
        for each in read_hub(ground.town.town.hub.state_dir).records
        if each.body.get("clip")
    }
    assert ground.stored() <= announced
    events = ground.town.town.query("--node", HONEST)
    assert len(events) == len({made.event for made in ground.town.honest.records}) - 1
