"""Whether a file is a whole MP4 of so many pictures: a reader of its own, apart from the product's.

ISO/IEC 14496-12: boxes from the first byte to the last, one moov, sample sizes and places in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})


class TornError(Exception):
    """The file is not a whole MP4."""


def count_pictures(path: Path) -> int:
    """How many pictures the video track has, every one within the file. Raises TornError."""
    data = path.read_bytes()
    kinds = [kind for kind, _, _ in _boxes(data, 0, len(data))]
    if kinds[:1] != [b"ftyp"] or kinds.count(b"moov") != 1 or b"mdat" not in kinds:
        raise TornError(f"its boxes are {b' '.join(kinds).decode('latin-1')}")
    mdats = [(start, end) for kind, start, end in _boxes(data, 0, len(data)) if kind == b"mdat"]
    for track in _find(data, b"trak", 0, len(data)):
        if any(data[at + 8 : at + 12] == b"vide" for at, _ in _find(data, b"hdlr", *track)):
            return _check_track(data, track, mdats)
    raise TornError("no video track")


def _check_track(data: bytes, track: tuple[int, int], mdats: list[tuple[int, int]]) -> int:
    """The track's number of samples; each must lie in an mdat."""
    sizes = _sizes(data, track)
    chunks = _chunks(data, track)
    runs = _runs(data, track, len(chunks))
    sample = 0
    for offset, count in zip(chunks, runs, strict=True):
        length = sum(sizes[sample : sample + count])
        sample += count
        if not any(start <= offset and offset + length <= end for start, end in mdats):
            raise TornError(f"pictures up to {sample} lie outside the data")
    if sample != len(sizes):
        raise TornError(f"{sample} pictures have a place, {len(sizes)} a size")
    return sample


def _sizes(data: bytes, track: tuple[int, int]) -> list[int]:
    at, _ = _one(data, b"stsz", track)
    fixed, count = struct.unpack_from(">II", data, at + 4)
    return [fixed] * count if fixed else list(struct.unpack_from(f">{count}I", data, at + 12))


def _chunks(data: bytes, track: tuple[int, int]) -> list[int]:
    for kind, form in ((b"stco", "I"), (b"co64", "Q")):
        for at, _ in _find(data, kind, *track):
            (count,) = struct.unpack_from(">I", data, at + 4)
            return list(struct.unpack_from(f">{count}{form}", data, at + 8))
    raise TornError("no chunk offsets")


def _runs(data: bytes, track: tuple[int, int], chunks: int) -> list[int]:
    """Samples in each chunk."""
    at, _ = _one(data, b"stsc", track)
    (count,) = struct.unpack_from(">I", data, at + 4)
    rows = [struct.unpack_from(">III", data, at + 8 + 12 * row) for row in range(count)]
    ends = [row[0] for row in rows[1:]] + [chunks + 1]
    return [row[1] for row, end in zip(rows, ends, strict=True) for _ in range(row[0], end)]


def _one(data: bytes, kind: bytes, within: tuple[int, int]) -> tuple[int, int]:
    found = next(_find(data, kind, *within), None)
    if found is None:
        raise TornError(f"no {kind.decode('latin-1')}")
    return found


def _find(data: bytes, wanted: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The insides of all boxes of that kind, at any depth."""
    for kind, inside, after in _boxes(data, start, end):
        if kind == wanted:
            yield inside, after
        if kind in PARENTS:
            yield from _find(data, wanted, inside, after)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte inside, and first byte after, of each box."""
    while at < end:
        if end - at < 8:
            raise TornError(f"{end - at} bytes too many")
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        if size < head or at + size > end:
            raise TornError(f"box {kind.decode('latin-1')} at {at} does not end in the file")
        yield kind, at + head, at + size
        at += size
