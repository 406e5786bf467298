"""The file format: chunks of lines, each of which can be read alone.

    segment = chunk chunk ...
    chunk   = magic (4 bytes)  body's size (4)  CRC-32 of the body (4)  body
    body    = deflated: size of the head (4)  head, JSON  lines (edge.trace.lines)

Numbers are little-endian. A chunk says by its head what its lines mean: whose they are, which
boot's clock they count by and how that relates to wall time, the small picture's size, the
sensitivities that were drawn, and the settings that ran. So a chunk that is torn or damaged costs
its own lines only: reading goes on at the next magic whose checksum holds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.base import schema, strictjson
from edge.base.schema import SchemaError, item
from edge.contract import names
from edge.contract.motion import MotionSettings
from edge.contract.parts import ClockState
from edge.motion.needs import LEAST, MOST
from edge.trace import lines
from edge.trace.errors import TraceError
from edge.trace.lines import MAX_LAYERS, MAX_PX, Line
from edge.trace.packing import Bytes

VERSION = 1
MAGIC = b"\xc7TR1"  # the last byte is the version
_FRAME = struct.Struct("<4sII")
_HEAD_SIZE = struct.Struct("<I")
MAX_BODY_BYTES = 2**20
MAX_RAW_BYTES = 2**20  # a node writes 128 KiB of lines at a time
MAX_SEGMENT_RAW_BYTES = 2**25  # what a hostile node can make a reader inflate, at most
MAX_HEAD_BYTES = 2**18  # 32 zones and 32 masks of 64 points each
MAX_SEGMENT_BYTES = 2**20  # a node closes it at half of that
COMPRESSION = 6


@dataclass(frozen=True)
class Head:
    """What a chunk's lines mean. `utc` is what the wall clock showed at `mono_ns`."""

    node: str = item("the node's name", pattern=names.NODE_PATTERN)
    camera: str = item("the camera's name", pattern=names.CAMERA_PATTERN)
    boot: str = item("id of the boot that times count from", pattern=names.BOOT_PATTERN)
    mono_ns: int = item("nanoseconds since boot at utc", min=0)
    utc: datetime = item("wall time as the node believed it at mono_ns")
    clock: ClockState = item("how far utc can be trusted")
    width: int = item("of the small picture, pixels", min=1, max=MAX_PX)
    height: int = item("of the small picture, pixels", min=1, max=MAX_PX)
    layers: tuple[int, ...] = item(
        "sensitivities that were drawn", max_items=MAX_LAYERS, min=LEAST,
        max=MOST,
    )  # fmt: skip
    motion: MotionSettings = item("the settings that ran")
    version: str = item("of the node's software", max_length=64)

    def at(self, mono_ns: int) -> datetime:
        """Wall time at a moment of this boot. Raises OverflowError beyond all calendars."""
        return self.utc + timedelta(microseconds=(mono_ns - self.mono_ns) / 1000)


@dataclass(frozen=True)
class Chunk:
    """Lines that were written together."""

    head: Head
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Damage:
    """Bytes that are no chunk, or one that is damaged."""

    offset: int
    size_bytes: int
    reason: str


def pack(head: Head, encoded: bytes) -> bytes:
    """A chunk of `encoded` lines, the first of which counts from 0."""
    text = strictjson.dumps(schema.dump(head))
    body = zlib.compress(_HEAD_SIZE.pack(len(text)) + text + encoded, COMPRESSION)
    return _FRAME.pack(MAGIC, len(body), zlib.crc32(body)) + body


def encode(head: Head, found: Sequence[Line]) -> bytes:
    """A chunk of these lines."""
    out, before_ns = bytearray(), 0
    for line in found:
        out += lines.encode(line, before_ns)
        before_ns = line.mono_ns
    return pack(head, bytes(out))


