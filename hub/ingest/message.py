"""What came over MQTT and what goes out, free of the client library."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge.contract import names
from edge.keys import SIGNATURE_BYTES


@dataclass(frozen=True)
class Message:
    """One message as received. `mid` and `connection` name it to the broker."""

    topic: str
    payload: bytes
    signature: bytes | None
    received_utc: datetime
    qos: int = 1
    mid: int = 0
    connection: int = 0


@dataclass(frozen=True)
class Publication:
    """One message to send; a signature travels beside the payload.

    `response_topic`, `correlation` and `expiry_s` are MQTT 5's properties of a request.
    """

    topic: str
    payload: bytes
    qos: int = 0
    is_retained: bool = False
    signature: bytes | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None


def signature_in(user_properties: Sequence[tuple[str, str]]) -> bytes | None:
    """The signature among MQTT 5 user properties; None where it is absent or malformed."""
    for name, value in user_properties:
        if name == names.SIGNATURE_PROPERTY:
            try:
                signature = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                return None
            return signature if len(signature) == SIGNATURE_BYTES else None
    return None


def signature_text(signature: bytes) -> str:
    """The value of the user property."""
    return base64.b64encode(signature).decode("ascii")
