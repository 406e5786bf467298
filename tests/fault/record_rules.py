"""Rules about records: none lost, invented, altered, forged, doubled; chains whole, gaps explained.

Everything is worked out anew from payload bytes; columns and counters of the product are what is
checked, never what is believed.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.fault.archive_files import Archived, HubFiles
from tests.fault.history import History, Json, key_of
from tests.fault.verdict import Verdict

ZEROS = "0" * 64
IDENTITY = ("epoch", "seq", "prev")  # what a record said again in a new journal changes
Journal = tuple[str, str]  # node, epoch


class Gaps:
    """The losses that nodes confessed in archived journal.gap records."""

    def __init__(self, hub: HubFiles) -> None:
        self._ranges: dict[Journal, list[tuple[int, int | None]]] = defaultdict(list)
        for each in hub.records:
            if each.body["type"] == "journal.gap":
                journal = (each.body["node"], each.body["lost_epoch"])
                last = each.body.get("last_seq")
                self._ranges[journal].append((each.body["first_seq"], last))

    def cover(self, journal: Journal, seq: int) -> bool:
        """Whether the loss of that record was confessed."""
        return any(
            first <= seq and (last is None or seq <= last)
            for first, last in self._ranges.get(journal, ())
        )

    def lie_behind(self, journal: Journal, seq: int) -> bool:
        """Whether the loss of any later record was confessed."""
        return any(last is None or last > seq for _, last in self._ranges.get(journal, ()))


def check_losses(
    verdict: Verdict, hub: HubFiles, history: History, waiting: Mapping[str, Json]
) -> None:
    """Whatever `append` returned for is archived, or still waits, or its loss was confessed."""
    archived = {each.hash for each in hub.records}
    said_again = Counter(_saying(each.body) for each in hub.records)
    gaps = Gaps(hub)
    for digest, body in history.returned.items():
        verdict.counts["records returned by append"] += 1
        node, epoch, seq = key_of(body)
        if digest in archived:
            continue
        if digest in waiting:
            verdict.counts["records that still wait on the node"] += 1
        elif gaps.cover((node, epoch), seq):
            verdict.counts["records whose loss is explained"] += 1
            verdict.counts["of these, said again in a new journal"] += _saying(body) in said_again
        elif _saying(body) in said_again:
            verdict.counts["records said again in a new journal"] += 1
        else:
            verdict.find("lost", f"{node} {epoch} {seq} {body['type']}")
    for digest, body in waiting.items():
        known = history.intents
        is_known = not known or digest in known or body["node"] not in history.nodes
        verdict.expect(is_known, "invented", f"in the journal: {key_of(body)}")


def _saying(body: Json) -> str:
    """What a record says, apart from its place in a journal."""
    rest = {key: value for key, value in body.items() if key not in IDENTITY}
    return json.dumps(rest, sort_keys=True)


def check_records(verdict: Verdict, hub: HubFiles, history: History) -> None:
    """Each archived record is what its node wrote and signed, once."""
    keys = {node: [Ed25519PublicKey.from_public_bytes(raw) for raw in raws]
            for node, raws in hub.keys.items()}  # fmt: skip
    seen: Counter[Any] = Counter()
    for each in hub.records:
        verdict.counts["records archived"] += 1
        name = " ".join(map(str, each.key))
        verdict.expect(_columns_fit(each), "altered", f"{name}: row and payload differ")
        is_signed = any(_is_signed(key, each) for key in keys.get(each.row["node"], ()))
        verdict.expect(is_signed, "signature", name)
        if each.row["node"] in history.nodes:
            verdict.expect(each.hash in history.intents, "invented", name)
        seen[each.key] += 1
        seen[each.hash] += 1
        if each.body["type"] in ("event.started", "event.ended"):
            seen[each.key[:2], each.body["event"], each.body["type"]] += 1
    for what, count in seen.items():
        if count > 1:
            verdict.find("duplicate", f"{count} times {what}")


def _columns_fit(each: Archived) -> bool:
    row, body = each.row, each.body
    told = (body["node"], body["epoch"], body["seq"], body["prev"], body["type"])
    kept = (row["node"], row["epoch"], row["seq"], bytes(row["prev"]).hex(), row["type"])
    links = (body.get("camera"), body.get("event")) == (row["camera"], row["event"])
    return told == kept and links and bytes(row["hash"]).hex() == each.hash


def _is_signed(key: Ed25519PublicKey, each: Archived) -> bool:
    try:
        key.verify(bytes(each.row["sig"]), each.row["payload"])
    except InvalidSignature:
        return False
    return True


def check_chains(verdict: Verdict, hub: HubFiles) -> None:
    """Neighbours fit, no number is missing without a word, and `upto` claims neither more nor less
    than what is there."""
    journals: dict[Journal, dict[int, Archived]] = defaultdict(dict)
    for each in hub.records:
        journals[each.row["node"], each.row["epoch"]][each.row["seq"]] = each
    gaps = Gaps(hub)
    for journal, records in journals.items():
        for seq in range(1, max(records) + 1):
            name = f"{' '.join(journal)} {seq}"
            record = records.get(seq)
            if record is None:
                verdict.expect(gaps.cover(journal, seq), "missing", name)
            elif seq == 1 or seq - 1 in records:
                before = records[seq - 1].hash if seq > 1 else ZEROS
                verdict.expect(record.body["prev"] == before, "chain", name)
    for row in hub.epochs:
        journal = (row["node"], row["epoch"])
        _check_upto(verdict, journal, row["upto"], bytes(row["head"]).hex(),
                    journals.get(journal, {}), gaps)  # fmt: skip


def _check_upto(
    verdict: Verdict,
    journal: Journal,
    upto: int,
    head: str,
    records: Mapping[int, Archived],
    gaps: Gaps,
) -> None:
    is_settled: Collection[int] = [
        seq for seq in range(1, upto + 1) if seq in records or gaps.cover(journal, seq)
    ]
    name = f"{' '.join(journal)}: upto {upto}"
    verdict.expect(len(is_settled) == upto, "overclaimed", f"{name} of {sorted(records)[-5:]}")
    known = records[upto].hash if upto in records else ZEROS if upto == 0 else "no record"
    verdict.expect(head == known, "overclaimed", f"{name}, head {head[:12]}, is {known[:12]}")
    verdict.expect(upto + 1 not in records, "stuck", f"{name}, though the next one is there")
