"""Access units: puts together what FFmpeg splits, one coded picture each.

Some senders repeat SPS and PPS before every slice of a keyframe; FFmpeg's parser then cuts the
picture into several packets of one PTS, which no MP4 can hold. The pieces are joined here, bytes
untouched. Only keyframes wait for the next packet, so that other pictures are not delayed; a
sender that splits those too makes all of them wait from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.media import nal
from edge.media.packet import VideoCodec

MAX_UNIT_BYTES = 16 * 2**20  # beyond any picture; a joined unit stops growing there


@dataclass(slots=True)
class Unit:
    """One coded picture or audio frame as read, its times in ticks and perhaps unknown.

    `new_extradata` comes with the first picture for which other parameters hold. `is_jump` is set
    where the times start anew.
    """

    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    is_keyframe: bool
    arrival_mono_ns: int
    new_extradata: bytes | None = None
    is_jump: bool = False


class Joiner:
    """Joins the pieces of one picture. One video stream, one thread."""

    def __init__(self, codec: VideoCodec, prefix_bytes: int) -> None:
        self._codec: VideoCodec = codec
        self._prefix_bytes = prefix_bytes
        self._held: Unit | None = None
        self._last: Unit | None = None
        self._holds_all = False

    def push(self, unit: Unit) -> list[Unit]:
        """Take the next packet; the pictures that are complete now, in order."""
        held, self._held = self._held, None
        if held and self._continues(held, unit):
            self._held = _joined(held, unit)
            return []
        done = [held] if held else []
        if self._last and self._continues(self._last, unit):
            self._holds_all = True
        if unit.is_keyframe or self._holds_all:
            self._held, self._last = unit, None
            return done
        self._last = unit
        return [*done, unit]

    def flush(self) -> list[Unit]:
        """What is still held, at the end of the stream."""
        held, self._held = self._held, None
        return [held] if held else []

    def _continues(self, before: Unit, unit: Unit) -> bool:
        if not _is_same_time(before, unit):
            return False
        if len(before.data) + len(unit.data) > MAX_UNIT_BYTES:
            return False
        return nal.starts_picture(self._codec, unit.data, self._prefix_bytes) is not True


def _is_same_time(before: Unit, after: Unit) -> bool:
    """By PTS, since FFmpeg makes up a DTS for each piece; unknown times contradict nothing."""
    if before.pts is not None and after.pts is not None:
        return before.pts == after.pts
    return before.dts is None or after.dts is None or before.dts == after.dts


def _joined(before: Unit, after: Unit) -> Unit:
    before.data += after.data
    before.pts = after.pts if before.pts is None else before.pts
    before.dts = after.dts if before.dts is None else before.dts
    before.is_keyframe |= after.is_keyframe
    before.new_extradata = before.new_extradata or after.new_extradata
    return before
