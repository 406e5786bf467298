"""Segments: chunks that can each be read alone, whatever became of the others."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.motion import MotionSettings, Polygon, Zone
from edge.trace import segment
from edge.trace.lines import Mark
from edge.trace.segment import Chunk, Damage
from tests.edge.trace import made

CHUNKS = [
    segment.encode(made.head(), made.crossing(10 * number, seconds=1.0)) for number in range(3)
]
WHOLE = b"".join(CHUNKS)


def chunks(data: bytes) -> list[Chunk]:
    """Those that hold."""
    return [each for each in segment.read(data) if isinstance(each, Chunk)]


def damage(data: bytes) -> list[Damage]:
    """What does not."""
    return [each for each in segment.read(data) if isinstance(each, Damage)]


def test_a_segment_comes_back_with_all_that_its_lines_mean() -> None:
    """Settings, zones and masks that ran are part of a trace, so that it explains itself."""
    corners = ((0.1, 0.2), (0.9, 0.2), (0.5, 0.9))
    motion = MotionSettings(
        sensitivity=7, zones=(Zone("drive", corners),), masks=(Polygon(corners),), quiet_s=2.5
    )
    head = made.head(motion=motion)
    lines = [*made.crossing(1.0), Mark(round(5e9), "event.started", made.EVENT)]
    (found,) = chunks(segment.encode(head, lines))
    assert found.head == head
    assert [each.mono_ns for each in found.lines] == [each.mono_ns for each in lines]


def test_times_are_placed_by_the_clock_that_the_chunk_was_written_by() -> None:
    """Wall time follows from the monotonic clock, before and after the reading."""
    head = made.head(mono_s=1000, utc=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert head.at(round(940e9)) == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)


@pytest.mark.parametrize("at", [0, 3, 5, 9, 20, len(CHUNKS[0]) - 1])
def test_a_damaged_chunk_costs_itself_and_is_reported(at: int) -> None:
    """One flipped bit, wherever it is: the other chunks are read, the damage is told."""
    broken = bytearray(WHOLE)
    broken[len(CHUNKS[0]) + at] ^= 0x10
    assert [each.lines[0].mono_ns for each in chunks(bytes(broken))] == [0, 20 * 10**9]
    (found,) = damage(bytes(broken))
    assert (found.offset, found.size_bytes) == (len(CHUNKS[0]), len(CHUNKS[1]))
    assert found.reason


@given(st.integers(0, len(WHOLE)))
def test_a_torn_segment_keeps_what_was_whole(size: int) -> None:
    """A power cut tears the end off: everything before it is read, and where that ends is known."""
    torn = WHOLE[:size]
    whole = sum(size >= end for end in ends())
    assert len(chunks(torn)) == whole
    assert segment.sound_bytes(torn) == [0, *ends()][whole]
    assert bool(damage(torn)) == (size not in (0, *ends()))


def ends() -> list[int]:
    """Where the chunks end."""
    return [sum(map(len, CHUNKS[: number + 1])) for number in range(3)]


@given(st.binary(max_size=300), st.integers(0, 3))
def test_whatever_lies_between_chunks_is_skipped(noise: bytes, where: int) -> None:
    """Sectors of something else do no harm."""
    data = b"".join([*CHUNKS[:where], noise, *CHUNKS[where:]])
    assert len(chunks(data)) == 3
    assert sum(each.size_bytes for each in damage(data)) == len(noise)


@given(st.binary(max_size=400))
def test_a_chunk_with_any_content_is_read_or_refused(raw: bytes) -> None:
    """Even with a checksum that holds, nothing but chunks and damage comes out."""
    body = zlib.compress(raw)
    data = struct.pack("<4sII", segment.MAGIC, len(body), zlib.crc32(body)) + body
    assert len(list(segment.read(data))) == 1


def test_a_small_chunk_that_inflates_beyond_all_measure_is_refused() -> None:
    """What a node sends cannot make the hub take gigabytes."""
    body = zlib.compress(bytes(64 * 2**20), 9)
    data = struct.pack("<4sII", segment.MAGIC, len(body), zlib.crc32(body)) + body
    (found,) = damage(data)
    assert "more than" in found.reason


def test_a_trace_of_a_later_version_is_named_as_such() -> None:
    """An old reader says what it cannot read."""
    (found,) = damage(b"\xc7TR2" + CHUNKS[0][4:])
    assert "version '2'" in found.reason
