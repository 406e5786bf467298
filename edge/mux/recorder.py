"""Records one event: reads the ring from before the trigger to after the last motion.

One `ClipRecorder` with one thread per event; several may read the same ring. It never holds up
the ring or the detector: if the disk is too slow for the ring's bytes, packets are lost, counted
and said. Errors end up in `RecordingEnd.fault`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.contract.clips import ClipSettings
from edge.media.packet import Packet, VideoStream
from edge.mux.clip import ClosedClip
from edge.mux.errors import MuxError
from edge.mux.parts import EventParts, Trigger
from edge.mux.spool import Spool

BATCH_PACKETS = 256
POLL_S = 0.5  # how soon `stop` is noticed, and an idle stream's packets are written
STALL_S = 5.0  # an event that should end does so without the packets it waits for

log = logging.getLogger(__name__)


class PacketReader(Protocol):
    """One recorder's place in the ring (`edge.gop.ring.RingReader`)."""

    @property
    def lost_packets(self) -> int:
        """Video packets that were dropped before they could be read, so far."""

    @property
    def is_behind(self) -> bool:
        """Whether packets wait that could not be given yet, though nothing was read."""

    def read(self, max_packets: int, timeout_s: float) -> list[Packet]:
        """The next packets in order, waiting up to `timeout_s` for the first."""

    def close(self) -> None:
        """Let go of the packets."""


class PacketHistory(Protocol):
    """The ring (`edge.gop.ring.PacketRing`), as far as a recorder needs it."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing will be appended any more."""

    def reader_before(
        self, pts: int, pre_roll_s: float, *, stream: VideoStream | None
    ) -> PacketReader:
        """A reader from the keyframe at or before `pts` minus `pre_roll_s` on."""


@dataclass(frozen=True)
class RecordingEnd:
    """An event's recording is over."""

    event: str
    parts: int
    """Complete clips, the last one included."""
    last: ClosedClip | None
    """The last part; None where there is none."""
    fault: str | None
    """Why a clip is missing or short, for people; None if nothing went wrong."""
    lost_packets: int
    """Video packets lost that no clip's own count covers."""


@dataclass(frozen=True)
class _Until:
    """Where a recording ends: the first packet decoded after `pts`."""

    stream: VideoStream
    pts: float


class ClipRecorder:
    """One event's recording. `start`, then `finish` or `stop`, from any thread."""

    def __init__(
        self,
        ring: PacketHistory,
        spool: Spool,
        settings: ClipSettings,
        clock: Clock,
        trigger: Trigger,
        *,
        on_clip: Callable[[ClosedClip], None],
        on_end: Callable[[RecordingEnd], None],
    ) -> None:
        """Claim the pre-roll in the ring at once, so that it cannot go before the thread runs.

        `on_clip` gets each part that another follows, `on_end` the rest, once; both on the
        recorder's thread, and neither should raise.
        """
        self._clock = clock
        self._settings = settings
        self._trigger = trigger
        self._on_end = on_end
        self._ring = ring
        self._reader = ring.reader_before(trigger.pts, settings.pre_roll_s, stream=trigger.stream)
        self._parts = EventParts(spool, settings, clock, trigger, on_clip)
        self._until: _Until | None = None
        self._streams: list[VideoStream] = []  # all that were read, in order
        self._lost_before = 0
        self._is_stopped = threading.Event()
        self._last_video_mono_ns = clock.mono_ns()
        self._thread = threading.Thread(
            target=self._run, name=f"clip-{trigger.event[-8:]}", daemon=True
        )

    def start(self) -> None:
        """Record in a thread of its own."""
        self._thread.start()

    def finish(self, stream: VideoStream, last_motion_pts: int) -> None:
        """Record on to `post_roll_s` after `last_motion_pts`, then close. May be called again."""
        ticks = self._settings.post_roll_s / float(stream.time_base)
        self._until = _Until(stream, last_motion_pts + ticks)

    def stop(self) -> None:
        """Close with what the ring holds now, without waiting for more."""
        self._is_stopped.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread's end; false if it still runs after `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def step(self, timeout_s: float = POLL_S) -> bool:
        """Record what the ring holds, waiting up to `timeout_s` for it; false at the end.

        For callers with a thread of their own instead of `start`; call `end` after it.
        """
        is_stopped = self._is_stopped.is_set()
        packets = self._reader.read(BATCH_PACKETS, 0.0 if is_stopped else timeout_s)
        lost = self._reader.lost_packets - self._lost_before
        self._lost_before += lost
        self._parts.note_lost(lost)
        for packet in packets:
            if not packet.is_audio:
                self._note_stream(packet.stream.origin)
            if self._is_past_end(packet):
                return False
            self._parts.take(packet)
            if not packet.is_audio:
                self._last_video_mono_ns = self._clock.mono_ns()
        self._parts.sync()
        # Writing may take longer than a stall: only a read that found nothing tells of the camera.
        has_video = any(not packet.is_audio for packet in packets)
        if self._parts.has_given_up or (not has_video and self._is_stalled()):
            return False
        if not packets and self._reader.is_behind:
            self._last_video_mono_ns = self._clock.mono_ns()
            return True
        return bool(packets) or not (is_stopped or self._ring.is_closed)

    def end(self) -> RecordingEnd:
        """Close the last part, let go of the ring, and tell `on_end`."""
        last = self._parts.finish()
        self._reader.close()
        end = RecordingEnd(
            self._trigger.event,
            self._parts.parts,
            last,
            self._parts.fault,
            self._parts.lost_packets,
        )
        self._on_end(end)
        return end

    def _is_past_end(self, packet: Packet) -> bool:
        until = self._until
        if until is None or packet.is_audio:
            return False
        if packet.stream.origin is until.stream:
            return packet.dts > until.pts
        # Its stream may have been read to its end before anybody asked to finish there.
        return any(stream is until.stream for stream in self._streams)

    def _note_stream(self, stream: VideoStream) -> None:
        if not self._streams or self._streams[-1] is not stream:
            self._streams.append(stream)

    def _is_stalled(self) -> bool:
        quiet_ns = self._clock.mono_ns() - self._last_video_mono_ns
        return self._until is not None and quiet_ns > STALL_S * 1e9

    def _run(self) -> None:
        try:
            while self.step():
                pass
        except CamwatchError as err:
            self._parts.fail(err)
        except Exception:
            log.exception("event %s: the recorder failed", self._trigger.event)
            self._parts.fail(MuxError("the recorder failed, see the log"))
        self.end()
