"""What is put where on an image, so that its first boot makes a node of it.

On the Pi's boot partition, or on a partition CIDATA that is added at the disk's end:

    camwatch/GATE.node      the node file, until the hub has answered
    camwatch/BUNDLE.tar     the software, until it is installed
    camwatch/card.conf      the names and the hash of those two, for the scripts
    camwatch/arm, first-boot, camwatch-first-boot.service
    user-data, meta-data, network-config; or firstrun.sh, and a word in cmdline.txt
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.lib.bundle import BundleError, Manifest, check
from scripts.lib.flash import fat, seed, table
from scripts.lib.flash.errors import ImageError, WantedError
from scripts.lib.flash.image import Image
from scripts.lib.flash.wanted import Wanted

SCRIPTS = Path(__file__).parent / "card"
SCRIPT_NAMES = ("arm", "first-boot", "camwatch-first-boot.service")
FOLDER = "/camwatch"
SPARE = 16 << 20  # bytes left free for status.txt, and for what the system writes there by itself
Say = Callable[[str], None]


@dataclass(frozen=True)
class Bundle:
    """A bundle that was checked."""

    path: Path
    manifest: Manifest

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


def check_name(path: Path) -> None:
    """What can be said of a bundle at once. Raises WantedError."""
    if not path.is_file():
        raise WantedError(f"--bundle: there is no file {path}", hint="scripts/bundle makes one")
    if not re.fullmatch(r"[A-Za-z0-9._+-]+", path.name):  # the card's scripts read it unquoted
        raise WantedError(
            f"the file name {path.name!r} has characters that the card's scripts do not take",
            hint="rename it: letters, digits, - _ . + only",
        )


def open_bundle(path: Path) -> Bundle:
    """The bundle, which is whole; takes a second or more. Raises WantedError."""
    check_name(path)
    try:
        manifest = check(path)
    except BundleError as err:
        raise WantedError(str(err), hint=err.hint) from err
    return Bundle(path, manifest)


def check_suits(bundle: Bundle, image: Image) -> None:
    """Raises WantedError for a bundle that is for another processor or Python."""
    manifest, name = bundle.manifest, bundle.path.name
    remedy = f"scripts/bundle --arch {image.arch} --python {image.python}"
    if manifest.arch != image.arch:
        raise WantedError(f"{name} is for {manifest.arch}, the image for {image.arch}", hint=remedy)
    if image.python not in manifest.pythons:
        raise WantedError(
            f"{name} is for Python {' and '.join(manifest.pythons)}, the image has {image.python}",
            hint=remedy,
        )


def check_fits(image: Image, wanted: Wanted) -> None:
    """Raises WantedError for what this image cannot do."""
    if wanted.wifi is not None and not image.has_wifi:
        raise WantedError(
            f"{image.name} has no wpa_supplicant, so it cannot join a Wi-Fi network",
            hint="leave --wifi-ssid out and use a cable, or take Raspberry Pi OS Lite",
        )


def disk_size_needed(image: Image, bundle: Bundle) -> int:
    """The bytes of the smallest disk for the prepared image."""
    if image.first_boot == "cidata":
        return table.disk_size_for(image.size, bundle.size + 2 * SPARE)
    return image.size


def prepare(
    work: Path, image: Image, wanted: Wanted, bundle: Bundle, disk_size: int, say: Say
) -> table.Partition:
    """Change the image in the file `work` into this node's card; the partition that was filled.

    Everything that is written is read back. Raises FlashError.
    """
    if image.boot is not None:
        part = image.boot
        target = fat.Fat(work, part.start)
        _check_room(target, bundle, say)
    else:
        part = table.append(work, bundle.size + 2 * SPARE, seed.LABEL, disk_size)
        target = fat.make(work, part.start, part.size, seed.LABEL)
        say(
            f"added partition {part.number}, {seed.LABEL}, {part.size >> 20} MiB, at the disk's end"
        )
    target.make_folder(FOLDER)
    target.copy_in(bundle.path, f"{FOLDER}/{bundle.path.name}")
    target.write(f"{FOLDER}/{_node_name(wanted)}", wanted.node_file.read_bytes())
    for name in SCRIPT_NAMES:
        target.write(f"{FOLDER}/{name}", (SCRIPTS / name).read_bytes())
    target.write(f"{FOLDER}/card.conf", _conf(wanted, bundle))
    if image.first_boot == "firstrun":
        _write_firstrun(target, wanted)
    else:
        _write_seed(target, image, wanted)
    return part


def _check_room(target: fat.Fat, bundle: Bundle, say: Say) -> None:
    free = target.free_bytes()
    say(f"the boot partition has {free >> 20} MiB free; the bundle takes {bundle.size >> 20} MiB")
    if free < bundle.size + SPARE:
        raise ImageError(
            f"its boot partition has {free >> 20} MiB free, {bundle.size + SPARE >> 20} are needed",
            hint="make a bundle for this Python alone (scripts/bundle --python), or take a newer "
            "image, whose boot partition has 512 MiB",
        )


def _node_name(wanted: Wanted) -> str:
    return f"{wanted.node.node}.node"  # whatever the browser called it


def _conf(wanted: Wanted, bundle: Bundle) -> bytes:
    """Read by `sh`: names that need no quoting only."""
    values = {
        "CARD_NODE": _node_name(wanted),
        "CARD_BUNDLE": bundle.path.name,
        "CARD_BUNDLE_SHA256": _sha256(bundle.path),
        "CARD_SSH": "on" if wanted.has_ssh else "off",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items()).encode("ascii")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_seed(target: fat.Fat, image: Image, wanted: Wanted) -> None:
    instance = f"camwatch-{wanted.node.node}-{secrets.token_hex(4)}"
    is_on_boot = image.first_boot == "boot-seed"
    arm = seed.ARM_FROM_BOOT if is_on_boot else seed.ARM_FROM_CIDATA
    target.write("/user-data", seed.user_data(wanted, arm))
    target.write("/meta-data", seed.meta_data(wanted, instance))
    if wanted.wifi is not None:
        target.write("/network-config", seed.network_config(wanted.wifi))
    if is_on_boot:
        # An id in cmdline.txt outranks meta-data: one that an imager left there must not stay.
        words = [f"ds=nocloud;i={instance}", *_regdom(wanted)]
        line = seed.cmdline(target.read("/cmdline.txt"), *words, without=("ds=nocloud", _REGDOM))
        target.write("/cmdline.txt", line)


def _write_firstrun(target: fat.Fat, wanted: Wanted) -> None:
    target.write("/firstrun.sh", seed.firstrun(wanted))
    words = [*_regdom(wanted), *seed.FIRSTRUN_WORDS]
    without = ("systemd.run", "systemd.unit=", _REGDOM)
    target.write("/cmdline.txt", seed.cmdline(target.read("/cmdline.txt"), *words, without=without))


_REGDOM = "cfg80211.ieee80211_regdom="


def _regdom(wanted: Wanted) -> list[str]:
    return [f"{_REGDOM}{wanted.wifi.country}"] if wanted.wifi is not None else []
