"""Pictures to H.264 packets, for sources that give no coded stream of their own."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from edge.media.packet import Packet, VideoStream

TIME_BASE = Fraction(1, 90_000)  # as RTP has it, RFC 6184 section 5.1
CRF = 26  # x264's scale; 0 to 51, less is better


class Encoder:
    """libx264 at its cheapest, without B-frames and without delay. One thread."""

    def __init__(self, width: int, height: int, frame_rate: Fraction, gop: int) -> None:
        """`gop` in frames. Width and height are even."""
        self._context = _context(width, height, frame_rate, gop)
        self._duration = round(1 / frame_rate / TIME_BASE)
        self.stream = VideoStream(
            codec="h264",
            width=width,
            height=height,
            time_base=TIME_BASE,
            extradata=bytes(self._context.extradata or b""),
            frame_rate=frame_rate,
        )

    def encode(self, picture: av.VideoFrame, pts: int, arrival_mono_ns: int) -> Iterator[Packet]:
        """The packet of a yuv420p picture; `pts` is in TIME_BASE and rises."""
        picture.pts, picture.time_base = pts, TIME_BASE
        for raw in self._context.encode(picture):
            if raw.pts is not None:
                yield Packet(
                    bytes(raw), raw.pts, raw.pts, raw.is_keyframe, self.stream, arrival_mono_ns,
                    self._duration,
                )  # fmt: skip


def _context(width: int, height: int, frame_rate: Fraction, gop: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = TIME_BASE, frame_rate
    context.gop_size, context.max_b_frames, context.thread_count = gop, 0, 1
    context.flags |= Flags.global_header
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": str(CRF),
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0",
    }
    context.open()
    return context
