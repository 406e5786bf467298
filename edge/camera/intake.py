"""A capture thread: connects, with back-off, and takes a stream's packets into its ring.

`run` keeps the stream connected; `run_once` is one connection's life. While the stream is the one
that is looked at, its packets go into the feed too. It never waits for analysis or for the disk (a
file read as fast as it goes is the exception). One that hangs is abandoned and another takes over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from edge.base.backoff import Backoff
from edge.base.clock import Clock
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera import sieve
from edge.camera.feed import Feed
from edge.camera.meter import Meter
from edge.camera.sieve import Sieve
from edge.capture.errors import CaptureError
from edge.capture.source import Encodes, Source, make
from edge.config.camera import CameraSettings
from edge.gop.ring import PacketRing
from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline
from edge.motion.gate import Gate

log = logging.getLogger(__name__)

HELD_S = 20.0  # a connection that lived so long was good: the next wait is short again
READ_MARGIN_S = 10.0  # beyond the stall timeout, in which the source should have given up itself
REST_S = 0.1  # of a quiet stream, less than the socket's buffer holds of 8 Mbit/s
WAITED_NS = 2_000_000  # for a packet, that show there was none
OPEN_S = 120.0  # several answers, each within the stall timeout, and the longest GOP

MakeSource = Callable[[CameraSettings, Clock], Source]


class Listener(Protocol):
    """Who is told of a stream's coming and going: its lane. See there."""

    @property
    def is_looked_at(self) -> bool:
        """Whether motion is looked for in this stream."""

    def began(self, stream: VideoStream, *, is_new: bool) -> None:
        """A stream starts, or, where it is not new, goes on with other parameters."""

    def offer(self, stream: VideoStream, timeline: Timeline, gate: Gate | None) -> bool:
        """Say in the feed that packets of this stream follow; false where they shall not."""

    def lost(self, error: CaptureError, last_packet_ns: int | None) -> None:
        """The stream does not come (any more). Told at every try; who listens tells once."""


