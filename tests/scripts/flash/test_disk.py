"""Which disks may be written: real loop devices where they can be had, and a made-up sysfs."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.lib.flash import disk, table, write
from scripts.lib.flash.errors import DiskError
from tests.scripts.flash import layouts
from tests.scripts.flash.layouts import BOOT_START, MIB

GB = 10**9


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


class MadeUp:
    """A sysfs and a /proc with one disk, 8:16, for what this machine has none of."""

    def __init__(self, folder: Path, *, place: str = "usb1/1-1/block", name: str = "sdb") -> None:
        self.system = disk.System(folder / "sys", folder / "proc")
        self.here = folder / "sys" / "devices" / place / name
        self.name = name
        for number, part in (("8:16", ""), ("8:17", f"{name}1"), ("8:18", f"{name}2")):
            where = self.here / part if part else self.here
            put(where / "dev", number)
            put(where / "size", str(31 * GB // 512))
            link = folder / "sys" / "dev" / "block" / number
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(where)
            if part:
                put(where / "partition", part[-1])
        put(self.here / "ro", "0")
        put(self.here / "removable", "1")
        put(self.here / "device" / "vendor", "Generic")
        put(self.here / "device" / "model", "MassStorageClass")
        self.proc("self/mountinfo", "25 1 8:1 / / rw - ext4 /dev/sda1 rw")
        self.proc("swaps", "Filename Type Size Used Priority")

    def proc(self, name: str, text: str) -> None:
        """Set a file of /proc."""
        put(self.system.proc / name, text)

    def look(self) -> disk.Disk:
        """As it is now."""
        return self.system.disk(Path(f"/dev/{self.name}"), "8:16")

    def refusal(self, needed: int = 0) -> str:
        """Why it must not be written; empty where it may."""
        try:
            disk.check_free(self.system, self.look(), needed, may_be_built_in=False)
        except DiskError as err:
            return str(err)
        return ""


@pytest.fixture
def card(tmp_path: Path) -> MadeUp:
    """A card in a USB reader."""
    return MadeUp(tmp_path)


def test_a_card_in_a_reader_may_be_written(card: MadeUp) -> None:
    """Size and model are shown, to be compared with what is in the hand."""
    assert card.refusal() == ""
    assert "Generic MassStorageClass, 31.0 GB (usb), 2 partitions" in card.look().words


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("self/mountinfo", "30 25 8:17 / /media/card rw - vfat /dev/sdb1 rw", "sdb1 is mounted at"),
        ("self/mountinfo", r"30 25 8:16 / /media/a\040b rw - vfat /dev/sdb rw", "at /media/a b"),
        ("self/mountinfo", "30 25 0:42 /@ / rw shared:1 - btrfs /dev/sdb2 rw", "sdb2 is mounted"),
        ("swaps", "Filename Type\n/dev/sdb2 partition 9 0 -2", "sdb2 is swap space"),
    ],
)
def test_a_disk_in_use_is_refused(card: MadeUp, file: str, text: str, told: str) -> None:
    """Whichever part of it is used, and by what."""
    card.proc(file, text)
    assert told in card.refusal()


def test_a_member_of_a_volume_group_or_array_is_refused(card: MadeUp) -> None:
    """Device mapper and MD hold it, though nothing of it is mounted."""
    put(card.here / "sdb2" / "holders" / "dm-0" / "dm" / "name", "vg0-home")
    assert "sdb2 belongs to vg0-home" in card.refusal()
    put(card.here / "holders" / "md127" / "dev", "9:127")
    assert "sdb belongs to md127" in card.refusal()


def test_a_built_in_disk_is_refused_unless_told(tmp_path: Path) -> None:
    """Another system's disk is not mounted either."""
    made = MadeUp(tmp_path, place="pci0000:00/nvme/nvme0", name="nvme0n1")
    put(made.here / "removable", "0")
    assert "built into this machine" in made.refusal()
    disk.check_free(made.system, made.look(), 0, may_be_built_in=True)
    put(made.here / "device" / "type", "MMC")
    assert "built into this machine" in made.refusal()


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [("ro", "1", "write-protected"), ("size", "0", "no card is in it")],
)
def test_a_card_that_cannot_be_written_is_told(
    card: MadeUp, file: str, text: str, told: str
) -> None:
    """The lock switch, the empty reader."""
    put(card.here / file, text)
    with pytest.raises(DiskError, match=told):
        card.look()


