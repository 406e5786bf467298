"""What the agent runs of updates: the fetcher's thread, and its own pulse for the installer."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable

from edge.base.clock import Clock
from edge.update import pulse
from edge.update.fetcher import Fetcher
from edge.update.layout import Layout
from edge.update.pulse import Pulse

log = logging.getLogger(__name__)

BEAT_S = 3.0


class Updates:
    """`start`, `stop` and `beat` are for the agent's threads."""

    def __init__(self, fetcher: Fetcher, layout: Layout, clock: Clock) -> None:
        """`fetcher` is not started yet."""
        self.fetcher = fetcher
        self._layout = layout
        self._clock = clock
        self._run = secrets.token_hex(8)
        self._next_ns = 0
        self._thread = threading.Thread(target=fetcher.run, name="updates", daemon=True)

    def start(self) -> None:
        """Begin to carry out orders."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; nothing waits for it, since what is cut short goes on at the next start."""
        self.fetcher.stop()

    def beat(self, make: Callable[[str], Pulse]) -> None:
        """Write the pulse that `make` makes of this run's id, when one is due and there is a folder
        in memory for it."""
        now_ns = self._clock.mono_ns()
        folder = self._layout.runtime
        if now_ns < self._next_ns or not folder.is_dir():
            return
        self._next_ns = now_ns + round(BEAT_S * 1e9)
        try:
            pulse.write(folder, make(self._run))
        except OSError as err:
            log.warning("no pulse for the updates' installer: %s", err)
