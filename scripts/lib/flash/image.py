"""What an image is, by what lies in it: never by its name.

Three ways of preparing a first boot are known (docs/design/flashing.md has the sources):
- firstrun    Raspberry Pi OS Bookworm: a script on the boot partition, named in cmdline.txt
- boot-seed   Raspberry Pi OS Trixie: cloud-init, seeded from files on the boot partition
- cidata      Debian's cloud images: cloud-init, seeded from a partition labelled CIDATA
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scripts.lib.flash import table
from scripts.lib.flash.errors import ImageError
from scripts.lib.flash.ext4 import Ext4
from scripts.lib.flash.fat import Fat

FirstBoot = Literal["firstrun", "boot-seed", "cidata"]
ARCH_FOLDERS = {
    "aarch64": "/usr/lib/aarch64-linux-gnu",
    "x86_64": "/usr/lib/x86_64-linux-gnu",
    "armhf": "/usr/lib/arm-linux-gnueabihf",
}
PYTHONS = tuple(f"3.{minor}" for minor in range(20, 6, -1))
CUSTOMISER = "/usr/lib/raspberrypi-sys-mods/imager_custom"
FIRMWARE = "/boot/firmware"
SUPPORTED = (
    "Raspberry Pi OS Lite (64-bit) Bookworm or Trixie, or Debian's generic cloud image, are known"
)


@dataclass(frozen=True)
class Image:
    """What was found in an image."""

    name: str  # as the system names itself
    first_boot: FirstBoot
    arch: str
    python: str  # such as 3.11
    has_wifi: bool
    boot: table.Partition | None  # the Pi's boot partition
    size: int  # bytes

    @property
    def words(self) -> str:
        """For people."""
        way = {
            "firstrun": "a script named in cmdline.txt (firstrun.sh)",
            "boot-seed": "cloud-init, from its boot partition",
            "cidata": "cloud-init, from a partition CIDATA that is added",
        }[self.first_boot]
        return f"{self.name}, {self.arch}, Python {self.python}; first boot by {way}"


def detect(path: Path, size: int) -> Image:
    """What the unpacked image in `path` is. Raises ImageError where it is none of those known."""
    with path.open("rb") as file:
        found = table.read(file)
    if found.end > size:
        raise ImageError("its partitions reach beyond its end", hint="download it again")
    root, release = _find_root(path, found)
    name = release.get("PRETTY_NAME", "a Linux without a name")
    python = next((each for each in PYTHONS if root.exists(f"/usr/bin/python{each}")), "")
    arch = next((arch for arch, folder in ARCH_FOLDERS.items() if root.exists(folder)), "")
    if arch == "armhf":
        raise ImageError(
            f"{name} is a 32-bit system, for which OpenCV and NumPy have no wheels",
            hint="take the 64-bit image (arm64)",
        )
    if not python or not arch:
        raise ImageError(f"{name} has no Python or an unknown processor", hint=SUPPORTED)
    boot = _find_boot(path, found)
    way = _first_boot(path, root, boot, name)
    if boot is not None:
        name = _pi_name(path, boot, name)
    has_wifi = root.exists("/usr/sbin/wpa_supplicant")
    return Image(name, way, arch, python, has_wifi, boot, size)


def _find_root(path: Path, found: table.Table) -> tuple[Ext4, dict[str, str]]:
    for each in found.partitions:
        if each.content == "ext4":
            root = Ext4(path, each.start)
            if text := root.read("/usr/lib/os-release"):
                return root, _release(text)
    raise ImageError("none of its partitions is an ext4 root of a Linux", hint=SUPPORTED)


def _release(text: str) -> dict[str, str]:
    """The assignments of os-release(5)."""
    pairs = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {key: "".join(shlex.split(value)) for key, value in pairs}


def _find_boot(path: Path, found: table.Table) -> table.Partition | None:
    """The Raspberry Pi's boot partition: the FAT one that the firmware reads its words from."""
    for each in found.partitions:
        if each.content == "fat":
            fat = Fat(path, each.start)
            if fat.exists("/config.txt") and fat.exists("/cmdline.txt"):
                return each
    return None


def _first_boot(path: Path, root: Ext4, boot: table.Partition | None, name: str) -> FirstBoot:
    has_cloud_init = root.exists("/usr/bin/cloud-init")
    if boot is None:
        if has_cloud_init:
            return "cidata"
        raise ImageError(f"{name} has no cloud-init to prepare its first boot", hint=SUPPORTED)
    fat = Fat(path, boot.start)
    if has_cloud_init and fat.exists("/meta-data"):
        return "boot-seed"
    is_mounted = re.search(rf"^\S+\s+{FIRMWARE}\s", root.read("/etc/fstab"), re.MULTILINE)
    if root.exists(CUSTOMISER) and is_mounted:
        return "firstrun"
    if fat.exists("/sysconf.txt"):
        raise ImageError(
            f"{name} is Debian's own image for the Raspberry Pi, which prepares neither users nor "
            "Wi-Fi",
            hint="take Raspberry Pi OS Lite (64-bit)",
        )
    raise ImageError(f"{name} has no way of preparing its first boot that is known", hint=SUPPORTED)


def _pi_name(path: Path, boot: table.Partition, name: str) -> str:
    """Raspberry Pi OS calls itself Debian in os-release; its date is in issue.txt."""
    fat = Fat(path, boot.start)
    if not fat.exists("/issue.txt"):
        return name
    first = fat.read("/issue.txt").decode("utf-8", "replace").partition("\n")[0].strip()
    return f"{first} ({name})" if first else name
