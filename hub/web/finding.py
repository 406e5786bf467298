"""Finding one event for a visitor: what is outside of their scope is not there for them."""

from __future__ import annotations

from hub.archive import Archive
from hub.archive.scope import Scope
from hub.archive.values import Clip, Event, Snapshot
from hub.web.answers import HttpError

MAX_SAME = 20  # nodes that may claim the same id; honest ones never do


def event(archive: Archive, scope: Scope, event_id: str) -> Event:
    """The event of that id, the first archived if two nodes claim it. Blocks.

    Raises HttpError 404, StorageError.
    """
    found = [each for each in archive.events_by_id(event_id, limit=MAX_SAME) if each.id == event_id]
    for each in sorted(found, key=lambda event: event.number):
        if archive.may_see(scope, each):
            return each
    raise HttpError(404, "not_found", "there is no such event, or it is outside of your scope")


def snapshot(archive: Archive, of: Event, sha256: str) -> Snapshot:
    """The event's stored snapshot of that hash. Blocks. Raises HttpError 404, StorageError."""
    for shot in archive.snapshots_of(of):
        if shot.sha256 == sha256:
            if shot.stored_utc is not None:
                return shot
            raise HttpError(404, "not_here", _absence(shot.lost_cause))
    raise HttpError(404, "not_found", "this event has no such snapshot")


def clip(archive: Archive, of: Event, part: int) -> Clip:
    """The event's stored clip of that part. Blocks. Raises HttpError 404, StorageError."""
    found = [each for each in archive.clips_of(of) if each.part == part]
    for each in reversed(found):  # of one part, the last announced counts
        if each.stored_utc is not None:
            return each
    if found:
        raise HttpError(404, "not_here", _absence(found[-1].lost_cause))
    raise HttpError(404, "not_found", f"this event has no clip {part}")


def _absence(lost_cause: str | None) -> str:
    if lost_cause is None:
        return "it was announced and has not arrived yet"
    return f"its node said that it will never come: {lost_cause}"
