"""Writes a prepared image to a disk and reads it back.

Invariant: a disk that is written in part is not bootable. The old partition table goes first; the
boot partition is written after everything behind it, and the first MiB, with the new table, last,
after all else was flushed.

Order: 1. wipe the first MiB and the last (where GPT keeps its copy)   2. flush   3. write all
ranges but the head   4. the head, but its first MiB   5. flush   6. the first MiB   7. flush, drop
the caches   8. read all back, past the caches, and compare; a mismatch wipes the first MiB again.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.lib.flash.errors import DiskError

BLOCK = 4 << 20
FIRST = 1 << 20
BLKFLSBUF = 0x1261  # linux/fs.h
Tell = Callable[[str, int, int], None]  # what is done, bytes done, bytes in all


@dataclass(frozen=True)
class Range:
    """Bytes from `start` up to `end`."""

    start: int
    end: int

    def blocks(self) -> list[Range]:
        """In pieces of at most BLOCK."""
        starts = range(self.start, self.end, BLOCK)
        return [Range(start, min(start + BLOCK, self.end)) for start in starts]


def plan(size: int, disk_size: int, boot_end: int, added_start: int | None) -> list[Range]:
    """What to write, in order, of an image of `size` bytes whose boot partition ends at `boot_end`.

    With `added_start`, also all from there to the disk's end (a partition that was added, and GPT's
    copy behind it); what lies between is left as it is.
    """
    head = min(max(boot_end, FIRST), size)
    ranges = [Range(head, size)]
    if added_start is not None:
        ranges.append(Range(max(added_start, size), disk_size))
    ranges += [Range(FIRST, head), Range(0, min(FIRST, size))]
    return [each for each in ranges if each.start < each.end]


def write(image: Path, fd: int, disk_size: int, ranges: Sequence[Range], tell: Tell) -> None:
    """Write and verify; `fd` is of the disk, open for reading and writing. Raises DiskError."""
    blocks = [block for each in ranges for block in each.blocks()]
    total = sum(block.end - block.start for block in blocks)
    with image.open("rb", buffering=0) as source:
        try:
            _wipe(fd, disk_size)
            _write_all(source.fileno(), fd, blocks, total, tell)
            os.fsync(fd)
        except OSError as err:
            raise DiskError(
                f"writing failed: {err.strerror or err}; the card is not bootable now",
                hint="try another card reader or card",
                is_retryable=True,
            ) from err
        _verify(source.fileno(), fd, blocks, total, tell)


def _wipe(fd: int, disk_size: int) -> None:
    os.pwrite(fd, bytes(min(FIRST, disk_size)), 0)
    os.pwrite(fd, bytes(min(FIRST, disk_size)), max(0, disk_size - FIRST))
    os.fsync(fd)


def _write_all(source: int, fd: int, blocks: Sequence[Range], total: int, tell: Tell) -> None:
    done = 0
    for block in blocks:
        if block.start == 0:
            os.fsync(fd)  # the table comes after all that it names
        data = memoryview(os.pread(source, block.end - block.start, block.start))
        if len(data) != block.end - block.start:
            raise OSError(f"the work file is cut off at {block.start}")
        offset = block.start
        while data:
            written = os.pwrite(fd, data, offset)
            data, offset = data[written:], offset + written
        done += block.end - block.start
        tell("writing", done, total)


def _verify(source: int, fd: int, blocks: Sequence[Range], total: int, tell: Tell) -> None:
    reader = _Reader(fd)
    done = 0
    try:
        for block in blocks:
            expected = os.pread(source, block.end - block.start, block.start)
            _compare(reader.read(block), expected, block)
            done += block.end - block.start
            tell("verifying", done, total)
    except (OSError, DiskError) as err:
        with contextlib.suppress(OSError):
            os.pwrite(fd, bytes(FIRST), 0)
            os.fsync(fd)
        if isinstance(err, DiskError):
            raise
        raise DiskError(
            f"reading back failed: {err.strerror or err}; the card is not bootable now",
            hint="take another card or reader",
        ) from err
    finally:
        reader.close()


def _compare(found: bytes, expected: bytes, block: Range) -> None:
    if found != expected:
        raise DiskError(
            f"what was written at {block.start >> 20} MiB does not read back; the card is not "
            "bootable now",
            hint="the card is faulty or smaller than it says: take another",
        )


class _Reader:
    """Reads a disk past the kernel's cache where it can: O_DIRECT, into aligned memory."""

    def __init__(self, fd: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, BLKFLSBUF, 0)
        with contextlib.suppress(OSError):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        self._fd = fd
        self._memory = mmap.mmap(-1, BLOCK)
        try:
            flags = os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC
            self._direct: int | None = os.open(f"/proc/self/fd/{fd}", flags)
        except OSError:
            self._direct = None

    def read(self, block: Range) -> bytes:
        """The bytes of `block`, at most BLOCK of them."""
        size = block.end - block.start
        if self._direct is None or size % 4096 or block.start % 4096:
            return os.pread(self._fd, size, block.start)
        view = memoryview(self._memory)[:size]
        got = 0
        while got < size:
            count = os.preadv(self._direct, [view[got:]], block.start + got)
            if not count:
                break
            got += count
        return bytes(view[:got])

    def close(self) -> None:
        """Give memory and descriptor back."""
        if self._direct is not None:
            os.close(self._direct)
