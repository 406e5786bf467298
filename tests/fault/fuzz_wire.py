"""Parsers of what comes over the network, on both sides."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path

from edge.base import clock, strictjson, units
from edge.contract import ack, documents, health, record, samples, status, topics
from edge.contract.errors import ContractError
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


def targets(_folder: Path) -> list[Target]:
    """Everything that needs no disk."""
    payloads: dict[str, list[bytes]] = {}
    for each in samples.samples(*SIGNERS):
        payloads.setdefault(each.channel, []).append(each.payload)
    said = [b for name in ("record", "ack", "status", "health") for b in payloads[name]]
    wire = [
        Target(name, payloads[name], call, (ContractError,), 4_000, JSON_PIECES)
        for name, call in (
            ("record", record.decode),
            ("ack", ack.decode),
            ("status", status.decode),
            ("health", health.decode),
        )
    ]
    clip = _pairs(clip=f"{EVENT}.0", sha256="a" * 64)
    return [
        *wire,
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


def _pairs(**values: str) -> bytes:
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items()
    ).encode()
