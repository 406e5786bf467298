"""Cameras whose pictures have to be encoded here, once: Motion JPEG and raw.

Reading never waits for encoding: pictures are read ahead, and the oldest unread one is dropped and
counted when encoding is slower than the camera. What is dropped costs no decoding.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import av

from edge.capture.ahead import Ahead
from edge.capture.encode import Encoder, OpenContext, fit_to_encode, live_encoder, open_hardware
from edge.capture.errors import FOREIGN_ERRORS, LostError
from edge.capture.session import Packets

log = logging.getLogger(__name__)

DEPTH = 2  # pictures read and not yet encoded
OPENING_MARGIN_S = 1.0
MAX_PIXELS = 1 << 24  # as `decode` takes them


@dataclass(frozen=True, slots=True)
class Coded:
    """One picture as the camera gave it, with its time in `beat.TIME_BASE`."""

    data: bytes
    pts: int
    arrival_mono_ns: int


class Transcoder:
    """From the camera's pictures to H.264 packets; one camera, one opening, one thread."""

    def __init__(
        self,
        name: str,
        codec: str,
        decode: Callable[[bytes], Iterable[av.VideoFrame]],
        *,
        stall_timeout_s: float,
        frame_rate: Fraction | None = None,
        open_hardware: OpenContext | None = open_hardware,
    ) -> None:
        """`name` and `codec` are for people: which camera, and what it gives."""
        self._name = name
        self._codec = codec
        self._decode = decode
        self._stall_timeout_s = stall_timeout_s
        self._frame_rate = frame_rate
        self._open_hardware = open_hardware
        self._encoder: Encoder | None = None
        self._last_good_ns: int | None = None
        self.undecodable = 0

    @property
    def encoding(self) -> str:
        """What is encoded by what, for people."""
        encoder = self._encoder
        if encoder is None:
            return f"{self._codec}, no picture decoded"
        size = f"{encoder.stream.width}x{encoder.stream.height}"
        return f"{self._codec} {size} to H.264 by {encoder.name}, on this box, once"

    def packets(self, ahead: Ahead[Coded], is_closing: threading.Event) -> Packets:
        """The packets of the pictures that `ahead` reads. Raises LostError and what it raises."""
        # At first the reader connects and asks, each with a time-out of its own that says more.
        timeout_s = 2 * self._stall_timeout_s + OPENING_MARGIN_S
        while (coded := taken(ahead, timeout_s, is_closing)) is not None:
            yield from self.push(coded)
            timeout_s = self._stall_timeout_s

    def push(self, coded: Coded) -> Packets:
        """The packets that one picture completes. Raises LostError when none is ever good."""
        now_ns = coded.arrival_mono_ns
        if self._last_good_ns is None:
            self._last_good_ns = now_ns
        try:
            pictures = [fit_to_encode(each) for each in self._decode(coded.data)]
        except FOREIGN_ERRORS as err:
            pictures = []
            log.debug("%s: a picture that cannot be decoded: %s", self._name, err)
        if not pictures:
            self.undecodable += 1
            if now_ns - self._last_good_ns > self._stall_timeout_s * 1e9:
                raise LostError("broken", "no picture that can be decoded")
            return
        self._last_good_ns = now_ns
        for picture in pictures[:1]:
            yield from self._encoded(picture, coded)

    def _encoded(self, picture: av.VideoFrame, coded: Coded) -> Packets:
        encoder = self._encoder
        size = (picture.width, picture.height)
        if encoder is None or (encoder.stream.width, encoder.stream.height) != size:
            encoder = self._make(*size)
        try:
            yield from encoder.encode(picture, coded.pts, coded.arrival_mono_ns)
        except FOREIGN_ERRORS as err:
            if not encoder.is_hardware:
                raise LostError("broken", f"the pictures cannot be encoded: {err}") from err
            log.warning("%s: %s fails (%s): libx264 encodes", self._name, encoder.name, err)
            self._open_hardware = None
            yield from self._make(*size).encode(picture, coded.pts, coded.arrival_mono_ns)

    def _make(self, width: int, height: int) -> Encoder:
        try:
            self._encoder = live_encoder(
                width, height, self._frame_rate, open_hardware=self._open_hardware
            )
        except FOREIGN_ERRORS as err:
            raise LostError("broken", f"no encoder for {width}x{height}: {err}") from err
        log.info("%s: %s", self._name, self.encoding)
        return self._encoder


def taken(ahead: Ahead[Coded], timeout_s: float, is_closing: threading.Event) -> Coded | None:
    """The next picture, None at the end. Raises LostError when none comes in time."""
    try:
        return ahead.take(timeout_s, is_closing)
    except TimeoutError as err:
        raise LostError("stalled", f"no picture for {timeout_s:g} s") from err


def jpeg_decoder() -> Callable[[bytes], Iterable[av.VideoFrame]]:
    """Decodes JPEG pictures of up to MAX_PIXELS. One thread."""
    context = av.CodecContext.create("mjpeg", "r")
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}

    def decode(data: bytes) -> list[av.VideoFrame]:
        return list(context.decode(av.Packet(data)))

    return decode
