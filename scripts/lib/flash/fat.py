"""Files on a FAT partition inside an image, by mtools: nothing is mounted, root is not needed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.lib.flash import tools
from scripts.lib.flash.errors import ToolError

ENVIRONMENT = {"MTOOLSRC": "/dev/null", "MTOOLS_SKIP_CHECK": "1"}
MAX_READ = 1 << 20
MIN_CLUSTERS = 70_000  # from 65525 on it is FAT32, whatever its label says; with a margin


@dataclass(frozen=True)
class Fat:
    """The FAT file system at `start` bytes of the file `image`. Names are as /folder/file."""

    image: Path
    start: int

    def _run(self, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        program, *arguments = command
        where = f"{self.image}@@{self.start}"
        return tools.run([program, "-i", where, *arguments], given=given, more=ENVIRONMENT)

    def exists(self, name: str) -> bool:
        """Whether a file or folder has that name."""
        return self._run("mdir", "-b", f"::{name}").returncode == 0

    def names(self) -> list[str]:
        """What lies in its root folder. Raises ToolError."""
        said = tools.succeeded(self._run("mdir", "-b", "::/"), "cannot list the boot partition")
        lines = said.decode("utf-8", "replace").splitlines()
        return [line.removeprefix("::/").rstrip("/") for line in lines]

    def read(self, name: str) -> bytes:
        """A small file's bytes. Raises ToolError."""
        return tools.succeeded(self._run("mtype", f"::{name}"), f"cannot read {name} of the card")

    def free_bytes(self) -> int:
        """How much room is left. Raises ToolError."""
        said = tools.succeeded(self._run("mdir", "::/"), "cannot list the boot partition")
        found = re.search(rb"([\d ]+) bytes free", said)
        if found is None:
            raise ToolError("mdir does not say how much room the boot partition has")
        return int(found.group(1).replace(b" ", b""))

    def make_folder(self, name: str) -> None:
        """Make a folder that is not there yet. Raises ToolError."""
        if not self.exists(name):
            tools.succeeded(self._run("mmd", f"::{name}"), f"cannot make {name} on the card")

    def write(self, name: str, data: bytes) -> None:
        """Make `name` hold `data`, and read it back. Raises ToolError."""
        done = self._run("mcopy", "-o", "-Q", "-", f"::{name}", given=data)
        tools.succeeded(done, f"cannot write {name} to the card")
        if self.read(name) != data:
            raise ToolError(f"{name} is not on the card as it was written")

    def copy_in(self, source: Path, name: str) -> None:
        """Copy a large file in, and compare it. Raises ToolError."""
        done = self._run("mcopy", "-o", "-Q", str(source), f"::{name}")
        tools.succeeded(done, f"cannot write {name} to the card")
        where = f"{self.image}@@{self.start}"
        if not _is_same(["mtype", "-i", where, f"::{name}"], source):
            raise ToolError(f"{name} is not on the card as it was written")


def _is_same(command: Sequence[str], source: Path) -> bool:
    """Whether what `command` prints is what `source` holds; in small blocks."""
    tools.run([command[0], "--version"])  # says what to install where it is missing
    environment = {**ENVIRONMENT, "PATH": f"/usr/bin:/bin:{tools.SYSTEM_PATH}"}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child,
        source.open("rb") as file,
    ):
        assert child.stdout is not None
        while True:
            block = file.read(MAX_READ)
            if child.stdout.read(len(block) or 1) != block:
                child.kill()
                return False
            if not block:
                return True


def make(image: Path, start: int, size: int, label: str) -> Fat:
    """Format `size` bytes at `start` of a file as FAT32. Raises ToolError."""
    per_cluster = next((n for n in (8, 4, 2) if size // (n * 512) >= MIN_CLUSTERS), 1)
    command = [
        "mkfs.vfat", "-F", "32", "-s", str(per_cluster), "-n", label, f"--offset={start // 512}",
        str(image), str(size // 1024),
    ]  # fmt: skip
    tools.must(command, f"cannot format the partition {label}")
    return Fat(image, start)
