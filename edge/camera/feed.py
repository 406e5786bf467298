"""The bounded hand-over of packets from the capture thread to the analysis thread.

Bounded in time, since analysis that is too late finds its pre-roll gone from the ring, and in
number and bytes, since a stream's times may be wrong. When analysis falls behind a live camera,
packets are skipped from there to the next keyframe, and counted; recording is not touched. A file
that is read as fast as it goes waits instead.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.config.camera import CameraSettings
from edge.gop.ring import PacketRing
from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline
from edge.motion.gate import Gate

MAX_PACKETS = 1000  # whatever their times say
MAX_BYTES = 32 * 2**20  # 4 s of 60 Mbit/s
LAZY_S = 2.0  # media time that may gather before a lazy consumer is woken
LAZY_INTRA_S = 0.2  # the same where every packet is a keyframe, of which some are looked at


@dataclass(frozen=True, slots=True)
class StreamBegan:
    """Packets of this stream follow; `timeline` maps its PTS to monotonic time. `gate` judges
    them as they come, and `ring` holds those before the newest; without both, every one is to be
    decoded as it comes. `since_ns`: of what the ring holds, nothing later was looked at yet."""

    stream: VideoStream
    timeline: Timeline
    gate: Gate | None = None
    ring: PacketRing | None = None
    since_ns: int | None = None


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The camera delivers no more; `last_packet_ns` is when it last did, on the monotonic clock."""

    reason: str
    last_packet_ns: int | None = None


@dataclass(frozen=True, slots=True)
class RecordingLost:
    """The stream that clips are made of is gone, while the one that is looked at goes on."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Packets were left out here; a keyframe follows, or the loss of the stream."""


@dataclass(frozen=True, slots=True)
class Retuned:
    """Other settings hold from here on: once no event runs, or when it is `until_ns`. `then` is
    called when they do."""

    settings: CameraSettings
    until_ns: int
    then: Callable[[], None]


Sign = StreamBegan | StreamLost | RecordingLost | Retuned
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
        self._bytes = 0
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
            self._bytes += len(packet.data)
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
            if isinstance(item, Packet):
                self._bytes -= len(item.data)
            if not self._items:
                self._grace_s = 0.0
            return item

    @property
    def grace_s(self) -> float:
        """How much more than usual the consumer may lag now."""
        return self._grace_s

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
        is_intra = packet.stream.is_intra_only
        if (packet.is_keyframe and not is_intra) or packet.lively_since is not None:
            return True
        lag_s = self._lag_s(packet)
        return lag_s is None or lag_s >= (LAZY_INTRA_S if is_intra else LAZY_S)

    def _is_full(self, packet: Packet) -> bool:
        """Whether the oldest waiting packet is too far behind `packet`."""
        lag_s = self._lag_s(packet)
        is_behind = lag_s is not None and lag_s > self._max_lag_s + self._grace_s
        is_large = self._bytes + len(packet.data) > MAX_BYTES and bool(self._items)
        return is_behind or is_large or len(self._items) >= MAX_PACKETS

    def _lag_s(self, packet: Packet) -> float | None:
        """Time since the oldest that waits; None where there is none. Media time is what is to be
        decoded, but means nothing across streams: there, it is the time between the arrivals."""
        oldest = next((each for each in self._items if isinstance(each, Packet)), None)
        if oldest is None:
            return None
        if oldest.stream is not packet.stream:
            return (packet.arrival_mono_ns - oldest.arrival_mono_ns) / 1e9
        return (packet.dts - oldest.dts) * float(packet.time_base)
