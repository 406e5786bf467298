"""What the page of one event shows, gathered from the archive in one go. Blocks; raises
StorageError, HttpError 404."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.contract import record as contract
from edge.contract.errors import ContractError
from edge.contract.parts import Track
from edge.contract.record import Body, CameraLost, EventEnded, EventStarted
from hub.archive import Archive
from hub.archive.event_state import to_ms
from hub.archive.registry_values import Area, Camera, Organisation
from hub.archive.values import (
    CameraKey,
    Clip,
    Event,
    EventFilter,
    Remark,
    Snapshot,
    StoredRecord,
    Stretch,
)
from hub.console.titles import TitledEvent, titled
from hub.registry import settings_then
from hub.registry.neighbours import neighbours
from hub.registry.settings_then import MotionThen
from hub.web import finding

AROUND = timedelta(minutes=15)  # of coverage, before the event and after it
NEAR = timedelta(minutes=10)  # neighbours around the camera
MAX_NEIGHBOURS = 6  # on each side


@dataclass(frozen=True)
class Bar:
    """A stretch of time as a bar: `left` and `width` in thousandths of the whole."""

    left: float
    width: float
    stretch: Stretch


@dataclass(frozen=True)
class EventView:
    """One event and all that is shown with it. `clips` has one for each part."""

    event: Event
    camera: Camera | None
    area: Area | None
    organisation: Organisation | None
    clips: tuple[Clip, ...]
    snapshots: tuple[Snapshot, ...]
    records: tuple[StoredRecord, ...]
    remarks: tuple[Remark, ...]
    tracks: tuple[Track, ...]
    loss: str
    watched: MotionThen | None
    bars: tuple[Bar, ...]
    event_bar: Bar
    since_utc: datetime
    until_utc: datetime
    neighbours: tuple[TitledEvent, ...]
    older: Event | None
    newer: Event | None

    @property
    def title(self) -> str:
        """What people call its camera."""
        return (self.camera.title if self.camera else "") or self.event.camera

    @property
    def playable(self) -> tuple[Clip, ...]:
        """The parts that are here."""
        return tuple(clip for clip in self.clips if clip.stored_utc is not None)

    @property
    def is_clip_awaited(self) -> bool:
        """Whether a part of it is neither here nor said to be lost."""
        return any(clip.stored_utc is None and clip.lost_cause is None for clip in self.clips)

    @property
    def picture(self) -> Snapshot | None:
        """The best picture that is here: the last one announced."""
        here = [shot for shot in self.snapshots if shot.stored_utc is not None]
        return here[-1] if here else None


def gather(archive: Archive, where: EventFilter, event_id: str) -> EventView:
    """Everything about the event of that id, as far as the scope of `where` goes; `where` says
    among which others it stands."""
    scope = where.scope
    event = finding.event(archive, scope, event_id)
    registry = archive.registry()
    camera = registry.camera(CameraKey(event.node, event.camera))
    place = None if camera is None else camera.place_at(event.started_utc)
    records = tuple(archive.records_of(event))
    bodies = _bodies(records)
    ended_utc = event.ended_utc or event.started_utc
    since_utc, until_utc = event.started_utc - AROUND, ended_utc + AROUND
    window = (to_ms(since_utc), to_ms(until_utc))
    covered = archive.coverage(CameraKey(event.node, event.camera), since_utc, until_utc)
    whole = Stretch(to_ms(event.started_utc), to_ms(ended_utc), "watched")
    older = archive.events(where, limit=1, before=event.key)
    newer = archive.events(where, limit=1, after=event.key)
    near = neighbours(archive, event, scope, limit=MAX_NEIGHBOURS, within=NEAR)
    return EventView(
        event=event,
        camera=camera,
        area=None if place is None or place.area is None else registry.area(place.area),
        organisation=None if place is None or place.organisation is None
        else registry.organisation(place.organisation),
        clips=_one_for_each_part(archive.clips_of(event)),
        snapshots=tuple(archive.snapshots_of(event)),
        records=records,
        remarks=tuple(archive.remarks_of(event)),
        tracks=_tracks(bodies),
        loss=_loss(bodies) if event.kind == "lost" else "",
        watched=settings_then.motion_then(
            archive, CameraKey(event.node, event.camera), event.started_utc
        ),
        bars=tuple(bar_of(each, window) for each in covered),
        event_bar=bar_of(whole, window),
        since_utc=since_utc,
        until_utc=until_utc,
        neighbours=titled(registry, (*reversed(near.later), *near.earlier)),
        older=older[0] if older else None,
        newer=newer[-1] if newer else None,
    )  # fmt: skip


def _one_for_each_part(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """Of clips of the same part the one that is here, else the last announced."""
    parts: dict[int, Clip] = {}
    for clip in clips:
        held = parts.get(clip.part)
        if held is None or held.stored_utc is None:
            parts[clip.part] = clip
    return tuple(parts[part] for part in sorted(parts))


def _bodies(records: Sequence[StoredRecord]) -> list[Body | None]:
    """What the records say, but for those that an older hub archived under other rules."""
    found = []
    for each in records:
        with contextlib.suppress(ContractError):
            found.append(contract.decode(each.payload).body)
    return found


def _loss(bodies: Sequence[Body | None]) -> str:
    """Why the camera was lost, in its node's words."""
    for body in bodies:
        if isinstance(body, CameraLost):
            return body.detail or body.reason
    return ""


def _tracks(bodies: Sequence[Body | None]) -> tuple[Track, ...]:
    """The ways of what moved, by the last record that tells them."""
    for body in reversed(bodies):
        if isinstance(body, EventEnded | EventStarted) and body.tracks:
            return body.tracks
    return ()


def bar_of(stretch: Stretch, window: tuple[int, int]) -> Bar:
    """The stretch within a window from one time to another, in milliseconds."""
    since, until = window
    per_ms = 1000 / max(1, until - since)
    left = max(0.0, (stretch.from_ms - since) * per_ms)
    right = min(1000.0, (stretch.to_ms - since) * per_ms)
    return Bar(round(left, 2), round(max(2.0, right - left), 2), stretch)
