"""Plans: pictures that an operator uploads, on which cameras have their positions."""

from __future__ import annotations

import hashlib

from hub.archive import Archive
from hub.archive.registry_values import Plan
from hub.clipstore import FileClipStore
from hub.config import HubSettings
from hub.registry import edit, picture

SUFFIX = ".picture"


def open_store(settings: HubSettings) -> FileClipStore:
    """Where the pictures are kept. Raises StorageError."""
    return FileClipStore(settings.plans_path, suffix=SUFFIX)


def keep(
    archive: Archive, store: FileClipStore, code: str, name: str, area: str | None, content: bytes
) -> Plan:
    """Keep a picture as the plan of that code, new or in place of the one before.

    Positions of cameras are parts of the picture's sides, so they stay. The file is kept before
    its row: a row never names a picture that is not there. Raises PictureError, RegistryError,
    StorageError.
    """
    found = picture.look_at(content)
    sha256 = hashlib.sha256(content).hexdigest()
    plan = Plan(code, name, area, sha256, found.media_type, found.width, found.height)
    store.keep(content, sha256)
    edit.change(archive, lambda registry: edit.put_plan(registry, plan))
    return plan
