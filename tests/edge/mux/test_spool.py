"""The spool: names, order, quota, and what a crash leaves in it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from edge.base.durable import PartFile, part_path
from edge.base.errors import StorageError
from edge.mux.spool import Spool, SpoolFile
from tests.edge.mux.streams import EVENT, sha256

KIB = 1024


class Lost(list[str]):
    """Names of what was given up, in order; each file must still be there when it is named."""

    def __call__(self, file: SpoolFile) -> None:
        assert file.path.exists()
        self.append(file.path.name)


def make(folder: Path, lost: Lost | None = None, *, quota_bytes: int = 10 * KIB) -> Spool:
    return Spool(folder, quota_bytes=quota_bytes, on_lost=lost if lost is not None else Lost())


def add_clip(spool: Spool, part: int, size_bytes: int = 3 * KIB) -> Path:
    """A file under a clip's name."""
    path = spool.clip_path(EVENT, part)
    path.write_bytes(bytes(size_bytes))
    spool.added(path, size_bytes)
    return path


def names(spool: Spool) -> list[str]:
    """What the spool believes to hold, oldest first; the folder must agree."""
    known = [each.path.name for each in spool.files()]
    assert sorted(known) == sorted(each.name for each in spool.folder.iterdir())
    return known


def test_clips_and_snapshots_have_names_that_say_what_they_are(tmp_path: Path) -> None:
    """A clip is <event>.<part>.mp4, a snapshot <sha256>.jpg."""
    spool = make(tmp_path / "spool")
    assert spool.clip_path(EVENT, 2).name == f"{EVENT}.2.mp4"
    file = spool.save_snapshot(b"jpeg")
    assert file.path.name == f"{sha256(file.path)}.jpg"
    assert (file.kind, file.size_bytes, file.event) == ("snapshot", 4, None)
    add_clip(spool, 3)
    clip = spool.files()[1]
    assert (clip.kind, clip.event, clip.part) == ("clip", EVENT, 3)


@pytest.mark.parametrize("event", ["../../etc/passwd", "", EVENT.upper(), EVENT + "/x"])
def test_a_name_that_is_no_event_is_refused(event: str, tmp_path: Path) -> None:
    """Nothing from outside can name a file elsewhere."""
    with pytest.raises(ValueError, match="no name"):
        make(tmp_path).clip_path(event, 0)


def test_the_same_snapshot_is_kept_once(tmp_path: Path) -> None:
    """Saving it again is no error and takes no more room."""
    spool = make(tmp_path)
    spool.save_snapshot(b"jpeg")
    spool.save_snapshot(b"jpeg")
    assert spool.usage_bytes == 4


def test_what_is_acknowledged_goes_at_once(tmp_path: Path) -> None:
    """The card holds only what the hub does not have; a second ack is harmless."""
    lost = Lost()
    spool = make(tmp_path, lost)
    path = add_clip(spool, 0)
    assert spool.acknowledge(path)
    assert not spool.acknowledge(path)
    assert names(spool) == []
    assert lost == []


def test_over_quota_the_oldest_unacknowledged_clips_go_and_are_announced(tmp_path: Path) -> None:
    """The newest clips stay, and the caller learns of each loss before it happens."""
    lost = Lost()
    spool = make(tmp_path, lost)
    for part in range(5):
        add_clip(spool, part)
    assert lost == [f"{EVENT}.0.mp4", f"{EVENT}.1.mp4"]
    assert names(spool) == [f"{EVENT}.{part}.mp4" for part in (2, 3, 4)]
    assert spool.usage_bytes <= spool.quota_bytes


def test_snapshots_outlive_clips(tmp_path: Path) -> None:
    """A picture of every event is worth more than the whole clip of one."""
    lost = Lost()
    spool = make(tmp_path, lost)
    snapshot = spool.save_snapshot(bytes(2 * KIB))
    for part in range(3):
        add_clip(spool, part)
    assert lost == [f"{EVENT}.0.mp4"]
    assert snapshot.path.exists()


def test_the_newest_file_stays_even_if_it_alone_exceeds_the_quota(tmp_path: Path) -> None:
    """A clip is not thrown away by its own arrival."""
    lost = Lost()
    spool = make(tmp_path, lost)
    add_clip(spool, 0)
    add_clip(spool, 1, 30 * KIB)
    assert names(spool) == [f"{EVENT}.1.mp4"]


def test_an_open_clip_counts_but_is_never_removed(tmp_path: Path) -> None:
    """Complete clips make room for the one being written."""
    lost = Lost()
    spool = make(tmp_path, lost)
    for part in range(3):
        add_clip(spool, part)
    path = spool.clip_path(EVENT, 9)
    spool.opening(path)
    with PartFile(path) as part_file:
        part_file.write(bytes(8 * KIB))
        spool.make_room()
        assert lost == [f"{EVENT}.{part}.mp4" for part in (0, 1, 2)]
        assert part_path(path).exists()
        assert spool.leftovers() == []
    spool.closed(path)


def test_a_loss_that_cannot_be_recorded_does_not_happen(tmp_path: Path) -> None:
    """If the journal fails, the file stays: nothing vanishes without a trace."""

    def refuse(file: SpoolFile) -> None:
        raise StorageError(f"journal is full, {file.path.name} not recorded")

    spool = Spool(tmp_path, quota_bytes=1, on_lost=refuse)
    add_clip(spool, 0)
    with pytest.raises(StorageError, match="journal is full"):
        add_clip(spool, 1)
    assert names(spool) == [f"{EVENT}.0.mp4", f"{EVENT}.1.mp4"]


def test_after_a_start_the_spool_knows_its_files_by_age(tmp_path: Path) -> None:
    """A restart forgets neither files nor their order, and leaves strangers alone."""
    first = make(tmp_path)
    for part in (2, 0, 1):
        path = add_clip(first, part)
        os.utime(path, ns=(0, 10**9 * (3 - part)))
    (tmp_path / "notes.txt").write_text("not ours")
    again = make(tmp_path)
    assert [each.part for each in again.files()] == [2, 1, 0]
    again.quota_bytes = 1
    again.make_room()
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_parts_that_nobody_writes_are_leftovers(tmp_path: Path) -> None:
    """What a crash left open is listed, strangers' parts are not."""
    spool = make(tmp_path)
    left = part_path(spool.clip_path(EVENT, 0))
    left.write_bytes(b"open")
    (tmp_path / "other.part").write_bytes(b"not ours")
    assert spool.leftovers() == [left]


def test_the_journal_may_free_files_while_room_is_made(tmp_path: Path) -> None:
    """Recording a loss may itself remove files, from another thread too: no lock is held."""
    spools: list[Spool] = []

    def drop(file: SpoolFile) -> None:
        other = threading.Thread(target=spools[0].acknowledge, args=[file.path])
        other.start()
        other.join(30)
        assert not other.is_alive()

    spools.append(Spool(tmp_path, quota_bytes=4 * KIB, on_lost=drop))
    for part in range(3):
        add_clip(spools[0], part)
    assert names(spools[0]) == [f"{EVENT}.2.mp4"]
