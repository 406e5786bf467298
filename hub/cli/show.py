"""`camwatch-hub show`: one event with its records, clips and snapshots."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from edge.base import schema
from edge.base.clock import utc_text
from edge.base.units import format_duration, format_size
from edge.contract import record
from edge.contract.errors import ContractError
from edge.contract.parts import Track
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import Clip, Event, Remark, Snapshot, StoredRecord
from hub.cli import trail
from hub.cli.find import find_event
from hub.cli.render import event_object, kind_text, local_text, table
from hub.config import HubSettings

MEDIA_TEXTS = {
    "stored": "stored",
    "announced": "announced, not here yet",
    "lost": "lost on the node: {cause}",
}
SIDES = {
    "left": "the left", "right": "the right", "top": "the top", "bottom": "the bottom",
    "inside": "within the picture",
}  # fmt: skip


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the event; 1 when there is no such event, or several."""
    archive = open_to_read(settings)
    try:
        event = find_event(archive, arguments.id)
        trail.tell_event(settings, "event.view", event)
        if arguments.json:
            print(json.dumps(_document(archive, event), ensure_ascii=False, indent=2))
        else:
            _print(archive, event, settings)
    finally:
        archive.close()
    return 0


def _document(archive: Archive, event: Event) -> dict[str, object]:
    return event_object(event) | {
        "clips": [
            {
                "part": clip.part,
                "sha256": clip.sha256,
                "size_bytes": clip.size_bytes,
                "duration_ms": clip.duration_ms,
                "codec": clip.codec,
                "width": clip.width,
                "height": clip.height,
                "starts_utc": utc_text(clip.starts_utc),
                "pre_roll_ms": clip.pre_roll_ms,
                "stored_utc": None if clip.stored_utc is None else utc_text(clip.stored_utc),
                "state": state_of(clip),
                "lost_cause": clip.lost_cause,
            }
            for clip in archive.clips_of(event)
        ],
        "snapshots": [
            {
                "sha256": shot.sha256,
                "size_bytes": shot.size_bytes,
                "width": shot.width,
                "height": shot.height,
                "taken_utc": utc_text(shot.taken_utc),
                "box": shot.box,
                "stored_utc": None if shot.stored_utc is None else utc_text(shot.stored_utc),
                "state": state_of(shot),
                "lost_cause": shot.lost_cause,
            }
            for shot in archive.snapshots_of(event)
        ],
        "remarks": [
            {
                "user": remark.user,
                "at_utc": utc_text(remark.at_utc),
                "mark": remark.mark,
                "note": remark.note,
            }
            for remark in archive.remarks_of(event)
        ],
        "tracks": [schema.dump(each) for each in tracks_of(archive.records_of(event))],
        "records": [
            {
                "epoch": stored.epoch,
                "seq": stored.seq,
                "type": stored.type,
                "received_utc": utc_text(stored.received_utc),
                "sha256": stored.digest,
                "sig": base64.b64encode(stored.signature).decode("ascii"),
                "payload": stored.payload.decode("utf-8"),
            }
            for stored in archive.records_of(event)
        ],
    }


def state_of(file: Clip | Snapshot) -> str:
    """stored; lost, when its node said that it will never come; or announced."""
    if file.stored_utc is not None:
        return "stored"
    return "announced" if file.lost_cause is None else "lost"


def tracks_of(records: Sequence[StoredRecord]) -> tuple[Track, ...]:
    """The ways of what moved, from the newest of an event's records that tells them."""
    for stored in reversed(records):
        try:
            body = record.decode(stored.payload).body
        except ContractError:  # of a contract that this hub does not know
            continue
        if isinstance(body, record.EventStarted | record.EventEnded) and body.tracks:
            return body.tracks
    return ()


def _track_text(track: Track) -> str:
    way = "no long way" if track.way == "none" else f"going {track.way}"
    text = f"from {SIDES[track.entry]}, {way}, last seen "
    text += "within the picture" if track.exit == "inside" else f"at {SIDES[track.exit]}"
    if track.zones:
        text += f"; {' > '.join(track.zones)}"
    times = f"{track.from_ms / 1000:.1f} to {track.to_ms / 1000:.1f} s after the start"
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in track.path)
    return f"{text}; {times}; {path}"


