"""A test's own account of a journal: what was about to be appended, and what `append` returned.

Written only where CAMWATCH_HISTORY_FILE names a file; each line is flushed before the journal goes
on, so that it can be held against the hub's archive by a checker that trusts neither side.

    {"intent": SHA-256, "payload": TEXT}    about to be committed
    {"returned": SHA-256}                   committed; the caller is about to be told so
"""

from __future__ import annotations

import json
import os
from pathlib import Path

HISTORY_ENV = "CAMWATCH_HISTORY_FILE"
MODE = 0o600


class History:
    """Appends to the file; the outbox calls it under its own lock. Raises OSError."""

    def __init__(self, path: Path | None = None) -> None:
        """The file that the environment names, or `path`; without either nothing is written."""
        name = os.environ.get(HISTORY_ENV, "") if path is None else str(path)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(name, flags, MODE) if name else None

    def intend(self, digest: str, payload: bytes) -> None:
        """A record with that payload is about to be committed."""
        self._write({"intent": digest, "payload": payload.decode("utf-8")})

    def returned(self, digest: str) -> None:
        """The record is committed."""
        self._write({"returned": digest})

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, line: dict[str, str]) -> None:
        if self._fd is not None:
            # The leading newline ends a line that a kill cut short.
            os.write(self._fd, b"\n" + json.dumps(line).encode() + b"\n")
            os.fdatasync(self._fd)
