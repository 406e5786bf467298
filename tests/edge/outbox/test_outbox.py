"""The journal: what append promises, what an acknowledgement frees, what a crash leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import keys
from edge.base.clock import FakeClock
from edge.contract import ids, names, record
from edge.contract.ack import Ack
from edge.contract.errors import ContractError
from edge.contract.parts import ClipRef, ClockStamp, Instant, SnapshotRef
from edge.outbox import store, tables
from edge.outbox.outbox import AckMismatchError, Outbox, clip_name, snapshot_name

BOOT = "a" * 32
CLIP_BYTES = 20


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(boot=BOOT, mono_ns=10**9)


def open_outbox(folder: Path, clock: FakeClock) -> Outbox:
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    return Outbox(
        folder / "journal.db",
        node="gate-3",
        key=keys.load_or_make(folder / "node.key"),
        clock=clock,
        stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
        free=lambda name: (spool / name).unlink(),
    )


@pytest.fixture
def outbox(tmp_path: Path, clock: FakeClock) -> Iterator[Outbox]:
    opened = open_outbox(tmp_path, clock)
    yield opened
    opened.close()


def booted() -> record.NodeBooted:
    return record.NodeBooted("0.1.0", ("gate",))


def ended(clock: FakeClock, tmp_path: Path, event: str) -> record.EventEnded:
    """The end of an event with a clip and a snapshot that lie in the spool."""
    now = Instant(clock.utc(), clock.mono_ns())
    (tmp_path / "spool" / clip_name(f"{event}.0")).write_bytes(b"c" * CLIP_BYTES)
    (tmp_path / "spool" / snapshot_name("d" * 64)).write_bytes(b"s")
    clip = ClipRef(0, "c" * 64, CLIP_BYTES, 900, "h264", 64, 48, now, 0, 0, (1, 90000), 9)
    snapshot = SnapshotRef("d" * 64, 1, 64, 48, now)
    return record.EventEnded("motion", now, now, 0, "quiet", (), 0.5, 1, clip, snapshot)


def ack(outbox: Outbox, upto: int, head: str, **more: tuple[int, ...] | tuple[str, ...]) -> Ack:
    return Ack(names.VERSION, "gate-3", outbox.epoch, upto, head, **more)  # type: ignore[arg-type]


def test_records_are_numbered_chained_and_signed(outbox: Outbox, tmp_path: Path) -> None:
    """Seq rises from 1, prev is the hash of the record before, the signature fits the bytes."""
    for _ in range(3):
        outbox.append(booted())
    public = keys.load_or_make(tmp_path / "node.key").public
    prev = names.FIRST_HASH
    for number, pending in enumerate(outbox.pending(0, 10), start=1):
        header = record.decode(pending.payload).header
        assert (header.seq, header.prev, header.epoch) == (number, prev, outbox.epoch)
        assert public.verify(pending.payload, pending.signature)
        prev = record.digest(pending.payload)


def test_the_chain_goes_on_after_a_restart(
    outbox: Outbox, tmp_path: Path, clock: FakeClock
) -> None:
    """Epoch, seq and head survive closing, also when every record was freed."""
    outbox.append(booted())
    head = record.digest(outbox.pending(0, 1)[0].payload)
    outbox.apply(ack(outbox, 1, head))
    again = open_outbox(tmp_path, clock)
    assert again.epoch == outbox.epoch
    assert again.append(booted()) == 2
    assert record.decode(again.pending(0, 9)[0].payload).header.prev == head
    again.close()


def test_only_the_acknowledgement_frees_a_record(outbox: Outbox) -> None:
    """A record waits until the hub names its seq; those after it go on waiting."""
    for _ in range(5):
        outbox.append(booted())
    head = record.digest(outbox.pending(0, 9)[2].payload)
    outbox.apply(ack(outbox, 3, head))
    assert [pending.seq for pending in outbox.pending(0, 9)] == [4, 5]
    assert outbox.acked_seq == 3


def test_records_acknowledged_out_of_order_are_not_sent_again(outbox: Outbox) -> None:
    """`also` takes single records out of the queue and keeps their hash for a later head."""
    for _ in range(4):
        outbox.append(booted())
    hashes = [record.digest(pending.payload) for pending in outbox.pending(0, 9)]
    outbox.apply(ack(outbox, 0, names.FIRST_HASH, also=(3, 4)))
    assert [pending.seq for pending in outbox.pending(0, 9)] == [1, 2]
    outbox.apply(ack(outbox, 4, hashes[3]))
    assert outbox.depth().records == 0


def test_an_acknowledgement_of_another_history_frees_nothing(outbox: Outbox) -> None:
    """A head that is not this journal's is refused: another box or an old card speaks."""
    outbox.append(booted())
    for upto, head in ((1, "f" * 64), (7, "f" * 64), (0, "e" * 64)):
        with pytest.raises(AckMismatchError):
            outbox.apply(ack(outbox, upto, head))
    assert outbox.depth().records == 1


