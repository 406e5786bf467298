"""Pictures that have to be encoded here, once: raw ones always, Motion JPEG for events only.

Who calls this bounds what waits for it; what is left out then costs no decoding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import av

from edge.capture.encode import Encoder, OpenContext, fit_to_encode, live_encoder, open_hardware
from edge.capture.errors import FOREIGN_ERRORS, LostError
from edge.capture.session import Packets

log = logging.getLogger(__name__)

DEPTH = 2  # pictures read and not yet encoded


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
        self.has_failed_hardware = False

    @property
    def encoding(self) -> str:
        """What is encoded by what, for people."""
        encoder = self._encoder
        if encoder is None:
            return f"{self._codec}, no picture decoded"
        size = f"{encoder.stream.width}x{encoder.stream.height}"
        return f"{self._codec} {size} to H.264 by {encoder.name}, on this box, once"

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

    def flush(self) -> Packets:
        """The packets still inside a hardware encoder; the next picture begins anew."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return
        try:
            yield from encoder.flush()
        except FOREIGN_ERRORS as err:
            log.warning("%s: %s fails at its end: %s", self._name, encoder.name, err)

    @property
    def is_delayed(self) -> bool:
        """Whether pictures are inside the encoder still."""
        return self._encoder is not None and self._encoder.is_delayed

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
            self.has_failed_hardware = True
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