def read(data: bytes) -> Iterator[Chunk | Damage]:
    """The chunks of a segment in order, and what lies between them that is none."""
    offset = broken_from = raw_bytes = 0
    reason = ""
    while offset < len(data):
        try:
            body, size_bytes = _body(data, offset)
            raw = _inflated(body, MAX_RAW_BYTES)
            raw_bytes += len(raw)
            if raw_bytes > MAX_SEGMENT_RAW_BYTES:
                raise TraceError("a segment that inflates beyond all measure")  # noqa: TRY301
            chunk = _chunk(raw)
        except TraceError as err:
            reason = reason or str(err)
            found = data.find(MAGIC, offset + 1)
            offset = len(data) if found < 0 else found
            continue
        if broken_from < offset:
            yield Damage(broken_from, offset - broken_from, reason)
        yield chunk
        offset = broken_from = offset + size_bytes
        reason = ""
    if broken_from < len(data):
        yield Damage(broken_from, len(data) - broken_from, reason)


def sound_bytes(data: bytes) -> int:
    """How many bytes from the front hold, up to the end of the last whole chunk."""
    end = offset = 0
    while (offset := data.find(MAGIC, offset)) >= 0:
        try:
            _, size_bytes = _body(data, offset)
        except TraceError:
            offset += 1
            continue
        end = offset = offset + size_bytes
    return end


def _body(data: bytes, offset: int) -> tuple[bytes, int]:
    """The checked body at `offset`, and the chunk's size. Raises TraceError."""
    if len(data) - offset < _FRAME.size:
        raise TraceError("the file ends within a chunk")
    magic, size_bytes, crc = _FRAME.unpack_from(data, offset)
    if magic != MAGIC:
        is_newer = magic[:3] == MAGIC[:3]
        raise TraceError(
            f"a trace of version {magic[3:].decode('latin-1')!r}, known is {VERSION}"
            if is_newer
            else "no chunk begins here"
        )
    start = offset + _FRAME.size
    if size_bytes > MAX_BODY_BYTES:
        raise TraceError(f"a chunk of {size_bytes} bytes")
    body = data[start : start + size_bytes]
    if len(body) < size_bytes:
        raise TraceError("the file ends within a chunk")
    if zlib.crc32(body) != crc:
        raise TraceError("a chunk whose checksum does not hold")
    return body, _FRAME.size + size_bytes


def heads(data: bytes) -> Iterator[Head]:
    """What the chunks of a segment say of themselves; their lines are left alone."""
    offset = 0
    while (offset := data.find(MAGIC, offset)) >= 0:
        try:
            body, size_bytes = _body(data, offset)
            head, _ = _split(_inflated(body, MAX_HEAD_BYTES, is_whole=False))
        except TraceError:
            offset += 1
            continue
        yield head
        offset += size_bytes


def _inflated(body: bytes, most: int, *, is_whole: bool = True) -> bytes:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(body, most)
    except zlib.error as err:
        raise TraceError(f"a chunk that cannot be inflated: {err}") from err
    if is_whole and (inflater.unconsumed_tail or not inflater.eof):
        raise TraceError(f"a chunk of more than {most} bytes, or cut short")
    return raw


def _split(raw: bytes) -> tuple[Head, int]:
    """The head, and where the lines begin."""
    if len(raw) < _HEAD_SIZE.size:
        raise TraceError("a chunk without a head")
    (head_size,) = _HEAD_SIZE.unpack_from(raw)
    end = _HEAD_SIZE.size + head_size
    return _head(raw[_HEAD_SIZE.size : end]), end


def _chunk(raw: bytes) -> Chunk:
    head, end = _split(raw)
    return Chunk(head, _lines(Bytes(raw[end:]), head))


def _head(text: bytes) -> Head:
    try:
        head = schema.load(Head, strictjson.loads(text, max_bytes=MAX_HEAD_BYTES), unknown="ignore")
        head.at(0)
        head.at(head.mono_ns + 2**55)
    except (SchemaError, ValueError, OverflowError) as err:
        raise TraceError(f"a head that cannot be used: {str(err).splitlines()[0]}") from err
    if not head.layers:
        raise TraceError("a head that names no layers")
    return head


def _lines(data: Bytes, head: Head) -> tuple[Line, ...]:
    found = []
    before_ns = 0
    while not data.is_at_end:
        line = lines.decode(data, before_ns)
        before_ns = line.mono_ns
        if before_ns >= head.mono_ns + 2**55:
            raise TraceError("a time a year after its chunk was written")
        found.append(line)
    return tuple(found)
