"""The archive's folder: known by its id, guarded against a disk that is away or full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.base.errors import DiskFullError, StorageError
from hub.archive import folder
from hub.archive.folder import MARKER, ArchiveAwayError, Guard, Place
from hub.archive.opening import accept, open_to_read, open_to_write, place_of
from hub.config import HubSettings
from tests.disks import Mount, mounts, tmpfs
from tests.hub.archive.conformance import EVERYTHING, batch
from tests.hub.journals import Journal

MIB = 2**20
NO_LIMIT = 0


@pytest.fixture
def make_mount() -> Iterator[Callable[..., Mount]]:
    """Mounts that end with the test."""
    with mounts() as make:
        yield make


@pytest.fixture
def settings(tmp_path: Path) -> HubSettings:
    """One folder for all."""
    return HubSettings(state_dir=str(tmp_path / "state"))


@pytest.fixture
def apart(tmp_path: Path) -> HubSettings:
    """The archive in a folder of its own, on the same disk."""
    return HubSettings(state_dir=str(tmp_path / "state"), archive_dir=str(tmp_path / "archive"))


def start(settings: HubSettings) -> str:
    """As the hub does, and stop; the archive's id."""
    archive, _ = open_to_write(settings)
    archive.close()
    found = folder.check(place_of(settings))
    assert found is not None
    return found


def test_the_first_start_gives_the_archive_an_id_that_stays(settings: HubSettings) -> None:
    """It names the folder for good."""
    assert folder.check(place_of(settings)) is None
    assert start(settings) == start(settings)


def test_an_archive_of_an_older_hub_gets_its_id(settings: HubSettings) -> None:
    """A database without a marker is marked, not taken for a loss."""
    marker = start(settings)
    (settings.archive_folder / MARKER).unlink()
    assert start(settings) != marker


def test_a_new_archive_apart_on_the_same_disk_needs_to_be_accepted(apart: HubSettings) -> None:
    """It is more likely that the disk that was meant is not mounted."""
    with pytest.raises(ArchiveAwayError, match="not on a disk of its own") as caught:
        open_to_write(apart)
    assert "accept-archive" in caught.value.hint
    assert not apart.archive_folder.exists()
    assert accept(apart) == start(apart)


