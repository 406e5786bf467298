"""A TCP proxy on the loopback that can delay, swallow, cut or refuse, for tests of bad networks."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
CHUNK_BYTES = 65536
MAX_PENDING_BYTES = 1 << 20  # per direction; past it the sender is made to wait
TICK_S = 0.02


class _Pipe:
    """One direction of one connection: what was read and when it may go on."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.pending: deque[tuple[float, bytes]] = deque()
        self.pending_bytes = 0
        self.has_ended = False
        self.is_done = False  # the end has been passed on too


class Proxy:
    """Forwards to `target_port` of the loopback in a thread; the port stays over `refuse`.

    Faults may be set from any thread and act on connections old and new.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._pipes: list[_Pipe] = []
        self._delay_s = 0.0
        self._is_swallowing = False
        self._is_holding = False
        self._is_closing = False
        self.connections = 0
        self._listener: socket.socket | None = None
        self.port = 0
        self._listen()
        self._thread = threading.Thread(target=self._run, name="fault proxy")
        self._thread.start()

    def delay(self, delay_s: float) -> None:
        """Let everything arrive this much later, in both directions."""
        with self._lock:
            self._delay_s = delay_s

    def swallow(self) -> None:
        """Black hole: connections are taken and stay open, bytes vanish, in both directions."""
        with self._lock:
            self._is_swallowing = True

    def hold(self) -> None:
        """A line that is starved: connections are taken and stay open, nothing gets on, and
        nothing is lost; what could not go on does so after `heal`."""
        with self._lock:
            self._is_holding = True

    @property
    def is_in_use(self) -> bool:
        """Whether a connection is open."""
        with self._lock:
            return bool(self._pipes)

    def cut(self) -> None:
        """Reset every open connection; new ones are welcome."""
        with self._lock:
            self._cut()

    def refuse(self) -> None:
        """Reset every open connection and refuse new ones."""
        with self._lock:
            self._cut()
            if self._listener is not None:
                self._listener.close()
                self._listener = None

    def heal(self) -> None:
        """Forward as it should; bytes swallowed before stay lost."""
        with self._lock:
            self._delay_s = 0.0
            self._is_swallowing = False
            self._is_holding = False
            if self._listener is None:
                self._listen()

    def close(self) -> None:
        """Reset all connections and end the thread."""
        self.refuse()
        self._is_closing = True
        self._thread.join()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.listen()
        listener.setblocking(False)
        self._listener = listener
        self.port = listener.getsockname()[1]

    def _cut(self) -> None:
        for pipe in self._pipes:
            for sock in (pipe.source, pipe.target):
                if sock.fileno() >= 0:
                    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, 0 s: RST
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    sock.close()
        self._pipes.clear()

    def _run(self) -> None:
        while not self._is_closing:
            with selectors.DefaultSelector() as selector:
                with self._lock:
                    if self._listener is not None:
                        selector.register(self._listener, selectors.EVENT_READ)
                    for pipe in [] if self._is_holding else self._pipes:
                        if not pipe.has_ended and pipe.pending_bytes < MAX_PENDING_BYTES:
                            selector.register(pipe.source, selectors.EVENT_READ, pipe)
                ready = selector.select(TICK_S)
            with self._lock:
                for key, _ in ready:
                    if key.data is None:
                        self._accept()
                    elif key.data in self._pipes and not self._is_holding:
                        self._read(key.data)
                for pipe in [] if self._is_holding else list(self._pipes):
                    self._forward(pipe)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        self.connections += 1
        try:
            server = socket.create_connection((HOST, self._target_port), timeout=5)
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setblocking(False)
        self._pipes += [_Pipe(client, server), _Pipe(server, client)]

    def _read(self, pipe: _Pipe) -> None:
        try:
            data = pipe.source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._drop(pipe)
            return
        pipe.has_ended = not data
        if not self._is_swallowing:
            pipe.pending.append((time.monotonic() + self._delay_s, data))
            pipe.pending_bytes += len(data)

    def _forward(self, pipe: _Pipe) -> None:
        while pipe.pending and pipe.pending[0][0] <= time.monotonic():
            due_s, data = pipe.pending.popleft()
            try:
                if not data:
                    pipe.target.shutdown(socket.SHUT_WR)
                    pipe.is_done = True
                    if all(each.is_done for each in self._pipes if each.source is pipe.target):
                        self._drop(pipe)
                    return
                sent = pipe.target.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._drop(pipe)
                return
            pipe.pending_bytes -= sent
            if sent < len(data):
                pipe.pending.appendleft((due_s, data[sent:]))
                return

    def _drop(self, pipe: _Pipe) -> None:
        ends = {pipe.source, pipe.target}
        self._pipes = [each for each in self._pipes if each.source not in ends]
        for sock in ends:
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
