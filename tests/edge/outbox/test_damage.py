"""Journals that are not what was written: nothing readable is lost, nothing is numbered twice."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from edge.contract import names, record
from edge.contract.ack import Ack
from edge.outbox import journal as journal_module
from edge.outbox.outbox import AckMismatchError, clip_name
from tests.edge.outbox.rig import BOOT, NODE, Place, ack, booted, fill, gaps, versions, waiting

PAGE_BYTES = 4096


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def small_journal(place: Place) -> str:
    """Twelve records, two of them acknowledged, an open event, files that wait; its epoch."""
    outbox = place.open()
    place.end(outbox, place.new_event())
    fill(outbox, 1)
    outbox.apply(ack(outbox, 2))
    fill(outbox, 7)
    place.start(outbox, place.new_event())
    place.end(outbox, place.new_event())
    fill(outbox, 1)
    outbox.close()
    return outbox.epoch


def test_flipped_bytes_on_any_page_end_in_a_sound_journal_or_a_new_epoch(place: Place) -> None:
    """What is read is what was written; otherwise an epoch begins with a journal.gap record."""
    old_epoch = small_journal(place)
    sound = place.path.read_bytes()
    reference = place.open()
    contents = versions(reference)
    reference.close()
    sound = place.path.read_bytes()
    rng = random.Random(7)
    pages = len(sound) // PAGE_BYTES
    anew = 0
    for number in range(pages * 8):
        at = number % pages * PAGE_BYTES + rng.randrange(PAGE_BYTES if number % 16 else 100)
        damaged = bytearray(sound)
        damaged[at] ^= 1 << rng.randrange(8)
        other = Place(place.folder / str(number))
        other.folder.mkdir()
        shutil.copy(place.path.with_name("journal.db.epoch"), other.folder)
        other.path.write_bytes(damaged)
        outbox = other.open()
        found = versions(outbox)
        if outbox.epoch == old_epoch:
            assert found == contents, f"byte {at}"
            assert gaps(outbox) == []
        else:
            anew += 1
            gap = gaps(outbox)[0]
            assert (waiting(outbox)[0].body, gap.lost_epoch) == (gap, old_epoch), f"byte {at}"
            assert found == [each for each in contents if each in found]
        assert outbox.append(booted()) == outbox.last_seq
        outbox.close()
        shutil.rmtree(other.folder)
    assert anew > pages // 2


@pytest.mark.parametrize("keep_bytes", [0, 50, PAGE_BYTES, 3 * PAGE_BYTES + 17])
def test_a_truncated_journal_is_missed(place: Place, keep_bytes: int) -> None:
    """Even an empty file is known to have been a journal: its epoch is written beside it."""
    old_epoch = small_journal(place)
    place.path.write_bytes(place.path.read_bytes()[:keep_bytes])
    outbox = place.open()
    assert outbox.epoch != old_epoch
    assert gaps(outbox)[0].lost_epoch == old_epoch
    outbox.close()


def test_a_deleted_journal_is_missed(place: Place) -> None:
    """The node cannot know what was in it, and says so."""
    old_epoch = small_journal(place)
    place.path.unlink()
    outbox = place.open()
    (gap,) = gaps(outbox)
    assert (gap.lost_epoch, gap.first_seq, gap.last_seq) == (old_epoch, 1, None)
    outbox.close()
    again = place.open()
    assert len(gaps(again)) == 1
    again.close()


def test_garbage_is_moved_aside(place: Place) -> None:
    """Whatever stood there is kept for whoever wants to know."""
    place.path.write_bytes(b"garbage " * 1000)
    outbox = place.open()
    (moved,) = place.moved_aside()
    assert moved.read_bytes() == b"garbage " * 1000
    assert gaps(outbox)[0].lost_epoch == "0" * 16
    outbox.close()


def test_a_journal_whose_schema_is_no_text_is_moved_aside(place: Place) -> None:
    """SQLite repeats the bytes in its message, which Python cannot read; the node starts on."""
    small_journal(place)
    with sqlite3.connect(place.path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = place.path.read_bytes()
    place.path.write_bytes(data.replace(b"NOT NULL", b"NOT NU\xff\xff"))
    outbox = place.open()
    assert place.moved_aside()
    assert gaps(outbox)
    outbox.close()


def test_a_damaged_record_costs_only_itself(place: Place) -> None:
    """All others are said again under the new epoch; the gap names where the hub's part ends."""
    old_epoch = small_journal(place)
    with sqlite3.connect(place.path) as db:
        db.execute("UPDATE records SET payload = replace(payload, 'v5', 'v6') WHERE seq = 5")
    db.close()
    outbox = place.open()
    found = waiting(outbox)
    assert [each.header.seq for each in found] == list(range(1, 11))
    assert versions(outbox) == ["v3", "v4", "v6", "v7", "v8", "v9", "v12"]
    (gap,) = gaps(outbox)
    assert (gap.lost_epoch, gap.first_seq, gap.cause) == (old_epoch, 3, "corrupt")
    assert outbox.was_clean is False
    outbox.close()


