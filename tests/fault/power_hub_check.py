"""Holds what a hub's disk has after a power cut or an error against what the hub promised.

Starts a hub on it; reads archive and stores with sqlite3 and hashlib, not with the product;
then the nodes send everything again, and all must be there once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.base import durable
from edge.base.errors import CamwatchError
from tests.fault.power_disk import Disk, Tree
from tests.fault.power_hub import Client, Hub
from tests.fault.power_hub_scene import (
    Acknowledged,
    AckSent,
    KeyShown,
    Scene,
    TakenBack,
    Told,
    scene,
)


def check(folder: Path, _disk: Disk, tree: Tree, marks: list[object]) -> Iterator[str]:
    """Start a hub on what stands in `folder`; every broken promise."""
    data, sent = folder / "data", scene()
    told: dict[str, Told] = {}
    for mark in marks:
        match mark:
            case Told(upload):
                told[upload] = mark
            case TakenBack(upload):
                told.pop(upload, None)
    try:
        hub = Hub(data)
    except CamwatchError as err:
        yield f"the hub does not start: {err}"
        return
    with hub:
        yield from _check_archive(hub, data, marks)
        yield from _check_stores(data)
        for promise in told.values():
            yield from _check_offset(data, tree, promise, sent)
        yield from _check_sending_again(hub, data, sent)
        yield from _check_stores(data)


def _check_archive(hub: Hub, data: Path, marks: list[object]) -> Iterator[str]:
    with closing(sqlite3.connect(data / "archive.sqlite")) as db:
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        held = {row[0].hex(): row[1] for row in db.execute("SELECT hash, seq FROM records")}
        stored = {
            f"{event}.{part}"
            for event, part in db.execute(
                "SELECT event, part FROM clips JOIN events ON events.id = event_id"
                " WHERE stored_ms IS NOT NULL"
            )
        }
        shots = {
            row[0].hex()
            for row in db.execute("SELECT hash FROM snapshots WHERE stored_ms IS NOT NULL")
        }
    if verdict != "ok":
        yield f"the archive is damaged: {verdict}"
    for mark in marks:
        match mark:
            case KeyShown(public) if public != hub.key.public.raw:
                yield "the hub's key is another one"
            case Acknowledged(sha256) if sha256 not in held:
                yield "a record whose message was acknowledged is not in the archive"
            case AckSent(upto, also, clips, snapshots):
                if missing := ({*range(1, upto + 1), *also} - set(held.values())):
                    yield f"acknowledged records {sorted(missing)} are not in the archive"
                if missing_clips := set(clips) - stored:
                    yield f"acknowledged clips {sorted(missing_clips)} are not stored"
                if set(snapshots) - shots:
                    yield "an acknowledged snapshot is not stored"


def _check_stores(data: Path) -> Iterator[str]:
    with closing(sqlite3.connect(data / "archive.sqlite")) as db:
        named = {
            table: {
                row[0].hex()
                for row in db.execute(f"SELECT hash FROM {table} WHERE stored_ms IS NOT NULL")  # noqa: S608 - ours
            }
            for table in ("clips", "snapshots")
        }
    for table, hashes in named.items():
        files = {path.stem: path for path in (data / table).rglob("*") if path.is_file()}
        for sha256 in hashes - set(files):
            yield f"a row of {table} names {sha256[:8]}, which is missing"
        for sha256, path in files.items():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            if path.suffix != durable.PART_SUFFIX and content != sha256:
                yield f"{table}/{path.name} is not what its name says"


def _check_offset(data: Path, tree: Tree, told: Told, sent: Scene) -> Iterator[str]:
    content = sent.clips[told.clip]
    if list((data / "clips").rglob(f"{hashlib.sha256(content).hexdigest()}.mp4")):
        return
    name = f"uploads/{told.upload}.part"
    left = tree.get(f"data/{name}") or b""
    if left[: told.offset] != content[: told.offset]:
        yield f"bytes told to be safe ({told.offset}) are not"
    # A part whose length, but not whose bytes, reached the disk is found out by its hash.
    elif not (data / name).exists() and len(left) < len(content):
        yield f"an upload told to be at {told.offset} is gone"


def _check_sending_again(hub: Hub, data: Path, sent: Scene) -> Iterator[str]:
    """The nodes were told nothing, so they send it all again; it must be there, once."""
    client = Client(hub, hub.login())
    try:
        hub.writer.run_once([sent.greeting(), *sent.messages(), *sent.picture_messages()])
        codes = {name: client.bring(name, content) for name, content in sent.clips.items()}
    except CamwatchError as err:
        yield f"what is sent again is not taken: {err}"
        return
    for name, code in codes.items():
        if code not in (200, 204):
            yield f"clip {name} is not taken again: {code}"
    with closing(sqlite3.connect(data / "archive.sqlite")) as db:
        rows = db.execute("SELECT seq, hash FROM records ORDER BY seq").fetchall()
        counts = [
            db.execute(query).fetchone()[0]
            for query in (
                "SELECT count(*) FROM events",
                "SELECT count(*) FROM clips WHERE stored_ms IS NOT NULL",
                "SELECT count(*) FROM snapshots WHERE stored_ms IS NOT NULL",
                "SELECT coalesce(sum(count), 0) FROM counters WHERE counter LIKE 'alarm%'",
            )
        ]
    if [(seq, digest.hex()) for seq, digest in rows] != [
        (line.header.seq, line.digest) for line in sent.lines
    ]:
        yield "the archive does not hold each record once, as it was sent"
    if counts != [2, 3, 1, 0]:
        yield f"events, clips, snapshots, alarms are {counts}"
    leftover = [path.name for path in (data / "uploads").iterdir()]
    if leftover:
        yield f"uploads leave {leftover}"
