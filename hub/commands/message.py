"""A command as it is sent and a reply as it came, free of the MQTT library and of the ingest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """A signed command, to be sent at QoS 1; the broker keeps it no longer than `expiry_s`."""

    topic: str
    payload: bytes
    signature: bytes
    response_topic: str
    correlation: bytes
    expiry_s: int


@dataclass(frozen=True)
class Said:
    """What came on a node's reply topics; a picture there belongs to the command `picture_of`."""

    node: str
    payload: bytes
    signature: bytes | None
    picture_of: str | None = None
