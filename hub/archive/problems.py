"""What troubles the hub itself: logged once when it begins and once when it ends, and kept in a
small file for `camwatch-hub problems`, as far as the disk takes it."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge.base import durable
from edge.base.clock import Clock, parse_utc, utc_text
from edge.base.errors import StorageError

logger = logging.getLogger(__name__)

FILE_NAME = "problems.json"


@dataclass(frozen=True)
class Problem:
    """One trouble: `what` is hindered, why, since when."""

    what: str
    text: str
    since_utc: datetime


class Problems:
    """The troubles of a running hub. Any thread may call; no method raises."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        """Forgets what an earlier run left in `folder`; None keeps no file."""
        self._path = None if folder is None else folder / FILE_NAME
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, Problem] = {}
        self._said_utc: dict[str, datetime] = {}
        if self._path is not None:
            with contextlib.suppress(StorageError):
                durable.remove(self._path)

    def begin(self, what: str, text: str) -> None:
        """`what` is hindered; said again, it is only kept."""
        with self._lock:
            known = self._found.get(what)
            self._said_utc[what] = self._clock.utc()
            since_utc = self._said_utc[what] if known is None else known.since_utc
            self._found[what] = Problem(what, text, since_utc)
            if known is None:
                logger.error("%s: %s", what, text)
            if known is None or known.text != text:
                self._write()

    def end(self, what: str) -> None:
        """`what` works again; harmless when it did before."""
        with self._lock:
            if self._found.pop(what, None) is not None:
                logger.info("%s: works again", what)
                self._write()

    def end_if_quiet(self, what: str, quiet: timedelta) -> None:
        """The same where nothing was said of it for that long."""
        with self._lock:
            said_utc = self._said_utc.get(what)
        if said_utc is not None and abs(self._clock.utc() - said_utc) >= quiet:
            self.end(what)

    @property
    def all(self) -> list[Problem]:
        """What troubles now, the oldest first."""
        with self._lock:
            return sorted(self._found.values(), key=lambda each: each.since_utc)

    def _write(self) -> None:
        if self._path is None:
            return
        found = [
            {"what": each.what, "text": each.text, "since_utc": utc_text(each.since_utc)}
            for each in self._found.values()
        ]
        with contextlib.suppress(StorageError):  # the disk may be the trouble
            if found:
                durable.write_file(self._path, json.dumps(found).encode())
            else:
                durable.remove(self._path)


def read(folder: Path) -> list[Problem]:
    """What the hub of that state folder wrote; nothing where it wrote nothing."""
    try:
        found = json.loads((folder / FILE_NAME).read_bytes())
        return [
            Problem(str(each["what"]), str(each["text"]), parse_utc(each["since_utc"]))
            for each in found
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
