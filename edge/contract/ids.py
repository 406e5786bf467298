"""Event ids: UUIDv7 (RFC 9562 section 5.7), made once, on the node.

For links only: a node without a set clock writes a wrong time into it, so nothing may be ordered
or expired by it.
"""

from __future__ import annotations

import os
import uuid
from datetime import datetime


def new_event(utc: datetime) -> str:
    """A fresh event id that carries `utc`'s milliseconds."""
    millis = max(0, int(utc.timestamp() * 1000)) & (2**48 - 1)
    random = int.from_bytes(os.urandom(10), "big")
    value = (
        millis << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64 | 0b10 << 62 | random & (2**62 - 1)
    )
    return str(uuid.UUID(int=value))
