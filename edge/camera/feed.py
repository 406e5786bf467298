"""The bounded hand-over of packets from the capture thread to the analysis thread.

When analysis falls behind a live camera, whole GOPs are skipped, from the point of overflow to the
next keyframe, and counted; recording is not touched. A file that is read as fast as it goes waits
instead.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline

MAX_PACKETS = 300  # 20 s at 15 fps


@dataclass(frozen=True, slots=True)
class StreamBegan:
    """Packets of this stream follow; `timeline` maps its PTS to monotonic time."""

    stream: VideoStream
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The camera delivers no more."""

    reason: str


Item = Packet | StreamBegan | StreamLost


class Feed:
    """One producer, one consumer."""

    def __init__(self, *, waits: bool) -> None:
        """`waits`: block the producer when full, instead of skipping."""
        self._queue: queue.Queue[Item] = queue.Queue()
        self._room = threading.Semaphore(MAX_PACKETS)
        self._waits = waits
        self._is_skipping = False
        self._stop = threading.Event()
        self.skipped = 0

    def put(self, packet: Packet) -> None:
        """Hand over a video packet, or skip it."""
        if self._is_skipping and not packet.is_keyframe:
            self.skipped += 1
            return
        while not self._room.acquire(timeout=0.2 if self._waits else 0):
            if not self._waits or self._stop.is_set():
                self._is_skipping = True
                self.skipped += 1
                return
        self._is_skipping = False
        self._queue.put(packet)

    def put_sign(self, sign: StreamBegan | StreamLost) -> None:
        """Hand over a sign, which is never skipped."""
        self._queue.put(sign)

    def get(self, timeout_s: float) -> Item | None:
        """The next item, or None after `timeout_s`."""
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(item, Packet):
            self._room.release()
        return item

    def stop(self) -> None:
        """Let a producer that waits go on, for stopping."""
        self._stop.set()