def test_an_acknowledgement_of_another_epoch_is_ignored(outbox: Outbox) -> None:
    """A hub that still speaks of a replaced card frees nothing of the new one."""
    outbox.append(booted())
    outbox.apply(Ack(names.VERSION, "gate-3", "0" * 16, 1, "f" * 64))
    assert outbox.depth().records == 1


def test_a_repeated_or_late_acknowledgement_is_harmless(outbox: Outbox) -> None:
    """Acks come twice and out of order; the state after them is the newest one's."""
    for _ in range(2):
        outbox.append(booted())
    first, second = (record.digest(pending.payload) for pending in outbox.pending(0, 9))
    for upto, head in ((2, second), (2, second), (1, first)):
        outbox.apply(ack(outbox, upto, head))
    assert outbox.acked_seq == 2


def test_files_wait_for_the_record_and_go_with_their_own_acknowledgement(
    outbox: Outbox, tmp_path: Path, clock: FakeClock
) -> None:
    """A clip is offered once the hub has its record, and unlinked once the hub has the clip."""
    event = ids.new_event(clock.utc())
    outbox.append(ended(clock, tmp_path, event), camera="gate", event=event)
    assert outbox.waiting_clips(9) == []
    head = record.digest(outbox.pending(0, 1)[0].payload)
    outbox.apply(ack(outbox, 1, head))
    (clip,) = outbox.waiting_clips(9)
    (snapshot,) = outbox.waiting_snapshots(9)
    assert (clip.event, clip.part, clip.size_bytes) == (event, 0, CLIP_BYTES)
    outbox.apply(ack(outbox, 1, head, clips=(f"{event}.0",)))
    assert not (tmp_path / "spool" / clip.name).exists()
    assert (tmp_path / "spool" / snapshot.name).exists()
    outbox.apply(ack(outbox, 1, head, snapshots=("d" * 64,)))
    assert list((tmp_path / "spool").iterdir()) == []


def test_an_acknowledgement_cannot_reach_files_outside_the_spool(
    outbox: Outbox, tmp_path: Path
) -> None:
    """Names in an ack only select rows; a path in them unlinks nothing."""
    victim = tmp_path / "victim.mp4"
    victim.write_bytes(b"x")
    outbox.apply(
        ack(outbox, 0, names.FIRST_HASH, clips=("../victim", f"{victim}"), snapshots=("/",))
    )
    assert victim.exists()


def test_depth_tells_how_much_and_how_long_it_waits(
    outbox: Outbox, tmp_path: Path, clock: FakeClock
) -> None:
    """Counts, bytes and the age of the oldest waiting record."""
    event = ids.new_event(clock.utc())
    outbox.append(ended(clock, tmp_path, event), camera="gate", event=event)
    clock.advance(12)
    depth = outbox.depth()
    assert (depth.records, depth.clips, depth.snapshots, depth.clip_bytes) == (1, 1, 1, CLIP_BYTES)
    assert depth.oldest_s == pytest.approx(12)


def test_a_dropped_file_is_recorded_and_no_longer_waited_for(
    outbox: Outbox, tmp_path: Path, clock: FakeClock
) -> None:
    """What the hub was promised and will not get is itself a record."""
    event = ids.new_event(clock.utc())
    outbox.append(ended(clock, tmp_path, event), camera="gate", event=event)
    assert outbox.drop(clip_name(f"{event}.0"), cause="quota")
    assert not outbox.drop(clip_name(f"{event}.0"), cause="quota")
    dropped = record.decode(outbox.pending(1, 1)[0].payload)
    assert dropped.header.event == event
    assert dropped.body == record.FileDropped("clip", "c" * 64, CLIP_BYTES, "quota", 0)
    assert outbox.depth().clips == 0


