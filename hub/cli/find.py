"""One event by the beginning of its id, and the last of its files that is here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.values import Clip, Event, Snapshot

SHOWN = 5
T = TypeVar("T", Clip, Snapshot)


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


def last_here(announced: Sequence[T], what: str, *, hint: str) -> T | None:
    """The last that is stored of what records announced; None where they announced none. Raises
    CamwatchError, with what it is about, where it is lost, or, with the hint, not here yet."""
    stored = [each for each in announced if each.stored_utc is not None]
    if stored or not announced:
        return stored[-1] if stored else None
    if announced[-1].lost_cause is not None:
        raise CamwatchError(
            f"{what} is lost: its node said {announced[-1].lost_cause}",
            hint="camwatch-hub gaps lists what is lost, and why",
        )
    raise CamwatchError(f"{what} was announced, but is not here yet", hint=hint)
