"""One event's clips, part after part: which packet goes into which file.

A part begins with a keyframe. The next one begins, with the very next packet, at the first
keyframe past the maximum length, or where the camera's stream changed. After a failed write, what
was written is salvaged, and a new part is tried at a later keyframe. Knows no ring and no thread.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from edge.base import durable
from edge.base.clock import Clock
from edge.base.errors import CamwatchError, StorageError
from edge.contract import names
from edge.contract.clips import ClipSettings
from edge.media.packet import Packet, VideoStream
from edge.mux.clip import HEAD_VERSION, ClipHead, ClosedClip
from edge.mux.decoder_config import clip_codec
from edge.mux.errors import EmptyClipError, MuxError
from edge.mux.mp4 import FRAGMENT_BYTES, ClipWriter
from edge.mux.recovery import recover
from edge.mux.spool import Spool

RETRY_S = 5.0
MAX_UNWRITTEN_S = 2.0  # of a stream that halts, or sends a picture now and then
MAX_FAULTS = 3
MAX_PART_BYTES = names.MAX_CLIP_BYTES - 8 * FRAGMENT_BYTES

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trigger:
    """The frame that an event begins with, in the camera's own stream.

    `mono_ns` is when it was captured.
    """

    event: str
    stream: VideoStream
    pts: int
    mono_ns: int


class EventParts:
    """The clips of one event. One thread. Storage errors become `fault`, never exceptions."""

    def __init__(
        self,
        spool: Spool,
        settings: ClipSettings,
        clock: Clock,
        trigger: Trigger,
        on_clip: Callable[[ClosedClip], None],
    ) -> None:
        """`on_clip` gets each closed part once it is known that another follows."""
        self._spool = spool
        self._settings = settings
        self._clock = clock
        self._trigger = trigger
        self._on_clip = on_clip
        self._writer: ClipWriter | None = None
        self._first: Packet | None = None
        self._last_times: tuple[int, int] | None = None
        self._closed: ClosedClip | None = None
        self._continued: ClosedClip | None = None
        self._faults = 0
        self._retry_mono_ns = 0
        self._synced_mono_ns = 0
        self._part = 0
        self._lost = 0
        self.parts = 0
        self.fault: str | None = None

    @property
    def has_given_up(self) -> bool:
        """Whether no further packet will be recorded."""
        return self._faults >= MAX_FAULTS

    def note_lost(self, packets: int) -> None:
        """Count video packets that never came to `take`."""
        self._lost += packets

    def take(self, packet: Packet) -> None:
        """Record the next packet."""
        try:
            self._take(packet)
        except CamwatchError as err:
            self.fail(err)
            self._lost += not packet.is_audio
        if self._continued is not None:
            clip, self._continued = self._continued, None
            self._on_clip(clip)

    def sync(self) -> None:
        """Make what was written durable, and write what has waited too long for a fragment."""
        writer, now_mono_ns = self._writer, self._clock.mono_ns()
        if writer is None:
            return
        try:
            if writer.sync():
                self._synced_mono_ns = now_mono_ns
            elif now_mono_ns - self._synced_mono_ns > MAX_UNWRITTEN_S * 1e9:
                writer.flush()
                self._synced_mono_ns = now_mono_ns
        except StorageError as err:
            self.fail(err)

    def finish(self) -> ClosedClip | None:
        """Close the last part and return it; None if the event has no clip that is whole."""
        try:
            self._close()
        except CamwatchError as err:
            self.fail(err)
        return self._closed

    @property
    def lost_packets(self) -> int:
        """Video packets missing that no closed clip accounts for."""
        return self._lost

    def _take(self, packet: Packet) -> None:
        times = (packet.dts, packet.pts)
        begins_gop = packet.is_keyframe and not packet.is_audio and times != self._last_times
        if not packet.is_audio:
            self._last_times = times
        if begins_gop and (self._writer is None or self._is_over(packet, self._writer)):
            self._open(packet)
        if not self._write(packet):
            self._lost += not packet.is_audio

    def _write(self, packet: Packet) -> bool:
        writer, first = self._writer, self._first
        if writer is None or first is None or packet.stream is not first.stream:
            return False
        if writer.size_bytes > MAX_PART_BYTES:
            self._faults = MAX_FAULTS
            raise MuxError("the clip reached its largest size before the camera sent a keyframe")
        return writer.write(packet)

    def _is_over(self, keyframe: Packet, writer: ClipWriter) -> bool:
        if self._first is not None and keyframe.stream is not self._first.stream:
            return True
        return writer.seconds_at(keyframe) >= self._settings.max_length_s

    def _open(self, first: Packet) -> None:
        self._close()
        if self.has_given_up or self._clock.mono_ns() < self._retry_mono_ns:
            return
        path = self._spool.clip_path(self._trigger.event, self._part)
        self._spool.opening(path)
        try:
            self._writer = ClipWriter(
                path,
                first,
                self._head(first),
                carries_audio=self._settings.audio,
                is_continued=self._part > 0,
            )
        except CamwatchError:
            self._spool.closed(path)
            raise
        self._first = first
        self._synced_mono_ns = self._clock.mono_ns()
        self._continued, self._closed = self._closed, None

    def _close(self) -> None:
        writer = self._writer
        if writer is None:
            return
        try:
            clip = writer.close(lost_packets=self._lost)
        except EmptyClipError:
            self._forget_writer()
            return
        self._forget_writer()
        self._lost = 0
        self._keep(clip)

    def _keep(self, clip: ClosedClip) -> None:
        self._closed = clip
        self._part += 1
        self.parts += 1
        self._spool.added(clip.path, clip.size_bytes)

    def _forget_writer(self) -> None:
        if self._writer is not None:
            self._spool.closed(self._writer.part_path.with_suffix(""))
        self._writer = self._first = None

    def fail(self, err: CamwatchError) -> None:
        """Save what there is of the open part, and let a later keyframe start another one."""
        self.fault = str(err)[:200]
        self._faults += 1
        self._retry_mono_ns = self._clock.mono_ns() + int(RETRY_S * 1e9)
        log.error("event %s: clip failed: %s", self._trigger.event, err)
        writer = self._writer
        self._forget_writer()
        if writer is None:
            return
        try:
            clip = self._salvage(writer)
            if clip is not None:
                self._keep(clip)
        except CamwatchError as again:
            log.error("event %s: %s", self._trigger.event, again)

    def _salvage(self, writer: ClipWriter) -> ClosedClip | None:
        """The failed clip up to its last flushed fragment; None, and no file, if it has none."""
        number, self._part = self._part, self._part + 1  # if this fails, the name stays taken
        writer.leave()
        clip = recover(writer.part_path, flushed_bytes=writer.flushed_bytes)
        self._part = number
        if clip is None:
            durable.remove(writer.part_path)
            return None
        lost, self._lost = self._lost + writer.video_packets - clip.packets, 0
        return dataclasses.replace(clip, lost_packets=lost)

    def _head(self, first: Packet) -> ClipHead:
        stream, trigger = first.stream, self._trigger
        starts_mono_ns = first.arrival_mono_ns
        if stream.origin is trigger.stream:
            since_s = (first.pts - trigger.pts) * stream.time_base
            starts_mono_ns = max(0, trigger.mono_ns + int(since_s * 1_000_000_000))
        ago_s = (self._clock.mono_ns() - starts_mono_ns) / 1e9
        before_s = (trigger.mono_ns - starts_mono_ns) / 1e9
        return ClipHead(
            v=HEAD_VERSION,
            event=trigger.event,
            part=self._part,
            codec=clip_codec(stream),
            width=stream.width,
            height=stream.height,
            first_pts=first.pts,
            time_base=(stream.time_base.numerator, stream.time_base.denominator),
            pre_roll_ms=max(0, round(before_s * 1000)) if self._part == 0 else 0,
            starts_mono_ns=starts_mono_ns,
            starts_utc=self._clock.utc() - timedelta(seconds=ago_s),
            boot=self._clock.boot,
            audio=stream.audio.codec if stream.audio else None,
        )
