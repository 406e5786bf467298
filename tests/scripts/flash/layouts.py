"""Small images laid out as the real ones are: tables, file systems, the files that tell them apart.

Imitations: no kernel, no firmware, a root of a few files. What they imitate, and from where it is
known, stands in docs/design/flashing.md. Made without mounting, by sfdisk, mkfs and mtools.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.contract import nodefile
from edge.contract.nodefile import FileCamera, HubAddress, NodeFile
from scripts.lib import bundle
from tests.harness.credentials import Authority

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
TOKEN = "Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZmdoaWo"
CAMERA_PASSWORD = "cam-pass-7731"
PASSPHRASE = "chim bay ve to 42"
BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
TRIXIE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME=trixie\nID=debian\n'
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=041bba91-02 rootfstype=ext4 rootwait"
FSTAB = (
    "proc /proc proc defaults 0 0\nPARTUUID=041bba91-01  /boot/firmware  vfat  defaults  0  2\n"
    "PARTUUID=041bba91-02  /  ext4  defaults,noatime  0  1\n"
)
NEEDED = ("sfdisk", "mkfs.vfat", "mkfs.ext4", "debugfs", "mcopy")
BOOT_START, BOOT_SIZE, ROOT_SIZE = 8 * MIB, 48 * MIB, 8 * MIB
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def run(*command: str | Path, given: bytes = b"", cwd: Path | None = None) -> bytes:
    """What it prints; its words are the assertion's where it fails."""
    argv = [str(each) for each in command]
    done = subprocess.run(
        argv,
        input=given,
        capture_output=True,
        check=False,
        env=os.environ | {"PATH": PATH},
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass
class Layout:
    """An image to be made."""

    boot_files: dict[str, str] = field(default_factory=dict)
    root_files: dict[str, str] = field(default_factory=dict)
    scheme: str = "dos"
    boot_size: int = BOOT_SIZE

    def make(self, path: Path) -> Path:
        """Write it."""
        root_start = BOOT_START + self.boot_size
        size = root_start + ROOT_SIZE + MIB
        with path.open("wb") as file:
            file.truncate(size)
        if self.scheme == "dos":
            table = (
                f"label: dos\nlabel-id: 0x041bba91\n"
                f"start={BOOT_START // 512}, size={self.boot_size // 512}, type=c\n"
                f"start={root_start // 512}, size={ROOT_SIZE // 512}, type=83\n"
            )
        else:  # as Debian's: the root last, numbered first
            table = (
                f"label: gpt\n1: start={root_start // 512}, size={ROOT_SIZE // 512}, type=linux\n"
                "14: start=2048, size=6144, type=21686148-6449-6E6F-744E-656564454649\n"
                f"15: start={BOOT_START // 512}, size={self.boot_size // 512}, type=uefi\n"
            )
        run("sfdisk", "--quiet", path, given=table.encode())
        sectors, blocks = BOOT_START // 512, self.boot_size // 1024
        run("mkfs.vfat", "-n", "bootfs", f"--offset={sectors}", path, str(blocks))
        for name, text in self.boot_files.items():
            run("mcopy", "-i", f"{path}@@{BOOT_START}", "-", f"::{name}", given=text.encode())
        self._make_root(path, root_start)
        return path

    def _make_root(self, path: Path, start: int) -> None:
        folder = path.with_suffix(".root")
        for name, text in self.root_files.items():
            place = folder / name.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                place.mkdir()
            else:
                place.write_text(text)
        folder.mkdir(exist_ok=True)
        options = ("-E", f"offset={start}", "-d", str(folder))
        run("mkfs.ext4", "-q", "-F", *options, path, f"{ROOT_SIZE // 1024}k")


def system(release: str, python: str, arch: str, **more: str) -> dict[str, str]:
    """The files of a root that say what it is."""
    files = {
        "/usr/lib/os-release": release,
        f"/usr/bin/python{python}": "",
        f"/usr/lib/{arch}/": "",
        "/etc/fstab": FSTAB,
    }
    return files | more


def raspios_bookworm() -> Layout:
    """Raspberry Pi OS Lite before cloud-init: firstrun.sh."""
    root = system(BOOKWORM, "3.11", "aarch64-linux-gnu")
    root["/usr/lib/raspberrypi-sys-mods/imager_custom"] = "#!/bin/sh\n"
    root["/usr/sbin/wpa_supplicant"] = ""
    boot = {
        "config.txt": "arm_64bit=1\n",
        "cmdline.txt": f"{CMDLINE} quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n",
        "issue.txt": "Raspberry Pi reference 2025-05-13\nGenerated using pi-gen\n",
    }
    return Layout(boot, root)


def raspios_trixie() -> Layout:
    """Raspberry Pi OS Lite with cloud-init on its boot partition."""
    root = system(TRIXIE, "3.13", "aarch64-linux-gnu")
    root["/usr/bin/cloud-init"] = root["/usr/sbin/wpa_supplicant"] = ""
    boot = {
        "config.txt": "arm_64bit=1\n",
        "cmdline.txt": f"{CMDLINE} resize\n",
        "issue.txt": "Raspberry Pi reference 2025-11-24\n",
        "meta-data": "instance_id: rpios-image\n",
        "user-data": "#cloud-config\n",
        "network-config": "network:\n  version: 2\n",
    }
    return Layout(boot, root)


def debian_cloud() -> Layout:
    """Debian's generic cloud image for amd64."""
    root = system(BOOKWORM, "3.11", "x86_64-linux-gnu")
    root["/usr/bin/cloud-init"] = ""
    return Layout({"startup.nsh": ""}, root, scheme="gpt")


KINDS = {
    "firstrun": raspios_bookworm,
    "boot-seed": raspios_trixie,
    "cidata": debian_cloud,
}


def node_file(path: Path, **more: object) -> Path:
    """A node file as the hub writes it, good for a day."""
    ca = Authority(path.parent / "authority").ca_file.read_text("ascii")
    camera = FileCamera("gate", "rtsp://192.0.2.10/1", user="viewer", password=CAMERA_PASSWORD)
    values: dict[str, object] = {
        "camwatch_node": 1,
        "node": "gate-3",
        "hub": HubAddress("hub.example.org", 8883, "https://hub.example.org:8443"),
        "hub_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "token": TOKEN,
        "expires_utc": datetime.now(UTC) + timedelta(days=1),
        "cameras": (camera,),
        "ca": ca,
        "time_zone": "Asia/Ho_Chi_Minh",
    }
    path.touch(mode=0o600)
    path.write_bytes(nodefile.encode(NodeFile(**(values | more))))  # type: ignore[arg-type]
    return path


def small_bundle(
    folder: Path,
    arch: str,
    size: int = MIB,
    installer: str = "#!/bin/sh\nexit 0\n",
    *,
    has_release_key: bool = True,
) -> Path:
    """A whole bundle with nothing real in it, for both Pythons."""
    name = f"camwatch-0.1.0-{arch}"
    inside = folder / name
    (inside / "wheels").mkdir(parents=True)
    (inside / "wheels" / "camwatch-0.1.0-py3-none-any.whl").write_bytes(os.urandom(size))
    (inside / "install-node").write_text(installer)
    (inside / "install-node").chmod(0o755)
    if has_release_key:
        (inside / bundle.RELEASE_KEYS).mkdir(parents=True)
        (inside / bundle.RELEASE_KEYS / "maker.pub").write_text("x")
    files = [path for path in inside.rglob("*") if path.is_file()]
    sums = {str(path.relative_to(inside)): bundle.digest(path) for path in files}
    manifest = bundle.Manifest("0.1.0", arch, bundle.PYTHONS, sums)
    (inside / "MANIFEST").write_text(manifest.text())
    packed = folder / f"{name}.tar"
    bundle.pack(inside, name, packed)
    return packed


def flash(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as its wrapper does."""
    argv = [sys.executable, "-P", "-m", "scripts.lib.flash", *(str(each) for each in arguments)]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=cwd, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """A folder with what a card is made of."""

    folder: Path
    image: Path
    node: Path
    bundle: Path

    @property
    def options(self) -> list[str | Path]:
        """What each run needs."""
        return ["--image", self.image, "--node", self.node, "--bundle", self.bundle, "--yes"]

    def flash(self, *more: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it with these and `more`."""
        return flash(*self.options, *more, cwd=self.folder)


def bench(folder: Path, kind: str, layout: Layout | None = None) -> Bench:
    """All that is needed for an image of that kind. Skips the test where a tool is missing."""
    need_tools()
    made = (layout or KINDS[kind]()).make(folder / "system.img")
    arch = "x86_64" if kind == "cidata" else "aarch64"
    return Bench(folder, made, node_file(folder / "gate-3.node"), small_bundle(folder, arch))


def need_tools() -> None:
    """Skip where one is missing."""
    if missing := [name for name in NEEDED if not shutil.which(name, path=PATH)]:
        pytest.skip(f"missing: {missing} (apt-get install fdisk dosfstools e2fsprogs mtools)")


def on_fat(image: Path, start: int, name: str) -> bytes:
    """A file's bytes on the FAT partition there."""
    return run("mtype", "-i", f"{image}@@{start}", f"::{name}")


def as_json(document: bytes) -> dict[str, Any]:
    """A seed's document."""
    value = json.loads(document.removeprefix(b"#cloud-config\n"))
    assert isinstance(value, dict)
    return value


def members(tar: Path) -> list[str]:
    """The names in a tar."""
    with tarfile.open(tar) as file:
        return file.getnames()
