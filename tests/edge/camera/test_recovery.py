"""What a crash left in journal and spool, and what recovery makes of it, once or twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.camera.recovery import recover
from edge.contract import record
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from tests.edge.camera.rig import Rig, open_state, records, wait
from tests.edge.mux import streams

Reopen = Callable[[Path], tuple[Spool, Outbox]]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "before")
    yield made
    made.close()


@pytest.fixture
def reopen(rig: Rig) -> Iterator[Reopen]:
    """Opens the state of a node that starts after the crash."""
    opened: list[Outbox] = []

    def open_again(folder: Path) -> tuple[Spool, Outbox]:
        spool, outbox = open_state(folder, rig.clock, [])
        opened.append(outbox)
        return spool, outbox

    yield open_again
    for outbox in opened:
        outbox.close()


def crash(rig: Rig, *, journal: Path | None = None) -> Path:
    """What a power cut at this moment leaves: a copy of everything; of the journal an older one."""
    folder = rig.folder.with_name("after")
    shutil.copytree(rig.folder, folder)
    for path in journal.iterdir() if journal else ():
        shutil.copy(path, folder)
    return folder


def journal_now(rig: Rig) -> Path:
    """A copy of the journal as it is now."""
    folder = rig.folder.with_name("journal")
    folder.mkdir()
    for path in rig.folder.glob("journal.db*"):
        shutil.copy(path, folder)
    return folder


def walk(rig: Rig, last_s: float) -> None:
    """Motion from 2 s on, until the recorder has written what there was before `last_s`."""
    rig.rest(0, 2)
    rig.move(2, last_s)
    rig.clock.advance(5)  # older than the recorder lets anything wait in memory

    def is_written() -> bool:
        files = [*rig.spool.folder.glob("*.mp4*")]
        size_bytes = sum(len(packet.data) for packet in rig.packets[: round(last_s * 8)])
        return sum(file.stat().st_size for file in files) > size_bytes * 0.6

    wait(is_written, "an open clip on the disk")


def ends(outbox: Outbox) -> list[record.EventEnded]:
    """All ends of events in a journal."""
    bodies = [each.body for each in records(outbox)]
    return [body for body in bodies if isinstance(body, record.EventEnded)]


def test_an_event_that_a_crash_cut_is_ended_with_its_clip(rig: Rig, reopen: Reopen) -> None:
    """Reason `interrupted`, a fault in words, and a clip that plays."""
    walk(rig, 4)
    spool, outbox = reopen(crash(rig))
    assert recover(outbox, spool, rig.clock) == 1
    start, _ = records(outbox)
    (end,) = ends(outbox)
    assert isinstance(start.body, record.EventStarted)
    assert (end.reason, end.parts, end.started) == ("interrupted", 1, start.body.started)
    assert "stopped without warning" in (end.fault or "")
    assert end.snapshot == start.body.snapshot
    assert end.clip is not None
    path = spool.clip_path(start.header.event or "", 0)
    assert end.clip.sha256 == streams.sha256(path)
    assert streams.decode_errors(path) == ""
    assert list(spool.folder.glob("*.part")) == []


def test_recovering_again_changes_nothing(rig: Rig, reopen: Reopen) -> None:
    """A second start finds an event that is over and files that are announced."""
    walk(rig, 4)
    spool, outbox = reopen(crash(rig))
    recover(outbox, spool, rig.clock)
    before = outbox.last_seq, sorted(path.name for path in spool.folder.iterdir())
    assert recover(outbox, spool, rig.clock) == 0
    assert (outbox.last_seq, sorted(path.name for path in spool.folder.iterdir())) == before


def test_a_crash_in_the_middle_of_recovery_is_recovered_from(rig: Rig, reopen: Reopen) -> None:
    """While the end cannot be journalled the event stays open, and its clip is kept for it."""
    walk(rig, 4)
    folder = crash(rig)
    spool, outbox = reopen(folder)
    store = outbox._journal.store
    assert store is not None
    store._db.execute("PRAGMA query_only=ON")
    recover(outbox, spool, rig.clock)
    assert outbox.open_events() == []  # ended, though only in memory
    spool_after, outbox_after = open_state(folder, rig.clock, [])
    assert recover(outbox_after, spool_after, rig.clock) == 1
    (end,) = ends(outbox_after)
    outbox_after.close()
    assert end.clip is not None


def test_a_closed_part_that_was_not_yet_announced_is_announced(rig: Rig, reopen: Reopen) -> None:
    """A crash between a part's renaming and its record loses neither."""
    rig.rest(0, 2)
    rig.move(2, 3)
    journal = journal_now(rig)
    rig.move(3, 10)
    rig.clock.advance(5)
    wait(lambda: len(rig.records()) > 1, "the announcement of part 0")
    wait(lambda: any(rig.spool.folder.glob("*.1.mp4.part")), "the open part 1")
    wait(
        lambda: sum(each.stat().st_size for each in rig.spool.folder.glob("*.1.mp4.part")) > 9000,
        "pictures in part 1",
    )
    spool, outbox = reopen(crash(rig, journal=journal))
    recover(outbox, spool, rig.clock)
    types = [each.header.type for each in records(outbox)]
    assert types == ["event.started", "event.updated", "event.ended"]
    update, end = records(outbox)[1].body, ends(outbox)[0]
    assert isinstance(update, record.EventUpdated)
    assert end.clip is not None
    assert (update.clip.part, end.clip.part, end.parts) == (0, 1, 2)


def test_an_event_without_a_picture_on_the_disk_is_ended_without_a_clip(
    rig: Rig, reopen: Reopen
) -> None:
    """The power went before anything was written: the hub still hears of the event's end."""
    rig.rest(0, 2)
    rig.move(2, 3)
    folder = crash(rig)
    for path in (folder / "spool").glob("*.mp4*"):
        path.unlink()
    spool, outbox = reopen(folder)
    assert recover(outbox, spool, rig.clock) == 1
    (end,) = ends(outbox)
    assert (end.parts, end.clip, end.reason) == (0, None, "interrupted")


def test_files_that_no_record_names_are_swept_and_others_stay(rig: Rig, reopen: Reopen) -> None:
    """A picture without a record goes; what waits for the hub, and strangers' files, do not."""
    rig.rest(0, 2)
    rig.move(2, 4)
    rig.rest(4, 7)
    assert rig.story.close(10)
    folder = crash(rig)
    kept = {path.name for path in (folder / "spool").iterdir()}
    (folder / "spool" / f"{'a' * 64}.jpg").write_bytes(b"stray")
    (folder / "spool" / "notes.txt").write_text("not ours", encoding="utf-8")
    spool, outbox = reopen(folder)
    assert recover(outbox, spool, rig.clock) == 0
    assert {path.name for path in spool.folder.iterdir()} == kept | {"notes.txt"}


def test_nothing_to_recover_writes_nothing(rig: Rig, reopen: Reopen) -> None:
    """A first start on an empty folder."""
    spool, outbox = reopen(crash(rig))
    assert recover(outbox, spool, rig.clock) == 0
    assert outbox.last_seq == 0
