"""A camera's capture thread: connects, with back-off, and takes packets into the ring and the feed.

`run` keeps the camera connected; `run_once` is one connection's life. It never waits for analysis
or for the disk (a file read as fast as it goes is the exception). One that hangs is abandoned and
another takes over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.base.backoff import Backoff
from edge.base.clock import Clock
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera.feed import Feed, StreamBegan, StreamLost
from edge.camera.meter import Meter
from edge.camera.moments import instant
from edge.camera.sieve import Sieve
from edge.capture.errors import CaptureError
from edge.capture.source import Encodes, Source, make
from edge.config.camera import CameraSettings
from edge.contract import names
from edge.contract.record import CameraFound, CameraLost
from edge.gop.ring import PacketRing
from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline

log = logging.getLogger(__name__)

HELD_S = 20.0  # a connection that lived so long was good: the next wait is short again
READ_MARGIN_S = 10.0  # beyond the stall timeout, in which the source should have given up itself
REST_S = 0.1  # of a quiet stream, less than the socket's buffer holds of 8 Mbit/s
WAITED_NS = 2_000_000  # for a packet, that show there was none
OPEN_S = 120.0  # several answers, each within the stall timeout, and the longest GOP

Found = Callable[[CameraFound | CameraLost], None]
MakeSource = Callable[[CameraSettings, Clock], Source]


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
        set_state: Callable[[str, str], None],
        record: Found,
        make_source: MakeSource = make,
        is_lost: bool = False,
    ) -> None:
        """`is_lost`: the camera was told to be lost before this one took over."""
        self._settings = settings
        self._clock = clock
        self._ring = ring
        self._feed = feed
        self._meter = meter
        self._set_state = set_state
        self._record = record
        self._make_source = make_source
        self._stop = threading.Event()
        self._source: Source | None = None
        self._timeline: Timeline | None = None
        self._sieve: Sieve | None = None
        self._last_packet_ns: int | None = None
        # Over UDP a keyframe comes at line speed, and what the socket cannot hold is lost.
        self._may_rest = settings.kind == "rtsp" and settings.transport == "tcp"
        self._rested_ns = 0
        self._dropped_before = 0
        self.stream: VideoStream | None = None
        self.began: StreamBegan | None = None
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
                log.info("%s: the file is played to its end", self._settings.name)
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

    def lose(self, error: CaptureError) -> None:
        """The camera delivers nothing (any more); said once until it is back."""
        self._feed.put_sign(StreamLost(error.reason, self._last_packet_ns))
        self.stream = self.began = None
        if self.is_lost:
            log.debug("%s: still lost: %s", self._settings.name, error_chain(error))
            return
        self.is_lost = True
        self.problem = f"camera {self._settings.name}: {error}"
        log.warning("%s is lost: %s (%s)", self._settings.name, error_chain(error), error.hint)
        self._set_state("status", "offline")
        last_ns = self._last_packet_ns
        last = None if last_ns is None else instant(self._clock, last_ns)
        detail = names.shorten(error.detail, names.MAX_DETAIL_CHARS)
        self._record(CameraLost(error.reason, detail, last))

    def _rest(self, got_ns: int) -> None:
        """While nothing moves, let packets gather after the one that was read at `got_ns`.

        A picture comes in many pieces, and to wake for each costs more than to read them. Once a
        packet had to be waited for, nothing more is there: then is the time.
        """
        had_to_wait = got_ns - self._rested_ns > WAITED_NS
        if had_to_wait and self._may_rest and self._feed.is_lazy:
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
            if self._sieve is not None:
                packet.lively_since = self._sieve.observe(packet)
            if self._timeline is not None:
                self._timeline.observe(packet.pts, packet.arrival_mono_ns)
        elif not self._settings.clips.audio:
            return
        self._ring.append(packet)
        if not packet.is_audio and self._settings.armed:
            self._feed.put(packet)

    def _begin(self, stream: VideoStream) -> None:
        """A stream starts, or goes on with other parameters."""
        is_new = self.stream is None
        self.stream = stream
        self._timeline = Timeline(stream.time_base)
        self._sieve = Sieve(stream)
        self.began = StreamBegan(stream, self._timeline, self._sieve.gate)
        self._feed.put_sign(self.began)
        log.info("%s: %s %dx%d", self._settings.name, stream.codec, stream.width, stream.height)
        if is_new:
            self._meter.connections += 1
            self.is_lost = False
            self.problem = ""
            self._set_state("status", "online")
            audio = stream.audio.codec if stream.audio is not None else None
            self._record(CameraFound(stream.codec, stream.width, stream.height, audio))
