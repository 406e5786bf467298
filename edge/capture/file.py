"""Recordings as cameras: MP4, Matroska, MPEG-TS and whatever else FFmpeg reads H.264 or H.265 from.

Paced as recorded, or as fast as it goes. Then a packet's arrival time is when it would have come
had it been paced, which lies in the future: the recording's own time rules, not the reading's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import av
import av.container

from edge.base.clock import Clock
from edge.capture.demux import Demux, DemuxCounts
from edge.capture.errors import OpenError, opening
from edge.capture.pacer import Pacer
from edge.capture.session import Packets, SessionSource

Pace = Literal["realtime", "fast"]
NEVER_S = float("inf")


class FileSource(SessionSource):
    """One recording, once or over and over; each loop is a new `VideoStream`.

    Waits between packets as recorded, unless the pace is fast. `close` ends it at once.
    """

    is_live = False

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
        super().__init__()
        self._path = path
        self._clock = clock
        self._pace = pace
        self._loop = loop
        self._wait = wait or self._is_closing.wait
        self.counts = DemuxCounts()

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
