"""What every camera does at this moment, from what its node told last. Blocks; raises StorageError.

A camera's condition is one word, so that API, console and command line say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from edge.contract import health
from edge.contract.errors import ContractError
from edge.contract.health import CameraHealth, Health
from hub.archive import Archive
from hub.archive.node_values import LostFile, NodeState
from hub.archive.registry_values import Area, Camera, Organisation, Place, Registry
from hub.archive.scope import Scope
from hub.archive.values import Snapshot

Condition = Literal["lost", "blind", "offline", "silent", "new", "watching"]
"""lost: the camera sends nothing; blind: pictures come, but it is not watched; offline: its node is
not connected; silent: the node is, but has not said how it is; new: nothing was heard of it yet."""

TROUBLES: tuple[Condition, ...] = ("lost", "blind", "offline", "silent", "new")  # worst first
HEALTH_LIFE = timedelta(seconds=4 * health.INTERVAL_S)  # older health tells nothing of now
BOTH_LATE = timedelta(seconds=15)  # the hub writes health down in batches


@dataclass(frozen=True)
class CameraNow:
    """A camera with its condition. `cause` is the node's word for it; `since_utc` when its node's
    state began, or its health came; `picture` its newest that the asker may see."""

    camera: Camera
    node: NodeState | None
    condition: Condition
    cause: str | None
    is_moving: bool
    since_utc: datetime | None
    picture: Snapshot | None
    area: Area | None
    organisation: Organisation | None

    @property
    def is_troubled(self) -> bool:
        """Whether it is not watched now."""
        return self.condition != "watching"


def cameras_now(archive: Archive, scope: Scope, now_utc: datetime) -> list[CameraNow]:
    """Every camera that is in the scope now; troubled ones first, then by node and name."""
    registry = archive.registry()
    nodes = {node.name: node for node in archive.nodes()}
    pictures = {(shot.node, shot.camera): shot for shot in archive.pictures(scope)}
    areas = {area.code: area for area in registry.areas}
    organisations = {each.code: each for each in registry.organisations}
    reports: dict[str, Health | None] = {}  # a node's is read once, whatever cameras it has
    found = []
    for camera in visible_cameras(registry, scope, now_utc):
        node, place = nodes.get(camera.node), camera.place_at(now_utc)
        if camera.node not in reports:
            reports[camera.node] = health_of(node)
        condition, cause, told = _condition(camera, node, reports[camera.node], now_utc)
        found.append(
            CameraNow(
                camera, node, condition, cause, told is not None and told.motion,
                None if node is None else node.since_utc, pictures.get((camera.node, camera.name)),
                None if place is None or place.area is None else areas.get(place.area),
                None if place is None or place.organisation is None
                else organisations.get(place.organisation),
            )
        )  # fmt: skip
    return sorted(found, key=_order)


def visible_cameras(registry: Registry, scope: Scope, now_utc: datetime) -> list[Camera]:
    """The cameras that are in the scope now."""
    if scope.is_everything:
        return list(registry.cameras)
    areas: set[str] = set()
    for code in scope.areas:
        areas |= registry.within(code)

    def is_visible(place: Place | None) -> bool:
        return place is not None and (
            place.area in areas or place.organisation in scope.organisations
        )

    return [camera for camera in registry.cameras if is_visible(camera.place_at(now_utc))]


def cameras_in_area(registry: Registry, code: str, now_utc: datetime) -> list[Camera]:
    """The cameras that are in the area, or below it, now."""
    areas = registry.within(code)
    found = []
    for camera in registry.cameras:
        place = camera.place_at(now_utc)
        if place is not None and place.area in areas:
            found.append(camera)
    return found


def visible_registry(registry: Registry, scope: Scope, now_utc: datetime) -> Registry:
    """What of the registry is in the scope now: its cameras, the plans that they are on, the areas
    in it with those around them, and the organisations whose cameras they are."""
    if scope.is_everything:
        return registry
    cameras = visible_cameras(registry, scope, now_utc)
    places = [place for each in cameras if (place := each.place_at(now_utc)) is not None]
    inside = {code for area in scope.areas for code in registry.within(area)}
    inside |= {place.area for place in places if place.area is not None}
    areas = inside | {area.code for code in inside for area in registry.above(code)}
    owners = scope.organisations | {place.organisation for place in places}
    plans = {place.plan for place in places}
    return replace(
        registry,
        areas=tuple(each for each in registry.areas if each.code in areas),
        organisations=tuple(each for each in registry.organisations if each.code in owners),
        plans=tuple(each for each in registry.plans if each.code in plans),
        cameras=tuple(cameras),
    )


def files_in_sight(archive: Archive, scope: Scope, files: Iterable[LostFile]) -> Iterator[LostFile]:
    """Those of the lost files whose events are in the scope. A node may have cameras in several
    areas; of an event that never came nobody knows the camera."""
    known: dict[tuple[str, str], bool] = {}
    for file in files:
        if scope.is_everything:
            yield file
        elif file.event is not None:
            key = file.node, file.event
            if key not in known:
                known[key] = _may_see(archive, scope, *key)
            if known[key]:
                yield file


def _may_see(archive: Archive, scope: Scope, node: str, event: str) -> bool:
    """Whether a node's event is in the scope. Two nodes may have made events of one id."""
    return any(
        each.node == node and archive.may_see(scope, each)
        for each in archive.events_by_id(event, limit=10)
    )


def health_of(node: NodeState | None) -> Health | None:
    """The node's newest health report; None where it told none that this hub understands."""
    if node is None or node.health is None:
        return None
    try:
        return health.decode(node.health)
    except ContractError:  # written by an older hub under another version
        return None


def _condition(
    camera: Camera, node: NodeState | None, report: Health | None, now_utc: datetime
) -> tuple[Condition, str | None, CameraHealth | None]:
    if node is None or node.state == "never seen":
        return "new", None, None
    if node.state == "offline":
        return "offline", None, None
    is_old = node.health_utc is None or now_utc - node.health_utc > HEALTH_LIFE + BOTH_LATE
    told = {each.camera: each for each in report.cameras} if report and not is_old else {}
    found = told.get(camera.name)
    if found is None:
        return "silent", None, None
    if found.state != "watching":
        return "lost", found.state, found
    if found.blind is not None:
        return "blind", found.blind, found
    return "watching", None, found


def _order(camera: CameraNow) -> tuple[int, str, str]:
    rank = TROUBLES.index(camera.condition) if camera.is_troubled else len(TROUBLES)
    return rank, camera.camera.node, camera.camera.name
