"""Names and limits that both sides must agree on."""

from __future__ import annotations

import re

VERSION = 1  # the major version, in every document as "v" and in every topic

# A node's name equals its MQTT user name; the shape of an RFC 1123 host label, at most 32 long.
NODE_PATTERN = r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
CAMERA_PATTERN = NODE_PATTERN
ZONE_PATTERN = r"[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?"
LABEL_PATTERN = ZONE_PATTERN
EPOCH_PATTERN = r"[0-9a-f]{16}"
HASH_PATTERN = r"[0-9a-f]{64}"
BOOT_PATTERN = r"[0-9a-f]{32}"
EVENT_PATTERN = (
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"  # RFC 9562, UUIDv7
)
RANDOM_PATTERN = r"[0-9a-f]{32}"  # 128 random bits: ids of commands and streams, nonces
CLIP_PATTERN = EVENT_PATTERN + r"\.(0|[1-9][0-9]{0,3})"  # <event>.<part>

FIRST_HASH = "0" * 64  # `prev` of an epoch's first record
MAX_SEQ = 2**53 - 1  # JSON numbers are exact up to here, RFC 8259 section 6

MAX_RECORD_BYTES = 8 * 1024
MAX_ACK_BYTES = 64 * 1024
MAX_STATUS_BYTES = 16 * 1024
MAX_HEALTH_BYTES = 32 * 1024  # 64 cameras and what troubles them
MAX_SNAPSHOT_BYTES = 256 * 1024
MAX_CLIP_BYTES = 2 * 1024**3
MAX_WANTED_BYTES = 64 * 1024
MAX_APPLIED_BYTES = 256 * 1024  # 16 cameras with all their zones
MAX_COMMAND_BYTES = 4 * 1024
MAX_REPLY_BYTES = 4 * 1024
MAX_UPDATE_BYTES = 24 * 1024  # a release's manifest, escaped, and a little

MAX_DETAIL_CHARS = 300  # of camera.lost
MAX_FAULT_CHARS = 200  # of event.ended
MAX_PROBLEM_CHARS = 300  # of health
MAX_REPLY_CHARS = 300  # of a reply's detail

SIGNATURE_PROPERTY = "sig"  # MQTT 5 user property: base64 of the Ed25519 signature over the payload


def is_node(name: str) -> bool:
    """Whether `name` may name a node."""
    return re.fullmatch(NODE_PATTERN, name) is not None


def shorten(text: str, max_chars: int) -> str:
    """`text` as a document can carry it: one line, no lone surrogate, at most `max_chars` long."""
    line = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return line if len(line) <= max_chars else line[: max_chars - 3] + "..."


def is_event(text: str) -> bool:
    """Whether `text` is an event's id."""
    return re.fullmatch(EVENT_PATTERN, text) is not None
