"""What all sources share: a base class with one hook, and one opening of a source.

A source says in `_read` how its packets come; opening, handing out and closing are here.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
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


class SessionSource(ABC):
    """A source (`edge.capture.source.Source`) that is a generator of packets.

    `open` and `packets` are for one thread, `close` for any.
    """

    is_live = True
    """False where the end before a picture is final, as with a file: no retry can help."""

    def __init__(self) -> None:
        self._is_closing = threading.Event()
        self._session: Session | None = None

    @abstractmethod
    def _read(self) -> Packets:
        """Connect, give packets from a keyframe on, let go of everything at the end.

        Ends soon after `_is_closing` is set. Raises OpenError and LostError.
        """

    def open(self) -> VideoStream:
        """Connect and read up to the first keyframe.

        Blocks, for a bounded time. Raises OpenError; then nothing is left open, and `open` may be
        called again.
        """
        self._session = Session(self._read(), self._is_closing, is_live=self.is_live)
        return self._session.stream

    def packets(self) -> Iterator[Packet]:
        """The packets from the keyframe that `open` read, up to the end or `close`.

        Blocks between packets. Raises LostError when the camera goes; nothing is left open then.
        """
        return self._session.packets() if self._session else iter(())

    def close(self) -> None:
        """End `open` and `packets` for good, as soon as the source can be interrupted."""
        self._is_closing.set()
        if self._session:
            self._session.close()


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
