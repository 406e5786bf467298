"""Changing the registry: a change is a function of it, checked as a whole before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.fold import words
from hub.archive.registry_values import Area, Camera, Organisation, Place, Plan, Registry
from hub.archive.values import CameraKey
from hub.registry.rules import Problem, camera_text, problems

ATTEMPTS = 5
MAX_CODE = 40
_Coded = TypeVar("_Coded", Area, Organisation, Plan)
Change = Callable[[Registry], Registry]


class RegistryError(CamwatchError):
    """The registry cannot be changed so; every problem stands on a line of its own."""

    def __init__(self, message: str, found: Iterable[Problem] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(found)


def change(archive: Archive, how: Change) -> Registry:
    """Change the registry and return it. Raises RegistryError, and nothing is changed then.

    `how` may be called again when somebody else changed it meanwhile.
    """
    for _ in range(ATTEMPTS):
        before = archive.registry()
        after = how(before)
        if found := problems(after):
            raise RegistryError("\n".join(map(str, found)), found)
        _refuse_lost_footage(archive, before, after)
        if archive.replace_registry(before, after):
            return archive.registry()
    raise RegistryError("others change the registry all the time", hint="try again")


def _refuse_lost_footage(archive: Archive, before: Registry, after: Registry) -> None:
    gone = {each.key for each in before.cameras} - {each.key for each in after.cameras}
    if gone and (kept := sorted(gone & archive.cameras_with_footage())):
        some = ", ".join("/".join(key) for key in kept[:5])
        raise RegistryError(
            f"there is footage of {some}", hint="camwatch-hub camera place moves a camera"
        )


def add(registry: Registry, entry: Area | Organisation) -> Registry:
    """Add an entry of a code that is new. Raises RegistryError."""
    what = "area" if isinstance(entry, Area) else "organisation"
    known = {"area": registry.area, "organisation": registry.organisation}[what](entry.code)
    if known is not None:
        raise RegistryError(
            f"there is {what} {entry.code} already: {known.name}",
            hint=f"camwatch-hub {what} set changes it; --code gives the new one another code",
        )
    if isinstance(entry, Area):
        return put_area(registry, entry)
    return put_organisation(registry, entry)


def area(registry: Registry, code: str) -> Area:
    """The area of that code. Raises RegistryError."""
    found = registry.area(code)
    if found is None:
        raise _missing("area", code)
    return found


def organisation(registry: Registry, code: str) -> Organisation:
    """The organisation of that code. Raises RegistryError."""
    found = registry.organisation(code)
    if found is None:
        raise _missing("organisation", code)
    return found


def plan(registry: Registry, code: str) -> Plan:
    """The plan of that code. Raises RegistryError."""
    found = registry.plan(code)
    if found is None:
        raise _missing("plan", code)
    return found


def put_area(registry: Registry, area: Area) -> Registry:
    """Add the area, or replace the one of its code."""
    return replace(registry, areas=_put(registry.areas, area))


def put_organisation(registry: Registry, organisation: Organisation) -> Registry:
    """Add the organisation, or replace the one of its code."""
    return replace(registry, organisations=_put(registry.organisations, organisation))


def put_plan(registry: Registry, plan: Plan) -> Registry:
    """Add the plan, or replace the one of its code."""
    return replace(registry, plans=_put(registry.plans, plan))


def put_camera(registry: Registry, camera: Camera) -> Registry:
    """Register the camera, or replace what is known of it."""
    others = (each for each in registry.cameras if each.key != camera.key)
    cameras = tuple(sorted((*others, camera), key=lambda each: each.key))
    return replace(registry, cameras=cameras)


def end_area(registry: Registry, code: str, day: date, into: str | None) -> Registry:
    """Let the area end before `day`, and say what it became part of."""
    return put_area(registry, replace(area(registry, code), until_day=day, into=into))


def place_camera(registry: Registry, key: CameraKey, place: Place) -> Registry:
    """Put the camera there from `since_utc` on; later places, and one of that moment, go.

    Without a time it was always there.
    """
    camera = registry.camera(key) or Camera(*key)
    since = place.since_utc
    earlier = [
        each
        for each in camera.places
        if since is not None and (each.since_utc is None or each.since_utc < since)
    ]
    return put_camera(registry, replace(camera, places=(*earlier, place)))


def locate_camera(
    registry: Registry, key: CameraKey, now_utc: datetime, plan: str | None,
    x: float | None = None, y: float | None = None,
) -> Registry:  # fmt: skip
    """Say where on a plan the camera is, without moving it: its place now keeps time and area."""
    camera = registry.camera(key)
    if camera is None:
        raise _missing("camera", "/".join(key))
    now = camera.place_at(now_utc)
    if now is None:
        return put_camera(
            registry, replace(camera, places=(Place(None, None, None, plan, x, y), *camera.places))
        )
    drawn = replace(now, plan=plan, x=x, y=y)
    places = tuple(drawn if each is now else each for each in camera.places)
    return put_camera(registry, replace(camera, places=places))


def remove(registry: Registry, what: str, code: str) -> Registry:
    """Take out an area, organisation or plan that nothing refers to any more."""
    tables = {"area": "areas", "organisation": "organisations", "plan": "plans"}
    entries: tuple[Area | Organisation | Plan, ...] = getattr(registry, tables[what])
    if all(each.code != code for each in entries):
        raise _missing(what, code)
    rest = tuple(each for each in entries if each.code != code)
    if users := _users(registry, what, code):
        raise RegistryError(
            f"{what} {code} is needed by {', '.join(users[:5])}",
            hint="an area that is no more is ended, so that its past stays right"
            if what == "area"
            else "change these first",
        )
    return replace(registry, **{tables[what]: rest})  # type: ignore[arg-type]


def remove_camera(registry: Registry, key: CameraKey) -> Registry:
    """Take out a camera that was registered by mistake."""
    if registry.camera(key) is None:
        raise _missing("camera", "/".join(key))
    return replace(registry, cameras=tuple(each for each in registry.cameras if each.key != key))


def free_code(name: str, taken: Iterable[str]) -> str:
    """A code made of a name, that is not taken yet."""
    used = set(taken)
    base = "-".join(words(name))
    base = "".join(each for each in base if each.isascii())[:MAX_CODE].strip("-") or "x"
    code, number = base, 1
    while code in used:
        number += 1
        tail = f"-{number}"
        code = base[: MAX_CODE - len(tail)].rstrip("-") + tail
    return code


def _users(registry: Registry, what: str, code: str) -> list[str]:
    """The entries that name it."""
    found = []
    if what == "area":
        found += [
            f"area {each.code}" for each in registry.areas if code in (each.parent, each.into)
        ]
        found += [f"plan {each.code}" for each in registry.plans if each.area == code]
    for camera in registry.cameras:
        if any(getattr(place, what) == code for place in camera.places):
            found.append(f"camera {camera_text(camera)}")
    return found


def _put(entries: tuple[_Coded, ...], entry: _Coded) -> tuple[_Coded, ...]:
    by_code = {each.code: each for each in entries}
    by_code[entry.code] = entry
    return tuple(by_code[code] for code in sorted(by_code))


def _missing(what: str, key: str) -> RegistryError:
    return RegistryError(f"there is no {what} {key}", hint=f"camwatch-hub {what} list")
