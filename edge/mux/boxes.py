"""ISO base media file format (ISO/IEC 14496-12): boxes, built and found. Bytes in, bytes out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 8
UNITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of `kind` around the concatenated parts."""
    return b"".join((box_header(kind, sum(map(len, parts))), *parts))


def box_header(kind: bytes, payload_bytes: int) -> bytes:
    """The header of a box whose payload is written separately."""
    return struct.pack(">I4s", HEADER_BYTES + payload_bytes, kind)


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True, slots=True)
class Found:
    """A box inside `data`: its kind, and where its payload lies."""

    kind: bytes
    start: int
    end: int


def walk(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Found]:
    """The boxes that lie one after the other; stops at one that does not fit."""
    end = len(data) if end is None else end
    while start + HEADER_BYTES <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < HEADER_BYTES or start + size > end:
            return
        yield Found(kind, start + HEADER_BYTES, start + size)
        start += size


def find(data: bytes, *kinds: bytes) -> bytes | None:
    """The payload of the first box reached by descending through `kinds`, or None."""
    start, end = 0, len(data)
    for kind in kinds:
        for each in walk(data, start, end):
            if each.kind == kind:
                start, end = each.start, each.end
                break
        else:
            return None
    return data[start:end]
