"""What else happened around an event: events next to it in time, of the cameras around its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from hub.archive import Archive
from hub.archive.registry_values import Registry
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, Event, EventFilter


class Neighbours(NamedTuple):
    """The events next to one, the nearest first; `area` is where, None for the same node."""

    area: str | None
    earlier: tuple[Event, ...]
    later: tuple[Event, ...]


def neighbours(
    archive: Archive, event: Event, scope: Scope, *, limit: int, within: timedelta | None = None
) -> Neighbours:
    """Of the smallest area around the event's camera that has other cameras too, as it was then;
    of the cameras of its node where the camera is nowhere. Its own camera's are left out: a busy
    one's would leave no room for others. Only what the scope allows, `limit` on each side; with
    `within` only what started so long before its start or after its end."""
    area = _area_of(archive.registry(), event)
    where = EventFilter(
        scope=scope,
        area=area,
        node=event.node if area is None else None,
        not_of=CameraKey(event.node, event.camera),
    )
    if within is not None:
        until_utc = (event.ended_utc or event.started_utc) + within
        where = replace(where, since_utc=event.started_utc - within, until_utc=until_utc)
    earlier = archive.events(where, limit=limit, before=event.key)
    later = archive.events(where, limit=limit, after=event.key)
    return Neighbours(area, tuple(earlier), tuple(later[::-1]))


def _area_of(registry: Registry, event: Event) -> str | None:
    moment = event.started_utc
    camera = registry.camera(CameraKey(event.node, event.camera))
    place = None if camera is None else camera.place_at(moment)
    if place is None or place.area is None:
        return None
    places = [each.place_at(moment) for each in registry.cameras]
    areas = [each.area for each in places if each is not None]
    for area in registry.above(place.area):
        within = registry.within(area.code)
        if sum(each in within for each in areas) > 1:
            return area.code
    return place.area
