"""The cameras of a node, and how one of them gets other settings while all others run on.

Most settings are taken by a running camera, between two pictures. Where its streams must be made
anew, the camera is stopped in good order (its event ended, its clips closed) and another one takes
its place; its coverage account goes on where the old one ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.base.clock import Clock
from edge.camera.camera import Camera, needs_restart
from edge.config.camera import CameraSettings
from edge.health.watchdog import Watchdog

log = logging.getLogger(__name__)

POLL_S = 0.1
TAKEN_S = 30.0  # beyond the wait for an event's end, in which a change must have been taken
CLOSE_S = 10.0  # for the last clips of a camera that is replaced
CLOSING_S = 1.0  # the agent has few seconds to end in
JOIN_S = 15.0  # for its capture threads: a device cannot be opened twice


class MakeCamera(Protocol):
    """How a camera is made; see `Camera`."""

    def __call__(
        self, settings: CameraSettings, *, since_ns: int | None = None, starting: str | None = None
    ) -> Camera:
        """Not started yet."""


class Fleet:
    """All cameras of a node. Any thread may look; one at a time may change."""

    def __init__(
        self, settings: Sequence[CameraSettings], make: MakeCamera, watchdog: Watchdog, clock: Clock
    ) -> None:
        """Nothing is started yet."""
        self._make = make
        self._watchdog = watchdog
        self._clock = clock
        self._closing = threading.Event()
        self._changing = threading.Lock()
        self._settings = {each.name: each for each in settings}
        self._cameras = {each.name: make(each) for each in settings}
        self._guards = {name: camera.guards() for name, camera in self._cameras.items()}

    def start(self) -> None:
        """Begin to watch."""
        for name, camera in self._cameras.items():
            camera.start()
            for guard in self._guards[name]:
                self._watchdog.add(guard)

    def close(self) -> None:
        """Change nothing more; what waits for an event's end is given up."""
        self._closing.set()
        if self._changing.acquire(timeout=CLOSING_S):
            self._changing.release()

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """Those that run now."""
        return tuple(self._cameras.values())

    @property
    def by_name(self) -> Mapping[str, Camera]:
        """The same."""
        return self._cameras

    @property
    def settings(self) -> Mapping[str, CameraSettings]:
        """What each of them runs with, or is changing to."""
        return self._settings

    def change(self, settings: Sequence[CameraSettings], *, why: str, within_s: float) -> None:
        """Give cameras other settings; an event that runs ends by the old ones if it ends
        `within_s`, and is cut then. Blocks until they hold."""
        with self._changing:
            if self._closing.is_set():
                return
            before = self._settings
            self._settings = {**before, **{each.name: each for each in settings}}
            anew = [each for each in settings if needs_restart(before[each.name], each)]
            limit_ns = self._clock.mono_ns() + round(within_s * 1e9)
            taken = [self._retune(each, within_s) for each in settings if each not in anew]
            for each in anew:
                self._replace(each, why, limit_ns)
            for is_taken in taken:
                self._wait_for(is_taken, limit_ns + round(TAKEN_S * 1e9))

    def _retune(self, settings: CameraSettings, within_s: float) -> threading.Event:
        is_taken = threading.Event()
        self._cameras[settings.name].retune(settings, within_s=within_s, then=is_taken.set)
        return is_taken

    def _wait_for(self, is_taken: threading.Event, limit_ns: int) -> None:
        while not is_taken.wait(POLL_S) and not self._closing.is_set():
            if self._clock.mono_ns() > limit_ns:
                log.error("the analysis of a camera does not take its settings")
                return

    def _replace(self, settings: CameraSettings, why: str, limit_ns: int) -> None:
        name = settings.name
        old = self._cameras[name]
        while old.is_busy and self._clock.mono_ns() < limit_ns:
            if self._closing.wait(POLL_S):
                return
        self._watchdog.remove(self._guards[name])
        old.stop()
        is_told = old.close_events(CLOSE_S, why)
        if not is_told:
            log.error("%s: its last clip is not closed in time", name)
        old.tick()
        old.join(JOIN_S)
        if self._closing.is_set():
            return
        new = self._make(settings, since_ns=old.account_end_ns, starting=why)
        self._cameras = {**self._cameras, name: new}
        self._guards[name] = new.guards()
        new.start()
        for guard in self._guards[name]:
            self._watchdog.add(guard)
        log.info("%s: runs with other streams, %s", name, why)