def test_an_empty_mount_point_is_not_taken_for_the_archive(
    tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """Refused at start, and nothing is written there; the archive is as it was afterwards."""
    mount = make_mount(tmp_path / "disk", *tmpfs("16m"))
    settings = HubSettings(
        state_dir=str(tmp_path / "state"), archive_dir=str(mount.path), keep_free=MIB
    )
    marker = start(settings)
    content = {path.name: path.read_bytes() for path in mount.path.iterdir()}
    mount.vanish()
    for opening in (open_to_write, open_to_read):
        with pytest.raises(ArchiveAwayError, match="does not hold the archive"):
            opening(settings)
    assert list(mount.path.iterdir()) == []
    mount.mount()  # another, empty disk
    with pytest.raises(ArchiveAwayError, match=marker):
        open_to_write(settings)
    for name, data in content.items():
        (mount.path / name).write_bytes(data)
    assert start(settings) == marker


def test_another_archive_than_the_remembered_is_refused_until_accepted(
    tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """The wrong disk in the slot."""
    mount = make_mount(tmp_path / "disk", *tmpfs("16m"))
    settings = HubSettings(
        state_dir=str(tmp_path / "state"), archive_dir=str(mount.path), keep_free=MIB
    )
    first = start(settings)
    other = "f" * 32
    (mount.path / MARKER).write_text(other + "\n")
    with pytest.raises(ArchiveAwayError, match=f"holds the archive {other}, expected is {first}"):
        open_to_write(settings)
    assert accept(settings) == other
    assert start(settings) == other


def test_an_archive_that_was_brought_here_is_remembered(apart: HubSettings, tmp_path: Path) -> None:
    """A new hub machine takes over the old one's archive disk."""
    marker = start(HubSettings(state_dir=str(apart.archive_folder)))
    assert start(apart) == marker
    assert folder.read_id(apart.state_path) == marker


def test_settings_can_name_the_archive_of_a_state_folder_on_its_own_disk(tmp_path: Path) -> None:
    """Then nothing else could remember it."""
    state = str(tmp_path / "state")
    marker = start(HubSettings(state_dir=state))
    assert start(HubSettings(state_dir=state, archive_id=marker)) == marker
    with pytest.raises(ArchiveAwayError):
        open_to_write(HubSettings(state_dir=str(tmp_path / "empty"), archive_id=marker))
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_database_that_is_gone_is_not_begun_anew(settings: HubSettings) -> None:
    """An emptied archive must not pass for a new one."""
    start(settings)
    for path in settings.archive_folder.glob("archive.sqlite*"):
        path.unlink()
    with pytest.raises(StorageError, match="is gone"):
        open_to_write(settings)
    settings.archive_path.touch()
    with pytest.raises(StorageError, match="is gone"):
        open_to_write(settings)
    (settings.archive_folder / MARKER).unlink()
    settings.archive_path.unlink()
    start(settings)


@pytest.mark.parametrize("text", ["", "x", "0" * 31, "\xff" * 32])
def test_a_marker_that_is_no_id_is_refused(settings: HubSettings, text: str) -> None:
    """Whatever that file is, it is not ours."""
    start(settings)
    (settings.archive_folder / MARKER).write_text(text, encoding="latin-1")
    with pytest.raises(ArchiveAwayError, match="holds no archive's id"):
        open_to_write(settings)


def test_media_leave_room_for_records_and_records_leave_some_too(
    tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """With keep_free left no clip is taken, with a quarter of it no record; freeing heals."""
    mount = make_mount(tmp_path / "disk", *tmpfs("32m"))
    folder.mark(Place(mount.path, mount.path))
    guard = Guard(mount.path, 8 * MIB)
    guard.check_media()
    filler = mount.fill(6 * MIB)
    with pytest.raises(DiskFullError, match="must stay free of clips and snapshots") as caught:
        guard.check_media()
    assert "keep_free" in caught.value.hint
    guard.check_records()
    mount.fill(MIB)
    with pytest.raises(DiskFullError, match="must stay free of records"):
        guard.check_records()
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 7 * MIB - 2**18)
    guard.check_records()
    with pytest.raises(DiskFullError):
        guard.check_media()  # a little more than keep_free must be free again
    filler.unlink()
    guard.check_media()


def test_a_disk_that_vanishes_while_running_takes_nothing_and_comes_back(
    tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """Every write is refused, the mount point stays empty, and the same archive heals it."""
    (tmp_path / "real").mkdir()
    mount = make_mount(tmp_path / "disk", "--bind", str(tmp_path / "real"))
    settings = HubSettings(state_dir=str(tmp_path / "state"), archive_dir=str(mount.path))
    start(HubSettings(state_dir=str(mount.path)))
    archive, _ = open_to_write(settings)
    lines = Journal().event()
    archive.write(batch(lines[:1]))
    mount.vanish()
    for _ in range(2):
        with pytest.raises(ArchiveAwayError, match="any more"):
            archive.write(batch(lines))
    assert list(mount.path.iterdir()) == []
    mount.mount()
    assert archive.write(batch(lines)).outcomes == ("known", "stored")
    (event,) = archive.events(EVERYTHING, limit=9, before=None)
    assert event.state == "ended"
    archive.close()


def test_a_full_disk_keeps_nothing_of_a_failed_write(
    tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """Even without room to spare: SQLite's own error, nothing torn, and it heals."""
    mount = make_mount(tmp_path / "disk", *tmpfs("2m"))
    settings = HubSettings(
        state_dir=str(tmp_path / "state"), archive_dir=str(mount.path), keep_free=NO_LIMIT
    )
    archive, _ = open_to_write(settings)
    journal = Journal()
    archive.write(batch(journal.event()))
    filler = mount.fill(0)
    with filler.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    lines = [line for _ in range(300) for line in journal.event()]
    with pytest.raises(DiskFullError):
        archive.write(batch(lines))
    assert archive.progress(journal.node, journal.epoch).upto == 2
    filler.unlink()
    archive.write(batch(lines))
    assert archive.progress(journal.node, journal.epoch).upto == 602
    assert archive.integrity(is_full=True) == []
    archive.close()
