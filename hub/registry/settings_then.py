"""What a camera's settings were at a time in the past, as far as the hub knows it: its own versions
it keeps, but of what a node has of its own only what holds now. Blocks; raises StorageError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from edge.base import schema
from edge.base.schema import SchemaError
from edge.contract import settings as documents
from edge.contract.motion import MotionSettings
from edge.contract.settings import CAMERAS, Plain
from hub.archive import Archive
from hub.archive.settings_values import SettingsVersion
from hub.archive.values import CameraKey

LISTS = ("zones", "masks")
MAX_VERSIONS = 1000


@dataclass(frozen=True)
class MotionThen:
    """Zones and masks of then; `is_sure` where both were set from the hub, so that nobody can have
    changed them on the node meanwhile."""

    motion: MotionSettings
    is_sure: bool


def motion_then(archive: Archive, key: CameraKey, at_utc: datetime) -> MotionThen | None:
    """What is known of zones and masks at that time; None where nothing is."""
    told = archive.applied_settings(key.node).get(key.node)
    if told is None:
        return None
    try:
        now = told.applied.camera(key.camera)
    except SchemaError:  # a newer node's, which this hub does not understand
        return None
    if now is None:
        return None
    set_then = _set_then(archive, key, at_utc)
    prefix = f"{CAMERAS}.{key.camera}.motion."
    for name in LISTS:
        if name not in set_then and f"{prefix}{name}" in told.applied.from_hub:
            return None  # the node's own of then is hidden by what the hub sets now
    plain = documents.merge(schema.dump(now.motion), set_then)
    try:
        motion = schema.load(MotionSettings, plain, unknown="ignore")
    except SchemaError:
        return None
    return MotionThen(motion, is_sure=all(name in set_then for name in LISTS))


def part_of(plain: Mapping[str, object], camera: str) -> Plain:
    """What settings of a node say of one camera."""
    cameras = plain.get(CAMERAS)
    part = cameras.get(camera) if isinstance(cameras, dict) else None
    return part if isinstance(part, dict) else {}


def _set_then(archive: Archive, key: CameraKey, at_utc: datetime) -> Plain:
    """The zones and masks that the hub had set."""
    for each in archive.settings_versions(key.node, limit=MAX_VERSIONS):
        if _was_in_effect(each, at_utc):
            motion = part_of(each.settings, key.camera).get("motion", {})
            return {name: motion[name] for name in LISTS if name in motion}
    return {}


def _was_in_effect(version: SettingsVersion, at_utc: datetime) -> bool:
    """A version was from shortly after it was made on, until the next one was."""
    return version.made_utc <= at_utc and version.state in ("applied", "trial")
