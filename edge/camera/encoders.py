"""Motion JPEG for clips: a place in the ring whose pictures come out as H.264.

Between the ring and a recorder, on the recorder's thread, and only while an event is recorded. What
is H.264 or H.265 already goes through untouched. The pre-roll is caught up on as fast as the box
can; where it is slower than the camera, pictures are left out once they wait for too long, spread
evenly, and counted.

Invariants
- At most MAX_ENCODERS encode at once, each for one event; another event waits, and the ring holds
  its pictures as long as it has room for them.
- The ring never holds much more for a slow encoder than for its pre-roll.
- A picture that cannot be decoded costs only itself. Times are the camera's stream's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import threading

from edge.base.clock import Clock
from edge.capture.encode import OpenContext, open_hardware
from edge.capture.encoded import Coded, Transcoder
from edge.capture.jpeg_decode import jpeg_decoder
from edge.gop.ring import PacketRing, RingReader
from edge.media.packet import Packet, VideoStream

log = logging.getLogger(__name__)

MAX_ENCODERS = 2  # of one camera: of an event that closes, and of the next one
BATCH = 8  # pictures taken from the ring at a time, which are held beside it
MAX_BEHIND = 30  # pictures that may wait beyond those of the pre-roll: two seconds
WAIT_S = 0.1  # for another event's encoder, where nothing else is waited for
CLOSING_S = 1.0  # for what is not encoded yet when the agent stops
NICENESS = 5  # of the thread that encodes, so that the detector keeps its beat: nice(2)


class Encoders:
    """What one camera's events share. For any thread."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        limit: int = MAX_ENCODERS,
        open_hardware: OpenContext | None = open_hardware,
    ) -> None:
        """`name` is the camera's, for people."""
        self.name = name
        self.clock = clock
        self.open_hardware = open_hardware
        self.opened = 0
        """Encoders made since the start."""
        self.left_out = 0
        """Pictures left out of clips since the start, as encoding was slower than the camera."""
        self._slots = threading.BoundedSemaphore(limit)

    def reader(
        self, ring: PacketRing, reader: RingReader, stream: VideoStream | None
    ) -> EncodedReader:
        """The same place in the ring, with H.264 where Motion JPEG stands."""
        return EncodedReader(self, ring, reader, stream)

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the right to encode; give it back by `release`."""
        return self._slots.acquire(timeout=timeout_s)

    def release(self) -> None:
        """Let another event encode."""
        self._slots.release()


class EncodedReader:
    """One recorder's place (`edge.mux.recorder.PacketReader`). One thread, which encodes."""

    def __init__(
        self, encoders: Encoders, ring: PacketRing, reader: RingReader, stream: VideoStream | None
    ) -> None:
        """`stream` is the one that the reader is at."""
        self._encoders = encoders
        self._ring = ring
        self._reader = reader
        self._held: list[Packet] = []
        self._origin = stream if stream is not None and stream.is_intra_only else None
        self._encoded: tuple[VideoStream, VideoStream] | None = None
        self._transcoder: Transcoder | None = None
        self._has_slot = False
        self._max_behind: int | None = None
        self._end_index: int | None = None
        self._limit_ns: int | None = None
        self._lost = 0
        self.is_behind = False
        """Whether pictures wait for another event's encoder."""

    @property
    def lost_packets(self) -> int:
        """Video packets that were dropped, left out or could not be decoded, so far."""
        return self._reader.lost_packets + self._lost

    def read(self, max_packets: int, timeout_s: float) -> list[Packet]:
        """The next packets in order, waiting up to `timeout_s` for the first.

        With 0, nothing that comes later is given any more: what the ring holds then is the rest.
        """
        if timeout_s == 0 and self._end_index is None:
            self._end_index = self._ring.next_index
        given: list[Packet] = []
        while not given:
            if not self._held:
                self._held = self._next(max_packets, timeout_s)
            if not self._held or self._is_over():
                return self._flush() if timeout_s == 0 else []
            if not self._held[0].stream.is_intra_only:
                return self._passed_through()
            if not self._may_encode(timeout_s):
                return []
            if self._is_too_far_behind(self._held[0]):
                del self._held[0]
                continue
            given = self._given(self._held.pop(0))
            if not given and timeout_s > 0:
                break  # it is damaged, or inside the encoder still
        return given

    def close(self) -> None:
        """Let go of the packets and the encoder."""
        self._reader.close()
        self._transcoder = None
        self._held = []
        if self._has_slot:
            self._has_slot = False
            self._encoders.release()

    def _next(self, max_packets: int, timeout_s: float) -> list[Packet]:
        """What the ring has next, few at a time where they are to be encoded."""
        if self._end_index is not None:
            left = self._end_index - self._reader.next_index
            if left <= 0:
                return []
            max_packets = min(max_packets, left)
        if self._origin is not None:
            max_packets = min(max_packets, BATCH)
        return self._reader.read(max_packets, timeout_s)

    def _passed_through(self) -> list[Packet]:
        """Packets that need no encoding, up to one that does."""
        before = self._flush()
        self._origin = self._transcoder = None
        intra = (at for at, each in enumerate(self._held) if each.stream.is_intra_only)
        end = next(intra, len(self._held))
        given, self._held = self._held[:end], self._held[end:]
        return before + given

    def _is_over(self) -> bool:
        """Whether the agent stops and does not wait any longer."""
        if self._end_index is None or not self._ring.is_closed:
            return False
        now_ns = self._encoders.clock.mono_ns()
        if self._limit_ns is None:
            self._limit_ns = now_ns + round(CLOSING_S * 1e9)
        if now_ns < self._limit_ns:
            return False
        self._lost += len(self._held) + max(0, self._end_index - self._reader.next_index)
        self._held, self._end_index = [], self._reader.next_index
        return True

    def _may_encode(self, timeout_s: float) -> bool:
        """Take one of the camera's encoders, if there is a free one soon."""
        if not self._has_slot:
            self._has_slot = self._encoders.acquire(timeout_s or WAIT_S)
            if self._has_slot:
                # A thread of its own encodes; on a box that is short of time, it comes last.
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            self.is_behind = not self._has_slot and not self._is_over()
        return self._has_slot

    def _is_too_far_behind(self, packet: Packet) -> bool:
        """Whether to leave a picture out, as encoding is slower than the camera."""
        behind = self._ring.next_index - packet.index
        if self._max_behind is None:
            self._max_behind = behind + MAX_BEHIND
        if behind <= self._max_behind:
            return False
        self._encoders.left_out += 1
        self._lost += 1
        return True

    def _given(self, packet: Packet) -> list[Packet]:
        """What a recorder gets for a picture of the ring."""
        before = []
        if packet.stream is not self._origin:
            before = self._flush()
            self._origin, self._transcoder = packet.stream, None
        transcoder = self._transcoder or self._begin(packet.stream)
        bad = transcoder.undecodable
        coded = Coded(packet.data, packet.pts, packet.arrival_mono_ns)
        made = [self._restamped(each) for each in transcoder.push(coded)]
        self._lost += transcoder.undecodable - bad
        if transcoder.has_failed_hardware:
            self._encoders.open_hardware = None
        return before + made

    def _begin(self, stream: VideoStream) -> Transcoder:
        encoders = self._encoders
        encoders.opened += 1
        self._transcoder = Transcoder(
            encoders.name,
            "Motion JPEG",
            jpeg_decoder(),
            stall_timeout_s=float("inf"),
            frame_rate=stream.frame_rate,
            open_hardware=encoders.open_hardware,
        )
        return self._transcoder

    def _flush(self) -> list[Packet]:
        """What a hardware encoder holds still."""
        if self._transcoder is None or not self._transcoder.is_delayed:
            return []
        return [self._restamped(each) for each in self._transcoder.flush()]

    def _restamped(self, packet: Packet) -> Packet:
        """The packet in a stream that names the camera's, in whose times it is."""
        if self._encoded is None or self._encoded[0] is not packet.stream:
            marked = dataclasses.replace(packet.stream, encoded_from=self._origin)
            self._encoded = packet.stream, marked
        packet.stream = self._encoded[1]
        return packet
