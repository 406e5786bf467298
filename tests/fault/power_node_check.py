"""Holds what a node's disk has after a power cut or an error against what the node promised.

Starts a node on it, as the next boot does; then reads journal and clips with sqlite3, hashlib and
FFmpeg, not with the product.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import av

from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError
from edge.contract import names
from edge.contract.ack import Ack
from edge.outbox.outbox import AckMismatchError
from tests.fault import power_film
from tests.fault.power_disk import Disk, Tree
from tests.fault.power_node import CUT_S, LONG_S, NODE, SHORT_S, Node
from tests.fault.power_node_marks import Promised

MOOF_AT = b"moof"


def check(folder: Path, _disk: Disk, _tree: Tree, marks: list[object]) -> Iterator[str]:
    """Start a node on `tree`, which stands in `folder`; every broken promise."""
    promised = Promised.of(marks)
    state = folder / "state"
    clock = FakeClock(boot="b" * 32, mono_ns=10**9)
    try:
        node = Node(state, clock)
    except CamwatchError as err:
        yield f"the node does not start: {err}"
        return
    try:
        yield from _check_journal(state, node, promised)
        yield from _check_spool(state, promised)
        yield from _check_refusals(node)
    finally:
        node.outbox.close()
    with closing_node(Node(state, clock)) as again:
        if again.outbox.last_seq != node.outbox.last_seq + 1:
            yield "a second start finds something left to do"


@contextmanager
def closing_node(node: Node) -> Iterator[Node]:
    """Close its journal at the end."""
    try:
        yield node
    finally:
        node.outbox.close()


def _check_journal(state: Path, node: Node, promised: Promised) -> Iterator[str]:
    if promised.public is not None and node.key.public.raw != promised.public:
        yield "the node's key is another one"
    with closing(sqlite3.connect(state / "journal.db")) as db:
        db.row_factory = sqlite3.Row
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            yield f"the journal is damaged: {verdict}"
        journal = db.execute("SELECT * FROM journal").fetchone()
        rows = {row["seq"]: row for row in db.execute("SELECT * FROM records ORDER BY seq")}
        left_open = db.execute("SELECT count(*) FROM open_events").fetchone()[0]
    held = {_said(row["payload"]): bytes(row["payload"]) for row in rows.values()}
    epoch, is_same = journal["epoch"], journal["epoch"] == promised.epoch
    if promised.epoch is not None and not is_same and not promised.has_disk_failed:
        yield "the journal was begun anew"
    if is_same and journal["acked_seq"] > promised.acked:
        yield "records count as acknowledged that the hub never named"
    for (of_epoch, seq), appended in promised.records.items():
        if seq in rows and of_epoch == epoch:
            if bytes(rows[seq]["payload"]) != appended.payload:
                yield f"record {seq} is another one than was appended"
        elif (
            seq > promised.acked
            and seq not in promised.also
            and _said(appended.payload) not in held
        ):
            yield f"record {seq} was appended and is lost"
    yield from _check_chain(journal, rows, node)
    if left_open:
        yield "an event is still open after recovery"


def _said(payload: bytes) -> str:
    """What a record says, whatever its place in whichever journal."""
    value = json.loads(payload)
    return json.dumps({key: value[key] for key in sorted(value.keys() - {"epoch", "seq", "prev"})})


def _check_chain(journal: sqlite3.Row, rows: dict[int, sqlite3.Row], node: Node) -> Iterator[str]:
    prev, at = journal["acked_hash"], journal["acked_seq"]
    for seq, row in sorted(rows.items()):
        header = json.loads(row["payload"])
        digest = hashlib.sha256(row["payload"]).hexdigest()
        if seq != at + 1 or header["seq"] != seq or header["prev"] != prev or row["hash"] != digest:
            yield f"the chain breaks at record {seq}"
        if not node.key.public.verify(row["payload"], row["sig"]):
            yield f"record {seq} has no good signature"
        prev, at = digest, seq
    if (journal["last_seq"], journal["last_hash"]) != (at, prev):
        yield "the journal's head is not its newest record"


def _check_spool(state: Path, promised: Promised) -> Iterator[str]:
    with closing(sqlite3.connect(state / "journal.db")) as db:
        rows = {name: (sha256, size) for name, sha256, size in
                db.execute("SELECT name, sha256, size_bytes FROM files")}  # fmt: skip
        ended = {
            json.loads(payload)["event"]
            for (payload,) in db.execute("SELECT payload FROM records WHERE type = 'event.ended'")
        }
    found = {path.name: path for path in (state / "spool").iterdir()}
    for name, (sha256, size) in rows.items():
        if name not in found:
            if promised.has_disk_failed and name in promised.freed:
                continue  # let go of while the journal was in memory only; noticed at upload
            yield f"a row names {name}, which is missing"
        elif _hash(found[name]) != sha256 or found[name].stat().st_size != size:
            yield f"{name} is not what its row says"
    for name, path in found.items():
        if name not in rows:
            yield f"{name} lies in the spool without a row"
        elif name.endswith(".mp4") and not _is_camera_s(path):
            yield f"{name} holds what the camera never sent"
    for name in sorted(_announced(promised) - promised.freed - set(rows)):
        yield f"{name} was announced, never freed, and waits no more"
    for name, content in promised.flushed.items():
        event = name.split(".")[0]
        if event in ended and name not in promised.freed:
            at = content.find(MOOF_AT)
            whole = found[name].read_bytes() if name in found else b""
            if at > 0 and whole[at : len(content)] != content[at:]:
                yield f"{name} lost fragments that were flushed"


def _check_refusals(node: Node) -> Iterator[str]:
    """A wrong acknowledgement must free nothing, whatever else was cut."""
    before = node.outbox.depth().records
    wrong = Ack(names.VERSION, NODE, node.outbox.epoch, node.outbox.last_seq, "e" * 64)
    try:
        node.outbox.apply(wrong)
    except AckMismatchError:
        pass
    else:
        yield "an acknowledgement with a foreign head was taken"
    if node.outbox.depth().records != before:
        yield "an acknowledgement with a foreign head freed records"


def _announced(promised: Promised) -> set[str]:
    """The names of the files that appended records announce."""
    wanted: set[str] = set()
    for appended in promised.records.values():
        body = appended.body
        clip, snapshot = body.get("clip"), body.get("snapshot")
        if isinstance(clip, dict):
            wanted.add(f"{body['event']}.{clip['part']}.mp4")
        if isinstance(snapshot, dict):
            wanted.add(f"{snapshot['sha256']}.jpg")
    return wanted


def _is_camera_s(path: Path) -> bool:
    try:
        clip = power_film.pictures_in(path)
    except av.FFmpegError:
        return False
    return any(power_film.is_cut_from(clip, seconds) for seconds in (LONG_S, SHORT_S, CUT_S))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
