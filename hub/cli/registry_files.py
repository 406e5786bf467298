"""Reading and writing the registry for commands: one archive, opened and closed, and CSV files."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.base import durable
from edge.base.errors import storage_error
from hub.archive import Archive
from hub.archive.opening import open_to_read, open_to_write
from hub.archive.registry_values import Registry
from hub.cli.trail import noted, tell
from hub.config import HubSettings

STANDARD = "-"
CHANGE, EXPORT = "registry.change", "registry.export"


@contextlib.contextmanager
def writing(settings: HubSettings) -> Iterator[Archive]:
    """The archive, to write to it. Whatever is changed goes to the trail first: hub.cli.trail."""
    archive, _ = open_to_write(settings)
    try:
        yield archive
    finally:
        archive.close()


@contextlib.contextmanager
def changing(
    arguments: argparse.Namespace, settings: HubSettings, target: str, **detail: str
) -> Iterator[Archive]:
    """The archive, to change its registry; that stands in the trail already. `target` is such as
    area:CODE."""
    how = f"{arguments.command} {arguments.action}"
    with writing(settings) as archive, noted(archive, CHANGE, target, how=how, **detail):
        yield archive


def exported(settings: HubSettings, target: str) -> Registry:
    """The registry, of which the trail has that `target`, such as cameras, is exported."""
    registry = registry_of(settings)
    tell(settings, EXPORT, target)
    return registry


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
