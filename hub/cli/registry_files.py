"""Reading and writing the registry for commands: one archive, opened and closed, and CSV files."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.base import durable
from edge.base.errors import storage_error
from hub.archive import Archive
from hub.archive.opening import open_to_read, open_to_write
from hub.archive.registry_values import Registry
from hub.config import HubSettings

STANDARD = "-"


@contextlib.contextmanager
def changing(settings: HubSettings) -> Iterator[Archive]:
    """The archive, to change its registry."""
    archive, _ = open_to_write(settings)
    try:
        yield archive
    finally:
        archive.close()


def registry_of(settings: HubSettings) -> Registry:
    """The registry as it is now."""
    archive = open_to_read(settings)
    try:
        return archive.registry()
    finally:
        archive.close()


def read_file(name: str) -> bytes:
    """The file's bytes; - is standard input. Raises StorageError."""
    if name == STANDARD:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as err:
        raise storage_error(err, "cannot read", name) from err


def write_file(name: str, content: bytes) -> None:
    """Write the file, whole or not at all; - is standard output. Raises StorageError."""
    if name == STANDARD:
        sys.stdout.buffer.write(content)
    else:
        durable.write_file(Path(name), content, mode=0o644)
