"""Sees from outside that a recorder gets on: it reads the ring at least twice a second."""

from __future__ import annotations

from edge.base.mark import Mark
from edge.camera.encoders import EncodedReader, Encoders
from edge.gop.ring import PacketRing
from edge.media.packet import Packet, VideoStream


class TracedHistory:
    """A ring for one recorder, as H.264 or H.265, which touches `mark` whenever it reads."""

    def __init__(self, ring: PacketRing, mark: Mark, encoders: Encoders) -> None:
        self._ring = ring
        self._mark = mark
        self._encoders = encoders

    @property
    def is_closed(self) -> bool:
        """Whether nothing will be appended any more."""
        return self._ring.is_closed

    def reader_before(
        self, pts: int, pre_roll_s: float, *, stream: VideoStream | None
    ) -> TracedReader:
        """A reader from the keyframe at or before `pts` minus `pre_roll_s` on."""
        reader = self._ring.reader_before(pts, pre_roll_s, stream=stream)
        return TracedReader(self._encoders.reader(self._ring, reader, stream), self._mark)


class TracedReader:
    """A place in the ring that touches a mark."""

    def __init__(self, reader: EncodedReader, mark: Mark) -> None:
        self._reader = reader
        self._mark = mark

    @property
    def lost_packets(self) -> int:
        """Video packets that were dropped before they could be read, so far."""
        return self._reader.lost_packets

    @property
    def is_behind(self) -> bool:
        """Whether packets wait that could not be given yet."""
        return self._reader.is_behind

    def read(self, max_packets: int, timeout_s: float) -> list[Packet]:
        """The next packets in order, waiting up to `timeout_s` for the first."""
        self._mark.touch()
        return self._reader.read(max_packets, timeout_s)

    def close(self) -> None:
        """Let go of the packets."""
        self._reader.close()
