"""A camera on this box: a Video4Linux device such as /dev/video0.

H.264 and Motion JPEG are passed on as the camera gives them. Raw pictures are encoded to H.264
here, once. A thread of its own reads, since a driver can block for as long as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.container

from edge.base.clock import Clock
from edge.capture import jpegs
from edge.capture.ahead import Ahead
from edge.capture.beat import Beat
from edge.capture.decode import MAX_PIXELS
from edge.capture.demux import CODECS, Demux, DemuxCounts
from edge.capture.device import Choice, examine, open_error
from edge.capture.encode import OpenContext, open_hardware
from edge.capture.encoded import DEPTH, Coded, Transcoder
from edge.capture.errors import LostError, OpenError, opening, reading
from edge.capture.jpegs import JpegPackets
from edge.capture.session import Packets, SessionSource
from edge.contract.address import Device
from edge.media.packet import Packet

FORMAT = "v4l2"
AHEAD_PACKETS = 64  # of H.264, two to four seconds; then the driver drops pictures by itself
CODEC_NAMES = {"rawvideo": "raw pictures"}
DEPTHS = {"h264": AHEAD_PACKETS, "mjpeg": jpegs.DEPTH}  # else: what has to be encoded


class V4l2Source(SessionSource):
    """One device: one packet a picture. `close` ends it within a quarter of a second."""

    def __init__(
        self,
        device: Device,
        clock: Clock,
        *,
        stall_timeout_s: float = 10.0,
        container_format: str = FORMAT,
        open_hardware: OpenContext | None = open_hardware,
    ) -> None:
        """`container_format` is FFmpeg's name; tests read a recorded device through another."""
        super().__init__()
        self._device = device
        self._clock = clock
        self._stall_timeout_s = stall_timeout_s
        self._format = container_format
        self._open_hardware = open_hardware
        self._ahead: Ahead[Coded | Packet] | None = None
        self._transcoder: Transcoder | JpegPackets | None = None
        self._codec: av.VideoCodecContext | None = None
        self._rate: Fraction | None = None
        self.counts = DemuxCounts()

    @property
    def encoding(self) -> str | None:
        """What is encoded, for people; None where the camera gives H.264 itself."""
        return self._transcoder.encoding if self._transcoder else None

    @property
    def dropped(self) -> int:
        """Pictures that came while earlier ones were not taken yet, and were left out."""
        return self._ahead.dropped if self._ahead else 0

    def _read(self) -> Packets:
        is_device = self._format == FORMAT
        choice = examine(self._device) if is_device else None
        given = choice.format if choice is not None else ""
        self._ahead = Ahead(
            f"read {self._device.path}",
            lambda: self._items(choice),
            depth=DEPTHS.get(given, DEPTH),
            is_dropping=is_device and given != "h264",
        )
        with self._ahead:
            while (item := self._taken(self._ahead)) is not None:
                if isinstance(item, Packet):
                    yield item
                else:
                    yield from self._transcoded(item)

    def _taken(self, ahead: Ahead[Coded | Packet]) -> Coded | Packet | None:
        try:
            return ahead.take(self._stall_timeout_s, self._is_closing)
        except TimeoutError as err:
            detail = f"{self._device.path} gave no picture for {self._stall_timeout_s:g} s"
            raise LostError("stalled", detail, hint="unplug it and plug it in") from err

    def _transcoded(self, coded: Coded) -> Packets:
        if self._transcoder is None:
            self._transcoder = self._make_transcoder(self._codec.name if self._codec else "")
        yield from self._transcoder.push(coded)

    def _make_transcoder(self, codec: str) -> Transcoder | JpegPackets:
        stall_s, rate = self._stall_timeout_s, self._rate
        if codec == "mjpeg":
            return JpegPackets(self._device.path, stall_timeout_s=stall_s, frame_rate=rate)
        return Transcoder(
            self._device.path,
            CODEC_NAMES.get(codec, codec),
            self._decode,
            stall_timeout_s=stall_s,
            frame_rate=rate,
            open_hardware=self._open_hardware,
        )

    def _decode(self, data: bytes) -> Iterable[av.VideoFrame]:
        return self._codec.decode(av.Packet(data)) if self._codec else ()

    def _items(self, choice: Choice | None) -> Iterator[Coded | Packet]:
        """What the device gives; runs in the reading thread, which owns the container."""
        with self._opened(choice) as container:
            if not container.streams.video:
                raise OpenError("no_video", f"{self._device.path} gives no pictures")
            stream = container.streams.video[0]
            if stream.codec_context.name in CODECS:
                demux = Demux(
                    container, self._clock, self._stall_timeout_s, self._is_closing, self.counts
                )
                yield from demux.packets()
                return
            self._rate = stream.average_rate
            self._codec = stream.codec_context
            self._codec.options = {"max_pixels": str(MAX_PIXELS)}
            yield from self._pictures(container, stream)

    def _pictures(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[Coded]:
        # By the time of arrival: drivers' own times are of clocks of their choice.
        beat = Beat(float(self._rate) if self._rate else None)
        packets = container.demux(stream)
        while not self._is_closing.is_set():
            with reading():
                raw = next(packets, None)
            if raw is None:
                return
            if raw.size:
                now_ns = self._clock.mono_ns()
                yield Coded(bytes(raw), beat.pts(now_ns), now_ns)

    def _opened(self, choice: Choice | None) -> av.container.InputContainer:
        path = self._device.path
        try:
            with opening(path):
                return av.open(path, format=self._format, options=_options(choice))
        except OpenError as err:
            if isinstance(err.__cause__, OSError) and self._format == FORMAT:
                raise open_error(path, err.__cause__) from err.__cause__
            raise


def _options(choice: Choice | None) -> dict[str, str]:
    options: dict[str, str] = {}
    if choice is None:
        return options
    if choice.input_format:
        options["input_format"] = choice.input_format
    if choice.picture.width is not None:
        options["video_size"] = f"{choice.picture.width}x{choice.picture.height}"
    if choice.picture.fps is not None:
        options["framerate"] = str(choice.picture.fps)
    return options
