"""What a crash left open: clips are completed, their events ended as interrupted, strays swept.

Runs at start, before anything is recorded. Safe to run again after a crash in its middle: an event
stays open in the journal until its `event.ended` is appended. So does an event with a clip that the
disk does not let us mend or read now: once the event has ended, nobody would name the clip.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from edge.base.clock import Clock
from edge.base.errors import CamwatchError, StorageError
from edge.base.logs import error_chain
from edge.camera.story import clip_ref
from edge.contract import record
from edge.contract.parts import ClipRef, Instant
from edge.mux.clip import ClosedClip
from edge.mux.recovery import inspect, recover_leftovers
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox

log = logging.getLogger(__name__)


def recover(outbox: Outbox, spool: Spool, clock: Clock) -> int:
    """End every event that was cut short; how many. Raises StorageError."""
    recover_leftovers(spool)
    unmended = {path.name.split(".")[0] for path in spool.leftovers()}
    orphans = _orphans(outbox, spool, unmended)
    cut_short = [each for each in outbox.open_events() if each.header.event not in unmended]
    for started in cut_short:
        clips = sorted(orphans.pop(started.header.event or "", []), key=lambda clip: clip.part)
        _end(outbox, started, clips, clock)
    _sweep(outbox, spool)
    return len(cut_short)


def _orphans(outbox: Outbox, spool: Spool, unmended: set[str]) -> dict[str, list[ClosedClip]]:
    """Complete clips that no record names, by event; adds to `unmended` what cannot be read."""
    announced = outbox.file_names()
    orphans: dict[str, list[ClosedClip]] = {}
    for file in spool.files():
        if file.path.name in announced or file.kind != "clip":
            continue
        try:
            clip = inspect(file.path)
        except StorageError as err:
            log.error("%s stays for the next start: %s", file.path.name, error_chain(err))
            unmended.add(file.event or "")
            continue
        if clip is not None:
            orphans.setdefault(clip.event, []).append(clip)
    return orphans


def _sweep(outbox: Outbox, spool: Spool) -> None:
    """Remove files that no record names nor will name."""
    announced = outbox.file_names()
    still_open = {each.header.event for each in outbox.open_events()}  # their clips are wanted yet
    for file in spool.files():
        if file.path.name not in announced and (file.event is None or file.event not in still_open):
            log.warning("sweeping %s, which no record names", file.path.name)
            try:
                spool.acknowledge(file.path)
            except StorageError as err:
                log.error("%s stays for the next start: %s", file.path.name, error_chain(err))


def _end(outbox: Outbox, started: record.Record, clips: list[ClosedClip], clock: Clock) -> None:
    """Announce the clips of one event and end it as interrupted."""
    body, header = started.body, started.header
    if not isinstance(body, record.EventStarted):
        return
    try:
        before = outbox.last_part(header.event or "")
        if before is not None:  # an older one was freed, and only its file was still to go
            clips = [clip for clip in clips if clip.part > before.clip.part]
        for clip in clips[:-1]:
            outbox.append(
                record.EventUpdated(clip_ref(clip), body.zones),
                camera=header.camera,
                event=header.event,
            )
        last = clip_ref(clips[-1]) if clips else None
        newest = last or (before.clip if before is not None else None)
        ended = _end_of(newest) if newest is not None else body.started
        outbox.append(
            record.EventEnded(
                kind=body.kind,
                started=body.started,
                ended=ended,
                duration_ms=max(0, ended.mono_ns - body.started.mono_ns) // 1_000_000,
                reason="interrupted",
                zones=body.zones,
                score=body.score,
                parts=newest.part + 1 if newest is not None else 0,
                clip=last,
                snapshot=body.snapshot,
                fault="the node stopped without warning; what came after the clip's end is missing",
                tracks=body.tracks,
            ),
            camera=header.camera,
            event=header.event,
        )
    except CamwatchError as err:
        log.error("event %s stays open: %s", header.event, error_chain(err))
        return
    log.warning("event %s was interrupted; %d clips recovered", header.event, len(clips))


def _end_of(clip: ClipRef) -> Instant:
    """The last moment that a clip shows."""
    length = timedelta(milliseconds=clip.duration_ms)
    return Instant(clip.starts.utc + length, clip.starts.mono_ns + clip.duration_ms * 1_000_000)
