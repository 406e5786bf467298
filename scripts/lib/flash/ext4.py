"""Files on an ext4 partition inside an image, read by debugfs: nothing is mounted or changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.lib.flash import tools


@dataclass(frozen=True)
class Ext4:
    """The ext4 file system at `start` bytes of the file `image`. Links are not followed."""

    image: Path
    start: int

    def _ask(self, request: str) -> bytes:
        where = f"{self.image}?offset={self.start}"
        return tools.run(["debugfs", "-R", request, where]).stdout

    def exists(self, name: str) -> bool:
        """Whether anything has that name."""
        return b"Inode:" in self._ask(f"stat {name}")

    def read(self, name: str) -> str:
        """A small text file; empty where it is not there."""
        return self._ask(f"cat {name}").decode("utf-8", "replace")