def test_a_partition_is_refused_with_its_disk_named(card: MadeUp) -> None:
    """A card is written as a whole."""
    with pytest.raises(DiskError, match="is a partition") as caught:
        card.system.disk(Path("/dev/sdb1"), "8:17")
    assert "/dev/sdb" in caught.value.hint


def test_a_card_smaller_than_the_image_is_refused(card: MadeUp) -> None:
    """Before it is touched."""
    assert "has 31.0 GB, the image needs 40.0" in card.refusal(40 * GB)


def test_a_card_that_was_exchanged_is_noticed(card: MadeUp) -> None:
    """Between the question and the answer."""
    before = card.look()
    put(card.here / "size", str(15 * GB // 512))
    with pytest.raises(DiskError, match="was exchanged"):
        disk.check_same(_Named(card), before)


class _Named(disk.System):
    """A system whose /dev has the made-up disk."""

    def __init__(self, made: MadeUp) -> None:
        super().__init__(made.system.sys, made.system.proc)
        object.__setattr__(self, "_made", made)

    def look(self, path: Path) -> disk.Disk:
        return self._made.look()  # type: ignore[attr-defined, no-any-return]


@contextlib.contextmanager
def loop(path: Path, size: int) -> Iterator[Path]:
    """A real disk on a file. Skips where none can be had."""
    path.touch()
    os.truncate(path, size)
    made = subprocess.run(
        ["losetup", "--find", "--show", "--partscan", str(path)],
        capture_output=True, text=True, check=False, env={"PATH": layouts.PATH},
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"no loop device can be had here: {made.stderr.strip()}")
    device = Path(made.stdout.strip())
    try:
        yield device
    finally:
        layouts.run("losetup", "--detach", device)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Path]:
    """A real loop disk of 256 MiB."""
    with loop(tmp_path / "disk", 256 * MIB) as device:
        yield device


@pytest.mark.parametrize("kind", list(layouts.KINDS))
def test_a_real_disk_is_written_and_read_back(tmp_path: Path, real: Path, kind: str) -> None:
    """It then holds what a file would hold, at the disk's own size."""
    bench = layouts.bench(tmp_path, kind)
    done = bench.flash("--to", real, "--work-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "verifying: 100 %" in done.stderr
    assert "will be lost" in done.stderr
    assert b"No errors detected" in layouts.run("sfdisk", "--verify", real)
    with real.open("rb") as file:
        parts = table.read(file).partitions
    start = parts[-1].start if kind == "cidata" else BOOT_START
    if kind == "cidata":
        starts = [part.start for part in parts]
        assert max(starts) > 150 * MIB
        start = max(starts)
    assert layouts.on_fat(real, start, "/camwatch/gate-3.node") == bench.node.read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".flash")]


