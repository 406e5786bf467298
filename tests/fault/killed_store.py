"""The clip store's two ways in: a finished file adopted, and bytes kept."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from hub.clipstore import FileClipStore
from tests.fault.archive_files import file_hash
from tests.fault.kill_loop import Say
from tests.fault.verdict import Verdict

MAX_BYTES = 200_000


class Store:
    """Content after content."""

    span_s = 0.04

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trial = 0
        self._reported: set[str] = set()

    def work(self, say: Say) -> None:
        """Adopt and keep in turn."""
        store = FileClipStore(self._folder / "clips", suffix=".mp4")
        rng = random.Random(f"{self._folder}/{self._trial}")
        while True:
            for is_adopted in (True, False):
                data = rng.randbytes(rng.randrange(1, MAX_BYTES))
                digest = hashlib.sha256(data).hexdigest()
                if is_adopted:
                    source = self._folder / "source.part"
                    source.write_bytes(data)
                    store.adopt(source, digest)
                else:
                    store.keep(data, digest)
                say(digest)

    def recover(self, _say: Say) -> None:
        """Opening it is all."""
        FileClipStore(self._folder / "clips", suffix=".mp4")

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """All that was reported is there; all that is there is whole."""
        self._trial += 1
        self._reported.update(said)
        seen = {path.stem: path for path in (self._folder / "clips").rglob("*.mp4")}
        for digest in self._reported:
            verdict.expect(digest in seen, "lost", digest)
        for digest, path in seen.items():
            verdict.expect(file_hash(path) == digest, "torn", path.name)


def make(folder: Path) -> Store:
    """The path in an empty folder."""
    return Store(folder)
