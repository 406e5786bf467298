"""Pictures to H.264 packets, for sources that give no coded stream of their own.

By libx264 at its cheapest, or by the board's own encoder (h264_v4l2m2m) where FFmpeg can open one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from edge.capture.beat import DEFAULT_FPS, TIME_BASE
from edge.capture.errors import FOREIGN_ERRORS
from edge.media import extradata, nal
from edge.media.packet import Packet, VideoStream

__all__ = ["TIME_BASE", "Encoder", "fit_to_encode", "live_encoder", "open_hardware"]

log = logging.getLogger(__name__)

CRF = 26  # x264's scale; 0 to 51, less is better
LIVE_GOP_S = 2
HARDWARE, SOFTWARE = "h264_v4l2m2m", "libx264"
HARDWARE_BITS_PER_PIXEL = 0.1  # 1.4 Mbit/s for 720p15; the board's encoder knows no CRF
MAX_DELAYED = 64  # pictures inside a hardware encoder; the Pi's holds a few

Context = VideoCodecContext
OpenContext = Callable[[int, int, Fraction], Context]


class Encoder:
    """Without B-frames; libx264 also without delay. One thread."""

    def __init__(
        self,
        width: int,
        height: int,
        frame_rate: Fraction | None,
        gop: int | None,
        *,
        context: Context | None = None,
    ) -> None:
        """`gop` in frames; None for a keyframe each LIVE_GOP_S. Width and height are even.

        `context` is an opened one to use instead of libx264.
        """
        rate = frame_rate or Fraction(DEFAULT_FPS)
        self.is_hardware = context is not None
        self._context = context or _open_software(width, height, rate, gop)
        self._key_ticks = LIVE_GOP_S / TIME_BASE if gop is None else None
        self._last_key: int | None = None
        self._duration = round(1 / rate / TIME_BASE)
        self._arrivals: dict[int, int] = {}
        self.stream = VideoStream(
            codec="h264",
            width=width,
            height=height,
            time_base=TIME_BASE,
            extradata=bytes(self._context.extradata or b""),
            frame_rate=frame_rate,
        )

    @property
    def name(self) -> str:
        """FFmpeg's name of the encoder."""
        return str(self._context.name)

    def encode(self, picture: av.VideoFrame, pts: int, arrival_mono_ns: int) -> Iterator[Packet]:
        """The packets that a yuv420p picture completes; `pts` is in TIME_BASE and rises."""
        picture.pts, picture.time_base = pts, TIME_BASE
        is_due = self._last_key is None or pts - self._last_key >= (self._key_ticks or 0)
        if self._key_ticks is not None:
            picture.pict_type = PictureType.I if is_due else PictureType.NONE
            self._last_key = pts if is_due else self._last_key
        self._arrivals[pts] = arrival_mono_ns
        for raw in self._context.encode(picture):
            if raw.pts is not None:
                yield self._packet(bytes(raw), raw.pts, raw.is_keyframe, arrival_mono_ns)
        while len(self._arrivals) > MAX_DELAYED:
            del self._arrivals[next(iter(self._arrivals))]

    def flush(self) -> Iterator[Packet]:
        """The packets of pictures that are still inside; nothing can be encoded after it."""
        last_ns = max(self._arrivals.values(), default=0)
        for raw in self._context.encode(None):
            if raw.pts is not None:
                yield self._packet(bytes(raw), raw.pts, raw.is_keyframe, last_ns)

    @property
    def is_delayed(self) -> bool:
        """Whether pictures are inside that no packet has come of yet."""
        return bool(self._arrivals)

    def _packet(self, data: bytes, pts: int, is_keyframe: bool, now_ns: int) -> Packet:
        if not self.stream.extradata and is_keyframe:
            sets = nal.parameter_sets("h264", data)
            self.stream = VideoStream(
                "h264", self.stream.width, self.stream.height, TIME_BASE,
                extradata.make("h264", sets, 0), self.stream.frame_rate,
            )  # fmt: skip
        arrival_ns = self._arrivals.pop(pts, now_ns)
        return Packet(data, pts, pts, is_keyframe, self.stream, arrival_ns, self._duration)


def live_encoder(
    width: int,
    height: int,
    frame_rate: Fraction | None,
    *,
    open_hardware: OpenContext | None = None,
) -> Encoder:
    """An encoder for a camera: the board's own by `open_hardware`, else libx264."""
    context = None
    if open_hardware is not None:
        try:
            context = open_hardware(width, height, frame_rate or Fraction(DEFAULT_FPS))
        except FOREIGN_ERRORS as err:
            log.debug("no hardware encoder: %s", err)
    return Encoder(width, height, frame_rate, None, context=context)


def open_hardware(width: int, height: int, frame_rate: Fraction) -> Context:
    """The board's encoder, opened. Raises FFmpeg's errors where there is none."""
    context = _context(HARDWARE, width, height, frame_rate, LIVE_GOP_S * round(frame_rate) or 1)
    context.bit_rate = round(HARDWARE_BITS_PER_PIXEL * width * height * frame_rate)
    context.open()
    return context


def fit_to_encode(picture: av.VideoFrame) -> av.VideoFrame:
    """The picture with even sides, in the range of levels that video has (JPEG's is wider)."""
    return picture.reformat(
        width=picture.width & ~1,
        height=picture.height & ~1,
        format="yuv420p",
        src_color_range=picture.color_range,
        dst_color_range=ColorRange.MPEG,
    )


def _open_software(width: int, height: int, frame_rate: Fraction, gop: int | None) -> Context:
    is_timed = gop is None
    gop = gop or 100 * max(1, round(frame_rate))  # timed: each keyframe is asked for
    context = _context(SOFTWARE, width, height, frame_rate, gop)
    context.flags |= Flags.global_header
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": str(CRF),
        "forced-idr": "1",
        "x264-params": f"keyint={gop}:min-keyint={1 if is_timed else gop}:scenecut=0",
    }
    context.open()
    return context


def _context(name: str, width: int, height: int, frame_rate: Fraction, gop: int) -> Context:
    context: Context = av.CodecContext.create(name, "w")  # type: ignore[assignment]
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = TIME_BASE, frame_rate
    context.gop_size, context.max_b_frames, context.thread_count = gop, 0, 1
    return context
