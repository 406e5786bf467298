"""A folder that one process may use at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from edge.base.errors import ConfigError, storage_error

LOCKS_FILE = Path("/proc/locks")  # proc(5); its sixth word is MAJOR:MINOR:INODE


@contextlib.contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the state folder's lock: two agents would fork one journal.

    Raises ConfigError where another holds it, StorageError where it cannot be had.
    """
    path = state_dir / "lock"
    try:  # read-only, so that a disk that takes no writes can be locked too
        held = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as err:
        raise storage_error(err, "cannot lock", path) from err
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise ConfigError(
                f"state_dir: another agent uses {state_dir}", hint="stop that one first"
            ) from err
        yield
    finally:
        os.close(held)


def is_held(state_dir: Path, locks_file: Path = LOCKS_FILE) -> bool:
    """Whether an agent uses the state folder, without trying its lock: an agent that starts at
    that moment would be refused. By the inode alone, since some file systems number their device
    otherwise in /proc/locks."""
    try:
        inode = str((state_dir / "lock").stat().st_ino)
        lines = locks_file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    words = [line.split() for line in lines]
    return any(
        len(each) >= 6 and each[1] == "FLOCK" and each[5].rpartition(":")[2] == inode
        for each in words
    )
