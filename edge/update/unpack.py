"""Takes a bundle apart, after its hash was found to be the signed one.

Plain files and folders with plain names, below one folder, within bounds; anything else in the tar
ends it. Nothing is asked of the tar's owners, modes and times.
"""

from __future__ import annotations

import os
import re
import tarfile
from pathlib import Path

from edge.base.errors import storage_error
from edge.update.errors import FailedError

MAX_FILES = 2000
MAX_BYTES = 2 * 1024**3  # a bundle's wheels are compressed already
MAX_DEPTH = 6
BLOCK_BYTES = 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@!-]{0,199}")


def unpack(tar: Path, folder: Path) -> None:
    """Write what `tar` holds below `folder`, which must not exist. Raises FailedError,
    StorageError; what was written then stays."""
    try:
        folder.mkdir(mode=0o755)
        with tarfile.open(tar, "r:", errorlevel=2) as archive:
            _unpack(archive, folder)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as err:
        raise FailedError("bundle", f"the bundle cannot be read: {err}") from err
    except OSError as err:
        raise storage_error(err, "cannot unpack to", folder) from err


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    files, size_bytes = 0, 0
    for member in archive:
        files, size_bytes = files + 1, size_bytes + member.size
        if files > MAX_FILES or size_bytes > MAX_BYTES:
            raise FailedError("bundle", "the bundle holds more than bundles do")
        parts = _parts(member.name)
        if not parts:
            continue  # "." itself
        target = folder.joinpath(*parts)
        if member.isdir():
            target.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _write(archive, member, target)
        else:
            raise FailedError("bundle", f"{member.name!r} is neither file nor folder")


def _parts(name: str) -> list[str]:
    """The names in a member's path. Raises FailedError for one that could lead elsewhere."""
    parts = name.split("/")
    if parts[0] == ".":
        parts = parts[1:]
    if parts and not parts[-1]:
        parts = parts[:-1]
    if len(parts) > MAX_DEPTH or not all(NAME.fullmatch(part) for part in parts):
        raise FailedError("bundle", f"{name[:100]!r} is no name for a file of a bundle")
    return parts


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = archive.extractfile(member)
    if source is None:
        raise FailedError("bundle", f"{member.name!r} has no content")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(target, flags, 0o644)
    except FileExistsError as err:
        raise FailedError("bundle", f"{member.name!r} stands twice") from err
    left = member.size
    with os.fdopen(fd, "wb") as file:
        while left > 0:
            block = source.read(min(BLOCK_BYTES, left))
            if not block:
                raise FailedError("bundle", f"{member.name!r} is cut short")
            file.write(block)
            left -= len(block)
