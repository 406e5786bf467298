"""A camera on this machine: a Video4Linux device such as /dev/video0.

What it gives as Motion JPEG or raw pictures is encoded to H.264 here, once. Opening and reading
block in the driver for as long as it takes; most answer within a second.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction

import av
from av.video.reformatter import ColorRange

from edge.base.clock import Clock
from edge.capture.encode import TIME_BASE, Encoder
from edge.capture.errors import OpenError, opening, reading
from edge.capture.session import Packets, Session
from edge.media.packet import Packet, VideoStream

FORMAT = "v4l2"
GOP_S = 2
DEFAULT_FRAME_RATE = Fraction(15)


class V4l2Source:
    """`open` and `packets` are for one thread, `close` for any."""

    def __init__(self, device: str, clock: Clock, *, container_format: str = FORMAT) -> None:
        """`container_format` is FFmpeg's name; tests read a recorded device through another."""
        self._device = device
        self._clock = clock
        self._format = container_format
        self._is_closing = threading.Event()
        self._session: Session | None = None

    def open(self) -> VideoStream:
        """Open the device and encode its first picture. Raises OpenError."""
        self._session = Session(self._read(), self._is_closing, is_live=True)
        return self._session.stream

    def packets(self) -> Iterator[Packet]:
        """One packet a picture. Raises LostError when the device goes."""
        return self._session.packets() if self._session else iter(())

    def close(self) -> None:
        """End `packets` with its next picture."""
        self._is_closing.set()
        if self._session:
            self._session.close()

    def _read(self) -> Packets:
        with opening(self._device):
            container = av.open(self._device, format=self._format)
        with container:
            if not container.streams.video:
                raise OpenError("no_video", f"{self._device} gives no pictures")
            stream = container.streams.video[0]
            rate = Fraction(stream.average_rate or DEFAULT_FRAME_RATE)
            encoder: Encoder | None = None
            last_pts = -1
            pictures = container.decode(stream)
            start_ns = self._clock.mono_ns()
            while not self._is_closing.is_set():
                with reading():
                    picture = next(pictures, None)
                    if picture is None:
                        return
                    even = _fit_to_encode(picture)
                if encoder is None:
                    encoder = Encoder(even.width, even.height, rate, max(1, round(GOP_S * rate)))
                now_ns = self._clock.mono_ns()
                # By the time of arrival: drivers' own times are of clocks of their choice.
                last_pts = max(last_pts + 1, int((now_ns - start_ns) / 1e9 / TIME_BASE))
                yield from encoder.encode(even, last_pts, now_ns)


def _fit_to_encode(picture: av.VideoFrame) -> av.VideoFrame:
    """The picture with even sides, in the range of levels that video has (JPEG's is wider)."""
    return picture.reformat(
        width=picture.width & ~1,
        height=picture.height & ~1,
        format="yuv420p",
        src_color_range=picture.color_range,
        dst_color_range=ColorRange.MPEG,
    )
