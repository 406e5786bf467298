"""Finding one camera for a visitor: what is outside of their scope is not there for them."""

from __future__ import annotations

from datetime import datetime

from hub.archive import Archive
from hub.archive.registry_values import Camera
from hub.archive.scope import Scope
from hub.archive.values import CameraKey
from hub.registry import present
from hub.web.answers import HttpError


def find(archive: Archive, scope: Scope, key: CameraKey, now_utc: datetime) -> Camera:
    """The camera, where it stands now. Blocks. Raises HttpError 404, StorageError."""
    for camera in present.visible_cameras(archive.registry(), scope, now_utc):
        if camera.key == key:
            return camera
    raise HttpError(404, "not_found", "no such camera, or it is outside of your scope")
