"""JPEG pictures to frames: small luma for the motion rooms, the picture itself kept for a snapshot.

FFmpeg decodes at a part of the size, which skips most of the work behind the entropy coding.
OpenCV is a sixth faster, but writes a line to standard error for each picture that is slightly
damaged, as some cameras' all are.
"""

from __future__ import annotations

from collections.abc import Callable

import av
from av.video.codeccontext import VideoCodecContext

from edge.capture.decode import LUMA_WIDTH, MAX_PIXELS, DecodedPixels, small_luma
from edge.capture.errors import FOREIGN_ERRORS, LostError, reading
from edge.media.frame import Frame, Picture
from edge.media.packet import Packet, VideoStream

# FFmpeg's `lowres`, the size's power of two; at one half it is slower than at the full size.
REDUCTIONS = (3, 2)


class JpegPixels:
    """A picture as the camera sent it, decoded in full only when asked for."""

    __slots__ = ("_data", "_height", "_width")

    def __init__(self, data: bytes, width: int, height: int) -> None:
        self._data = data
        self._width = width
        self._height = height

    @property
    def width(self) -> int:
        """Pixels."""
        return self._width

    @property
    def height(self) -> int:
        """Pixels."""
        return self._height

    def to_bgr(self, max_width: int) -> Picture:
        """uint8, shape (height, width, 3), blue green red; at most `max_width` wide.

        Costs milliseconds for each call. Raises LostError where it cannot be decoded.
        """
        with reading():
            pictures = jpeg_decoder()(self._data)
        if not pictures:
            raise LostError("broken", "a JPEG that holds no picture")
        return DecodedPixels(pictures[0]).to_bgr(max_width)


class JpegFrames:
    """Decodes one stream's pictures small, any of them in any order. One thread at a time."""

    def __init__(
        self, stream: VideoStream, *, mono_ns: Callable[[int], int], luma_width: int = LUMA_WIDTH
    ) -> None:
        """`mono_ns` tells when a PTS was captured, such as `Timeline.mono_ns`."""
        self._stream = stream
        self._mono_ns = mono_ns
        self._luma_width = luma_width
        self._decode = jpeg_decoder(_lowres(stream.width, luma_width))

    def decode(self, packet: Packet) -> Frame | None:
        """The packet's frame; None where it cannot be decoded. Never raises for bad data."""
        try:
            pictures = self._decode(packet.data)
            if not pictures:
                return None
            luma = small_luma(pictures[0], self._luma_width)
        except FOREIGN_ERRORS:
            return None
        pixels = JpegPixels(packet.data, self._stream.width, self._stream.height)
        return Frame(packet.pts, self._mono_ns(packet.pts), luma, pixels)


def jpeg_decoder(lowres: int = 0) -> Callable[[bytes], list[av.VideoFrame]]:
    """Decodes JPEG pictures of up to MAX_PIXELS, to 1 / 2^`lowres` of their size. One thread."""
    context: VideoCodecContext = av.CodecContext.create("mjpeg", "r")
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS), "lowres": str(lowres)}

    def decode(data: bytes) -> list[av.VideoFrame]:
        return list(context.decode(av.Packet(data)))

    return decode


def _lowres(width: int, wanted: int) -> int:
    return next((each for each in REDUCTIONS if width >> each >= wanted), 0)
