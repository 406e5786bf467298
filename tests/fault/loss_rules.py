"""Rules about losses of cameras: each row says what its records say."""

from __future__ import annotations

from collections import defaultdict

from tests.fault.archive_files import Archived, HubFiles
from tests.fault.verdict import Verdict

LossKey = tuple[str, str]  # node, event


def check_camera_losses(verdict: Verdict, hub: HubFiles) -> None:
    """The events of the kind `lost` against the archived records that name them."""
    told: dict[LossKey, list[Archived]] = defaultdict(list)
    for each in hub.records:
        if each.body["type"] in ("camera.lost", "camera.found") and each.body.get("event"):
            told[each.body["node"], each.body["event"]].append(each)
    rows = {(row["node"], row["event"]): row for row in hub.events if row["kind"] == "lost"}
    for key in rows.keys() - told.keys():
        verdict.find("event", f"loss {key} has no record")
    for key, records in told.items():
        verdict.counts["losses"] += 1
        row = rows.get(key)
        if row is None:
            verdict.find("event", f"loss {key} has records and no row")
            continue
        found = [each for each in records if each.body["type"] == "camera.found"]
        lengths = {each.body.get("lost_ms") for each in found}
        is_ended = row["rank"] == 2
        verdict.expect(is_ended is bool(found), "event", f"loss {key}: ended is {is_ended}")
        if found:
            said = row["duration_ms"]
            verdict.expect(said in lengths, "event", f"loss {key} of {said} ms, not {lengths}")
