"""What a live stream sends, piece by piece: fragments of the camera's packets, or pictures.

Both follow a camera through reconnects and changes of its stream; both cost nothing while they are
not asked for the next pieces.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Protocol

from edge.base.clock import Clock
from edge.capture.decode import FrameDecoder
from edge.contract import live, names
from edge.contract.command import Form, Size
from edge.contract.live import Head, Kind
from edge.live import picture
from edge.live.follow import Follower
from edge.media.frame import Frame
from edge.media.packet import Packet, VideoStream
from edge.mux import snapshot
from edge.mux.errors import MuxError
from edge.mux.live import LiveMuxer
from edge.mux.snapshot import Jpeg, SnapshotError

MAX_WIDTH = {"large": 1280, "small": 640}  # pixels, of pictures
PICTURE_EVERY_S = 1.0
MAX_DECODING = 0.3  # of one processor; above it, only keyframes are decoded
LEAST_GAP_S = 0.04  # between two streams of one camera, in what the viewer sees
JUDGED_S = 3.0  # of decoding, before it is judged anew


class Pieces(Protocol):
    """Where pieces come from. Used by one thread."""

    def take(self, timeout_s: float) -> list[bytes]:
        """The next pieces, packed; empty where none came within `timeout_s`."""


class Fragments:
    """The camera's own packets as fragmented MP4."""

    def __init__(self, follower: Follower, size: Size) -> None:
        """`size`: what is told of the stream."""
        self._follower = follower
        self._size = size
        self._muxer: LiveMuxer | None = None
        self._began_ns: int | None = None
        self._skips = 0

    def take(self, timeout_s: float) -> list[bytes]:
        """The next fragments, after a head and an init where they need new ones."""
        packets = self._follower.read(timeout_s)
        if self._follower.skips != self._skips and self._muxer is not None:
            self._skips = self._follower.skips
            self._muxer.leave_out()
        found: list[bytes] = []
        while packets:
            same, packets = _of_one_stream(packets)
            muxer = self._muxer
            if muxer is None or muxer.stream is not same[0].stream:
                same = _from_keyframe(same)
                muxer = self._begin(same[0], found) if same else None
            if muxer is not None:
                found += [
                    live.pack(Kind.KEYFRAME if begins else Kind.MORE, data)
                    for begins, data in muxer.add(same)
                ]
        return found

    def _begin(self, first: Packet, found: list[bytes]) -> LiveMuxer | None:
        """A stream begins, or goes on with other parameters at the same time of the viewer's.

        None where it has no parameter sets yet; they may come with the next keyframe.
        """
        if self._began_ns is None:
            self._began_ns = first.arrival_mono_ns
        starts_s = (first.arrival_mono_ns - self._began_ns) / 1e9
        if self._muxer is not None:
            starts_s = max(starts_s, self._muxer.ends_s + LEAST_GAP_S)
        try:
            muxer = self._muxer = LiveMuxer(first, starts_s=starts_s)
        except MuxError:
            return None
        mime = f'video/mp4; codecs="{muxer.codec}"'
        found += [
            _head("fmp4", self._size, mime, first.stream.width, first.stream.height),
            live.pack(Kind.INIT, muxer.init),
        ]
        return muxer


class Pictures:
    """A JPEG a second, for browsers that cannot play the codec, and for Motion JPEG cameras."""

    def __init__(
        self, follower: Follower, clock: Clock, size: Size, turns: AbstractContextManager[None]
    ) -> None:
        """Pictures are decoded within `turns`, as the analysis does."""
        self._follower = follower
        self._clock = clock
        self._size = size
        self._turns = turns
        self._stream: VideoStream | None = None
        self._decoder: FrameDecoder | None = None
        self._newest: Frame | Packet | None = None
        self._sent_ns = 0
        self._told: tuple[int, int] | None = None
        self._spent_s = 0.0
        self._judged_ns = clock.mono_ns()

    def take(self, timeout_s: float) -> list[bytes]:
        """At most one picture, and a head before it where its size is a new one."""
        for packet in self._follower.read(timeout_s):
            self._look(packet)
        now_ns = self._clock.mono_ns()
        if self._newest is None or now_ns - self._sent_ns < PICTURE_EVERY_S * 1e9:
            return []
        self._sent_ns = now_ns
        newest, self._newest = self._newest, None
        try:
            made = self._encode(newest)
        except SnapshotError:
            return []
        found = [live.pack(Kind.JPEG, made.data)]
        if self._told != (made.width, made.height):
            self._told = (made.width, made.height)
            found.insert(0, _head("jpeg", self._size, "image/jpeg", made.width, made.height))
        return found

    def _look(self, packet: Packet) -> None:
        if packet.stream.is_intra_only:
            self._newest, self._decoder = packet, None
            return
        if self._decoder is None or packet.stream is not self._stream:
            self._stream = packet.stream
            self._decoder = FrameDecoder(packet.stream, mono_ns=lambda pts: pts)
        started_s = time.thread_time()
        with self._turns:
            frames = self._decoder.decode(packet)
        self._spent_s += time.thread_time() - started_s
        if frames:
            self._newest = frames[-1]
        self._judge(self._decoder)

    def _judge(self, decoder: FrameDecoder) -> None:
        """Where every picture costs too much, keyframes have to do."""
        now_ns = self._clock.mono_ns()
        past_s = (now_ns - self._judged_ns) / 1e9
        if past_s < JUDGED_S:
            return
        if self._spent_s / past_s > MAX_DECODING:
            decoder.keyframes_only = True
        self._spent_s, self._judged_ns = 0.0, now_ns

    def _encode(self, newest: Frame | Packet) -> Jpeg:
        max_width = MAX_WIDTH[self._size]
        if isinstance(newest, Packet):
            return picture.as_sent(newest, max_width)
        return snapshot.encode(newest.pixels.to_bgr(max_width), names.MAX_SNAPSHOT_BYTES)


def _of_one_stream(packets: list[Packet]) -> tuple[list[Packet], list[Packet]]:
    """The packets up to where another stream begins, and the rest."""
    stream, count = packets[0].stream, len(packets)
    count = next((at for at, each in enumerate(packets) if each.stream is not stream), count)
    return packets[:count], packets[count:]


def _from_keyframe(packets: list[Packet]) -> list[Packet]:
    first = next((at for at, each in enumerate(packets) if each.is_keyframe), len(packets))
    return packets[first:]


def _head(form: Form, size: Size, mime: str, width: int, height: int) -> bytes:
    head = Head(names.VERSION, form, size, mime, width, height)
    return live.pack(Kind.HEAD, live.encode_head(head))
