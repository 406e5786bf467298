"""Rules about events: each row says what its records say, no event is told twice."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from tests.fault.archive_files import Archived, HubFiles, Row
from tests.fault.history import Json
from tests.fault.record_rules import Gaps
from tests.fault.verdict import Verdict

EventKey = tuple[str, str]  # node, event
STEP_MS = 500  # what counts as setting a clock (docs/design/coverage.md)
ROUNDED_MS = 2
PICTURES = ("snapshot", "before", "after")  # the last two of camera.tampered
KINDS = ("event.started", "event.updated", "event.ended", "event.labelled")


def check_events(verdict: Verdict, hub: HubFiles, *, is_drained: bool) -> None:
    """The table of events against the archived records. Drained, every event has an end."""
    told: dict[EventKey, list[Archived]] = defaultdict(list)
    tampered: dict[EventKey, list[Archived]] = defaultdict(list)
    gaps = Gaps(hub)
    for each in hub.records:
        if each.body["type"] in KINDS:
            told[each.body["node"], each.body["event"]].append(each)
        elif each.body["type"] == "camera.tampered":
            tampered[each.body["node"], each.body["event"]].append(each)
    events = [row for row in hub.events if row["kind"] != "lost"]  # see loss_rules.py
    rows = Counter((row["node"], row["event"]) for row in events)
    for key, count in rows.items():
        verdict.expect(key in told, "event", f"{key} has no record")
        verdict.expect(count == 1, "duplicate", f"event {key} {count} times")
    nodes_of = Counter(event for _, event in rows)
    for event, count in nodes_of.items():
        verdict.expect(count == 1, "duplicate", f"event {event} of {count} nodes")
    by_key = {(row["node"], row["event"]): row for row in events}
    for key, records in told.items():
        verdict.counts["events"] += 1
        row = by_key.get(key)
        if row is None:
            verdict.find("event", f"{key} has records and no row")
            continue
        _check_event(verdict, key, row, records)
        if is_drained:
            newest = records[-1]  # in the order of journals and numbers
            is_explained = gaps.lie_behind((key[0], newest.row["epoch"]), newest.row["seq"])
            verdict.counts["events whose end is in an explained loss"] += (
                row["rank"] != 2 and is_explained
            )
            verdict.expect(row["rank"] == 2 or is_explained, "unended", f"{key} has no end")
            parts = {clip["part"] for each in records if (clip := each.body.get("clip"))}
            is_told = row["parts"] == len(parts)
            verdict.expect(is_told, "event", f"{key} has {row['parts']} parts, not {parts}")
        _check_announced(verdict, key, hub, records + tampered[key])


def _check_event(verdict: Verdict, key: EventKey, row: Row, records: list[Archived]) -> None:
    ends = [each for each in records if each.body["type"] == "event.ended"]
    starts = [each for each in records if each.body["type"] == "event.started"]
    source = max(
        ends or starts or records,
        key=lambda each: (
            each.body.get("reason") != "interrupted", int(each.row["epoch"], 16), each.row["seq"],
        ),
    )  # fmt: skip
    body = source.body
    want: dict[str, Any] = {"rank": 2 if ends else 1 if starts else 0, "camera": body["camera"]}
    parts = {each.body["clip"]["part"] for each in records if each.body.get("clip")}
    told = max((each.body["parts"] for each in ends), default=0)
    want["parts"] = max(told, max(parts, default=-1) + 1)
    if ends:
        want |= {name: body.get(name) for name in ("duration_ms", "reason", "fault", "kind")}
        want["zones"] = sorted(set(body["zones"]))
    if ends or starts:
        want |= _claimed(body, ended=bool(ends))
        _check_placed(verdict, key, row, body)
    have = dict(row) | {"zones": json.loads(row["zones"])}
    for column, value in want.items():
        verdict.expect(
            have[column] == value, "event", f"{key}: {column} is {have[column]!r}, not {value!r}"
        )


def _claimed(body: Json, *, ended: bool) -> dict[str, int | None]:
    """When the node says it was."""
    ended_ms = _to_ms(body["ended"]["utc"]) if ended else None
    return {"claimed_ms": _to_ms(body["started"]["utc"]), "ended_claimed_ms": ended_ms}


def _check_placed(verdict: Verdict, key: EventKey, row: Row, body: Json) -> None:
    """Where the clock was set when the record was written, that is when the hub shows it; also
    where it was set in the middle of the event, whose times are by one reading at its start."""
    if body["clock"]["state"] != "synced":
        return
    for column, moment in (("started_ms", "started"), ("ended_ms", "ended")):
        if moment not in body:
            continue
        claimed_ms = _to_ms(body[moment]["utc"])
        away_ms = (body["clock"]["mono_ns"] - body[moment]["mono_ns"]) / 1e6
        told_ms = _to_ms(body["at_utc"]) - away_ms
        want_ms = claimed_ms if abs(told_ms - claimed_ms) < STEP_MS else told_ms
        is_there = row[column] is not None and abs(row[column] - want_ms) <= ROUNDED_MS
        verdict.expect(is_there, "event", f"{key}: {column} is {row[column]}, not {want_ms:.0f}")


def _check_announced(
    verdict: Verdict, key: EventKey, hub: HubFiles, records: list[Archived]
) -> None:
    """The tables of clips and snapshots name exactly what the records announce."""
    node, event = key
    clips = {(ref["part"], ref["sha256"], ref["size_bytes"])
             for each in records if (ref := each.body.get("clip"))}  # fmt: skip
    rows = [(row["part"], bytes(row["hash"]).hex(), row["size_bytes"])
            for row in hub.clips if (row["node"], row["event"]) == key]  # fmt: skip
    verdict.expect(set(rows) == clips, "event", f"{key}: clips are {rows}, not {clips}")
    for part, count in Counter(part for part, _, _ in rows).items():
        verdict.expect(count == 1, "duplicate", f"clip {event}.{part} of {node} {count} times")
    shots = {(ref["sha256"], ref["size_bytes"])
             for each in records for name in PICTURES if (ref := each.body.get(name))}  # fmt: skip
    kept = {(bytes(row["hash"]).hex(), row["size_bytes"])
            for row in hub.snapshots if (row["node"], row["event"]) == key}  # fmt: skip
    verdict.expect(kept == shots, "event", f"{key}: snapshots are {kept}, not {shots}")


def _to_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)
