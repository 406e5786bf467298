"""As much of an MQTT 5 client as a simulated node needs, and so little that the load costs little.

Packets are encoded once, before the clock starts, and written as they are. One thread drives many
connections through a selector; nothing here reconnects.
"""

from __future__ import annotations

import base64
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from edge.contract import names

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9  # MQTT 5, table 2-1
PINGREQ, DISCONNECT = 12, 14
RECEIVE_MAXIMUM, USER_PROPERTY = 0x21, 0x26  # MQTT 5, table 2-4
PROPERTY_BYTES = {
    0x01: 1, 0x02: 4, 0x0B: 0, 0x11: 4, 0x13: 2, 0x17: 1, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2,
    0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip
READ_BYTES = 1 << 18
KEEP_ALIVE_S = 60


@dataclass(frozen=True)
class Received:
    """A PUBLISH from the broker."""

    topic: str
    payload: bytes
    signature: bytes


class WireError(Exception):
    """The broker refused, or ended the connection."""


class Wire:
    """One connection. `connect` blocks; afterwards the socket does not."""

    def __init__(self, port: int, user: str, password: str, topic_filter: str) -> None:
        """Connect, log in and subscribe at QoS 1. Raises WireError."""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = bytearray()
        self._out = bytearray()
        self._written_s = time.monotonic()
        self.unanswered = 0  # PUBLISH packets without a PUBACK
        self.refused = 0  # PUBACKs that say no
        self.receive_maximum = 65535
        self._log_in(user, password)
        self._subscribe(topic_filter)
        self.sock.setblocking(False)

    @property
    def has_output(self) -> bool:
        """Whether bytes wait for the socket."""
        return bool(self._out)

    def publish(self, packet: bytes) -> None:
        """Send what `publish_packet` made, as soon as the socket takes it."""
        self.unanswered += 1
        self._out += packet

    def flush(self) -> None:
        """Write what the socket takes now; a ping when nothing was written for long."""
        now_s = time.monotonic()
        if not self._out and now_s - self._written_s > KEEP_ALIVE_S / 2:
            self._out += bytes([PINGREQ << 4, 0])
        while self._out:
            self._written_s = now_s
            try:
                sent = self.sock.send(self._out)
            except BlockingIOError:
                return
            del self._out[:sent]

    def receive(self) -> list[Received]:
        """Messages that came; PUBACKs are counted. Raises WireError at the end."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise WireError("the broker ended the connection")
        self._in += data
        found = []
        for kind, flags, body in self._packets():
            if kind == PUBLISH:
                found.append(_received(flags, body))
            elif kind == PUBACK:
                self.unanswered -= 1
                self.refused += len(body) > 2 and body[2] >= 0x80
            elif kind == DISCONNECT:
                raise WireError(f"the broker says goodbye, reason {body[:1].hex()}")
        return found

    def close(self) -> None:
        """Cut the connection."""
        self.sock.close()

    def _packets(self) -> Iterator[tuple[int, int, bytes]]:
        at = 0
        while (head := _length(self._in, at + 1)) is not None:
            length, start = head
            if len(self._in) < start + length:
                break
            yield self._in[at] >> 4, self._in[at] & 15, bytes(self._in[start : start + length])
            at = start + length
        del self._in[:at]

    def _log_in(self, user: str, password: str) -> None:
        properties = bytes([RECEIVE_MAXIMUM]) + struct.pack(">H", 1000)
        body = _text("MQTT") + bytes([5, 0b1100_0010]) + struct.pack(">H", KEEP_ALIVE_S)
        body += _varint(len(properties)) + properties + _text(user) + _text(user) + _text(password)
        self.sock.sendall(_packet(CONNECT << 4, body))
        answer = self._wait_for(CONNACK)
        if answer[1]:
            raise WireError(f"{user} is refused, reason {answer[1]:#x}")
        for name, value in _properties(answer, 2):
            if name == RECEIVE_MAXIMUM:
                self.receive_maximum = int.from_bytes(value, "big")

    def _subscribe(self, topic_filter: str) -> None:
        body = struct.pack(">H", 1) + b"\0" + _text(topic_filter) + b"\1"
        self.sock.sendall(_packet(SUBSCRIBE << 4 | 2, body))
        if self._wait_for(SUBACK)[-1] >= 0x80:
            raise WireError(f"subscription to {topic_filter} refused")

    def _wait_for(self, kind: int) -> bytes:
        while True:
            for found, _, body in self._packets():
                if found == kind:
                    return body
            data = self.sock.recv(READ_BYTES)
            if not data:
                raise WireError("the broker ended the connection")
            self._in += data


def publish_packet(
    topic: str,
    payload: bytes,
    mid: int,
    signature: bytes | None = None,
    *,
    is_retained: bool = False,
) -> bytes:
    """A PUBLISH at QoS 1 with the signature as the contract wants it."""
    properties = b""
    if signature is not None:
        value = base64.b64encode(signature).decode("ascii")
        properties = bytes([USER_PROPERTY]) + _text(names.SIGNATURE_PROPERTY) + _text(value)
    body = _text(topic) + struct.pack(">H", mid) + _varint(len(properties)) + properties + payload
    return _packet(PUBLISH << 4 | 2 | is_retained, body)


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + _varint(len(body)) + body


def _received(flags: int, body: bytes) -> Received:
    length = int.from_bytes(body[:2], "big")
    topic, at = body[2 : 2 + length].decode(), 2 + length
    if flags & 0b110:
        at += 2
    signature = b""
    for name, value in _properties(body, at):
        if name == USER_PROPERTY:
            signature = base64.b64decode(value)
    size = _length(body, at)
    start = size[1] + size[0] if size else len(body)
    return Received(topic, body[start:], signature)


def _properties(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Identifiers and values; of a user property the value alone."""
    head = _length(body, at)
    length, at = head if head else (0, at)
    end = at + length
    while at < end:
        name, at = body[at], at + 1
        if name == USER_PROPERTY:
            at += 2 + int.from_bytes(body[at : at + 2], "big")
        size = PROPERTY_BYTES.get(name, 0)
        if not size:
            size, at = int.from_bytes(body[at : at + 2], "big"), at + 2
        yield name, body[at : at + size]
        at += size


def _length(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The variable byte integer at `at` and where it ends; None while it is incomplete."""
    value = 0
    for place in range(4):
        if at + place >= len(data):
            return None
        value |= (data[at + place] & 0x7F) << 7 * place
        if data[at + place] < 0x80:
            return value, at + place + 1
    raise WireError("malformed length")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data
