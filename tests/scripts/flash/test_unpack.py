"""Images as they are downloaded: packed, cut off, changed, of another kind."""

from __future__ import annotations

import hashlib
import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lib.flash.errors import ImageError
from scripts.lib.flash.unpack import unpack
from tests.scripts.flash.layouts import MIB, ROOT

CONTENT = os.urandom(3 * MIB) + bytes(9 * MIB) + os.urandom(1 * MIB + 7)


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


def packed(path: Path) -> Path:
    path.write_bytes(lzma.compress(CONTENT, preset=0))
    return path


@pytest.mark.parametrize("is_packed", [True, False])
def test_the_work_file_holds_the_images_bytes(tmp_path: Path, is_packed: bool) -> None:
    """Zeros as holes, in a file that only its owner reads."""
    image = packed(tmp_path / "image") if is_packed else tmp_path / "image"
    if not is_packed:
        image.write_bytes(CONTENT)
    work = tmp_path / "work"
    assert unpack(image, work, quiet) == len(CONTENT)
    assert work.read_bytes() == CONTENT
    assert work.stat().st_blocks * 512 < len(CONTENT) - 4 * MIB
    assert work.stat().st_mode & 0o777 == 0o600


def test_progress_is_of_the_file_that_is_read(tmp_path: Path) -> None:
    """Its size is known, that of what comes out is not."""
    image = packed(tmp_path / "image")
    told: list[tuple[int, int]] = []
    unpack(image, tmp_path / "work", lambda done, total: told.append((done, total)))
    assert told[-1] == (image.stat().st_size, image.stat().st_size)


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_download_that_was_cut_off_is_refused(tmp_path: Path, keep: float) -> None:
    """xz knows its end and its checksum."""
    image = packed(tmp_path / "raspios.img.xz")
    with image.open("r+b") as file:
        file.truncate(int(image.stat().st_size * keep))
    with pytest.raises(ImageError, match="damaged or cut off") as caught:
        unpack(image, tmp_path / "work", quiet)
    assert caught.value.hint == "download it again"


def test_a_download_that_was_changed_is_refused(tmp_path: Path) -> None:
    """By the hash that is published with it, named or lying beside it."""
    image = packed(tmp_path / "raspios.img.xz")
    good = hashlib.sha256(image.read_bytes()).hexdigest()
    assert unpack(image, tmp_path / "work", quiet, sha256=good.upper())
    (tmp_path / "raspios.img.xz.sha256").write_text(f"{good}  raspios.img.xz\n")
    assert unpack(image, tmp_path / "work-2", quiet)
    for number, wrong in enumerate(("0" * 64, None)):
        (tmp_path / "raspios.img.xz.sha256").write_text("0" * 64)
        with pytest.raises(ImageError, match="has not the SHA-256"):
            unpack(image, tmp_path / f"other-{number}", quiet, sha256=wrong)


@pytest.mark.parametrize(
    ("head", "told"), [(b"QFI\xfb", "QCOW2"), (b"PK\x03\x04", "ZIP"), (b"\x1f\x8b\x08", "gzip")]
)
def test_other_kinds_of_image_are_named(tmp_path: Path, head: bytes, told: str) -> None:
    """With how to make of them what is read."""
    image = tmp_path / "image"
    image.write_bytes(head + bytes(64))
    with pytest.raises(ImageError, match=told) as caught:
        unpack(image, tmp_path / "work", quiet)
    assert caught.value.hint


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    """On a real file system that is too small, in a mount namespace of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    image = packed(tmp_path / "image")
    small = tmp_path / "small"
    small.mkdir()
    program = (
        "import sys; from pathlib import Path; from scripts.lib.flash.unpack import unpack\n"
        f"unpack(Path({str(image)!r}), Path({str(small / 'work')!r}), print)"
    )
    shell = 'mount -t tmpfs -o size=1m none "$1"; exec "$2" -c "$3"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", shell, "sh", str(small), sys.executable, program],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert f"no room in {small} for the unpacked image" in done.stderr
