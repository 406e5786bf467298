"""Parsers of what lies on a disk that rots: settings, keys, journal, archive, begun uploads."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import shutil
import sqlite3
from pathlib import Path

from edge import keys, yamlfile
from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError, ConfigError, StorageError
from edge.config.node import NodeSettings
from edge.contract import ids, names, record
from edge.contract.ack import Ack
from edge.contract.parts import ClockStamp, Instant
from edge.keys import KeyFileError, PrivateKey
from edge.outbox.outbox import Outbox
from hub.api.upload_store import UploadStore
from hub.archive import SqliteArchive
from hub.archive.values import EventFilter
from hub.config import HubSettings
from tests.fault.fuzz_engine import Target
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal

ROOT = Path(__file__).parents[2]
PAGE_PIECES = (
    b"\x00" * 4096, b"\xff" * 4096, b"\x0d", b"\x05", b"\x02", b"\xff\xff", b"\x00" * 100,
    b"SQLite format 3\0", b"CREATE TABLE", b"\x80" * 9, b"null",
)  # fmt: skip
YAML_PIECES = (
    b"&a [*a]", b"!!python/object:os.system", b"? ", b": ", b"- ", b"{", b"[" * 300, b"\t", b"|",
    b"1e999", b"0x" + b"f" * 40, b"2001-01-01", b"~", b"<<: *a", b"\xff", b"\x00", b"1_000:59",
    b"'", b'"', b"%", b".nan", b"node: ", b"cameras:",
)  # fmt: skip
JSON_PIECES = (b'"', b"null", b"{}", b"[]", b"9" * 30, b"../", b"\xff", b",", b"\\u0000", b"NaN")


def targets(folder: Path) -> list[Target]:
    """Settings first; each of the others writes its input to a file of its own."""
    examples = {
        name: (ROOT / "config" / f"{name}.example.yaml").read_bytes() for name in ("edge", "hub")
    }
    return [
        Target("node settings", [examples["edge"], b"&a [*a, *a]\n"],
               lambda data: yamlfile.parse(NodeSettings, data, name="x"), (ConfigError,), 500,
               YAML_PIECES),
        Target("hub settings", [examples["hub"], b"a: &a [1]\nb: [*a, *a]\n"],
               lambda data: yamlfile.parse(HubSettings, data, name="x"), (ConfigError,), 700,
               YAML_PIECES),
        _key(folder),
        _upload(folder),
        _journal(folder),
        _archive(folder),
    ]  # fmt: skip


def _key(folder: Path) -> Target:
    path = folder / "node.key"
    keys.load_or_make(path)
    good = path.read_bytes()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        keys.load_or_make(path)

    return Target("key file", [good], read, (KeyFileError,), 2_000, JSON_PIECES)


def _upload(folder: Path) -> Target:
    """What a hub finds of uploads at its start: ID.json, with its bytes beside it."""
    root = folder / "uploads"
    store = UploadStore(root)
    journal = Journal()
    line = journal.event(clip=b"x" * 100)[-1]
    archive = SqliteArchive(folder / "uploads.sqlite")
    archive.write(batch(journal.lines))
    sha256 = hashlib.sha256(b"x" * 100).hexdigest()
    clip = archive.announced_clip(journal.node, str(line.header.event), 0, sha256)
    archive.close()
    assert clip is not None
    upload = store.begin(clip)
    good = (root / f"{upload.id}.json").read_bytes()

    def start(data: bytes) -> None:
        (root / f"{upload.id}.json").write_bytes(data)
        (root / f"{upload.id}.part").write_bytes(b"12345")
        found = UploadStore(root)
        found.complete()
        found.expired()
        assert all(each.parent == root for each in root.iterdir())

    return Target("begun upload", [good], start, (StorageError,), 400, JSON_PIECES)


def _journal(folder: Path) -> Target:
    clock = FakeClock()
    key = PrivateKey(b"k" * 32)
    place = folder / "journal"
    serial = itertools.count()

    def opened(path: Path) -> Outbox:
        return Outbox(
            path, node="gate-1", key=key, clock=clock, free=lambda _name: None,
            stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
        )  # fmt: skip

    seed = folder / "seed.db"
    outbox = opened(seed)
    for _ in range(30):
        event = ids.new_event(clock.utc())
        now = Instant(clock.utc(), clock.mono_ns())
        outbox.append(record.EventStarted("motion", now, (), 0.5), camera="a", event=event)
    head = record.digest(outbox.pending(9, 1)[0].payload)
    ack = Ack(names.VERSION, "gate-1", outbox.epoch, 10, head, also=(12,))
    outbox.close()
    good = _checkpointed(seed)

    def use(data: bytes) -> None:
        """Each in a folder of its own: what was set aside must not be mistaken for the next."""
        home = place / str(next(serial))
        home.mkdir(parents=True)
        try:
            (home / "journal.db").write_bytes(data)
            outbox = opened(home / "journal.db")
            with contextlib.closing(outbox):
                outbox.open_events()
                outbox.append(record.NodeBooted("0.1.0", ()))
                outbox.pending(0, 100)
                outbox.depth()
                outbox.waiting_clips(10)
                outbox.apply(ack)
        finally:
            shutil.rmtree(home)

    return Target("journal", [good], use, (CamwatchError,), 300, PAGE_PIECES)


def _archive(folder: Path) -> Target:
    path = folder / "archive.sqlite"
    journal = Journal()
    archive = SqliteArchive(path)
    archive.write(
        batch([line for _ in range(10) for line in journal.event(clip=b"x", snapshot=b"y")])
    )
    archive.close()
    good = _checkpointed(path)
    later = batch(journal.event(clip=b"z"))

    def use(data: bytes) -> None:
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(data)
        opened = SqliteArchive(path)
        with contextlib.closing(opened):
            opened.write(later)
            for event in opened.events(EventFilter(), limit=5, before=None):
                opened.clips_of(event)
                opened.records_of(event)
            opened.nodes()
            opened.progress(journal.node, journal.epoch)
            opened.quarantined(limit=5)

    return Target("archive", [good], use, (CamwatchError,), 300, PAGE_PIECES)


def _checkpointed(path: Path) -> bytes:
    """The database as one file."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode=DELETE")
    return path.read_bytes()
