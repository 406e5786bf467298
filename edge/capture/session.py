"""One opening of a source: its packets from the first keyframe on, ended by whoever owns it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

from edge.capture.errors import LostError, OpenError, Reason
from edge.media.packet import Packet, VideoStream

Packets = Generator[Packet, None, None]


class Session:
    """The generator that reads a source, and its first packet. One thread, but for `close`."""

    def __init__(self, reading: Packets, is_closing: threading.Event, *, is_live: bool) -> None:
        """Read up to the first keyframe. Blocks. Raises OpenError; `reading` is closed then."""
        self._reading = reading
        self._is_closing = is_closing
        self._lock = threading.Lock()
        self._is_taken = False
        try:
            self._first = _first(reading, is_closing, is_live=is_live)
        except BaseException:
            reading.close()
            raise

    @property
    def stream(self) -> VideoStream:
        """What the first packet belongs to."""
        return self._first.stream

    def packets(self) -> Iterator[Packet]:
        """All packets until the end or the closing. Raises LostError."""
        with self._lock:
            if self._is_taken or self._is_closing.is_set():
                return
            self._is_taken = True
        packet: Packet | None = self._first
        try:
            while packet is not None and not self._is_closing.is_set():
                yield packet
                packet = next(self._reading, None)
        finally:
            self._reading.close()

    def close(self) -> None:
        """Let go of what nobody reads; the thread that reads does it itself. For any thread."""
        with self._lock:
            self._is_closing.set()
            if not self._is_taken:
                self._reading.close()


def _first(reading: Packets, is_closing: threading.Event, *, is_live: bool) -> Packet:
    try:
        packet = next(reading, None)
    except LostError as err:
        reason: Reason = "no_video" if err.reason in ("stalled", "ended") else err.reason
        hint = err.hint if reason == err.reason else None
        raise OpenError(reason, f"it answers, but {err.detail}", hint=hint) from err
    if is_closing.is_set():
        raise OpenError("ended", "closed while it was being opened")
    if packet is None:
        raise OpenError("no_video", "it has no picture that can be decoded", is_retryable=is_live)
    return packet
