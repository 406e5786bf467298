"""Runs the small programs that do part of the work. Secrets never stand in their arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from scripts.lib.flash.errors import ToolError

PACKAGES = {
    "debugfs": "e2fsprogs",
    "mcopy": "mtools",
    "mdel": "mtools",
    "mdir": "mtools",
    "mkfs.vfat": "dosfstools",
    "mmd": "mtools",
    "mtype": "mtools",
    "openssl": "openssl",
}
SYSTEM_PATH = "/usr/sbin:/sbin"  # where a user's PATH does not look


def run(
    command: Sequence[str], *, given: bytes = b"", more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `command` with `given` at its standard input. Raises ToolError where it is missing."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"
    program = shutil.which(command[0], path=path)
    if program is None:
        package = PACKAGES.get(command[0], command[0])
        raise ToolError(f"{command[0]} is missing", hint=f"apt-get install {package}")
    environment = {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", **(more or {})}
    return subprocess.run(
        [program, *command[1:]], input=given, capture_output=True, check=False, env=environment
    )


def must(command: Sequence[str], doing: str, *, given: bytes = b"") -> bytes:
    """What `command` prints; `doing` says in the ToolError what failed."""
    done = run(command, given=given)
    return succeeded(done, doing)


def succeeded(done: subprocess.CompletedProcess[bytes], doing: str) -> bytes:
    """What it printed. Raises ToolError with its last words where it failed."""
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ToolError(f"{doing}: {said[-1] if said else f'exit status {done.returncode}'}")
    return done.stdout
