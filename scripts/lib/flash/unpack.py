"""The image in a work file: unpacked if it was packed, and checked on the way.

All that is asked of an image afterwards (what is it, has it room) needs its whole content, before
the first byte of a card is touched.
"""

from __future__ import annotations

import errno
import hashlib
import io
import lzma
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

from scripts.lib.flash.errors import FlashError, ImageError, WantedError

XZ_MAGIC = b"\xfd7zXZ\x00"
OTHER_MAGIC = {
    b"QFI\xfb": ("a QCOW2 image", "qemu-img convert -O raw IMAGE OUT.img"),
    b"PK\x03\x04": ("a ZIP archive", "unzip it first"),
    b"\x1f\x8b": ("packed with gzip", "gunzip it first"),
    b"\x28\xb5\x2f\xfd": ("packed with Zstandard", "unzstd it first"),
}
BLOCK = 4 << 20
ZEROS = bytes(BLOCK)
Progress = Callable[[int, int], None]  # bytes done, bytes in all (0: not known)


class _Hashed(io.RawIOBase):
    """A file that is hashed and counted while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.sha256 = hashlib.sha256()
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.sha256.update(data)
        self.done += len(data)
        return len(data)


def check(image: Path, sha256: str | None) -> None:
    """What can be said of the image and of its hash without reading it. Raises ImageError,
    WantedError."""
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise WantedError(
            f"--image-sha256: {sha256[:80]!r} is not a SHA-256",
            hint="64 hexadecimal digits, as they are published beside the image",
        )
    try:
        with image.open("rb") as raw:
            _refuse_others(image, raw)
    except OSError as err:
        raise ImageError(f"--image: cannot read {image}: {err.strerror or err}") from err
    if sha256 is None:
        _published(image)


def unpack(image: Path, work: Path, progress: Progress, *, sha256: str | None = None) -> int:
    """Fill `work` with the image's bytes, with holes for zeros; how many.

    `sha256` is of the file as it was downloaded. Raises ImageError, FlashError.
    """
    expected = sha256 or _published(image)
    try:
        with image.open("rb") as raw, work.open("xb") as out:
            os.fchmod(out.fileno(), 0o600)
            size = os.fstat(raw.fileno()).st_size
            _refuse_others(image, raw)
            source = _Hashed(raw)
            packed = io.BufferedReader(source, BLOCK)
            if packed.peek(len(XZ_MAGIC)).startswith(XZ_MAGIC):
                with lzma.open(packed, "rb") as reader:
                    written = _copy(reader, out, lambda: progress(source.done, size))
            else:
                written = _copy(packed, out, lambda: progress(source.done, size))
            while packed.read(BLOCK):
                pass  # what the unpacker leaves unread belongs to the file's hash too
    except (lzma.LZMAError, EOFError) as err:
        raise ImageError(
            f"{image.name} is damaged or cut off: {err}", hint="download it again"
        ) from err
    except OSError as err:
        raise _os_error(err, image, work) from err
    if expected and source.sha256.hexdigest() != expected.lower():
        raise ImageError(
            f"{image.name} has not the SHA-256 {expected[:16]}... but "
            f"{source.sha256.hexdigest()[:16]}...",
            hint="download it again",
        )
    return written


def _published(image: Path) -> str | None:
    """The hash in IMAGE.sha256 beside the image, as it is published with it."""
    beside = image.with_name(image.name + ".sha256")
    if not beside.is_file():
        return None
    found = re.match(r"\s*([0-9a-fA-F]{64})\b", beside.read_text("utf-8", "replace"))
    if found is None:
        raise ImageError(f"{beside.name} holds no SHA-256", hint="remove it or download it again")
    return found.group(1)


def _refuse_others(image: Path, raw: BinaryIO) -> None:
    head = raw.read(8)
    raw.seek(0)
    for magic, (what, remedy) in OTHER_MAGIC.items():
        if head.startswith(magic):
            raise ImageError(f"{image.name} is {what}; .img and .img.xz are read", hint=remedy)


def _copy(reader: IO[bytes], out: BinaryIO, tell: Callable[[], None]) -> int:
    written = 0
    while block := reader.read(BLOCK):
        if block == ZEROS[: len(block)]:
            out.seek(len(block), os.SEEK_CUR)
        else:
            out.write(block)
        written += len(block)
        tell()
    out.truncate(written)
    return written


def _os_error(err: OSError, image: Path, work: Path) -> FlashError:
    if err.errno == errno.ENOSPC:
        return FlashError(
            f"no room in {work.parent} for the unpacked image",
            hint="make room, or name another folder with --work-dir",
        )
    return ImageError(f"cannot read {image}: {err.strerror or err}")
