"""One event by the beginning of its id."""

from __future__ import annotations

from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.values import Event

SHOWN = 5


def find_event(archive: Archive, prefix: str) -> Event:
    """The one event whose id begins with `prefix`. Raises CamwatchError for none or several."""
    found = archive.events_by_id(prefix, limit=SHOWN + 1)
    if not found:
        raise CamwatchError(f"no event {prefix}", hint="camwatch-hub query lists them")
    if len(found) > 1:
        some = ", ".join(f"{event.id} ({event.node})" for event in found[:SHOWN])
        more = ", ..." if len(found) > SHOWN else ""
        raise CamwatchError(f"several events begin with {prefix}: {some}{more}")
    return found[0]
