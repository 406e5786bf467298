"""A journal in a folder with a clock that only moves when told, and what tests ask of it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge import keys
from edge.base.clock import FakeClock
from edge.contract import ids, names, record
from edge.contract.ack import Ack
from edge.contract.parts import ClipRef, ClockStamp, Instant, SnapshotRef
from edge.outbox.outbox import Limits, Outbox, clip_name, snapshot_name

NODE = "gate-3"
BOOT = "a" * 32
KEY = keys.PrivateKey(b"k" * 32)


@dataclass
class Place:
    """A state folder; `open` starts the node's journal there, as often as a test likes."""

    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(boot=BOOT, mono_ns=10**9))
    limits: Limits = Limits()
    factory: type[sqlite3.Connection] = sqlite3.Connection
    give_way: Callable[[int], object] = lambda need_bytes: None
    freed: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "journal.db"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def open(self) -> Outbox:
        self.spool.mkdir(exist_ok=True)
        return Outbox(
            self.path,
            node=NODE,
            key=KEY,
            clock=self.clock,
            stamp=lambda: ClockStamp("synced", self.clock.boot, self.clock.mono_ns(), 5),
            free=self._free,
            limits=self.limits,
            give_way=self.give_way,
            factory=self.factory,
        )

    def moved_aside(self) -> list[Path]:
        return sorted(self.folder.glob("journal.db.*.damaged"))

    def _free(self, name: str) -> None:
        self.freed.append(name)
        (self.spool / name).unlink(missing_ok=True)

    def now(self) -> Instant:
        return Instant(self.clock.utc(), self.clock.mono_ns())

    def new_event(self) -> str:
        self.clock.advance(0.01)
        return ids.new_event(self.clock.utc())

    def start(self, outbox: Outbox, event: str) -> int:
        body = record.EventStarted("motion", self.now(), (), 0.1)
        return outbox.append(body, camera="gate", event=event)

    def end(self, outbox: Outbox, event: str, *, priority: int = 0) -> int:
        """An event's end with a clip and a snapshot that lie in the spool."""
        clip, shot = f"clip of {event}".encode(), f"shot of {event}".encode()
        shot_hash = hashlib.sha256(shot).hexdigest()
        (self.spool / clip_name(f"{event}.0")).write_bytes(clip)
        (self.spool / snapshot_name(shot_hash)).write_bytes(shot)
        now = self.now()
        ref = ClipRef(
            0, hashlib.sha256(clip).hexdigest(), len(clip), 900, "h264", 64, 48, now, 0, 0,
            (1, 90000), 9,
        )  # fmt: skip
        snapshot = SnapshotRef(shot_hash, len(shot), 64, 48, now)
        body = record.EventEnded("motion", now, now, 0, "quiet", (), 0.5, 1, ref, snapshot)
        return outbox.append(body, camera="gate", event=event, priority=priority)


def booted(version: str = "0.1.0") -> record.NodeBooted:
    return record.NodeBooted(version, ("gate",))


def fill(outbox: Outbox, count: int) -> None:
    """Records that can be told apart by their version."""
    for _ in range(count):
        outbox.append(booted(f"v{outbox.last_seq + 1}"))


def waiting(outbox: Outbox) -> list[record.Record]:
    """All records that wait, decoded, after a check of their signatures and their chain."""
    found: list[record.Record] = []
    before: tuple[int, str] | None = None
    for pending in outbox.pending(0, 10**6):
        assert KEY.public.verify(pending.payload, pending.signature)
        header = record.decode(pending.payload).header
        assert (header.epoch, header.seq) == (outbox.epoch, pending.seq)
        if before is not None and before[0] == header.seq - 1:
            assert header.prev == before[1]
        before = (header.seq, record.digest(pending.payload))
        found.append(record.decode(pending.payload))
    return found


def versions(outbox: Outbox) -> list[str]:
    """Of the node.booted records that wait."""
    return [
        each.body.version for each in waiting(outbox) if isinstance(each.body, record.NodeBooted)
    ]


def gaps(outbox: Outbox) -> list[record.JournalGap]:
    """The journal.gap records that wait."""
    return [each.body for each in waiting(outbox) if isinstance(each.body, record.JournalGap)]


def ack(outbox: Outbox, upto: int, **more: tuple[int, ...] | tuple[str, ...]) -> Ack:
    """The hub has everything up to `upto`, which still waits here."""
    found = outbox.pending(upto - 1, 1)
    head = record.digest(found[0].payload) if found else names.FIRST_HASH
    return Ack(names.VERSION, NODE, outbox.epoch, upto, head, **more)  # type: ignore[arg-type]
