"""Named steps at which a test can have this process killed; without CAMWATCH_CRASH_AT, nothing.

    CAMWATCH_CRASH_AT=NAME:COUNT            SIGKILL when the process comes to NAME the COUNTth time
    CAMWATCH_CRASH_AT=NAME@SUFFIX:COUNT     the same, counting only files whose names end so

The steps are listed, with what each must leave behind, in tests/fault/test_kills_at_steps.py.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
from pathlib import Path

CRASH_ENV = "CAMWATCH_CRASH_AT"
_FORM = re.compile(r"(?P<step>[a-z.-]+)(@(?P<suffix>[^:]+))?:(?P<count>[1-9][0-9]*)")


class Crash:
    """One armed step. Raises ValueError for a text of another form."""

    def __init__(self, text: str) -> None:
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{CRASH_ENV} is NAME:COUNT or NAME@SUFFIX:COUNT, not {text[:80]!r}")
        self.step = match["step"]
        self._suffix = match["suffix"] or ""
        self._count = int(match["count"])
        self._passed = itertools.count(1)  # its next() is one bytecode: any thread may count

    def is_due(self, path: Path | None) -> bool:
        """Count one coming to the step; true for the one that is to be the last."""
        if not (path.name if path is not None else "").endswith(self._suffix):
            return False
        return next(self._passed) == self._count


# Read once and at import, so that a step costs one comparison where nobody tests.
_armed = Crash(os.environ[CRASH_ENV]) if os.environ.get(CRASH_ENV) else None


def at(step: str, path: Path | None = None) -> None:
    """The process has come to `step`, working on the file `path`."""
    if _armed is not None and _armed.step == step and _armed.is_due(path):
        os.kill(os.getpid(), signal.SIGKILL)
