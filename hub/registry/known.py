"""Whether there is what a question names: a node, a camera, an area, an organisation.

Known is what was ever heard of or registered, so a camera that is gone but has events is known. To
whom sees a part, only what was ever in that part is; no answer tells more. Blocks; raises
StorageError.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from hub.archive import Archive
from hub.archive.fold import words
from hub.archive.registry_values import Camera, Registry
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, EventFilter

MAX_NEAR = 3
MAX_LISTED = 5  # where none is near
MAX_SHOWN_CHARS = 60


def problems(archive: Archive, where: EventFilter) -> dict[str, str]:
    """What is wrong with the names in a filter, by its word; nothing where there are all."""
    names = (where.node, where.camera, where.area, where.organisation)
    if all(name is None for name in names):
        return {}
    registry, scope = archive.registry(), where.scope
    inside = {code for area in scope.areas for code in registry.within(area)}
    seen = [camera for camera in registry.cameras if _was_visible(camera, inside, scope)]
    cameras = {camera.key for camera in seen}
    nodes = {camera.node for camera in seen}
    if scope.is_everything:
        cameras |= set(archive.cameras())
        nodes |= set(archive.pulses())
    found = {}
    if where.node is not None and where.node not in nodes:
        found["node"] = missing("node", where.node, nodes)
    if where.camera is not None and (said := _camera_problem(where, cameras, nodes)):
        found["camera"] = said
    for what, name, known in (
        ("area", where.area, _areas(registry, inside, scope)),
        ("organisation", where.organisation, _organisations(registry, seen, scope)),
    ):
        if name is not None and name not in known:
            found[what] = missing(what, name, known)
    tail = "" if scope.is_everything else " (or it is outside of your scope)"
    return {word: said + tail for word, said in found.items()}


def missing(what: str, name: str, known: Collection[str]) -> str:
    """That there is none of that name, and which it may have been."""
    return f"there is no {what} {name[:MAX_SHOWN_CHARS]}{_guess(name, known)}"


def _guess(name: str, known: Collection[str]) -> str:
    """The names that are near; where none is, all of a few."""
    folded = "-".join(words(name))  # so that `Liên Chiểu` is near to lien-chieu
    near = [each for each in (name.casefold(), folded) if each in known][:1]
    near = near or get_close_matches(folded or name, sorted(known), n=MAX_NEAR)
    if near:
        return f"; {' or '.join(near)}?"
    if 0 < len(known) <= MAX_LISTED:
        return f"; there {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}"
    return ""


def _camera_problem(where: EventFilter, cameras: set[CameraKey], nodes: set[str]) -> str | None:
    """Of any node, or of the one that is named with it, if there is that one."""
    name = where.camera or ""
    if where.node not in nodes:
        known = {key.camera for key in cameras}
        return None if name in known else missing("camera", name, known)
    known = {key.camera for key in cameras if key.node == where.node}
    if name in known:
        return None
    has = f"; it has {', '.join(sorted(known))}" if known else ""
    return f"{where.node} has no camera {name[:MAX_SHOWN_CHARS]}{has}"


def _was_visible(camera: Camera, inside: Collection[str], scope: Scope) -> bool:
    """Whether it ever was in the scope, whose areas are `inside`."""
    return scope.is_everything or any(
        place.area in inside or place.organisation in scope.organisations for place in camera.places
    )


def _areas(registry: Registry, inside: set[str], scope: Scope) -> set[str]:
    """The scope's own areas, those below and those around."""
    if scope.is_everything:
        return {area.code for area in registry.areas}
    return inside | {area.code for code in inside for area in registry.above(code)}


def _organisations(registry: Registry, seen: Collection[Camera], scope: Scope) -> set[str]:
    if scope.is_everything:
        return {each.code for each in registry.organisations}
    owners = {place.organisation for camera in seen for place in camera.places}
    return set(scope.organisations) | {code for code in owners if code is not None}
