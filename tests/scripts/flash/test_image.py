"""What an image is is seen from what lies in it, and what cannot be prepared is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.lib.flash import image
from scripts.lib.flash.errors import ImageError
from tests.scripts.flash import layouts


def detect(path: Path) -> image.Image:
    return image.detect(path, path.stat().st_size)


@pytest.mark.parametrize(
    ("kind", "arch", "python", "has_wifi"),
    [
        ("firstrun", "aarch64", "3.11", True),
        ("boot-seed", "aarch64", "3.13", True),
        ("cidata", "x86_64", "3.11", False),
    ],
)
def test_each_layout_is_told_by_its_content(
    tmp_path: Path, kind: str, arch: str, python: str, has_wifi: bool
) -> None:
    """Whatever the file is called."""
    layouts.need_tools()
    found = detect(layouts.KINDS[kind]().make(tmp_path / "download(1).bin"))
    assert (found.first_boot, found.arch, found.python) == (kind, arch, python)
    assert found.has_wifi is has_wifi
    if kind != "cidata":
        assert found.name.startswith("Raspberry Pi reference 2025")
        assert found.boot is not None
        assert found.boot.start == layouts.BOOT_START


def without(layout: layouts.Layout, name: str) -> layouts.Layout:
    layout.root_files.pop(name, None)
    layout.boot_files.pop(name, None)
    return layout


def of_32_bits() -> layouts.Layout:
    made = without(layouts.raspios_bookworm(), "/usr/lib/aarch64-linux-gnu/")
    made.root_files["/usr/lib/arm-linux-gnueabihf/"] = ""
    return made


def debians_own_for_the_pi() -> layouts.Layout:
    made = without(layouts.raspios_bookworm(), "/usr/lib/raspberrypi-sys-mods/imager_custom")
    made.boot_files["sysconf.txt"] = "#root_pw=\n"
    return made


def before_bookworm() -> layouts.Layout:
    """Bullseye mounted its boot partition at /boot."""
    made = layouts.raspios_bookworm()
    made.root_files["/etc/fstab"] = layouts.FSTAB.replace("/boot/firmware", "/boot")
    return made


def of_something_else() -> layouts.Layout:
    made = without(layouts.debian_cloud(), "/usr/lib/os-release")
    return without(made, "/usr/bin/cloud-init")


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        (of_32_bits(), "32-bit"),
        (debians_own_for_the_pi(), "Debian's own image for the Raspberry Pi"),
        (before_bookworm(), "no way of preparing its first boot"),
        (of_something_else(), "ext4 root of a Linux"),
        (without(layouts.debian_cloud(), "/usr/bin/cloud-init"), "no cloud-init"),
        (without(layouts.debian_cloud(), "/usr/bin/python3.11"), "no Python"),
    ],
)
def test_an_image_that_cannot_be_prepared_is_refused(
    tmp_path: Path, layout: layouts.Layout, told: str
) -> None:
    """With what it is and what to take instead."""
    layouts.need_tools()
    with pytest.raises(ImageError, match=told) as caught:
        detect(layout.make(tmp_path / "system.img"))
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"#!/bin/sh\n" * 999])
def test_a_file_that_is_no_disk_image_is_refused(tmp_path: Path, content: bytes) -> None:
    """A page that was downloaded in its place, for one."""
    path = tmp_path / "raspios.img"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="no partition table"):
        detect(path)


@pytest.mark.parametrize("kind", ["firstrun", "cidata"])
def test_an_image_that_was_cut_off_is_refused(tmp_path: Path, kind: str) -> None:
    """Its table names what is not there."""
    layouts.need_tools()
    path = layouts.KINDS[kind]().make(tmp_path / "system.img")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3 * layouts.MIB)
    with pytest.raises(ImageError, match="beyond its end"):
        detect(path)
