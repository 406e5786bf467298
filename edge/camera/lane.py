"""One address of a camera: its capture thread, its ring, and a new thread for one that hangs."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Protocol

from edge.base.clock import Clock
from edge.camera.feed import Feed
from edge.camera.intake import Intake, MakeSource
from edge.camera.meter import Meter
from edge.capture.errors import CaptureError
from edge.config.camera import CameraSettings
from edge.gop.ring import PacketRing
from edge.health.watchdog import Guard
from edge.media.packet import VideoStream
from edge.media.timeline import Timeline
from edge.motion.gate import Gate

SPARE_BYTES = 16 * 2**20  # a minute of 2 Mbit/s; a box may have four cameras and 512 MiB


class Switch(Protocol):
    """Who says which lane is looked at: the camera's streams. See there."""

    def is_looked_at(self, lane: Lane) -> bool:
        """Whether motion is looked for in this lane's stream."""

    def began(self, lane: Lane, *, is_new: bool) -> None:
        """The lane's stream starts or changes."""

    def offer(self, lane: Lane, stream: VideoStream, timeline: Timeline, gate: Gate | None) -> bool:
        """Announce the lane's packets to the analysis; false where another lane is looked at."""

    def lost(self, lane: Lane, error: CaptureError, last_packet_ns: int | None) -> None:
        """The lane's stream does not come (any more)."""


class Lane:
    """`start`, `stop` and `join` are for the agent's thread; the rest for any."""

    def __init__(
        self,
        settings: CameraSettings,
        *,
        title: str,
        keep_s: float,
        clock: Clock,
        feed: Feed,
        switch: Switch,
        make_source: MakeSource,
        spare_s: float = 0.0,
        hold_s: float = 0.0,
    ) -> None:
        """`settings`, with this lane's address as their source. `title` names it to people."""
        self._settings = settings
        self._title = title
        self._clock = clock
        self._feed = feed
        self._switch = switch
        self._make_source = make_source
        self._is_stopping = False
        self.ring = PacketRing(
            keep_s=keep_s, max_bytes=settings.clips.ring_bytes, spare_s=spare_s,
            spare_bytes=min(SPARE_BYTES, settings.clips.ring_bytes), hold_s=hold_s,
        )  # fmt: skip
        self.meter = Meter(clock)
        self.intake = self._make_intake(is_lost=False)
        self._thread = self._make_thread()

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._is_stopping = True
        self.intake.stop()

    def arm(self, *, is_armed: bool) -> None:
        """Whether its packets are to be looked at."""
        self._settings = dataclasses.replace(
            self._settings, armed=is_armed,
            disarmed_by=None if is_armed else self._settings.disarmed_by,
        )  # fmt: skip
        self.intake.arm(is_armed=is_armed)

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end; one that hangs in its camera is left."""
        self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def is_connected(self) -> bool:
        """Whether packets arrive."""
        return self.intake.stream is not None

    def guard(self) -> Guard:
        """What the watchdog watches."""
        return Guard(
            f"capture of {self._title}",
            lambda: [self.intake.mark],
            lambda: self._is_stopping or self._thread.is_alive(),
            self._restart,
        )

    @property
    def is_looked_at(self) -> bool:
        """Whether motion is looked for in this stream."""
        return self._switch.is_looked_at(self)

    def began(self, stream: VideoStream, *, is_new: bool) -> None:
        """A stream starts, or, where it is not new, goes on with other parameters."""
        self._switch.began(self, is_new=is_new)

    def offer(self, stream: VideoStream, timeline: Timeline, gate: Gate | None) -> bool:
        """Say in the feed that packets of this stream follow; false where they shall not."""
        return self._switch.offer(self, stream, timeline, gate)

    def lost(self, error: CaptureError, last_packet_ns: int | None) -> None:
        """The stream does not come (any more)."""
        self._switch.lost(self, error, last_packet_ns)

    def _restart(self) -> None:
        """Leave a capture thread that hangs to itself; a new one connects anew."""
        old = self.intake
        old.stop()
        old.lose(CaptureError("stalled", "the capture hung and was started anew"))
        self.intake = self._make_intake(is_lost=True)
        self.intake.problem = old.problem
        self._thread = self._make_thread()
        self._thread.start()

    def _make_intake(self, *, is_lost: bool) -> Intake:
        return Intake(
            self._settings,
            clock=self._clock,
            ring=self.ring,
            feed=self._feed,
            meter=self.meter,
            listener=self,
            title=self._title,
            make_source=self._make_source,
            is_lost=is_lost,
        )

    def _make_thread(self) -> threading.Thread:
        body: Callable[[], None] = self.intake.run
        return threading.Thread(target=body, name=f"capture-{self._title}", daemon=True)
