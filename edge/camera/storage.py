"""Can this camera's events be recorded now?

Something that could not be written raises the suspicion; a small durable file written beside the
clips confirms or clears it, tried again until it works. While nothing fails nothing is written,
for the card's sake.
"""

from __future__ import annotations

import logging
from pathlib import Path

from edge.base import durable
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain

log = logging.getLogger(__name__)

PROBE_NAME = "probe"
PROBE_BYTES = 64 * 1024  # about a second of a camera's packets
AGAIN_S = 10.0


class StorageWatch:
    """Told by any thread; `check` is for the one that may block on a disk."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / PROBE_NAME
        self._clock = clock
        self._is_suspected = False
        self._next_ns = 0
        self.problem = ""
        """Why nothing can be recorded; empty while it can, or is thought to."""

    def suspect(self) -> None:
        """Something of an event could not be written."""
        self._is_suspected = True

    def is_good(self) -> bool:
        """Whether events can be recorded, as far as is known."""
        return not self.problem

    def check(self) -> None:
        """Try to write where that is in doubt. Blocks on the disk."""
        now_ns = self._clock.mono_ns()
        if not self._is_suspected or now_ns < self._next_ns:
            return
        self._next_ns = now_ns + round(AGAIN_S * 1e9)
        try:
            durable.remove(durable.part_path(self._path))
            durable.write_file(self._path, bytes(PROBE_BYTES))
            durable.remove(self._path)
        except StorageError as err:
            if not self.problem:
                log.error("clips cannot be written: %s", error_chain(err))
            self.problem = f"clips cannot be written: {err}"
            return
        if self.problem:
            log.info("clips can be written again")
        self._is_suspected, self.problem, self._next_ns = False, "", 0
