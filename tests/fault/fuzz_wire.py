"""Parsers of what comes over the network, on both sides."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path

from edge.base import clock, strictjson, units
from edge.contract import (
    ack,
    command,
    documents,
    health,
    live,
    record,
    reply,
    samples,
    status,
    topics,
)
from edge.contract.errors import ContractError
from edge.contract.live import Head, Kind, Unpacker
from edge.contract.record import Header
from edge.keys import KeyFileError, PrivateKey, PublicKey
from hub.api import tus
from hub.ingest.message import signature_in
from tests.fault.fuzz_engine import Target

SIGNERS = (PrivateKey(samples.NODE_SECRET).sign, PrivateKey(samples.HUB_SECRET).sign)
EVENT = "01890a5d-ac96-774b-bcce-b302099a8057"
JSON_PIECES = (
    b"NaN", b"-Infinity", b"1e999", b"null", b'"', b"\\u0000", b"\\ud800", b"\xff", b"[" * 64,
    b"9" * 25, b"9" * 5000, b"{}", b"[]", b'"v":1,', b":", b",", b"1.0", b"-", b"true",
)  # fmt: skip
TEXT_PIECES = (b"/", b"+", b"#", b"\0", b"..", b"\xed\xa0\x80", b"camwatch/1/", b"%2e", b" ", b",")


CHANNELS = ("record", "ack", "status", "health", "command", "reply")


def targets(_folder: Path) -> list[Target]:
    """Everything that needs no disk."""
    payloads: dict[str, list[bytes]] = {}
    for each in samples.samples(*SIGNERS):
        payloads.setdefault(each.channel, []).append(each.payload)
    said = [b for name in CHANNELS for b in payloads[name]]
    wire = [
        Target(name, payloads[name], call, (ContractError,), 4_000, JSON_PIECES)
        for name, call in (
            ("record", record.decode),
            ("ack", ack.decode),
            ("status", status.decode),
            ("health", health.decode),
            ("command", command.decode),
            ("reply", reply.decode),
        )
    ]
    head = Head(1, "fmp4", "large", 'video/mp4; codecs="avc1.42c016"', 640, 360)
    pieces = [
        live.pack(Kind.HEAD, live.encode_head(head)) + live.pack(Kind.JPEG, b"picture"),
        live.pack(Kind.INIT, b"init") + live.pack(Kind.KEYFRAME, b"key") + live.pack(Kind.IDLE),
    ]
    clip = _pairs(clip=f"{EVENT}.0", sha256="a" * 64)
    return [
        *wire,
        Target("live pieces", pieces, _unpacked, (ContractError,), 10_000, TEXT_PIECES),
        Target("strictjson", said, partial(strictjson.loads, max_bytes=9000), (ValueError,), 16_000,
               JSON_PIECES),
        Target("header", payloads["record"], partial(documents.load, Header, max_bytes=9000),
               (ContractError,), 4_000, JSON_PIECES),
        Target("topic", [f"camwatch/1/gate-1/snapshot/{EVENT}".encode(), b"camwatch/1/a/record"],
               lambda data: topics.parse(data.decode("utf-8", "surrogateescape")), (), 20_000,
               TEXT_PIECES),
        Target("tus metadata", [clip, _pairs(clip="../../etc/passwd", sha256="b" * 64), b"a ,b "],
               lambda data: tus.claim("10", _latin(data)), (ValueError,), 12_000, TEXT_PIECES),
        Target("tus length", [b"0", b"1", b"2147483648", b"9" * 16],
               lambda data: tus.number(_latin(data)), (), 10_000, TEXT_PIECES),
        Target("tus checksum", [b"sha256 " + base64.b64encode(bytes(32)), b"md5 AAAA"],
               lambda data: tus.checksum(_latin(data)), (ValueError,), 10_000, TEXT_PIECES),
        Target("signature", [base64.b64encode(bytes(64)), b"AAAA"],
               lambda data: signature_in([("sig", data.decode("utf-8", "replace"))]), (), 10_000,
               TEXT_PIECES),
        Target("public key", [PrivateKey(bytes(32)).public.text.encode(), b"AAAA="],
               lambda data: PublicKey.from_text(_latin(data)), (KeyFileError,), 3_000, TEXT_PIECES),
        Target("time", [b"2026-01-31T23:59:59.000Z", b"9999-12-31T23:59:59.999-23:59"],
               lambda data: clock.parse_utc(_latin(data)), (ValueError,), 10_000, JSON_PIECES),
        Target("duration", [b"10s", b"1.5h", b"250 ms"],
               lambda data: units.parse_duration_s(_latin(data)), (ValueError,), 5_000,
               JSON_PIECES),
        Target("size", [b"4GiB", b"1.5 MB", b"1024"],
               lambda data: units.parse_size_bytes(_latin(data)), (ValueError,), 5_000,
               JSON_PIECES),
    ]  # fmt: skip


def _latin(data: bytes) -> str:
    """Header bytes as an HTTP server hands them over, RFC 9110 section 5.5."""
    return data.decode("latin-1")


def _unpacked(data: bytes) -> None:
    """As the hub reads a live stream, in two blocks."""
    unpacker, middle = Unpacker(), len(data) // 2
    for piece in (*unpacker.feed(data[:middle]), *unpacker.feed(data[middle:])):
        if piece.kind is Kind.HEAD:
            live.decode_head(piece.data)


def _pairs(**values: str) -> bytes:
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items()
    ).encode()
