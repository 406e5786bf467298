"""Partition tables of images, MBR and GPT: reading them, and adding one partition at the end.

The MBR is as in the PC BIOS (four primary entries; extended partitions are not looked into), GPT as
in the UEFI specification 2.10, chapter 5. Sectors have 512 bytes, as on every card and image.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from scripts.lib.flash.errors import ImageError

SECTOR = 512
ALIGN_SECTORS = 2048  # 1 MiB, as every tool aligns
MBR_ENTRIES = 446
MBR_SIGNATURE = b"\x55\xaa"
PROTECTIVE = 0xEE
FAT_LBA = 0x0C
GPT_MAGIC = b"EFI PART"
GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")  # table 5.5
GPT_ENTRY = struct.Struct("<16s16sQQQ72s")  # table 5.6
BASIC_DATA = uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")
MIN_MIB = 40  # below that, mkfs.vfat makes no FAT32


@dataclass(frozen=True)
class Partition:
    """One partition, and what its first bytes say is in it."""

    number: int
    start: int  # bytes
    size: int  # bytes
    content: Literal["fat", "ext4", "other"]

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size


@dataclass(frozen=True)
class Table:
    """A partition table."""

    scheme: Literal["dos", "gpt"]
    partitions: tuple[Partition, ...]

    @property
    def end(self) -> int:
        """The first byte behind the last partition."""
        return max((each.end for each in self.partitions), default=0)


def read(image: BinaryIO) -> Table:
    """The table of `image`. Raises ImageError where it has none."""
    mbr = _at(image, 0, SECTOR)
    if len(mbr) < SECTOR or mbr[510:] != MBR_SIGNATURE:
        raise ImageError(
            "it has no partition table", hint="give the image of a whole disk, .img or .img.xz"
        )
    entries = [mbr[MBR_ENTRIES + 16 * n :][:16] for n in range(4)]
    if any(entry[4] == PROTECTIVE for entry in entries):
        return Table("gpt", tuple(_gpt_partitions(image)))
    found = []
    for number, entry in enumerate(entries, 1):
        start, count = struct.unpack_from("<II", entry, 8)
        if entry[4] and count:
            found.append(_partition(image, number, start, count))
    return Table("dos", tuple(found))


def _gpt_partitions(image: BinaryIO) -> list[Partition]:
    gpt = _Gpt.load(image)
    found = []
    for number, entry in enumerate(gpt.entries, 1):
        kind, _, first, last, _, _ = GPT_ENTRY.unpack_from(entry)
        if kind != bytes(16):
            found.append(_partition(image, number, first, last - first + 1))
    return found


def _partition(image: BinaryIO, number: int, first: int, count: int) -> Partition:
    start = first * SECTOR
    return Partition(number, start, count * SECTOR, _content(image, start))


def _content(image: BinaryIO, start: int) -> Literal["fat", "ext4", "other"]:
    """By the marks that mkfs leaves: FAT's type text, the magic number of ext2 to ext4."""
    head = _at(image, start, 2048)
    if head[510:512] == MBR_SIGNATURE and (head[54:57] == b"FAT" or head[82:87] == b"FAT32"):
        return "fat"
    return "ext4" if head[1080:1082] == b"\x53\xef" else "other"


def _at(image: BinaryIO, offset: int, size: int) -> bytes:
    image.seek(offset)
    return image.read(size)


