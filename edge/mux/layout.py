"""Where things lie in a clip file, and the steps that turn an open one into a plain MP4.

    ftyp | free: head | free: room for the index | free -> mdat | moov | check | fragment ...

The open file is fragmented MP4; head and first moov have a check of their own, as fragments do.
Closing it moves no picture: the index (moov) goes into the room at the front, or behind the last
fragment where it is too long, and the free box before the first moov becomes an mdat that spans
all fragments, so that players see a plain file.

Order of closing (`close_up`), each step harmless if the next never comes
1. cut off what follows the last complete fragment   2. write the index   3. turn free into mdat
4. hash what was written   5. `PartFile.publish`: fsync, rename, fsync the folder.
Until step 5 the file is a `.part`, and `scan` finds head and fragments in it at any time, for
nothing of theirs is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from edge.base.durable import PartFile
from edge.mux import fragment
from edge.mux.boxes import HEADER_BYTES, box, box_header, find, walk
from edge.mux.clip import MAX_HEAD_BYTES, ClipHead, read_head, write_head
from edge.mux.moov import closed_moov, open_moov
from edge.mux.track import SampleTable, Track, TrackFormat

FTYP = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2iso6mp41")
HEAD_MAGIC = b"cwhd"
ROOM_BYTES = 16 * 1024  # an index of about a minute at 20 pictures a second; see docs/design
MAX_OPEN_MOOV_BYTES = 64 * 1024
MAX_MOOF_BYTES = 8 * 2**20
COPY_BYTES = 256 * 1024


class Bytes(Protocol):
    """A clip file to be read: a `PartFile`, or a complete one opened in binary mode."""

    def read(self, size_bytes: int, /) -> bytes:
        """Up to `size_bytes` from the current position; empty at the end."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Move the position."""


@dataclass(frozen=True)
class Front:
    """Offsets of the parts that are written once, before the fragments."""

    room_at: int
    mdat_at: int
    moov_at: int

    @classmethod
    def of(cls, head_box_bytes: int) -> Front:
        """The offsets, given the length of the head's box."""
        room_at = len(FTYP) + head_box_bytes
        mdat_at = room_at + ROOM_BYTES
        return cls(room_at, mdat_at, mdat_at + HEADER_BYTES)


@dataclass(frozen=True)
class Scanned:
    """What a clip file holds, open, closed or in between."""

    front: Front
    head: ClipHead
    tracks: list[Track]
    fragments_end: int


def front(head: ClipHead, formats: Sequence[TrackFormat]) -> tuple[Front, bytes]:
    """The first bytes of an open clip, up to where fragments begin."""
    head_box = box(b"free", HEAD_MAGIC, write_head(head))
    room = box(b"free", bytes(ROOM_BYTES - HEADER_BYTES))
    moov = open_moov(formats)
    check = fragment.check_box(crc32(head_box + moov))
    return Front.of(len(head_box)), FTYP + head_box + room + box(b"free") + moov + check


def close_up(part: PartFile, where: Front, tracks: Sequence[Track], fragments_end: int) -> str:
    """Steps 1 to 4 above. The SHA-256 of the whole file. Raises StorageError."""
    index = closed_moov(tracks)
    part.truncate(fragments_end)
    spare = ROOM_BYTES - len(index)
    if spare == 0 or spare >= HEADER_BYTES:
        part.seek(where.room_at)
        part.write(index + (box_header(b"free", spare - HEADER_BYTES) if spare else b""))
    else:
        part.seek(fragments_end)
        part.write(index)
    part.seek(where.mdat_at)
    part.write(box_header(b"mdat", fragments_end - where.moov_at))
    return hash_of(part)