def test_what_is_said_again_keeps_its_times_and_its_boot(place: Place) -> None:
    """Instants in a record belong to its boot, so the old boot stays beside them."""
    outbox = place.open()
    place.start(outbox, event := place.new_event())
    before = waiting(outbox)[0]
    mismatch = AckMismatchError("another", path="", is_beyond=False)
    place.clock.advance(1000)
    outbox.begin_anew(mismatch, 0)
    outbox.mend()
    after = waiting(outbox)[1]
    assert after.body == before.body
    assert (after.header.clock, after.header.at_utc) == (before.header.clock, before.header.at_utc)
    assert (after.header.event, after.header.clock.boot) == (event, BOOT)
    assert after.header.epoch != before.header.epoch
    outbox.close()


def test_files_and_open_events_move_to_the_new_epoch(place: Place) -> None:
    """A clip whose record the hub has is still uploaded; an event cut short is still ended."""
    outbox = place.open()
    place.end(outbox, first := place.new_event())
    outbox.apply(ack(outbox, 1))
    place.start(outbox, cut_short := place.new_event())
    place.end(outbox, second := place.new_event())
    outbox.close()
    with sqlite3.connect(place.path) as db:
        db.execute("UPDATE journal SET last_seq = 99")
    db.close()
    again = place.open()
    assert {clip_name(f"{each}.0") for each in (first, second)} <= again.file_names()
    assert [clip.event for clip in again.waiting_clips(9)] == [first]
    assert [each.header.event for each in again.open_events()] == [cut_short]
    again.apply(ack(again, 3))
    assert [clip.event for clip in again.waiting_clips(9)] == [first, second]
    again.close()


def test_a_journal_that_the_hub_knows_longer_is_left(place: Place) -> None:
    """A lost tail: what the hub has beyond must never be numbered again."""
    outbox = place.open()
    fill(outbox, 3)
    old_epoch = outbox.epoch
    beyond = Ack(names.VERSION, NODE, old_epoch, 9, "f" * 64)
    with pytest.raises(AckMismatchError) as mismatch:
        outbox.apply(beyond)
    assert mismatch.value.is_beyond
    told: list[str] = []
    outbox.on_new_epoch = lambda: told.append(outbox.epoch)
    outbox.begin_anew(mismatch.value, 9)
    outbox.mend()
    (gap,) = gaps(outbox)
    assert (gap.lost_epoch, gap.first_seq, gap.last_seq) == (old_epoch, 10, None)
    assert gap.cause == "storage"
    assert versions(outbox) == ["v1", "v2", "v3"]
    assert told == [outbox.epoch]
    outbox.close()


def test_single_records_beyond_the_end_show_a_lost_tail_too(place: Place) -> None:
    """The hub may have later records without having all before them."""
    outbox = place.open()
    fill(outbox, 3)
    with pytest.raises(AckMismatchError) as mismatch:
        outbox.apply(Ack(names.VERSION, NODE, outbox.epoch, 0, names.FIRST_HASH, (2, 4)))
    assert mismatch.value.is_beyond
    outbox.close()


def test_an_older_copy_of_a_journal_is_left_when_the_hub_speaks(place: Place) -> None:
    """A restored card: same epoch, other records. Both histories end up at the hub."""
    outbox = place.open()
    fill(outbox, 2)
    outbox.close()
    copy = place.path.read_bytes()
    outbox = place.open()
    outbox.append(booted("first life"))
    heads = {each.seq: record.digest(each.payload) for each in outbox.pending(0, 9)}
    outbox.close()
    place.path.write_bytes(copy)
    outbox = place.open()
    outbox.append(booted("second life"))
    with pytest.raises(AckMismatchError) as mismatch:
        outbox.apply(Ack(names.VERSION, NODE, outbox.epoch, 3, heads[3]))
    assert not mismatch.value.is_beyond
    outbox.begin_anew(mismatch.value, 3)
    outbox.mend()
    assert versions(outbox) == ["v1", "v2", "second life"]
    outbox.close()


def test_a_hub_that_never_agrees_makes_no_more_than_an_epoch_a_minute(place: Place) -> None:
    """Between them the journal goes on in memory."""
    outbox = place.open()
    fill(outbox, 1)
    mismatch = AckMismatchError("another", path="", is_beyond=False)
    epochs = set()
    for _ in range(5):
        outbox.begin_anew(mismatch, 0)
        outbox.append(booted())
        epochs.add(outbox.epoch)
    assert len(epochs) == 1
    assert outbox.problem
    place.clock.advance(journal_module.ANEW_PAUSE_S + 1)
    outbox.append(booted())
    assert not outbox.problem
    while outbox.mend():
        pass
    assert outbox.epoch not in epochs
    assert len([each for each in versions(outbox) if each == "0.1.0"]) == 6
    outbox.close()


