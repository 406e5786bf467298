"""Recordings as cameras: MP4, Matroska, MPEG-TS and whatever else FFmpeg reads H.264 or H.265 from.

Paced as recorded, or as fast as it goes. Then a packet's arrival time is when it would have come
had it been paced, which lies in the future: the recording's own time rules, not the reading's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import av
import av.container

from edge.base.clock import Clock
from edge.capture.demux import Demux, DemuxCounts
from edge.capture.errors import OpenError, opening
from edge.capture.pacer import Pacer
from edge.capture.session import Packets, Session
from edge.media.packet import Packet, VideoStream

Pace = Literal["realtime", "fast"]
NEVER_S = float("inf")


class FileSource:
    """One recording, once or over and over. `close` may be called by any thread."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        pace: Pace = "realtime",
        loop: bool = False,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """`wait` waits for so many seconds, or less, and says whether to stop; tests pass one."""
        self._path = path
        self._clock = clock
        self._pace = pace
        self._loop = loop
        self._is_closing = threading.Event()
        self._wait = wait or self._is_closing.wait
        self._session: Session | None = None
        self.counts = DemuxCounts()

    def open(self) -> VideoStream:
        """Read up to the first keyframe. Raises OpenError."""
        self._session = Session(self._read(), self._is_closing, is_live=False)
        return self._session.stream

    def packets(self) -> Iterator[Packet]:
        """The packets up to the end of the file, or for ever; each loop is a new `VideoStream`.

        Blocks as long as the recorded time passes, unless the pace is fast. Raises LostError for
        a file that is damaged or cannot be read on.
        """
        return self._session.packets() if self._session else iter(())

    def close(self) -> None:
        """End `packets` at once and for good."""
        self._is_closing.set()
        if self._session:
            self._session.close()

    def _read(self) -> Packets:
        pacer = Pacer(self._clock, self._wait, is_fast=self._pace == "fast")
        while True:
            with contextlib.closing(self._opened()) as container:
                demux = Demux(container, self._clock, NEVER_S, self._is_closing, self.counts)
                packet = None
                for packet in demux.packets():
                    packet.arrival_mono_ns = pacer.pass_by(packet)
                    yield packet
            if packet is None or not self._loop or self._is_closing.is_set():
                return
            pacer.restart()

    def _opened(self) -> av.container.InputContainer:
        with opening(str(self._path)):
            if not self._path.is_file():
                raise OpenError("not_found", f"there is no file {self._path}", hint="")
            return av.open(str(self._path))