def test_an_event_stays_open_until_its_end_is_appended(
    outbox: Outbox, tmp_path: Path, clock: FakeClock
) -> None:
    """After a crash the journal knows which events were cut short."""
    event = ids.new_event(clock.utc())
    now = Instant(clock.utc(), clock.mono_ns())
    outbox.append(record.EventStarted("motion", now, (), 0.1), camera="gate", event=event)
    again = open_outbox(tmp_path, clock)
    assert [each.header.event for each in again.open_events()] == [event]
    again.append(ended(clock, tmp_path, event), camera="gate", event=event)
    assert again.open_events() == []
    again.close()


def test_threads_that_append_together_leave_one_chain(outbox: Outbox) -> None:
    """Concurrent appends neither share a seq nor fork the chain."""
    workers = [
        threading.Thread(target=lambda: [outbox.append(booted()) for _ in range(25)])
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    prev = names.FIRST_HASH
    pending = outbox.pending(0, 200)
    assert [each.seq for each in pending] == list(range(1, 101))
    for each in pending:
        assert record.decode(each.payload).header.prev == prev
        prev = record.digest(each.payload)


def test_a_kill_while_appending_loses_nothing_that_append_returned(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Twenty SIGKILLs at random moments: every returned seq is there, and the chain is whole."""
    returned = 0
    for trial in range(20):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            child = open_outbox(tmp_path, clock)
            while True:
                os.write(write_end, child.append(booted()).to_bytes(8, "big"))
        os.close(write_end)
        data = os.read(read_end, 8)
        threading.Event().wait(0.002 * (trial % 7))
        os.kill(pid, signal.SIGKILL)
        while more := os.read(read_end, 4096):
            data += more
        os.close(read_end)
        os.waitpid(pid, 0)
        returned = int.from_bytes(data[len(data) // 8 * 8 - 8 : len(data) // 8 * 8], "big")
        outbox = open_outbox(tmp_path, clock)
        pending = outbox.pending(0, 10**6)
        assert [each.seq for each in pending] == list(range(1, len(pending) + 1))
        assert len(pending) >= returned
        prev = names.FIRST_HASH
        for each in pending:
            assert record.decode(each.payload).header.prev == prev
            prev = record.digest(each.payload)
        outbox.close()
    assert returned > 20


def test_the_journal_is_opened_with_full_durability(outbox: Outbox, tmp_path: Path) -> None:
    """WAL and synchronous=FULL; NORMAL loses committed rows in a power cut."""
    with sqlite3.connect(tmp_path / "journal.db") as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    store = outbox._journal.store
    assert store is not None
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_record_that_the_contract_refuses_takes_no_number(outbox: Outbox) -> None:
    """After a refused append the next record gets the same seq: there is no gap."""
    outbox.append(booted())
    with pytest.raises(ContractError):
        outbox.append(record.NodeBooted("v" * 100, ("gate",)))
    assert outbox.append(booted()) == 2


def test_a_version_that_was_taken_back_goes_on_in_the_same_journal(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a newer one appended on trial is kept; no new epoch begins, nothing is moved aside."""
    open_outbox(tmp_path, clock).close()
    added = (*tables.MIGRATIONS, "CREATE TABLE more (id INTEGER PRIMARY KEY);")
    with monkeypatch.context() as newer:
        newer.setattr(store, "MIGRATIONS", added)
        on_trial = open_outbox(tmp_path, clock)
        epoch = on_trial.epoch
        on_trial.append(booted())
        on_trial.close()
    old = open_outbox(tmp_path, clock)
    old.append(booted())
    assert (old.epoch, old.last_seq) == (epoch, 2)
    assert [each.seq for each in old.pending(0, 9)] == [1, 2]
    old.close()
    assert not list(tmp_path.glob("*.damaged"))
    assert b"more" in (tmp_path / "journal.db").read_bytes(), "it was the newer one's file"
