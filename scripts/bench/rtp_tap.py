"""A tap in the line between a camera and its one client: notes when each frame sets out.

Bytes pass unchanged. A frame is known by the first bytes of its slice, read from the RTP that is
interleaved with RTSP (RFC 7826 section 14, RFC 6184), so no clock of either side is trusted.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Mapping

HOST = "127.0.0.1"
FINGERPRINT_BYTES = 48  # of a slice, behind the NAL unit's header; sensor noise makes them unique
FU_A = 28  # RFC 6184 section 5.8
START_BIT = 0x80
RTP_HEADER_BYTES = 12  # without extension, as the test camera sends it
READ_BYTES = 65536
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


def fingerprint(unit: bytes) -> bytes:
    """What a NAL unit is known by."""
    return unit[1 : 1 + FINGERPRINT_BYTES]


class RtpTap:
    """Forwards one connection to `port` of the loopback, in two threads, until `close`."""

    def __init__(self, port: int, frames: Mapping[bytes, int]) -> None:
        """`frames`: the number of each frame by its `fingerprint`."""
        self._target_port = port
        self._frames = frames
        self._sent_s: dict[int, float] = {}
        self._sockets = [socket.create_server((HOST, 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="rtp tap", daemon=True)
        self._thread.start()

    def sent_s(self, frame: int) -> float:
        """When the frame's first packet went by, `time.monotonic`. Raises KeyError."""
        return self._sent_s[frame]

    @property
    def newest(self) -> int:
        """Number of the newest frame that went by, -1 before the first."""
        return max(self._sent_s, default=-1)

    def close(self) -> None:
        """Hang up on both."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in self._sockets:
            each.close()

    def _run(self) -> None:
        try:
            client, _ = self._sockets[0].accept()
            camera = socket.create_connection((HOST, self._target_port), 10)
        except OSError:
            return
        camera.settimeout(None)
        for each in (client, camera):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets += [client, camera]
        back = threading.Thread(target=_forward, args=(client, camera), daemon=True)
        back.start()
        self._watch(camera, client)
        back.join()

    def _watch(self, camera: socket.socket, client: socket.socket) -> None:
        """Forward what the camera sends, and look at it afterwards."""
        waiting = bytearray()
        with contextlib.suppress(OSError):
            while data := camera.recv(READ_BYTES):
                now_s = time.monotonic()
                client.sendall(data)
                waiting += data
                while (size := _message_bytes(waiting)) and len(waiting) >= size:
                    if waiting[0] == ord("$") and waiting[1] == 0:
                        self._note(bytes(waiting[4 + RTP_HEADER_BYTES : size]), now_s)
                    del waiting[:size]
        _hang_up(client)

    def _note(self, payload: bytes, now_s: float) -> None:
        if payload[0] & 0x1F == FU_A:
            if not payload[1] & START_BIT:
                return
            payload = payload[1:]
        number = self._frames.get(fingerprint(payload))
        if number is not None:
            self._sent_s.setdefault(number, now_s)


def _message_bytes(waiting: bytearray) -> int:
    """Size of the interleaved packet or RTSP answer at the beginning, 0 if not yet known."""
    if len(waiting) < 4:
        return 0
    if waiting[0] == ord("$"):
        return 4 + int.from_bytes(waiting[2:4], "big")
    end = waiting.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = _LENGTH.search(waiting, 0, end)
    return end + 4 + (int(length[1]) if length else 0)


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(READ_BYTES):
            target.sendall(data)
    _hang_up(target)


def _hang_up(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
