"""A byte stream of H.264 or H.265 (Annex B) to coded pictures. Pure, and safe on any bytes.

Which of the two it is, its first parameter set tells. A picture is complete when the next one
begins, so each leaves one frame interval late, as from FFmpeg's parser.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.capture.units import MAX_UNIT_BYTES
from edge.media import nal
from edge.media.packet import VideoCodec

START = b"\x00\x00\x01"
PEEK_BYTES = 3  # of a unit: a header of two bytes at most, and the first byte of a slice
# The kinds that stand before the slices of the next picture, H.264 7.4.1.2.3, H.265 7.4.2.4.4
LEADING: dict[VideoCodec, frozenset[int]] = {
    "h264": frozenset({6, 7, 8, 9, 14, 15, 16, 17, 18}),
    "hevc": frozenset({32, 33, 34, 35, 39, *range(41, 45), *range(48, 56)}),
}
H264_IDR = 5
HEVC_IRAP = range(16, 24)  # H.265 table 7-1


@dataclass(frozen=True, slots=True)
class Picture:
    """One coded picture with what stood before it; `arrival_mono_ns` of its first slice."""

    data: bytes
    is_keyframe: bool
    is_bipredicted: bool
    """An H.264 B picture, which is shown before one that came earlier."""
    arrival_mono_ns: int


class Splitter:
    """Cuts a stream into pictures. One thread. `codec` is None until it is known."""

    def __init__(self) -> None:
        self.codec: VideoCodec | None = None
        self.dropped_bytes = 0
        self._bytes = bytearray()
        self._at = 0
        self._has_start = False
        self._has_slice = self._is_keyframe = self._is_bipredicted = False
        self._arrival_ns = 0
        self._leading_at: int | None = None

    def push(self, data: bytes, arrival_mono_ns: int) -> list[Picture]:
        """Take what was read; the pictures that are complete now.

        Raises ValueError for a picture larger than any camera's.
        """
        self._bytes += data
        pictures: list[Picture] = []
        while (found := self._bytes.find(START, self._at)) >= 0:
            if found + len(START) + PEEK_BYTES > len(self._bytes):
                self._at = found
                return pictures
            unit = bytes(self._bytes[found + len(START) : found + len(START) + PEEK_BYTES])
            self._at = found + len(START)
            self._take(unit, found, arrival_mono_ns, pictures)
        self._at = max(self._at, len(self._bytes) - len(START) + 1)
        if self.codec is None:
            self._drop(self._before(self._at))
        if len(self._bytes) > MAX_UNIT_BYTES:
            raise ValueError(f"no picture ends within {MAX_UNIT_BYTES} bytes")
        return pictures

    def _take(self, unit: bytes, found: int, arrival_ns: int, pictures: list[Picture]) -> None:
        """A unit begins at `found`, with these bytes."""
        if self.codec is None:
            self.codec = _codec_of(unit)
        if self.codec is None:
            return
        if not self._has_start:
            start = self._before(found)
            self._drop(start)
            self._has_start, found = True, found - start
        kind = nal.kind_of(self.codec, unit)
        is_slice = nal.is_slice(self.codec, kind)
        is_first = is_slice and bool(unit[nal.HEADER_BYTES[self.codec]] & 0x80)
        if self._has_slice and kind in LEADING[self.codec]:
            # Some senders repeat parameter sets before every slice: the next slice decides.
            self._leading_at = found if self._leading_at is None else self._leading_at
        if is_slice:
            if self._has_slice and is_first:
                pictures.append(self._cut(found if self._leading_at is None else self._leading_at))
            self._leading_at = None
            if not self._has_slice:
                self._arrival_ns = arrival_ns
            self._has_slice = True
            self._is_keyframe |= kind == H264_IDR if self.codec == "h264" else kind in HEVC_IRAP
            self._is_bipredicted |= is_first and self.codec == "h264" and _is_b_slice(unit[1])

    def _cut(self, end: int) -> Picture:
        end = self._before(end)
        picture = Picture(
            bytes(self._bytes[:end]), self._is_keyframe, self._is_bipredicted, self._arrival_ns
        )
        del self._bytes[:end]
        self._at -= end
        self._has_slice = self._is_keyframe = self._is_bipredicted = False
        return picture

    def _before(self, start: int) -> int:
        """Where a start code begins, with its zero byte if it has one (H.264 B.1.2)."""
        return start - 1 if start and not self._bytes[start - 1] else start

    def _drop(self, count: int) -> None:
        del self._bytes[:count]
        self._at -= count
        self.dropped_bytes += count


def _codec_of(unit: bytes) -> VideoCodec | None:
    """By a unit that is a parameter set: H.265's have a second header byte of 1 (layer 0)."""
    if unit[:2] in (b"\x40\x01", b"\x42\x01"):
        return "hevc"
    return "h264" if unit[0] in (0x27, 0x47, 0x67) else None


def _is_b_slice(first_byte: int) -> bool:
    """slice_type 1 or 6 (H.264 7.4.3), right after the one bit of first_mb_in_slice 0."""
    rest = first_byte & 0x7F
    return rest >> 4 == 0b010 or rest >> 2 == 0b00111
