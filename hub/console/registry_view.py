"""What the registry's pages show: areas as a tree, cameras with their places by name, and a plan
with a mark for each camera on it. Within the visitor's scope; blocks; raises StorageError."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from hub.archive import Archive
from hub.archive.registry_values import Area, Camera, Organisation, Place, Plan, Registry
from hub.archive.scope import Scope
from hub.registry import present
from hub.registry.present import CameraNow


@dataclass(frozen=True)
class AreaLine:
    """An area in the tree; `cameras` counts those in just this area now."""

    area: Area
    into: Area | None
    has_ended: bool
    cameras: int
    parts: tuple[AreaLine, ...]


@dataclass(frozen=True)
class PlaceLine:
    """A place with what its codes mean; None where it has none, or it is not to be seen."""

    place: Place
    area: Area | None
    organisation: Organisation | None
    plan: Plan | None


@dataclass(frozen=True)
class CameraLine:
    """A camera, where it is now, and all its places, the newest first."""

    camera: Camera
    now: PlaceLine | None
    places: tuple[PlaceLine, ...]


@dataclass(frozen=True)
class Mark:
    """A camera on a plan; `x` and `y` are parts of its sides."""

    number: int
    seen: CameraNow
    x: float
    y: float


def tree(registry: Registry, now_utc: datetime, today: date, *, has_ended: bool) -> list[AreaLine]:
    """The areas from the towns down; with `has_ended` also what is no more."""
    codes = {area.code for area in registry.areas}
    below: dict[str | None, list[Area]] = {}
    for area in registry.areas:
        if has_ended or not _has_ended(area, today):
            below.setdefault(area.parent if area.parent in codes else None, []).append(area)
    places = (camera.place_at(now_utc) for camera in registry.cameras)
    counts = Counter(place.area for place in places if place is not None)

    def lines(parent: str | None) -> Iterable[AreaLine]:
        for area in sorted(below.get(parent, ()), key=lambda each: each.name.casefold()):
            into = None if area.into is None else registry.area(area.into)
            yield AreaLine(
                area, into, _has_ended(area, today), counts[area.code], tuple(lines(area.code))
            )

    return list(lines(None))


def indented(
    registry: Registry, now_utc: datetime, today: date, *chosen: str | None
) -> list[tuple[str, str]]:
    """The areas as a choice: code, and name indented by depth, in the tree's order. Of those that
    have ended only what is `chosen` already, so that saving a form does not lose it."""
    found: list[tuple[str, str]] = []

    def add(lines: Iterable[AreaLine], depth: int) -> None:
        for line in lines:
            if not line.has_ended or line.area.code in chosen:
                found.append((line.area.code, "\u2003" * depth + line.area.name))
            add(line.parts, depth + 1)

    add(tree(registry, now_utc, today, has_ended=True), 0)
    return found


def camera_line(registry: Registry, camera: Camera, now_utc: datetime) -> CameraLine:
    """One camera with its places."""

    def told(place: Place) -> PlaceLine:
        return PlaceLine(
            place,
            None if place.area is None else registry.area(place.area),
            None if place.organisation is None else registry.organisation(place.organisation),
            None if place.plan is None else registry.plan(place.plan),
        )

    now = camera.place_at(now_utc)
    places = tuple(told(each) for each in reversed(camera.places))
    return CameraLine(camera, None if now is None else told(now), places)


def marks(archive: Archive, scope: Scope, plan: Plan, now_utc: datetime) -> list[Mark]:
    """The cameras on a plan, from its left; numbered from 1."""
    found: list[tuple[float, float, CameraNow]] = []
    for seen in present.cameras_now(archive, scope, now_utc):
        place = seen.camera.place_at(now_utc)
        if place is None or place.plan != plan.code or place.x is None or place.y is None:
            continue
        found.append((place.x, place.y, seen))
    found.sort(key=lambda each: each[:2])
    return [Mark(number, seen, x, y) for number, (x, y, seen) in enumerate(found, 1)]


def _has_ended(area: Area, today: date) -> bool:
    return area.until_day is not None and area.until_day <= today
