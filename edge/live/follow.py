"""Reads what a camera sends now, from its newest keyframe on, and never holds recording up.

Between two reads nothing is held in the ring, so a viewer's slow line keeps no packet there. Who
falls behind goes on at the newest keyframe. The ring is the only queue.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.base.clock import Clock
from edge.gop.ring import PacketRing
from edge.live.picture import NEWEST_PTS, STALE_S, newest_gop
from edge.media.packet import Packet

MAX_BEHIND_S = 3.0
BATCH = 64


class Follower:
    """One reader of a camera, whichever of its rings is in use. Used by one thread."""

    def __init__(self, ring_of: Callable[[], PacketRing], clock: Clock) -> None:
        self._ring_of = ring_of
        self._clock = clock
        self._ring: PacketRing | None = None
        self._next: int | None = None
        self.skips = 0
        """How often it went on at a newer keyframe because it was too late."""

    def read(self, timeout_s: float) -> list[Packet]:
        """The next video packets, waiting up to `timeout_s`; after a skip from a keyframe on."""
        ring = self._ring_of()
        if ring is not self._ring:
            self._ring, self._next = ring, None
        if self._next is None:
            self._next = self._begin(ring)
        if self._next is None:
            ring.wait(ring.next_index, timeout_s)
            return []
        packets = self._take(ring, timeout_s)
        if packets and self._is_behind(ring, packets[0]):
            self._next = ring.cursor_before(NEWEST_PTS)
            self.skips += 1
            packets = self._take(ring, 0.0)
        return [each for each in packets if not each.is_audio]

    def _begin(self, ring: PacketRing) -> int | None:
        """The newest keyframe, unless what the ring holds is not of now: a camera that was lost."""
        held = newest_gop(ring)
        if not held or self._clock.mono_ns() - held[-1].arrival_mono_ns > STALE_S * 1e9:
            return None
        return held[0].index

    def _take(self, ring: PacketRing, timeout_s: float) -> list[Packet]:
        if self._next is None:
            return []
        with ring.reader(self._next) as reader:
            packets = reader.read(BATCH, timeout_s)
            self._next = reader.next_index
        return packets

    def _is_behind(self, ring: PacketRing, first: Packet) -> bool:
        """Whether it is late, and there is a newer keyframe to go on from."""
        age_s = (self._clock.mono_ns() - first.arrival_mono_ns) / 1e9
        newest = ring.cursor_before(NEWEST_PTS)
        return age_s > MAX_BEHIND_S and newest is not None and newest > first.index