class Intake:
    """One capture thread and what it knows. `run` is its body."""

    def __init__(
        self,
        settings: CameraSettings,
        *,
        clock: Clock,
        ring: PacketRing,
        feed: Feed,
        meter: Meter,
        listener: Listener,
        title: str = "",
        make_source: MakeSource = make,
        is_lost: bool = False,
    ) -> None:
        """`title` names the stream in messages. `is_lost`: it was told to be lost before this one
        took over."""
        self._settings = settings
        self._clock = clock
        self._ring = ring
        self._feed = feed
        self._meter = meter
        self._listener = listener
        self._title = title or settings.name
        self._make_source = make_source
        self._stop = threading.Event()
        self._source: Source | None = None
        self._sieve: Sieve | None = None
        self._is_offered = False
        self._last_packet_ns: int | None = None
        # Over UDP a keyframe comes at line speed, and what the socket cannot hold is lost.
        self._may_rest = settings.kind == "rtsp" and settings.transport == "tcp"
        self._rested_ns = 0
        self._dropped_before = 0
        self._is_armed = settings.armed
        self.stream: VideoStream | None = None
        self.timeline: Timeline | None = None
        self.is_lost = is_lost
        self.problem = ""
        self.mark = Mark(clock, settings.stall_timeout_s + READ_MARGIN_S)

    def run(self) -> None:
        """Stay connected until `stop`. The body of the capture thread."""
        backoff = Backoff(0.5, 30.0)
        while not self._stop.is_set():
            began_ns = self._clock.mono_ns()
            try:
                self.run_once()
                error = CaptureError("ended", "the stream ended")
            except CaptureError as err:
                error = err
            self.mark.rest()
            if self._stop.is_set():
                break
            if self._clock.mono_ns() - began_ns > HELD_S * 1e9:
                backoff.reset()
            self.lose(error)
            if error.reason == "ended" and self._is_file:
                log.info("%s: the file is played to its end", self._title)
                self._stop.wait()
                break
            self._stop.wait(backoff.next_s())

    def run_once(self) -> None:
        """Connect and take packets until the stream ends. Raises CaptureError."""
        self.mark.touch(2 * self._settings.stall_timeout_s + OPEN_S)
        source = self._make_source(self._settings, self._clock)
        self._source = source
        try:
            source.open()
            for packet in source.packets():
                got_ns = self._clock.mono_ns()
                if self._stop.is_set():
                    return
                self.mark.touch()
                self._take(packet)
                self._rest(got_ns)
        finally:
            dropped = self.dropped
            self._source = None
            self._dropped_before = dropped
            source.close()

    def stop(self) -> None:
        """End `run` with the next packet, or when the source gives up waiting for it."""
        self._stop.set()
        if (source := self._source) is not None:
            source.close()

    def arm(self, *, is_armed: bool) -> None:
        """Whether packets are to be looked at; those to come are announced anew. For any thread."""
        self._is_armed = is_armed
        self._is_offered = False

    def lose(self, error: CaptureError) -> None:
        """The camera delivers nothing (any more); said aloud once until it is back."""
        self.stream, self._sieve, self._is_offered = None, None, False
        if self.is_lost:
            log.debug("%s: still lost: %s", self._title, error_chain(error))
        else:
            self.is_lost = True
            self.problem = f"camera {self._title}: {error}"
            log.warning("%s is lost: %s (%s)", self._title, error_chain(error), error.hint)
        self._listener.lost(error, self._last_packet_ns)

    def _rest(self, got_ns: int) -> None:
        """While nobody waits for them, let packets gather after the one that was read at `got_ns`.

        A picture comes in many pieces, and to wake for each costs more than to read them. Once a
        packet had to be waited for, nothing more is there: then is the time.
        """
        had_to_wait = got_ns - self._rested_ns > WAITED_NS
        is_awaited = self._listener.is_looked_at and not self._feed.is_lazy
        if had_to_wait and self._may_rest and not is_awaited:
            self._stop.wait(REST_S)
        self._rested_ns = self._clock.mono_ns()

    @property
    def dropped(self) -> int:
        """Pictures left out because this box encodes more slowly than the camera sends."""
        source = self._source
        return self._dropped_before + (source.dropped if isinstance(source, Encodes) else 0)

    @property
    def _is_file(self) -> bool:
        return self._settings.kind in ("file", "synthetic")

    def _take(self, packet: Packet) -> None:
        if packet.stream is not self.stream:
            self._begin(packet.stream)
        self._last_packet_ns = packet.arrival_mono_ns
        if not packet.is_audio:
            self._meter.count(len(packet.data))
            if self.timeline is not None:
                self.timeline.observe(packet.pts, packet.arrival_mono_ns)
            self._sift(packet)
        elif not self._settings.clips.audio:
            return
        self._ring.append(packet)
        if self._is_offered and not packet.is_audio and self._is_armed:
            self._feed.put(packet)

    def _sift(self, packet: Packet) -> None:
        """Judge a packet by its size, while the stream is the one that is looked at."""
        if not self._listener.is_looked_at:
            self._sieve, self._is_offered = None, False
            return
        if not self._is_offered and self.timeline is not None:
            made = sieve.make(packet.stream)
            gate = made.gate if made is not None else None
            self._is_offered = self._listener.offer(packet.stream, self.timeline, gate)
            self._sieve = made if self._is_offered else None
        if self._sieve is not None:
            packet.lively_since = self._sieve.observe(packet)

    def _begin(self, stream: VideoStream) -> None:
        """A stream starts, or goes on with other parameters."""
        is_new = self.stream is None
        self.timeline = Timeline(stream.time_base)
        self.stream, self._sieve, self._is_offered = stream, None, False
        log.info("%s: %s %dx%d", self._title, stream.codec, stream.width, stream.height)
        if is_new:
            self._meter.connections += 1
            self.is_lost = False
            self.problem = ""
        self._listener.began(stream, is_new=is_new)