@dataclass
class _Gpt:
    """A GUID partition table in memory."""

    header: list[int | bytes]  # the fields of GPT_HEADER
    entries: list[bytes]

    @classmethod
    def load(cls, image: BinaryIO) -> _Gpt:
        """The primary table. Raises ImageError unless both its checksums are right."""
        head = _at(image, SECTOR, SECTOR)
        fields = list(GPT_HEADER.unpack_from(head))
        plain = head[:16] + bytes(4) + head[20:92]
        entries_at, count, size = int(fields[10]), int(fields[11]), int(fields[12])
        if fields[0] != GPT_MAGIC or zlib.crc32(plain) != fields[3] or not 128 <= size <= SECTOR:
            raise ImageError("its GUID partition table is damaged", hint="download it again")
        data = _at(image, entries_at * SECTOR, count * size)
        if zlib.crc32(data) != fields[13]:
            raise ImageError("its partition entries are damaged", hint="download it again")
        return cls(fields, [data[n * size :][:size] for n in range(count)])

    def add(self, first: int, last: int, name: str) -> int:
        """Take a free entry; its number. Raises ImageError where none is free."""
        for number, entry in enumerate(self.entries):
            if entry[:16] == bytes(16):
                label = name.encode("utf-16-le")
                made = GPT_ENTRY.pack(
                    BASIC_DATA.bytes_le, uuid.uuid4().bytes_le, first, last, 0, label
                )
                self.entries[number] = made.ljust(len(entry), b"\0")
                return number + 1
        raise ImageError("its partition table is full")

    def store(self, image: BinaryIO, sectors: int) -> None:
        """Write both copies for a disk of `sectors`."""
        data = b"".join(self.entries)
        size = -(-len(data) // SECTOR)
        self.header[8] = sectors - size - 2  # last usable
        self.header[13] = zlib.crc32(data)
        for here, other, entries_at in ((1, sectors - 1, 2), (sectors - 1, 1, sectors - 1 - size)):
            self.header[3], self.header[5], self.header[6] = 0, here, other
            self.header[10] = entries_at
            self.header[3] = zlib.crc32(GPT_HEADER.pack(*self.header))
            for offset, block in ((here, GPT_HEADER.pack(*self.header)), (entries_at, data)):
                image.seek(offset * SECTOR)
                image.write(block.ljust(-(-len(block) // SECTOR) * SECTOR, b"\0"))


def append(path: Path, size: int, name: str, disk_size: int) -> Partition:
    """Add a FAT partition of at least `size` bytes at the very end of a disk of `disk_size` bytes.

    At the end, so that the root file system can still grow up to it. The file is made as long as
    the disk (with a hole); nothing is formatted. Raises ImageError where there is no room.
    """
    sectors = disk_size // SECTOR
    count = -(-max(size, MIN_MIB << 20) // (ALIGN_SECTORS * SECTOR)) * ALIGN_SECTORS
    with path.open("r+b") as image:
        table = read(image)
        tail = 0 if table.scheme == "dos" else 33
        first = (sectors - tail - count) // ALIGN_SECTORS * ALIGN_SECTORS
        if first * SECTOR < table.end:
            raise ImageError(
                f"no room for {count * SECTOR >> 20} MiB behind its partitions on a disk of "
                f"{disk_size >> 20} MiB",
                hint="take a larger card; for a file, a larger --size",
            )
        image.truncate(sectors * SECTOR)
        if table.scheme == "gpt":
            gpt = _Gpt.load(image)
            number = gpt.add(first, first + count - 1, name)
            _stretch_protective(image, sectors)
            gpt.store(image, sectors)
        else:
            number = _append_dos(image, first, count)
    return Partition(number, first * SECTOR, count * SECTOR, "other")


def disk_size_for(image_size: int, size: int) -> int:
    """The bytes of the smallest disk that has room for an image and, behind it, `size` bytes."""
    align = ALIGN_SECTORS * SECTOR
    return (-(-image_size // align) + -(-max(size, MIN_MIB << 20) // align) + 2) * align


def _stretch_protective(image: BinaryIO, sectors: int) -> None:
    """The MBR's one entry covers the whole disk."""
    mbr = bytearray(_at(image, 0, SECTOR))
    for offset in range(MBR_ENTRIES, 510, 16):
        if mbr[offset + 4] == PROTECTIVE:
            struct.pack_into("<II", mbr, offset + 8, 1, min(sectors - 1, 0xFFFFFFFF))
    image.seek(0)
    image.write(mbr)


def _append_dos(image: BinaryIO, first: int, count: int) -> int:
    mbr = bytearray(_at(image, 0, SECTOR))
    for number in range(4):
        offset = MBR_ENTRIES + 16 * number
        if not mbr[offset + 4]:
            chs = b"\xfe\xff\xff"  # beyond what cylinders can say; the sectors count
            mbr[offset : offset + 8] = b"\0" + chs + bytes([FAT_LBA]) + chs
            struct.pack_into("<II", mbr, offset + 8, first, count)
            image.seek(0)
            image.write(mbr)
            return number + 1
    raise ImageError("its partition table is full")