def test_a_real_disk_that_is_mounted_is_left_alone(tmp_path: Path, real: Path) -> None:
    """By what the kernel says of it; the last word has O_EXCL."""
    bench = layouts.bench(tmp_path, "firstrun")
    layouts.run("mkfs.ext4", "-q", real)
    at = tmp_path / "at"
    at.mkdir()
    done = subprocess.run(["mount", str(real), str(at)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        refused = bench.flash("--to", real, "--work-dir", tmp_path)
        taken = disk.System().look(real)
        with pytest.raises(DiskError, match="cannot be taken"):
            disk.open_exclusive(taken)
    finally:
        layouts.run("umount", at)
    assert refused.returncode == 1
    assert f"is mounted at {at}" in refused.stderr
    layouts.run("fsck.ext4", "-n", "-f", real)


def test_a_real_disk_too_small_is_left_alone(tmp_path: Path) -> None:
    """The image is larger; the old content stays."""
    bench = layouts.bench(tmp_path, "firstrun")
    small = tmp_path / "small"
    small.write_bytes(b"old" * MIB)
    before = small.read_bytes() + bytes(16 * MIB - 3 * MIB)
    with loop(small, 16 * MIB) as device:
        done = bench.flash("--to", device, "--work-dir", tmp_path)
    assert done.returncode == 1
    assert "the image needs" in done.stderr
    assert small.read_bytes() == before


def test_a_real_disk_that_fails_is_not_bootable_afterwards(tmp_path: Path) -> None:
    """The file behind it has no room, so the kernel reports I/O errors as from a dying card."""
    bench = layouts.bench(tmp_path, "firstrun")
    place = tmp_path / "tight"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with loop(place / "disk", 256 * MIB) as device:
            done = bench.flash("--to", device, "--work-dir", tmp_path)
            with device.open("rb") as file:
                assert file.read(512) == bytes(512)
    finally:
        layouts.run("umount", "--lazy", place)
    assert done.returncode == 1, done.stderr
    assert "the card is not bootable now" in done.stderr


class StopError(Exception):
    """The power fails, or somebody pulls the card."""


def disk_file(folder: Path, image: bytes, size: int) -> tuple[Path, Path]:
    source, target = folder / "image", folder / "disk"
    source.write_bytes(image)
    target.write_bytes(b"old table" * (size // 9) + bytes(size % 9))
    return source, target


IMAGE = os.urandom(24 * MIB + 512)
HEAD = 9 * MIB


@pytest.mark.parametrize("at_percent", range(0, 95, 12))
def test_a_disk_that_is_written_in_part_has_no_table(tmp_path: Path, at_percent: int) -> None:
    """Wherever it stops, a Pi does not start from half a card."""
    source, target = disk_file(tmp_path, IMAGE, 40 * MIB)

    def tell(_what: str, done: int, total: int) -> None:
        if done * 100 > at_percent * total:
            raise StopError

    ranges = write.plan(len(IMAGE), 40 * MIB, HEAD, None)
    fd = os.open(target, os.O_RDWR)
    with pytest.raises(StopError):
        write.write(source, fd, 40 * MIB, ranges, tell)
    os.close(fd)
    written = target.read_bytes()
    assert written[: write.FIRST] == bytes(write.FIRST)
    assert written[-write.FIRST :] == bytes(write.FIRST)


def test_all_of_the_image_is_written_once(tmp_path: Path) -> None:
    """Each byte, its head last, and behind the image only what was added."""
    source, target = disk_file(tmp_path, IMAGE + bytes(8 * MIB) + os.urandom(4 * MIB), 0)
    size = source.stat().st_size
    target.write_bytes(bytes(size))
    ranges = write.plan(len(IMAGE), size, HEAD, size - 4 * MIB)
    fd = os.open(target, os.O_RDWR)
    write.write(source, fd, size, ranges, lambda *_: None)
    os.close(fd)
    assert target.read_bytes() == source.read_bytes()
    assert ranges[-1] == write.Range(0, write.FIRST)
    assert sum(each.end - each.start for each in ranges) == len(IMAGE) + 4 * MIB


@pytest.mark.parametrize("at", [0, write.FIRST + 5, HEAD + 5, len(IMAGE) - 1])
def test_a_disk_that_reads_back_otherwise_is_found_out(tmp_path: Path, at: int) -> None:
    """One bit of a faulty or counterfeit card; the table is taken off again."""
    source, target = disk_file(tmp_path, IMAGE, 40 * MIB)

    def tell(what: str, done: int, total: int) -> None:
        if (what, done) == ("writing", total):
            with target.open("r+b") as file:
                file.seek(at)
                (was,) = file.read(1)
                file.seek(at)
                file.write(bytes([was ^ 1]))

    ranges = write.plan(len(IMAGE), 40 * MIB, HEAD, None)
    fd = os.open(target, os.O_RDWR)
    with pytest.raises(DiskError, match="does not read back"):
        write.write(source, fd, 40 * MIB, ranges, tell)
    os.close(fd)
    assert target.read_bytes()[: write.FIRST] == bytes(write.FIRST)
