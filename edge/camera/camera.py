"""A camera's threads: capture fills the ring, analysis looks, the recorder writes.

`run` keeps the camera connected, with back-off; `run_once` is one connection's life. Capture never
waits for analysis or for the disk (a file read as fast as it goes is the exception).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.base.backoff import Backoff
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.camera.analysis import Analysis
from edge.camera.feed import Feed, StreamBegan, StreamLost
from edge.camera.meter import Meter
from edge.camera.moments import instant
from edge.camera.story import Story
from edge.capture.errors import CaptureError
from edge.capture.source import Source, make
from edge.config.camera import CameraSettings
from edge.contract import names
from edge.contract.health import CameraHealth
from edge.contract.record import CameraFound, CameraLost
from edge.gop.ring import PacketRing
from edge.media.packet import Packet, VideoStream
from edge.media.timeline import Timeline
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox

log = logging.getLogger(__name__)

MAX_LAG_S = 4.0  # media time that analysis may lie behind
ONSET_S = 4.0  # how far back a confirmed event may date its start, edge.motion
HELD_S = 20.0  # a connection that lived so long was good: the next wait is short again


class Camera:
    """One camera of a node. `start`, `stop` and `join` are called by the agent's thread."""

    def __init__(
        self,
        settings: CameraSettings,
        *,
        clock: Clock,
        outbox: Outbox,
        spool: Spool,
        set_state: Callable[[str, str], None],
    ) -> None:
        self.name = settings.name
        self._loss = ""
        self._settings = settings
        self._clock = clock
        self._outbox = outbox
        self._set_state = set_state
        keep_s = settings.clips.pre_roll_s + MAX_LAG_S + ONSET_S
        self._ring = PacketRing(keep_s=keep_s, max_bytes=settings.clips.ring_bytes)
        self._feed = Feed(max_lag_s=MAX_LAG_S, waits=settings.pace == "fast")
        self._story = Story(
            settings,
            ring=self._ring,
            clock=clock,
            outbox=outbox,
            spool=spool,
            set_state=set_state,
        )
        self._analysis = Analysis(settings.motion, feed=self._feed, story=self._story)
        self._meter = Meter(clock)
        self._stop = threading.Event()
        self._source: Source | None = None
        self._stream: VideoStream | None = None
        self._timeline: Timeline | None = None
        self._last_packet_ns: int | None = None
        self._is_lost = False
        self._threads = [
            threading.Thread(target=self.run, name=f"capture-{self.name}", daemon=True),
            threading.Thread(target=self._analysis.run, name=f"analysis-{self.name}", daemon=True),
        ]

    def start(self) -> None:
        """Begin to watch."""
        self._set_state("status", "offline")
        self._set_state("motion", "OFF")
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all threads to end; open clips are closed and their events ended."""
        self._stop.set()
        self._feed.stop()
        if (source := self._source) is not None:
            source.close()
        self._analysis.stop()

    def join(self, timeout_s: float) -> None:
        """Wait for the threads, then for the last clip."""
        for thread in self._threads:
            thread.join(timeout_s)
        self._ring.close()
        self._story.close(timeout_s)

    def is_alive(self) -> bool:
        """Whether every thread that should run does."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def problem(self) -> str:
        """Why it is not watched, or what was wrong with its last event; empty where all is well."""
        return self._loss or self._story.problem

    def health(self) -> CameraHealth:
        """The camera since the last call."""
        flow = self._meter.read(self._analysis.looked)
        is_watching = self._stream is not None
        return CameraHealth(
            camera=self.name,
            state="watching" if is_watching else "lost" if self._is_lost else "connecting",
            packets_per_s=flow.packets_per_s,
            bits_per_s=flow.bits_per_s,
            analysed_per_s=flow.looked_per_s,
            ring_s=round(self._ring.history_s, 1),
            ring_bytes=self._ring.size_bytes,
            dropped_frames=self._feed.skipped,
            reconnects=max(0, self._meter.connections - 1),
            motion=self._story.is_moving,
        )

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
            if self._stop.is_set():
                break
            if self._clock.mono_ns() - began_ns > HELD_S * 1e9:
                backoff.reset()
            self._lose(error)
            if error.reason == "ended" and self._is_file:
                log.info("%s: the file is played to its end", self.name)
                self._stop.wait()
                break
            self._stop.wait(backoff.next_s())
        self._set_state("status", "offline")

    def run_once(self) -> None:
        """Connect and take packets until the stream ends. Raises CaptureError."""
        source = make(self._settings, self._clock)
        self._source = source
        try:
            source.open()
            for packet in source.packets():
                self._take(packet)
                if self._stop.is_set():
                    return
        finally:
            self._source = None
            source.close()

    @property
    def _is_file(self) -> bool:
        return "://" not in self._settings.source and not self._settings.source.startswith("/dev/")

    def _take(self, packet: Packet) -> None:
        if packet.stream is not self._stream:
            self._begin(packet.stream)
        self._last_packet_ns = packet.arrival_mono_ns
        if not packet.is_audio:
            self._meter.count(len(packet.data))
            if self._timeline is not None:
                self._timeline.observe(packet.pts, packet.arrival_mono_ns)
        elif not self._settings.clips.audio:
            return
        self._ring.append(packet)
        if not packet.is_audio:
            self._feed.put(packet)

    def _begin(self, stream: VideoStream) -> None:
        """A stream starts, or goes on with other parameters."""
        is_new = self._stream is None
        self._stream = stream
        self._timeline = Timeline(stream.time_base)
        self._feed.put_sign(StreamBegan(stream, self._timeline))
        log.info("%s: %s %dx%d", self.name, stream.codec, stream.width, stream.height)
        if is_new:
            self._meter.connections += 1
            self._is_lost = False
            self._loss = ""
            self._set_state("status", "online")
            audio = stream.audio.codec if stream.audio is not None else None
            self._record(CameraFound(stream.codec, stream.width, stream.height, audio))

    def _lose(self, error: CaptureError) -> None:
        """The camera delivers nothing (any more); said once until it is back."""
        self._feed.put_sign(StreamLost(error.reason))
        self._stream = None
        if self._is_lost:
            log.debug("%s: still lost: %s", self.name, error_chain(error))
            return
        self._is_lost = True
        self._loss = f"camera {self.name}: {error}"
        log.warning("%s is lost: %s (%s)", self.name, error_chain(error), error.hint)
        self._set_state("status", "offline")
        last_ns = self._last_packet_ns
        last = None if last_ns is None else instant(self._clock, last_ns)
        detail = names.shorten(error.detail, names.MAX_DETAIL_CHARS)
        self._record(CameraLost(error.reason, detail, last))

    def _record(self, body: CameraFound | CameraLost) -> None:
        try:
            self._outbox.append(body, camera=self.name)
        except StorageError as err:
            log.error("%s: not recorded: %s", self.name, error_chain(err))
