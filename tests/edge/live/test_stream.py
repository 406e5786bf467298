"""One live stream of a node: its lease, its end, and that it harms nothing when it fails."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge.base.clock import FakeClock
from edge.contract import live
from edge.contract.live import Kind, Piece, Unpacker
from edge.live.stream import LiveStream
from edge.uplink.livepost import LivePost
from tests.harness.patience import wait_until

WAIT_S = 60.0
ID, TOKEN = "1d" * 16, "70" * 16


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, WAIT_S)


@dataclass
class Hub:
    """An HTTP server that takes streams, and what it got."""

    url: str
    status: int = 200
    pieces: list[Piece] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    was_finished: bool = False
    lines: list[socket.socket] = field(default_factory=list)

    def hang_up(self) -> None:
        for line in self.lines:
            line.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def hub() -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            made.requests.append((self.path, self.headers[live.TOKEN_HEADER]))
            made.lines.append(self.connection)
            if made.status != 200:
                self.send_error(made.status)
                return
            unpacker = Unpacker()
            while size := int(self.rfile.readline() or b"0", 16):
                made.pieces.extend(unpacker.feed(self.rfile.read(size)))
                self.rfile.readline()
            made.was_finished = self.rfile.readline() == b"\r\n"

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    made = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Pictures:
    """Pieces without a camera: one each time, or none, or an error."""

    def __init__(self, piece: bytes | None = None, error: Exception | None = None) -> None:
        self._piece = piece
        self._error = error

    def take(self, timeout_s: float) -> list[bytes]:
        time.sleep(0.01)
        if self._error is not None:
            raise self._error
        return [] if self._piece is None else [self._piece]


def make(hub: Hub, clock: FakeClock, pieces: Pictures) -> LiveStream:
    post = LivePost(hub.url, user="gate-3", secret="secret", ca_file=None)
    return LiveStream("gate", post, pieces, clock, stream=ID, token=TOKEN)


def test_a_stream_brings_its_token_and_its_pieces(hub: Hub) -> None:
    """To the address that its id names; told to stop, it ends its request in good order."""
    stream = make(hub, FakeClock(), Pictures(live.pack(Kind.JPEG, b"picture")))
    stream.start(30)
    until(lambda: len(hub.pieces) > 3)
    stream.stop()
    assert stream.join(WAIT_S)
    until(lambda: hub.was_finished)
    assert hub.requests == [(f"/{live.PATH}/{ID}", TOKEN)]
    assert set(hub.pieces) == {Piece(Kind.JPEG, b"picture")}


def test_a_stream_that_nobody_renews_ends_with_its_lease(hub: Hub) -> None:
    """A hub that forgot it, or whose commands do not arrive, costs no more than that."""
    clock = FakeClock()
    stream = make(hub, clock, Pictures(live.pack(Kind.JPEG, b"picture")))
    stream.start(30)
    until(lambda: len(hub.pieces) > 0)
    clock.advance(29)
    stream.renew(30)
    clock.advance(29)
    before = len(hub.pieces)
    until(lambda: len(hub.pieces) > before + 1)
    clock.advance(2)
    assert stream.join(WAIT_S)
    until(lambda: hub.was_finished)


def test_while_the_camera_is_silent_the_hub_hears_that_the_node_lives(hub: Hub) -> None:
    """Or it would take the connection for a dead one."""
    clock = FakeClock()
    stream = make(hub, clock, Pictures())
    stream.start(300)
    until(lambda: bool(hub.requests))

    def is_heard() -> bool:
        clock.advance(1)
        return len(hub.pieces) >= 2

    until(is_heard)
    stream.stop()
    assert stream.join(WAIT_S)
    assert set(hub.pieces) == {Piece(Kind.IDLE, b"")}


@pytest.mark.parametrize("how", ["hangs up", "refuses", "is away"])
def test_a_hub_that_does_not_take_it_ends_the_stream_and_nothing_else(
    hub: Hub, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread ends by itself; the log says why."""
    caplog.set_level("INFO")
    if how == "refuses":
        hub.status = 404
    elif how == "is away":
        hub.url = "http://127.0.0.1:9"
    stream = make(hub, FakeClock(), Pictures(live.pack(Kind.JPEG, bytes(100_000))))
    stream.start(30)
    if how == "hangs up":
        until(lambda: len(hub.pieces) > 3)
        hub.hang_up()
    assert stream.join(WAIT_S)
    ended = next(each.message for each in caplog.records if "ended after" in each.message)
    assert "takes no more" in ended or "answered" in ended or "reached" in ended, ended


def test_a_fault_in_the_stream_stays_in_it(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback in the log, for it is a bug."""
    stream = make(hub, FakeClock(), Pictures(error=ZeroDivisionError()))
    stream.start(30)
    assert stream.join(WAIT_S)
    assert "ZeroDivisionError" in caplog.text
