"""Packets to `Frame`s: small luma for the motion rooms, full pixels kept for a snapshot.

Tolerant: what cannot be decoded is counted, never raised. The decoder heals itself at the next
keyframe; one that goes on failing is replaced by a fresh one, which starts at a keyframe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from edge.capture.errors import FOREIGN_ERRORS, reading
from edge.media.frame import Frame, Luma, Picture
from edge.media.packet import Packet, VideoStream

LUMA_WIDTH = 320  # pixels
MAX_FAILURES = 8  # packets in a row that fail before the decoder is replaced
# Larger pictures are refused by the decoder: 17 reference pictures of this size are 430 MB, and
# a forged SPS may ask for more than a node has.
MAX_PIXELS = 4096 * 4096
# Formats whose first plane is luma of 8 bits.
LUMA_FIRST = frozenset({
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p",
    "yuv411p", "yuvj411p", "nv12", "nv21", "nv16", "gray", "yuva420p",
})  # fmt: skip


@dataclass(slots=True)
class DecodeCounts:
    """What went wrong in one decoder, since it was made."""

    failed_packets: int = 0
    skipped_packets: int = 0
    restarts: int = 0


class DecodedPixels:
    """The full picture behind a frame, converted only when asked for."""

    __slots__ = ("_frame",)

    def __init__(self, frame: av.VideoFrame) -> None:
        self._frame = frame

    @property
    def width(self) -> int:
        """Pixels."""
        return self._frame.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self._frame.height

    def to_bgr(self, max_width: int) -> Picture:
        """uint8, shape (height, width, 3), blue green red; at most `max_width` wide.

        Costs milliseconds for each call. Raises LostError where it cannot be converted.
        """
        width = min(self.width, max_width)
        height = max(1, round(self.height * width / self.width))
        with reading():
            small = self._frame.reformat(width=width, height=height, format="bgr24")
            return np.asarray(small.to_ndarray(), np.uint8)


class FrameDecoder:
    """Decodes one `VideoStream`. One thread at a time.

    `keyframes_only` may be set at any time: then other packets cost nothing and give no frame.
    After setting it back, decoding goes on from the next keyframe that is passed in. A stream with
    rolling intra refresh has no picture that stands alone: keyframes only gives nothing of it.
    """

    def __init__(
        self,
        stream: VideoStream,
        *,
        mono_ns: Callable[[int], int],
        luma_width: int = LUMA_WIDTH,
        threads: int = 1,
        skips_loop_filter: bool = False,
    ) -> None:
        """`mono_ns` tells when a PTS was captured, such as `Timeline.mono_ns`.

        `skips_loop_filter` saves about 40 % of the decoding of H.264, at a mean error of 0.3 grey
        levels in the luma that grows along each GOP, and with blocky snapshots. More `threads`
        than one delay frames.
        """
        self._stream = stream
        self._mono_ns = mono_ns
        self._luma_width = luma_width
        self._threads = threads
        self._skips_loop_filter = skips_loop_filter
        self._context: VideoCodecContext | None = None
        self._needs_keyframe = True
        self._failures = 0
        self._keyframes_only = False
        self.counts = DecodeCounts()

    @property
    def keyframes_only(self) -> bool:
        """Whether only keyframes are decoded, each one at once."""
        return self._keyframes_only

    @keyframes_only.setter
    def keyframes_only(self, only: bool) -> None:
        if only != self._keyframes_only:
            self._keyframes_only = only
            self._needs_keyframe = True
            if self._context is not None:
                self._context.flush_buffers()

    @property
    def needs_keyframe(self) -> bool:
        """Whether nothing but a keyframe can be decoded now, and nothing is inside."""
        return self._needs_keyframe

    def decode(self, packet: Packet) -> list[Frame]:
        """The frames that `packet` completes, in order of PTS. Never raises for bad data."""
        if not packet.is_keyframe and (self._needs_keyframe or self._keyframes_only):
            self.counts.skipped_packets += 1
            return []
        self._needs_keyframe = False
        frames = self._run(_raw(packet, self._stream), packet.pts)
        if self._keyframes_only:
            frames += self.flush()
        return frames

    def flush(self) -> list[Frame]:
        """The frames still inside; the next packet taken is a keyframe."""
        frames = self._run(None, None)
        if self._context is not None:
            self._context.flush_buffers()
        self._needs_keyframe = True
        return frames

    def release(self) -> None:
        """Give back the decoder's memory; the next packet taken is a keyframe."""
        self._context, self._needs_keyframe, self._failures = None, True, 0

    def _run(self, raw: av.Packet[av.VideoStream] | None, pts: int | None) -> list[Frame]:
        if raw is None and self._context is None:
            return []
        try:
            if self._context is None:
                self._context = _context(
                    self._stream, threads=self._threads, skips_loop_filter=self._skips_loop_filter
                )
            frames = [
                self._frame(picture, picture.pts if picture.pts is not None else pts)
                for picture in self._context.decode(raw)
            ]
        except FOREIGN_ERRORS:
            self._fail()
            return []
        if frames:
            self._failures = 0
        return [frame for frame in frames if frame is not None]

    def _fail(self) -> None:
        self.counts.failed_packets += 1
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self._context, self._needs_keyframe, self._failures = None, True, 0
            self.counts.restarts += 1

    def _frame(self, picture: av.VideoFrame, pts: int | None) -> Frame | None:
        if pts is None:
            return None
        return Frame(
            pts, self._mono_ns(pts), small_luma(picture, self._luma_width), DecodedPixels(picture)
        )


