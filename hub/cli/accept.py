"""`camwatch-hub accept-archive`: this folder is to hold the archive from now on."""

from __future__ import annotations

import argparse

from edge.base.errors import ConfigError
from hub.archive import folder
from hub.archive.opening import accept, place_of
from hub.cli.trail import tell
from hub.config import HubSettings


def run(_arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Mark the folder, remember its id, and print it. Raises ConfigError, StorageError."""
    place = place_of(settings)
    marker = folder.read_id(place.folder)
    if marker is not None and settings.archive_id not in (None, marker):
        raise ConfigError(
            f"{place.folder} holds the archive {marker}, but the settings want"
            f" {settings.archive_id}",
            hint="set archive_id to the former",
        )
    found = accept(settings)
    tell(settings, "archive.accept", f"archive:{found}")  # only now is there a trail to write to
    print(found)
    return 0