def scan(part: Bytes) -> Scanned | None:
    """Read a clip up to its last complete fragment; None where no picture can be had.

    Reads bytes that a crash may have mangled: anything that does not fit ends the scan. Raises
    what reading raises.
    """
    part.seek(0)
    begin = part.read(len(FTYP) + HEADER_BYTES + len(HEAD_MAGIC) + MAX_HEAD_BYTES)
    boxes = list(walk(begin))[:2]
    if len(boxes) < 2 or not begin.startswith(FTYP) or boxes[1].kind != b"free":
        return None
    payload = begin[boxes[1].start : boxes[1].end]
    where = Front.of(boxes[1].end - len(FTYP))
    part.seek(where.moov_at)
    moov = _read_box(part, b"moov", MAX_OPEN_MOOV_BYTES)
    if not payload.startswith(HEAD_MAGIC) or moov is None:
        return None
    crc = crc32(begin[len(FTYP) : boxes[1].end] + moov)
    if part.read(fragment.CHECK_BYTES) != fragment.check_box(crc):
        return None
    try:
        head = read_head(payload[len(HEAD_MAGIC) :])
        formats = _read_formats(moov)
    except (ValueError, struct.error):
        return None
    tracks = [(form, SampleTable()) for form in formats]
    at = where.moov_at + len(moov) + fragment.CHECK_BYTES
    while (end := _scan_fragment(part, at, tracks)) is not None:
        at = end
    has_pictures = any(len(table) for form, table in tracks if not form.is_audio)
    return Scanned(where, head, tracks, at) if has_pictures else None


def _scan_fragment(part: Bytes, at: int, tracks: Sequence[Track]) -> int | None:
    """Add the fragment that begins at `at` to the tables; where it ends, or None if it is none."""
    part.seek(at)
    moof = _read_box(part, b"moof", MAX_MOOF_BYTES)
    header = part.read(HEADER_BYTES) if moof else b""
    if not moof or len(header) < HEADER_BYTES or header[4:] != b"mdat":
        return None
    left = int.from_bytes(header[:4], "big") - HEADER_BYTES
    end = at + len(moof) + HEADER_BYTES + left
    crc = crc32(header, crc32(moof))
    while left > 0:
        piece = part.read(min(left, COPY_BYTES))
        if not piece:
            return None
        crc, left = crc32(piece, crc), left - len(piece)
    if left < 0 or part.read(fragment.CHECK_BYTES) != fragment.check_box(crc):
        return None
    try:
        runs = fragment.parse(moof, [form for form, _ in tracks])
    except ValueError:
        return None
    by_track = {form.track: table for form, table in tracks}
    for form, offset, samples in runs:
        by_track[form.track].add_chunk(at + offset, samples)
    return end + fragment.CHECK_BYTES


def _read_formats(moov: bytes) -> list[TrackFormat]:
    """The tracks that `open_moov` declared. Raises ValueError or struct.error."""
    traks = walk(moov, HEADER_BYTES)
    return [_read_format(moov[each.start : each.end]) for each in traks if each.kind == b"trak"]


def _read_format(trak: bytes) -> TrackFormat:
    tkhd, mdhd, hdlr, elst, stsd = (
        find(trak, *path)
        for path in (
            (b"tkhd",),
            (b"mdia", b"mdhd"),
            (b"mdia", b"hdlr"),
            (b"edts", b"elst"),
            (b"mdia", b"minf", b"stbl", b"stsd"),
        )
    )
    if not (tkhd and mdhd and hdlr and elst and stsd):
        raise ValueError("a track without its headers")
    width, height = struct.unpack(">II", tkhd[-8:])
    return TrackFormat(
        track=struct.unpack_from(">12xI", tkhd)[0],
        is_audio=hdlr[8:12] == b"soun",
        timescale=max(1, struct.unpack_from(">12xI", mdhd)[0]),
        entry=stsd[8:],
        early=struct.unpack_from(">12xi", elst)[0],
        width=width >> 16,
        height=height >> 16,
    )


def _read_box(part: Bytes, kind: bytes, max_bytes: int) -> bytes | None:
    """The whole box at the current position, if it is of `kind` and complete."""
    header = part.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[4:] != kind:
        return None
    size = int.from_bytes(header[:4], "big")
    if not HEADER_BYTES <= size <= max_bytes:
        return None
    data = header + part.read(size - HEADER_BYTES)
    return data if len(data) == size else None


def write_again(part: PartFile, from_bytes: int) -> None:
    """Write what stands behind `from_bytes` once more, unchanged. Raises StorageError."""
    part.seek(from_bytes)
    while piece := part.read(COPY_BYTES):
        part.seek(-len(piece), os.SEEK_CUR)
        part.write(piece)


def hash_of(part: Bytes) -> str:
    """The SHA-256 of the whole file. Raises StorageError or OSError."""
    digest = hashlib.sha256()
    part.seek(0, os.SEEK_SET)
    while piece := part.read(COPY_BYTES):
        digest.update(piece)
    return digest.hexdigest()
