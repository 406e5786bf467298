"""Events under the names that people gave their cameras, for lists of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.archive.registry_values import Registry
from hub.archive.values import CameraKey, Event


@dataclass(frozen=True)
class TitledEvent:
    """An event, and what people call its camera."""

    event: Event
    title: str


def titled(registry: Registry, events: Iterable[Event]) -> tuple[TitledEvent, ...]:
    """The events in their order; a camera without a title has its name."""
    return tuple(TitledEvent(event, title_of(registry, event)) for event in events)


def title_of(registry: Registry, event: Event) -> str:
    """What people call the camera of an event."""
    camera = registry.camera(CameraKey(event.node, event.camera))
    return (camera.title if camera is not None else "") or event.camera
