"""Whether events can be recorded is tried out, and only where it is in doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.base import durable
from edge.base.clock import FakeClock
from edge.base.errors import DiskFullError
from edge.camera.storage import AGAIN_S, StorageWatch


class Disk:
    """A spool folder whose disk can be full."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.clock = FakeClock(mono_ns=10**12)
        self.watch = StorageWatch(folder, self.clock)
        self.is_full = False
        self.writes = 0
        self._write = durable.write_file
        monkeypatch.setattr(durable, "write_file", self._try)

    def _try(self, path: Path, data: bytes) -> None:
        self.writes += 1
        if self.is_full:
            raise DiskFullError(f"cannot write {path.name}: no space left", path=str(path))
        self._write(path, data)

    def check(self, after_s: float = 0) -> bool:
        """Let time pass and check; whether it is good then."""
        self.clock.advance(after_s)
        self.watch.check()
        return self.watch.is_good()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def test_while_nothing_fails_nothing_is_written(disk: Disk) -> None:
    """An SD card has a finite number of writes."""
    assert all(disk.check(60) for _ in range(100))
    assert disk.writes == 0


def test_a_suspicion_that_proves_wrong_is_forgotten(disk: Disk) -> None:
    """A clip may fail for other reasons than the disk."""
    disk.watch.suspect()
    assert disk.check()
    assert disk.check(3600)
    assert disk.writes == 1
    assert list(disk.folder.iterdir()) == []


def test_a_full_disk_is_bad_until_it_takes_a_file_again(disk: Disk) -> None:
    """Tried again every few seconds, and told as a problem meanwhile."""
    disk.is_full = True
    disk.watch.suspect()
    assert not disk.check()
    assert "no space left" in disk.watch.problem
    for _ in range(10):
        assert not disk.check(AGAIN_S / 2)
    assert disk.writes == 1 + 5
    disk.is_full = False
    assert disk.check(AGAIN_S)
    assert disk.watch.problem == ""


def test_what_a_power_cut_left_of_a_trial_does_not_stop_the_next(disk: Disk) -> None:
    """A half-written trial file is swept first."""
    (disk.folder / "probe.part").write_bytes(b"half")
    disk.watch.suspect()
    assert disk.check()
    assert list(disk.folder.iterdir()) == []
