"""Motion JPEG as packets, one a picture, for the sources that get it from a camera.

Nothing is decoded here: a picture's header tells its size. What is damaged so far that it has
none, is cut off, or is larger than a node can decode, is left out.
"""

from __future__ import annotations

import logging
import threading
from fractions import Fraction

from edge.capture.ahead import Ahead
from edge.capture.beat import TIME_BASE
from edge.capture.decode import MAX_PIXELS
from edge.capture.encoded import Coded
from edge.capture.errors import LostError
from edge.capture.session import Packets
from edge.media import jpeg
from edge.media.packet import Packet, VideoStream

log = logging.getLogger(__name__)

OPENING_MARGIN_S = 1.0
HINT = "set the camera to JPEG pictures of 16 megapixels at most"
DEPTH = 5  # pictures read and not yet taken; each may have the 8 MiB of `multipart`


class JpegPackets:
    """From a camera's pictures to packets; one camera, one opening, one thread."""

    def __init__(
        self, name: str, *, stall_timeout_s: float, frame_rate: Fraction | None = None
    ) -> None:
        """`name` is for people: which camera."""
        self._name = name
        self._stall_timeout_s = stall_timeout_s
        self._frame_rate = frame_rate
        self._stream: VideoStream | None = None
        self._last_good_ns: int | None = None
        self._has_ends = False
        self.damaged = 0
        """Pictures left out."""

    @property
    def encoding(self) -> str:
        """What is encoded, for people."""
        size = f" {self._stream.width}x{self._stream.height}" if self._stream else ""
        return f"Motion JPEG{size} to H.264 on this box, for events only"

    def packets(self, ahead: Ahead[Coded], is_closing: threading.Event) -> Packets:
        """The packets of the pictures that `ahead` reads. Raises LostError and what it raises."""
        # At first the reader connects and asks, each with a time-out of its own that says more.
        timeout_s = 2 * self._stall_timeout_s + OPENING_MARGIN_S
        while (coded := _taken(ahead, timeout_s, is_closing)) is not None:
            yield from self.push(coded)
            timeout_s = self._stall_timeout_s

    def push(self, coded: Coded) -> Packets:
        """The packet of one picture, if it is good. Raises LostError when none is ever good."""
        now_ns = coded.arrival_mono_ns
        if self._last_good_ns is None:
            self._last_good_ns = now_ns
        try:
            width, height = self._size(coded.data)
        except ValueError as err:
            self.damaged += 1
            log.debug("%s: a picture is left out: %s", self._name, err)
            if now_ns - self._last_good_ns > self._stall_timeout_s * 1e9:
                detail = f"no picture that can be decoded: {err}"
                raise LostError("broken", detail, hint=HINT) from err
            return
        self._last_good_ns = now_ns
        stream = self._stream
        if stream is None or (stream.width, stream.height) != (width, height):
            stream = VideoStream("mjpeg", width, height, TIME_BASE, b"", self._frame_rate)
            self._stream = stream
        yield Packet(coded.data, coded.pts, coded.pts, True, stream, now_ns)

    def _size(self, data: bytes) -> tuple[int, int]:
        """Width and height of a picture that is worth keeping. Raises ValueError."""
        width, height = jpeg.size(data)
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} pixels are more than {MAX_PIXELS}")
        is_whole = jpeg.is_whole(data)
        if self._has_ends and not is_whole:  # some cameras never write an end
            raise ValueError("a JPEG that is cut off")
        self._has_ends |= is_whole
        return width, height


def _taken(ahead: Ahead[Coded], timeout_s: float, is_closing: threading.Event) -> Coded | None:
    """The next picture, None at the end. Raises LostError when none comes in time."""
    try:
        return ahead.take(timeout_s, is_closing)
    except TimeoutError as err:
        raise LostError("stalled", f"no picture for {timeout_s:g} s") from err
