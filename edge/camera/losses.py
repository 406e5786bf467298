"""One camera's loss as an event: it begins when packets stop and ends when they come again, also
where the agent was restarted in between.

The open loss is a small file, written when the camera is lost and removed when it is found: two
writes to the card for each loss. Called with the streams' lock held.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import ids, names

log = logging.getLogger(__name__)

MAX_BYTES = 500  # of the file; ours has some 100


@dataclass(frozen=True)
class Loss:
    """A loss that goes on. `mono_ns` is when it began, of the boot `boot`."""

    event: str
    boot: str
    mono_ns: int


class Losses:
    """One camera's. Without a file the loss is forgotten when the agent ends."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._open = None if path is None else _read(path)

    def begin(self, at_ns: int) -> str:
        """The camera was lost at `at_ns` on the monotonic clock: the event of it."""
        if self._open is None:
            event = ids.new_event(self._clock.utc())
            self._open = Loss(event, self._clock.boot, at_ns)
            self._keep(self._open)
        return self._open.event

    @property
    def event(self) -> str | None:
        """The event of the loss that goes on."""
        return None if self._open is None else self._open.event

    @property
    def lasted_ms(self) -> int | None:
        """How long it has gone on; None where it began in another boot, or none goes on."""
        loss = self._open
        if loss is None or loss.boot != self._clock.boot:
            return None
        return max(0, self._clock.mono_ns() - loss.mono_ns) // 1_000_000

    def end(self) -> None:
        """It is over, and that is in the journal."""
        self._open = None
        if self._path is None:
            return
        try:
            durable.remove(self._path)
        except StorageError as err:
            log.warning("cannot forget a loss that is over: %s", error_chain(err))

    def _keep(self, loss: Loss) -> None:
        if self._path is None:
            return
        text = json.dumps({"event": loss.event, "boot": loss.boot, "mono_ns": loss.mono_ns})
        try:
            durable.make_dirs(self._path.parent)
            durable.write_file(self._path, text.encode())
        except StorageError as err:  # then its end is not told if the agent ends before
            log.warning("cannot keep in mind that a camera is lost: %s", error_chain(err))


def _read(path: Path) -> Loss | None:
    """The loss in the file; None where there is none, or none that can be read."""
    try:
        data = path.read_bytes()[:MAX_BYTES]
    except OSError:
        return None
    try:
        found = json.loads(data)
        loss = Loss(str(found["event"]), str(found["boot"]), int(found["mono_ns"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return loss if names.is_event(loss.event) else None