def test_a_damaged_journal_of_thousands_is_taken_over_whole(place: Place) -> None:
    """In several transactions, and only once: a second start changes nothing."""
    outbox = place.open()
    fill(outbox, 1200)
    outbox.close()
    with sqlite3.connect(place.path) as db:
        db.execute("UPDATE journal SET acked_seq = 7")
    db.close()
    outbox = place.open()
    assert len(versions(outbox)) == 1200
    last_seq = outbox.last_seq
    outbox.close()
    again = place.open()
    assert (again.last_seq, again.was_clean) == (last_seq, True)
    again.close()


def test_a_takeover_cut_short_goes_on_at_the_next_start(place: Place) -> None:
    """Wherever the first attempt stopped, every record comes once."""
    outbox = place.open()
    fill(outbox, 40)
    outbox.close()
    with sqlite3.connect(place.path) as db:
        db.execute("UPDATE journal SET acked_seq = 7")
    db.close()
    place.limits = journal_module.Limits(max_unwritten=11)
    expected = [f"v{number}" for number in range(1, 41)]
    steps = 0
    for steps in range(1, 20):
        folder = place.folder / f"copy{steps}"
        shutil.copytree(place.folder, folder, ignore=shutil.ignore_patterns("copy*"))
        copy = Place(folder, limits=place.limits, factory=_dies_after(steps))
        try:
            copy.open().close()
        except KeyboardInterrupt:
            copy.factory = sqlite3.Connection
            outbox = copy.open()
            assert versions(outbox) == expected
            assert len(gaps(outbox)) == 1
            outbox.close()
        else:
            break
    assert steps > 4


def _dies_after(commits: int) -> type[sqlite3.Connection]:
    """Connections whose process is interrupted, once, instead of the commit of that number."""
    left = [commits]

    class Dying(sqlite3.Connection):
        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
            if statement == "COMMIT":
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
            return super().execute(statement, *values)  # type: ignore[arg-type]

    return Dying


def test_a_move_cut_in_two_is_finished(place: Place) -> None:
    """The log was moved, the file not yet: they belong together."""
    outbox = place.open()
    fill(outbox, 3)
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(f"{place.path}{suffix}", f"{place.path}.kept{suffix}")
    outbox.close()
    for suffix in ("", "-wal", "-shm"):
        shutil.move(f"{place.path}.kept{suffix}", f"{place.path}{suffix}")
    log = place.path.with_name(f"journal.db.{outbox.epoch}.damaged-wal")
    shutil.move(f"{place.path}-wal", log)
    again = place.open()
    assert again.epoch != outbox.epoch
    assert versions(again) == ["v1", "v2", "v3"]
    again.close()


def test_a_log_damaged_in_its_middle_is_noticed(place: Place) -> None:
    """SQLite passes over committed records behind a bad frame; the journal does not."""
    outbox = place.open()
    fill(outbox, 12)
    log, file = Path(f"{place.path}-wal").read_bytes(), place.path.read_bytes()
    outbox.close()
    frame_bytes = 24 + PAGE_BYTES
    noticed = 0
    for frame in range(len(log) // frame_bytes):
        damaged = bytearray(log)
        damaged[32 + frame * frame_bytes + 2000] ^= 1
        other = Place(place.folder / str(frame))
        other.folder.mkdir()
        shutil.copy(place.path.with_name("journal.db.epoch"), other.folder)
        other.path.write_bytes(file)
        Path(f"{other.path}-wal").write_bytes(damaged)
        outbox = other.open()
        if outbox.last_seq == 12 and not gaps(outbox):
            assert versions(outbox) == [f"v{number}" for number in range(1, 13)]
        elif outbox.epoch != record.decode(outbox.pending(0, 1)[0].payload).header.epoch:
            pytest.fail("an epoch that is not its records'")
        else:
            noticed += bool(gaps(outbox))
            assert gaps(outbox) or outbox.last_seq == 11  # only the last commit may look torn
        outbox.close()
    assert noticed >= 10


def test_only_a_few_old_journals_stay(place: Place) -> None:
    """They are evidence, not a way to fill a card."""
    for number in range(7):
        outbox = place.open()
        outbox.append(booted(f"life {number}"))
        outbox.close()
        with sqlite3.connect(place.path) as db:
            db.execute("UPDATE journal SET acked_seq = 10000")
        db.close()
        place.clock.advance(100)
    outbox = place.open()
    assert 1 <= len(place.moved_aside()) <= 5
    assert versions(outbox) == [f"life {number}" for number in range(7)]
    outbox.close()
