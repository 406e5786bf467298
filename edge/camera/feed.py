"""The bounded hand-over of packets from the capture thread to the analysis thread.

Bounded in media time, since analysis that is too late finds its pre-roll gone from the ring. When
it falls behind a live camera, packets are skipped from there to the next keyframe, and counted;
recording is not touched. A file that is read as fast as it goes waits instead.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline
from edge.motion.gate import Gate

MAX_PACKETS = 1000  # whatever their times say
LAZY_S = 2.0  # media time that may gather before a lazy consumer is woken


@dataclass(frozen=True, slots=True)
class StreamBegan:
    """Packets of this stream follow; `timeline` maps its PTS to monotonic time. `gate` judges
    them as they come; without one, every one is to be decoded."""

    stream: VideoStream
    timeline: Timeline
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The camera delivers no more; `last_packet_ns` is when it last did, on the monotonic clock."""

    reason: str
    last_packet_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Packets were left out here; a keyframe follows, or the loss of the stream."""


Sign = StreamBegan | StreamLost
Item = Packet | Sign | Skipped


class Feed:
    """One producer, one consumer."""

    def __init__(self, *, max_lag_s: float, waits: bool) -> None:
        """`waits`: block the producer when full, instead of skipping."""
        self._max_lag_s = max_lag_s
        self._waits = waits
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._is_skipping = False
        self._is_stopped = False
        self._grace_s = 0.0
        self.skipped = 0
        self.is_lazy = False
        """Set by the consumer: wake it once in a while, or for a packet that seems lively. Waking
        a thread for each packet costs as much as reading it from the socket."""

    def put(self, packet: Packet) -> None:
        """Hand over a video packet, or skip it."""
        with self._changed:
            if self._waits and self._is_full(packet):
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_stopped or not self._is_full(packet))
            if self._is_full(packet) or (self._is_skipping and not packet.is_keyframe):
                if not self._is_skipping:
                    self._items.append(Skipped())
                    self._changed.notify_all()
                self._is_skipping = True
                self.skipped += 1
                return
            self._is_skipping = False
            self._items.append(packet)
            if not self.is_lazy or self._is_worth_waking(packet):
                self._changed.notify_all()

    def put_sign(self, sign: Sign) -> None:
        """Hand over a sign, which is never skipped."""
        with self._changed:
            self._items.append(sign)
            self._changed.notify_all()

    def get(self, timeout_s: float) -> Item | None:
        """The next item, or None after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_stopped, timeout_s)
            if not self._items:
                return None
            self._changed.notify_all()
            item = self._items.popleft()
            if not self._items:
                self._grace_s = 0.0
            return item

    def catch_up(self, grace_s: float) -> None:
        """The consumer decodes what lies behind it: let it lag so much more, until it is done."""
        with self._changed:
            self._grace_s = grace_s

    def stop(self) -> None:
        """Let a producer that waits go on, for stopping."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _is_worth_waking(self, packet: Packet) -> bool:
        """Whether a lazy consumer wants to know now: something seems to move, there is a keyframe
        to look at, or the oldest packet waits long enough."""
        if packet.is_keyframe or packet.lively_since is not None:
            return True
        lag_s = self._lag_s(packet)
        return lag_s is None or lag_s >= LAZY_S

    def _is_full(self, packet: Packet) -> bool:
        """Whether the oldest waiting packet of the same stream is too far behind `packet`."""
        lag_s = self._lag_s(packet)
        is_behind = lag_s is not None and lag_s > self._max_lag_s + self._grace_s
        return is_behind or len(self._items) >= MAX_PACKETS

    def _lag_s(self, packet: Packet) -> float | None:
        """Media time since the oldest that waits; None where that is no packet of this stream."""
        oldest = self._items[0] if self._items else None
        if not isinstance(oldest, Packet) or oldest.stream is not packet.stream:
            return None
        return (packet.dts - oldest.dts) * float(packet.time_base)