def picture_at(stream: VideoStream, packets: list[Packet], pts: int) -> DecodedPixels | None:
    """The picture shown at `pts`, decoded from `packets`, which begin with a keyframe.

    The last one before it where the packets end earlier; None where nothing can be decoded. Costs
    the decoding of all of them, without the loop filter.
    """
    context = _context(stream, threads=1, skips_loop_filter=True)
    best: av.VideoFrame | None = None
    for packet in [*packets, None]:
        try:
            for picture in context.decode(None if packet is None else _raw(packet, stream)):
                shown = pts if picture.pts is None else picture.pts
                if shown <= pts and (best is None or shown >= (best.pts or 0)):
                    best = picture
        except FOREIGN_ERRORS:
            continue
    return None if best is None else DecodedPixels(best)


def _raw(packet: Packet, stream: VideoStream) -> av.Packet[av.VideoStream]:
    raw = cast("av.Packet[av.VideoStream]", av.Packet(packet.data))
    raw.pts, raw.dts, raw.time_base = packet.pts, packet.dts, stream.time_base
    return raw


def _context(stream: VideoStream, *, threads: int, skips_loop_filter: bool) -> VideoCodecContext:
    context = av.CodecContext.create(stream.codec, "r")
    context.extradata = stream.extradata or None
    context.thread_count = threads
    options = {"max_pixels": str(MAX_PIXELS)}
    if skips_loop_filter:
        options["skip_loop_filter"] = "all"
    context.options = options
    return context


def small_luma(picture: av.VideoFrame, max_width: int) -> Luma:
    """The picture's luma, uint8, shape (height, width), at most `max_width` wide; read-only.

    By exact halves as far as they go, which OpenCV does four times faster than one large step.
    """
    if picture.format.name not in LUMA_FIRST:
        picture = picture.reformat(format="gray")
    plane = picture.planes[0]
    full = np.frombuffer(memoryview(plane), np.uint8)[: picture.height * plane.line_size]
    luma: Luma = full.reshape(picture.height, plane.line_size)[:, : picture.width]
    while luma.shape[1] >= 2 * max_width and not (luma.shape[0] | luma.shape[1]) & 1:
        luma = _resized(luma, luma.shape[1] // 2, luma.shape[0] // 2)
    if luma.shape[1] > max_width:
        luma = _resized(luma, max_width, max(1, round(luma.shape[0] * max_width / luma.shape[1])))
    if luma.base is not None:  # still the decoder's own memory
        luma = luma.copy()
    luma.flags.writeable = False
    return luma


def _resized(luma: Luma, width: int, height: int) -> Luma:
    return np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
