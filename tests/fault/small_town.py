"""A node's journal and spool and a hub's archive, small and complete, made without processes."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.base.durable import part_path
from edge.contract import ack as acks
from edge.contract import ids, names, record
from edge.contract.parts import ClipRef, ClockStamp, Instant, SnapshotRef
from edge.keys import PrivateKey
from edge.media.packet import Packet
from edge.mux.clip import ClosedClip
from edge.mux.mp4 import ClipWriter
from edge.outbox.history import HISTORY_ENV
from edge.outbox.outbox import Outbox, Pending
from hub.archive import SqliteArchive
from hub.archive.values import Arrival, Batch
from hub.clipstore import FileClipStore
from tests.edge.mux import streams

NODE, CAMERA = "gate-1", "door"
KEY = PrivateKey(b"\x07" * 32)
FILM: list[Packet] = streams.encode(times_s=streams.steady(2))
HUB_DIR, NODE_DIR, HISTORY = "hub", "node", "history"


def outbox(folder: Path, clock: FakeClock) -> Outbox:
    """The journal in `folder`; freed files are removed from its spool."""
    (folder / "spool").mkdir(parents=True, exist_ok=True)
    return Outbox(
        folder / "journal.db",
        node=NODE,
        key=KEY,
        clock=clock,
        stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
        free=lambda name: (folder / "spool" / name).unlink(missing_ok=True),
    )


def write_clip(spool: Path, event: str, part: int = 0, film: Sequence[Packet] = FILM) -> ClosedClip:
    """A clip of `film` in the spool, complete."""
    head = replace(streams.head(film[0]), event=event, part=part)
    writer = ClipWriter(spool / f"{event}.{part}.mp4", film[0], head)
    for packet in film:
        writer.write(packet)
    return writer.close()


def clip_ref(clip: ClosedClip, starts: Instant) -> ClipRef:
    """How a record announces it."""
    return ClipRef(
        part=clip.part, sha256=clip.sha256, size_bytes=clip.size_bytes,
        duration_ms=clip.duration_ms, codec=clip.codec, width=clip.width, height=clip.height,
        starts=starts, pre_roll_ms=0, first_pts=clip.first_pts, time_base=(1, 90_000),
        packets=clip.packets,
    )  # fmt: skip


def write_snapshot(spool: Path, content: bytes, taken: Instant) -> SnapshotRef:
    """Something that begins and ends as a JPEG, in the spool."""
    data = b"\xff\xd8" + content + b"\xff\xd9"
    digest = hashlib.sha256(data).hexdigest()
    (spool / f"{digest}.jpg").write_bytes(data)
    return SnapshotRef(digest, len(data), 640, 360, taken, (0.1, 0.2, 0.3, 0.4))


def journal_event(box: Outbox, spool: Path, clock: FakeClock, *, parts: int = 1) -> str:
    """One whole event: started, a part after the other, ended; its id."""
    clock.advance(3)
    event, begun = ids.new_event(clock.utc()), Instant(clock.utc(), clock.mono_ns())
    shot = write_snapshot(spool, event.encode(), begun)
    started = record.EventStarted("motion", begun, ("path",), 0.1, None, shot)
    box.append(started, camera=CAMERA, event=event)
    clips = []
    for part in range(parts):
        clock.advance(2)
        clips.append(clip_ref(write_clip(spool, event, part), begun))
        if part + 1 < parts:
            box.append(record.EventUpdated(clips[-1], ("path",)), camera=CAMERA, event=event)
    ended = record.EventEnded(
        kind="motion", started=begun, ended=Instant(clock.utc(), clock.mono_ns()),
        duration_ms=2000 * parts, reason="quiet", zones=("path", "door"), score=0.25, parts=parts,
        clip=clips[-1] if clips else None, snapshot=shot,
    )  # fmt: skip
    box.append(ended, camera=CAMERA, event=event)
    return event


def arrival(pending: Pending, clock: FakeClock) -> Arrival:
    """A waiting record as it arrives at the hub."""
    decoded = record.decode(pending.payload)
    return Arrival(
        decoded, pending.payload, pending.signature, record.digest(pending.payload), clock.utc()
    )


def deliver(box: Outbox, spool: Path, hub_dir: Path, clock: FakeClock) -> None:
    """All that waits goes to the hub, is archived and acknowledged."""
    waiting = box.pending(box.acked_seq, 1000)
    with contextlib.closing(SqliteArchive(hub_dir / "archive.sqlite")) as archive:
        archive.pin_key(NODE, KEY.public.raw, clock.utc())
        archive.write(Batch(tuple(arrival(each, clock) for each in waiting)))
        progress = archive.progress(NODE, box.epoch)
        box.apply(_ack(box.epoch, progress.upto, progress.head))
        clips = FileClipStore(hub_dir / "clips", suffix=".mp4")
        pictures = FileClipStore(hub_dir / "snapshots", suffix=".jpg")
        stored = []
        for file in box.waiting_clips(1000):
            source = part_path(hub_dir / file.name)
            source.write_bytes((spool / file.name).read_bytes())
            clips.adopt(source, file.sha256)
            clip = archive.announced_clip(NODE, file.event, file.part or 0, file.sha256)
            assert clip is not None
            archive.clip_stored(clip, clock.utc())
            stored.append(acks.clip_id(file.event, file.part or 0))
        shots = []
        for file in box.waiting_snapshots(1000):
            pictures.keep((spool / file.name).read_bytes(), file.sha256)
            shot = archive.announced_snapshot(NODE, file.event, file.sha256)
            assert shot is not None
            archive.snapshots_stored([shot], clock.utc())
            shots.append(file.sha256)
        box.apply(
            _ack(box.epoch, progress.upto, progress.head, clips=tuple(stored), shots=tuple(shots))
        )


def _ack(
    epoch: str, upto: int, head: str, *, clips: tuple[str, ...] = (), shots: tuple[str, ...] = ()
) -> acks.Ack:
    return acks.Ack(names.VERSION, NODE, epoch, upto, head, (), clips, shots)


@contextlib.contextmanager
def history_in(path: Path) -> Iterator[None]:
    """Journals opened within write their history to `path`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HISTORY_ENV, str(path))
        yield


def make_town(folder: Path, events: int = 5) -> None:
    """A node whose every record, clip and snapshot is archived."""
    node_dir, hub_dir, clock = folder / NODE_DIR, folder / HUB_DIR, FakeClock(mono_ns=10**12)
    hub_dir.mkdir(parents=True)
    with history_in(folder / HISTORY), contextlib.closing(outbox(node_dir, clock)) as box:
        box.append(record.NodeBooted("0.1.0", (CAMERA,)))
        for number in range(events):
            journal_event(box, node_dir / "spool", clock, parts=1 + number % 2)
        deliver(box, node_dir / "spool", hub_dir, clock)
