"""The words of the tus 1.0.0 resumable upload protocol: headers in, headers out. Pure.

tus.io/protocols/resumable-upload, version 1.0.0; extensions creation, checksum, expiration,
termination.
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import re
from dataclasses import dataclass

from edge.contract import names

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
CHECKSUM_MISMATCH = 460  # the protocol's own status
CONTENT_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARS = 4096
_CLIP = re.compile(rf"(?P<event>{names.EVENT_PATTERN})\.(?P<part>0|[1-9]\d{{0,3}})", re.ASCII)
_NUMBER = re.compile(r"0|[1-9]\d{0,15}", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """Which clip a client wants to upload, by its own words."""

    event: str
    part: int
    sha256: str
    size_bytes: int


def base_headers() -> dict[str, str]:
    """On every answer."""
    return {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}


def option_headers() -> dict[str, str]:
    """What this server can do."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(names.MAX_CLIP_BYTES),
        "Tus-Checksum-Algorithm": "sha256",
    }


def expires(expires_utc_s: float) -> str:
    """The value of Upload-Expires, RFC 9110 section 5.6.7."""
    return email.utils.formatdate(expires_utc_s, usegmt=True)


def number(text: str | None) -> int | None:
    """A whole number as headers carry it; None for anything else."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def claim(length: str | None, metadata: str | None) -> Claim:
    """The clip that Upload-Length and Upload-Metadata describe. Raises ValueError."""
    size_bytes = number(length)
    if size_bytes is None or size_bytes < 1:
        raise ValueError("Upload-Length must be the clip's length in bytes")
    values = parse_metadata(metadata or "")
    match = _CLIP.fullmatch(values.get("clip", ""))
    if match is None:
        raise ValueError("Upload-Metadata must have clip: <event>.<part>, base64")
    sha256 = values.get("sha256", "")
    if not re.fullmatch(names.HASH_PATTERN, sha256):
        raise ValueError("Upload-Metadata must have sha256: 64 hexadecimal digits, base64")
    return Claim(match["event"], int(match["part"]), sha256, size_bytes)


def parse_metadata(text: str) -> dict[str, str]:
    """The pairs of an Upload-Metadata header. Raises ValueError."""
    if len(text) > MAX_METADATA_CHARS:
        raise ValueError(f"Upload-Metadata of {len(text)} characters")
    values: dict[str, str] = {}
    for pair in text.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            values[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as err:
            raise ValueError(f"Upload-Metadata: {name[:40]!r} is not base64 of a text") from err
    return values


def checksum(text: str | None) -> bytes | None:
    """The SHA-256 that Upload-Checksum promises; None without the header. Raises ValueError."""
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm != "sha256":
        raise ValueError("Upload-Checksum: only sha256 is known here")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as err:
        raise ValueError("Upload-Checksum is not base64") from err
    if len(digest) != 32:
        raise ValueError("Upload-Checksum is not a SHA-256")
    return digest
