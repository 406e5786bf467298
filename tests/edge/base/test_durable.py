"""Files that survive a power cut: what is called, in which order, and what an error leaves."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.base import durable
from edge.base.errors import DiskFullError, StorageError

RECORDED = ("open", "write", "fsync", "fdatasync", "close", "rename", "unlink", "mkdir")


class Syscalls:
    """Records calls of `os`, with the path behind each descriptor, and fails the chosen ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.calls: list[str] = []
        self.fail: dict[str, int] = {}  # "name path" to errno
        self._root = root
        for name in RECORDED:
            monkeypatch.setattr(os, name, self._recorder(name, getattr(os, name)))

    def _recorder(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            path = Path(
                Path(f"/proc/self/fd/{args[0]}").readlink() if isinstance(args[0], int) else args[0]
            )
            if not path.is_relative_to(self._root):
                return real(*args, **options)
            entry = f"{name} {path.relative_to(self._root)}"
            self.calls.append(entry)
            if entry in self.fail:
                if name == "close":
                    real(*args, **options)
                raise OSError(self.fail[entry], os.strerror(self.fail[entry]))
            return real(*args, **options)

        return call


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def syscalls(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Syscalls:
    folder.mkdir()
    return Syscalls(monkeypatch, tmp_path)


def test_a_file_is_flushed_before_its_name_and_its_name_before_success(
    folder: Path, syscalls: Syscalls
) -> None:
    """Write, fsync, close, rename, fsync the folder: in this order and nothing else."""
    durable.write_file(folder / "a", b"data")
    assert syscalls.calls == [
        "unlink spool/a.part",
        "open spool/a.part",
        "write spool/a.part",
        "fsync spool/a.part",
        "close spool/a.part",
        "rename spool/a.part",
        "open spool",
        "fsync spool",
        "close spool",
    ]
    assert (folder / "a").read_bytes() == b"data"


def test_a_part_is_created_exclusively_and_private(folder: Path) -> None:
    """An existing part is somebody else's; nobody else reads a clip."""
    folder.mkdir()
    with durable.PartFile(folder / "a") as part:
        assert stat.S_IMODE(part.part_path.stat().st_mode) == 0o600
        with pytest.raises(StorageError, match="cannot create"):
            durable.PartFile(folder / "a")
        part.write(b"x")
        part.publish()
    assert names_in(folder) == ["a"]


def test_nothing_is_visible_until_published(folder: Path) -> None:
    """A reader of the folder never sees a torn file."""
    folder.mkdir()
    with durable.PartFile(folder / "a") as part:
        part.write(b"x" * 100_000)
        part.flush_to_disk()
        assert not (folder / "a").exists()
        part.publish()
    assert (folder / "a").stat().st_size == 100_000


def test_a_block_that_raises_leaves_neither_part_nor_file(folder: Path) -> None:
    """As a context manager a part is discarded unless published."""
    folder.mkdir()
    with pytest.raises(RuntimeError), durable.PartFile(folder / "a") as part:
        part.write(b"x")
        raise RuntimeError
    assert names_in(folder) == []


def test_a_part_that_is_left_stays_for_recovery(folder: Path) -> None:
    """A stopping recorder keeps what it has, even at the end of the block."""
    folder.mkdir()
    with durable.PartFile(folder / "a") as part:
        part.write(b"x")
        part.leave()
    assert names_in(folder) == ["a.part"]


def test_publishing_is_not_undone_by_the_end_of_the_block(folder: Path) -> None:
    """`discard` after `publish` does nothing, even if a new part of that name exists."""
    folder.mkdir()
    with durable.PartFile(folder / "a") as part:
        part.publish()
        (folder / "a.part").write_bytes(b"of another")
    assert names_in(folder) == ["a", "a.part"]


def test_a_failed_fsync_is_never_tried_again(folder: Path, syscalls: Syscalls) -> None:
    """The kernel may have dropped the pages and report success the second time."""
    syscalls.fail["fsync spool/a.part"] = errno.EIO
    with durable.PartFile(folder / "a") as part:
        part.write(b"x")
        with pytest.raises(StorageError, match="cannot flush"):
            part.publish()
        syscalls.fail.clear()
        for again in (part.publish, part.flush_to_disk, lambda: part.write(b"y")):
            with pytest.raises(StorageError, match="failed before"):
                again()
    assert syscalls.calls.count("fsync spool/a.part") == 1
    assert "rename spool/a.part" not in syscalls.calls
    assert names_in(folder) == []


def test_after_a_failed_write_nothing_is_published(folder: Path, syscalls: Syscalls) -> None:
    """A hole in the middle of a clip must not get a name."""
    syscalls.fail["write spool/a.part"] = errno.ENOSPC
    with durable.PartFile(folder / "a") as part:
        with pytest.raises(DiskFullError):
            part.write(b"x")
        syscalls.fail.clear()
        with pytest.raises(StorageError, match="failed before"):
            part.publish()
    assert names_in(folder) == []


@pytest.mark.parametrize(
    "step",
    ["unlink spool/a.part", "open spool/a.part", "write spool/a.part", "fsync spool/a.part",
     "close spool/a.part", "rename spool/a.part", "open spool", "fsync spool", "close spool"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.EIO, StorageError), (errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError),
     (errno.EROFS, StorageError)],
)  # fmt: skip
def test_an_error_at_any_step_is_a_storage_error_and_leaves_old_or_new(
    step: str, code: int, kind: type[StorageError], folder: Path, syscalls: Syscalls
) -> None:
    """Under its name stands the whole old content or the whole new one, never a mixture."""
    syscalls.fail = {}
    durable.write_file(folder / "a", b"old content")
    syscalls.fail[step] = code
    with pytest.raises(kind) as caught:
        durable.write_file(folder / "a", b"new")
    assert type(caught.value) is kind
    assert caught.value.is_retryable
    is_renamed = step in ("open spool", "fsync spool", "close spool")
    assert (folder / "a").read_bytes() == (b"new" if is_renamed else b"old content")
    syscalls.fail.clear()
    durable.write_file(folder / "a", b"newer")
    assert names_in(folder) == ["a"]


def test_short_writes_are_continued(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """write(2) may take less than it is given."""
    folder.mkdir()
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:3])))
    durable.write_file(folder / "a", b"0123456789")
    assert (folder / "a").read_bytes() == b"0123456789"


