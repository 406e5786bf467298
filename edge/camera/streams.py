"""A camera's streams: the one that is recorded and, where it has one, a small one to look at.

Motion is looked for in the small stream while it comes, else in the large one; clips are made of
the large one while it comes, else of the small one. The camera is lost when neither comes. Both
are aligned by the monotonic clock: each stream's timeline tells when its packets were captured.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import deque
from collections.abc import Callable

from edge.base.clock import Clock
from edge.camera.feed import Feed, RecordingLost, StreamBegan, StreamLost
from edge.camera.footage import Place
from edge.camera.intake import MakeSource
from edge.camera.lane import Lane
from edge.camera.losses import Losses
from edge.camera.moments import instant
from edge.capture.errors import CaptureError
from edge.config.camera import CameraSettings
from edge.contract import names
from edge.contract.command import Size
from edge.contract.record import CameraFound, CameraLost
from edge.gop.ring import PacketRing
from edge.media.packet import VideoStream
from edge.media.timeline import Timeline
from edge.motion.gate import Gate
from edge.motion.observation import Moment

log = logging.getLogger(__name__)

SUB_STALL_S = 5.0  # at most, as long as nothing is looked at while the large stream could be


class Streams:
    """One camera's lanes, and who is looked at. Every method may be called by any thread."""

    def __init__(
        self,
        settings: CameraSettings,
        *,
        keep_s: float,
        clock: Clock,
        feed: Feed,
        set_state: Callable[[str, str], None],
        record: Callable[[CameraFound | CameraLost, str | None], bool],
        make_source: MakeSource,
        spare_s: float = 0.0,
        hold_s: float = 0.0,
        losses: Losses | None = None,
    ) -> None:
        """`record` takes what is to be told and its event; false where it was not written.
        `keep_s`: how far back the rings reach; `spare_s`: more of it where there is room;
        `hold_s`: more of it while the analysis is late."""
        self._clock = clock
        self._feed = feed
        self._set_state = set_state
        self._record = record
        self._losses = losses or Losses(None, clock)
        self._lock = threading.RLock()
        self._is_found: bool | None = None
        self._is_recording = False  # of the large stream
        self._since_ns: int | None = None
        self._small: deque[VideoStream] = deque(maxlen=4)  # the sub lane's, the newest last
        self.began_now: StreamBegan | None = None
        """The stream that the analysis was told last; None while none is looked at."""

        def lane(own: CameraSettings, title: str, spare_s: float = 0.0) -> Lane:
            return Lane(
                own, title=title, keep_s=keep_s, clock=clock, feed=feed, switch=self,
                make_source=make_source, spare_s=spare_s, hold_s=hold_s,
            )  # fmt: skip

        self.main = lane(settings, settings.name, spare_s)
        self.sub: Lane | None = None
        if settings.sub_source is not None:
            self.sub = lane(_of_sub(settings, settings.sub_source), f"{settings.name} (sub stream)")

    @property
    def lanes(self) -> list[Lane]:
        """The large one first."""
        return [self.main] if self.sub is None else [self.main, self.sub]

    @property
    def is_connected(self) -> bool:
        """Whether packets of any of them arrive."""
        return any(lane.is_connected for lane in self.lanes)

    @property
    def is_lost(self) -> bool:
        """Whether the camera was told to be lost."""
        return self._is_found is False

    @property
    def problem(self) -> str:
        """Why one of them does not come; empty where all is well."""
        return next((lane.intake.problem for lane in self.lanes if lane.intake.problem), "")

    def lane_of(self, size: Size) -> Lane:
        """The lane of that size while packets arrive there, else the other one."""
        if self.sub is None:
            return self.main
        wanted, other = (self.sub, self.main) if size == "small" else (self.main, self.sub)
        return other if other.is_connected and not wanted.is_connected else wanted

    def hold(self, since_ns: int | None) -> None:
        """Keep what arrived since then: an event may begin there still. See the ring."""
        for lane in self.lanes:
            lane.ring.hold(since_ns)

    def place(self, stream: VideoStream, moment: Moment) -> Place:
        """Where `moment`, which was seen in `stream`, is best recorded from."""
        place = self.place_in(self.main.ring, stream, moment)
        return place or Place(self._ring_of(stream), stream, moment.pts)

    def place_in(self, ring: PacketRing, stream: VideoStream, moment: Moment) -> Place | None:
        """Where `moment` is in `ring`; None where that is not known any more."""
        if ring is self._ring_of(stream):
            return Place(ring, stream, moment.pts)
        other, timeline = self.main.intake.stream, self.main.intake.timeline
        if ring is not self.main.ring or other is None or timeline is None:
            return None
        try:
            return Place(ring, other, timeline.pts(moment.mono_ns))
        except ValueError:  # its first packet is on its way
            return None

    def is_looked_at(self, lane: Lane) -> bool:
        """Whether motion is looked for in this lane's stream."""
        return lane is self.sub or self.sub is None or not self.sub.is_connected

    def began(self, lane: Lane, *, is_new: bool) -> None:
        """The lane's stream starts or changes."""
        with self._lock:
            if lane is self.sub and lane.intake.stream is not None:
                self._small.append(lane.intake.stream)
            self._is_recording |= lane is self.main
            if is_new and (lane is self.main or self.main.intake.is_lost):
                self._tell_found(lane)

    def offer(self, lane: Lane, stream: VideoStream, timeline: Timeline, gate: Gate | None) -> bool:
        """Announce the lane's packets to the analysis; false where another lane is looked at."""
        with self._lock:
            if not self.is_looked_at(lane):
                return False
            since_ns = self._since_ns if lane is self.main else None
            self._since_ns = None
            self.began_now = StreamBegan(stream, timeline, gate, lane.ring, since_ns)
            self._feed.put_sign(self.began_now)
            return True

    def lost(self, lane: Lane, error: CaptureError, last_packet_ns: int | None) -> None:
        """The lane's stream does not come (any more)."""
        with self._lock:
            was_recording = self._is_recording
            self._is_recording &= lane is not self.main
            if not self.is_connected:
                self.began_now = None
                self._feed.put_sign(StreamLost(error.reason, last_packet_ns))
                if self.main.intake.is_lost:  # else it is on its way still
                    self._tell_lost(error, last_packet_ns)
            elif lane is self.sub:
                # The large one is looked at from where the small one fell silent.
                if self.began_now is not None and self.began_now.ring is lane.ring:
                    self._since_ns = last_packet_ns
            elif self.sub is not None:
                if was_recording:
                    self._feed.put_sign(RecordingLost())
                self._tell_found(self.sub)

    def _ring_of(self, stream: VideoStream) -> PacketRing:
        """Where packets of `stream` are; it may have ended."""
        is_small = any(each is stream for each in tuple(self._small))
        return self.sub.ring if is_small and self.sub is not None else self.main.ring

    # Below: called with the lock held.

    def _tell_found(self, lane: Lane) -> None:
        stream = lane.intake.stream
        if self._is_found or stream is None:
            return
        self._is_found = True
        self._set_state("status", "online")
        audio = stream.audio.codec if stream.audio is not None else None
        losses = self._losses
        found = CameraFound(
            stream.codec, stream.width, stream.height, audio, lost_ms=losses.lasted_ms
        )
        if self._record(found, losses.event):
            losses.end()

    def _tell_lost(self, error: CaptureError, last_packet_ns: int | None) -> None:
        if self._is_found is False:
            return
        self._is_found = False
        self._set_state("status", "offline")
        last = None if last_packet_ns is None else instant(self._clock, last_packet_ns)
        detail = names.shorten(error.detail, names.MAX_DETAIL_CHARS)
        at_ns = self._clock.mono_ns() if last_packet_ns is None else last_packet_ns
        self._record(CameraLost(error.reason, detail, last), self._losses.begin(at_ns))


def _of_sub(settings: CameraSettings, sub_source: str) -> CameraSettings:
    """The same camera by the address of its small stream, without sound."""
    return dataclasses.replace(
        settings,
        source=sub_source,
        sub_source=None,
        command=(),
        stall_timeout_s=min(settings.stall_timeout_s, SUB_STALL_S),
        clips=dataclasses.replace(settings.clips, audio=False),
    )
