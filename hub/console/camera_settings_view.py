"""What the page of one camera's settings shows, gathered from the archive. Blocks; raises
StorageError."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.base import schema
from edge.base.schema import SchemaError
from edge.contract import settings as documents
from edge.contract.applied import FieldProblem
from edge.contract.settings import ABSENT, CAMERAS, Plain, SettableCamera
from hub.archive import Archive
from hub.archive.registry_values import Camera
from hub.archive.scope import Scope
from hub.archive.settings_values import SettingsVersion
from hub.archive.values import Event, Snapshot
from hub.registry import settings, settings_scope
from hub.registry.settings import Standing
from hub.registry.settings_scope import Seen
from hub.registry.settings_then import part_of
from hub.trials import Trial

MAX_VERSIONS = 50
MAX_THUMBS = 12
MAX_BOXES = 60
SHOWN = ("armed", "disarmed_by", "schedules", "motion", "clips", "tamper")
"""What of a camera's settings this page is about."""


@dataclass(frozen=True)
class Difference:
    """One value of the camera that a version changed; `path` within the camera, ABSENT is the
    node's own."""

    path: str
    before: object
    after: object


@dataclass(frozen=True)
class VersionLine:
    """One version with what it changed of this camera; `is_about_others`: also something else."""

    version: SettingsVersion
    differences: tuple[Difference, ...]
    is_about_others: bool


@dataclass(frozen=True)
class SettingsView:
    """One camera with its settings. `document` is what it would have by the newest version; None
    before its node told what it has. `has_picture`: a stored one, that the visitor may see."""

    camera: Camera
    standing: Standing
    is_connected: bool
    document: Plain | None
    time_zone: str | None
    versions: tuple[VersionLine, ...] = ()
    has_picture: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether there is something to show and to change."""
        return self.document is not None

    @property
    def problems(self) -> tuple[FieldProblem, ...]:
        """What of this camera, or of the node itself, the newest version has wrong."""
        newest, others = self.standing.newest, f"{CAMERAS}."
        mine = f"{others}{self.camera.name}."
        return tuple(
            each
            for each in (() if newest is None else newest.problems)
            if each.path.startswith(mine) or not each.path.startswith(others)
        )

    @property
    def version(self) -> int:
        """The newest version's number; 0 for none."""
        return 0 if self.standing.newest is None else self.standing.newest.version


@dataclass(frozen=True)
class Thumb:
    """An event with its picture."""

    event: Event
    picture: Snapshot | None


def gather(archive: Archive, camera: Camera, scope: Scope) -> SettingsView:
    """All of the page."""
    found = archive.settings_versions(camera.node, limit=MAX_VERSIONS + 1)
    shown = range(min(len(found), MAX_VERSIONS))
    return replace(
        state_of(archive, camera, scope),
        versions=tuple(_line(found, at, camera.name, scope) for at in shown),
        has_picture=bool(archive.pictures(scope, camera.key)),
    )


def state_of(archive: Archive, camera: Camera, scope: Scope) -> SettingsView:
    """What is asked for again and again: without versions and picture."""
    standing = settings_scope.standing(
        settings.standing(archive, camera.node), _seen(scope, camera.name)
    )
    wanted = {} if standing.newest is None else dict(standing.newest.settings)
    pulse = archive.pulses().get(camera.node)
    return SettingsView(
        camera,
        standing,
        pulse is not None and pulse.state == "online",
        _document(standing, wanted, camera.name),
        _time_zone(standing, wanted),
    )


def thumbs(archive: Archive, events: Sequence[Event]) -> list[Thumb]:
    """The newest of them, each with its last picture that is here."""
    found = []
    for event in events[:MAX_THUMBS]:
        here = [each for each in archive.snapshots_of(event) if each.stored_utc is not None]
        found.append(Thumb(event, here[-1] if here else None))
    return found


def boxes(trial: Trial) -> list[list[object]]:
    """Where the newest of the kept and dropped events moved: outcome and box."""
    return [
        [outcome, list(trial.boxes[each.id])]
        for outcome in ("kept", "gone")
        for each in [e for e in trial.events[outcome] if e.id in trial.boxes][:MAX_BOXES]
    ]


def _document(standing: Standing, wanted: Plain, name: str) -> Plain | None:
    if standing.applied is None:
        return None
    base = part_of(standing.applied.settings, name)
    if not base:
        return None
    for plain in (documents.merge(base, part_of(wanted, name)), base):
        try:
            camera = schema.load(SettableCamera, {**plain, "name": name}, unknown="ignore")
        except SchemaError:  # what does not fit is not in effect either
            continue
        dumped = schema.dump(camera)
        return {key: dumped[key] for key in SHOWN if key in dumped}
    return None


def _time_zone(standing: Standing, wanted: Plain) -> str | None:
    zone = wanted.get("time_zone")
    if zone is None and standing.applied is not None:
        zone = standing.applied.settings.get("time_zone")
    return None if zone is None else str(zone)


def _seen(scope: Scope, name: str) -> Seen:
    """Of which cameras the page of that one tells: of others only where all are seen."""
    return None if scope.is_everything else {name}


def _line(versions: Sequence[SettingsVersion], at: int, name: str, scope: Scope) -> VersionLine:
    """The version at that place of the list, which begins with the newest."""
    before = versions[at + 1].settings if at + 1 < len(versions) else {}
    prefix = f"{CAMERAS}.{name}."
    found = documents.changed(dict(before), dict(versions[at].settings))
    ours = {path: values for path, values in found.items() if path.startswith(prefix)}
    return VersionLine(
        settings_scope.version(versions[at], _seen(scope, name)),
        tuple(Difference(path.removeprefix(prefix), old, new) for path, (old, new) in ours.items()),
        len(ours) < len(found),
    )


def is_absent(value: object) -> bool:
    """Whether a version leaves a value to the node."""
    return value is ABSENT