def test_a_muxer_can_go_back_and_mend_its_header(folder: Path) -> None:
    """The part is seekable, readable and writable."""
    folder.mkdir()
    with durable.PartFile(folder / "a") as part:
        part.write(b"????body")
        part.seek(0)
        part.write(b"head")
        assert part.tell() == 4
        assert part.read() == b"body"
        assert part.seek(-2, os.SEEK_END) == 6
        assert part.read(1) == b"d"
        assert part.seekable()
        part.publish()
    assert (folder / "a").read_bytes() == b"headbody"


def test_removing_flushes_the_folder_and_says_whether_it_was_there(
    folder: Path, syscalls: Syscalls
) -> None:
    """A row was taken back before; the name must not return after a power cut."""
    durable.write_file(folder / "a", b"x")
    syscalls.calls.clear()
    assert durable.remove(folder / "a")
    assert syscalls.calls == ["unlink spool/a", "open spool", "fsync spool", "close spool"]
    assert not durable.remove(folder / "a")


def test_what_cannot_be_removed_is_a_storage_error(folder: Path) -> None:
    """A folder in the file's place."""
    folder.mkdir()
    with pytest.raises(StorageError, match="cannot remove"):
        durable.remove(folder)


def test_renaming_between_folders_flushes_both(folder: Path, syscalls: Syscalls) -> None:
    """The target first: better twice than nowhere."""
    other = folder.parent / "kept"
    other.mkdir()
    durable.write_file(folder / "a", b"x")
    syscalls.calls.clear()
    durable.rename(folder / "a", other / "a")
    assert [call for call in syscalls.calls if not call.startswith(("open", "close"))] == [
        "rename spool/a", "fsync kept", "fsync spool",
    ]  # fmt: skip


def test_each_new_folder_is_flushed_into_its_parent(folder: Path, syscalls: Syscalls) -> None:
    """Or a power cut takes the folder and all that is in it."""
    durable.make_dirs(folder / "x" / "y")
    assert [call for call in syscalls.calls if call.startswith(("mkdir", "fsync"))] == [
        "mkdir spool/x", "fsync spool", "mkdir spool/x/y", "fsync spool/x",
    ]  # fmt: skip
    assert stat.S_IMODE((folder / "x" / "y").stat().st_mode) == 0o700
    syscalls.calls.clear()
    durable.make_dirs(folder / "x" / "y")
    assert not [call for call in syscalls.calls if call.startswith("mkdir")]


def test_a_file_in_a_folders_place_is_a_storage_error(folder: Path) -> None:
    """Not silently taken for the folder."""
    folder.write_bytes(b"")
    with pytest.raises(StorageError, match="cannot make folder"):
        durable.make_dirs(folder)
    with pytest.raises(StorageError, match="cannot make folder"):
        durable.make_dirs(folder / "x")


def test_a_stale_part_of_an_earlier_run_is_replaced(folder: Path) -> None:
    """A power cut left it; `write_file` starts anew."""
    folder.mkdir()
    (folder / "a.part").write_bytes(b"torn")
    durable.write_file(folder / "a", b"whole")
    assert names_in(folder) == ["a"]
