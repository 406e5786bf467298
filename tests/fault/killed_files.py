"""A file replaced over and over: always one whole version, never an older one than reported."""

from __future__ import annotations

import random
from pathlib import Path

from edge.base import durable
from tests.fault.kill_loop import Say
from tests.fault.verdict import Verdict

MAX_BYTES = 300_000


def content(version: int) -> bytes:
    """What the file holds in that version."""
    rng = random.Random(version)
    return b"%d\n" % version + rng.randbytes(rng.randrange(MAX_BYTES))


class Files:
    """`durable.write_file`, and a `PartFile` beside it that is written and discarded."""

    span_s = 0.03

    def __init__(self, folder: Path) -> None:
        self._path = folder / "settings"
        self._version = 0

    def work(self, say: Say) -> None:
        """Write version after version."""
        while True:
            self._version += 1
            durable.write_file(self._path, content(self._version))
            say(str(self._version))

    def recover(self, _say: Say) -> None:
        """The next writing is the recovery."""

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """The version last reported, or a newer one, complete."""
        reported = int(said[-1]) if said else self._version
        if not self._path.exists():
            verdict.expect(reported == 0, "lost", f"nothing after {reported} was reported")
            return
        data = self._path.read_bytes()
        version = int(data.split(b"\n", 1)[0])
        verdict.expect(data == content(version), "torn", f"version {version}")
        verdict.expect(version >= reported, "lost", f"{version} after {reported} was reported")
        self._version = max(version, reported)


def make(folder: Path) -> Files:
    """The path in an empty folder."""
    return Files(folder)