def _times(event: Event, zone: ZoneInfo) -> list[tuple[str, str]]:
    """When it began, and what the node claimed where that is another time."""
    claimed = f"{local_text(event.started_claimed_utc, zone)}, clock {event.clock}"
    if event.placed == "bounded":
        earliest = event.earliest_utc
        begun = "-" if earliest is None else local_text(earliest, zone)
        latest = local_text(event.latest_utc or event.started_utc, zone)
        return [("started", f"between {begun} and {latest}"), ("claimed", claimed)]
    error = "" if event.error_ms is None else f", within {format_duration(event.error_ms / 1000)}"
    if event.is_corrected:
        corrected = f"{local_text(event.started_utc, zone)}, corrected{error}"
        return [("started", corrected), ("claimed", claimed)]
    return [("started", f"{claimed}{error}")]


def _remark_line(remark: Remark, zone: ZoneInfo) -> tuple[str, str]:
    """What was said, and by whom when; a note's further lines under its first."""
    said = ": ".join(filter(None, (remark.mark, remark.note))).splitlines()
    text = "\n".join([said[0], *(f"    {line}" for line in said[1:])])
    return "remark", f"{local_text(remark.at_utc, zone)}, {remark.user}: {text}"


def _labels(event: Event) -> str:
    """What it was taken for, and how surely."""
    if event.labels is None:
        return "not looked for"
    return ", ".join(f"{each.label} {each.confidence:.2f}" for each in event.labels) or "none found"


def _print(archive: Archive, event: Event, settings: HubSettings) -> None:
    zone = settings.zone
    ended = "-" if event.ended_utc is None else local_text(event.ended_utc, zone)
    lasted = "-" if event.duration_ms is None else format_duration(event.duration_ms / 1000)
    lines = [
        ("event", event.id),
        ("node, camera", f"{event.node}, {event.camera}"),
        ("kind", kind_text(event) if event.kind else "not known yet"),
        ("state", event.state if event.reason is None else f"{event.state}, {event.reason}"),
        *_times(event, zone),
        ("ended", ended),
        ("duration", lasted),
        ("zones", ", ".join(event.zones) or "-"),
        ("labels", _labels(event)),
        ("score", "-" if event.score is None else f"{event.score:.3f}"),
        ("mark", event.mark),
        *(_remark_line(remark, zone) for remark in archive.remarks_of(event)),
    ]
    if event.tampering:
        lines.append(("tampering", f"{event.tampering}, {event.tamper_outcome or 'not over yet'}"))
    if event.fault:
        lines.append(("fault", event.fault))
    records = archive.records_of(event)
    for number, track in enumerate(tracks_of(records), start=1):
        lines.append((f"track {number}", _track_text(track)))
    for clip in archive.clips_of(event):
        state = MEDIA_TEXTS[state_of(clip)].format(cause=clip.lost_cause)
        if clip.stored_utc is not None:
            state = f"stored and verified {local_text(clip.stored_utc, zone)}"
        size = format_size(clip.size_bytes)
        picture = f"{clip.codec} {clip.width}x{clip.height}"
        length = format_duration(clip.duration_ms / 1000)
        lines.append((f"clip {clip.part}", f"{length}, {picture}, {size}, {state}"))
    for shot in archive.snapshots_of(event):
        state = MEDIA_TEXTS[state_of(shot)].format(cause=shot.lost_cause)
        is_before = event.kind == "tampered" and shot.taken_utc < event.started_claimed_utc
        lines.append(
            (
                "before it" if is_before else "snapshot",
                f"{shot.width}x{shot.height}, {shot.sha256[:16]}, {state}",
            )
        )
    lines += [
        (
            f"record {stored.seq}",
            f"{stored.type}, {local_text(stored.at_utc, zone)}, journal {stored.epoch},"
            f" sha256 {stored.digest[:16]}",
        )
        for stored in records
    ]
    print("\n".join(table(lines)))
