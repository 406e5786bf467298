"""Whether there is what a question names: a node, a camera, an area, an organisation, a zone, a
label.

Known is what was ever heard of or registered, so a camera that is gone but has events is known. To
whom sees a part, only what was ever in that part is; no answer tells more. Blocks; raises
StorageError.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from edge.base.schema import SchemaError
from hub.archive import Archive
from hub.archive.fold import words
from hub.archive.registry_values import Camera, Registry
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, EventFilter

LABELS = ("person", "vehicle", "animal")  # of the models that come with nodes
MAX_NEAR = 3
MAX_LISTED = 5  # where none is near
MAX_SHOWN_CHARS = 60
MAX_SCOPES = 32


@dataclass(frozen=True)
class _Names:
    """All that one scope knows of."""

    cameras: frozenset[CameraKey]
    nodes: frozenset[str]
    areas: frozenset[str]
    organisations: frozenset[str]


class KnownNames:
    """The names of an archive, kept once they were asked for: gathering them takes a quarter of a
    second in a town of 1,000 cameras, and many a good question has no answer. A name that is not
    among those kept is looked for afresh; one that has gone since is no fault of the question's.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: dict[Scope, _Names] = {}

    def problems(self, where: EventFilter) -> dict[str, str]:
        """What is wrong with the names in a filter, by its word; nothing where there are all."""
        found = self._places(where) | _tag_problems(self._archive, where)
        tail = "" if where.scope.is_everything else " (or it is outside of your scope)"
        return {word: said + tail for word, said in found.items()}

    def _places(self, where: EventFilter) -> dict[str, str]:
        """Of nodes, cameras, areas and organisations."""
        if all(name is None for name in (where.node, where.camera, where.area, where.organisation)):
            return {}
        kept = self._kept.get(where.scope)
        if kept is not None and not _problems(where, kept):
            return {}
        if len(self._kept) >= MAX_SCOPES:
            self._kept.clear()
        self._kept[where.scope] = fresh = _gather(self._archive, where.scope)
        return _problems(where, fresh)


def problems(archive: Archive, where: EventFilter) -> dict[str, str]:
    """`KnownNames.problems`, for one question."""
    return KnownNames(archive).problems(where)


def _gather(archive: Archive, scope: Scope) -> _Names:
    registry = archive.registry()
    inside = {code for area in scope.areas for code in registry.within(area)}
    seen = [camera for camera in registry.cameras if _was_visible(camera, inside, scope)]
    cameras = {camera.key for camera in seen}
    nodes = {camera.node for camera in seen}
    if scope.is_everything:
        cameras |= set(archive.cameras())
        nodes |= set(archive.pulses())
    return _Names(
        frozenset(cameras),
        frozenset(nodes),
        frozenset(_areas(registry, inside, scope)),
        frozenset(_organisations(registry, seen, scope)),
    )


def _problems(where: EventFilter, names: _Names) -> dict[str, str]:
    found = {}
    if where.node is not None and where.node not in names.nodes:
        found["node"] = missing("node", where.node, names.nodes)
    if where.camera is not None and (said := _camera_problem(where, names.cameras, names.nodes)):
        found["camera"] = said
    for what, name, known in (
        ("area", where.area, names.areas),
        ("organisation", where.organisation, names.organisations),
    ):
        if name is not None and name not in known:
            found[what] = missing(what, name, known)
    return found


def _tag_problems(archive: Archive, where: EventFilter) -> dict[str, str]:
    """Of zones, which events touched or nodes watch, and of labels, the usual or given ones."""
    found = {}
    if where.zone is not None:
        zones = archive.tags("zone", where.scope)
        if where.zone not in zones:
            zones |= _watched_zones(archive, where.scope)
        if where.zone not in zones:
            found["zone"] = missing("zone", where.zone, zones)
    if where.label is not None and where.label not in LABELS:
        labels = archive.tags("label", where.scope) | set(LABELS)
        if where.label not in labels:
            found["label"] = missing("label", where.label, labels)
    return found


def _watched_zones(archive: Archive, scope: Scope) -> set[str]:
    """The zones that nodes have now, of the cameras that the scope knows; of a newer node's
    settings, which this hub does not understand, none."""
    zones: set[str] = set()
    notes = archive.applied_settings()
    for key in _gather(archive, scope).cameras:
        note = notes.get(key.node)
        with contextlib.suppress(SchemaError):
            camera = None if note is None else note.applied.camera(key.camera)
            zones |= {zone.name for zone in camera.motion.zones} if camera else set()
    return zones


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


def _camera_problem(
    where: EventFilter, cameras: frozenset[CameraKey], nodes: frozenset[str]
) -> str | None:
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
