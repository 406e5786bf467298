"""A real Debian in a virtual machine, started from a card that flash-node prepared.

The root is made by mmdebstrap from the archive that this machine's apt is set to use, with Debian's
kernel, systemd and cloud-init, and kept in ~/.cache/camwatch/vm (500 MB). It is laid out on a disk
as each kind of image is. What is not real: the firmware. QEMU is handed kernel and initramfs from
outside; where the image has a Pi's boot partition, the machine reads its cmdline.txt at each
power-on, as the Pi's firmware does.

The machine has no network but the few TCP ports that are named: what it needs must be on the card.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.harness.patience import PATIENCE_S
from tests.scripts.flash import layouts
from tests.scripts.flash.layouts import MIB, run

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "camwatch" / "vm"
SUITES = {"cidata": "bookworm", "firstrun": "bookworm", "boot-seed": "trixie"}
PACKAGES = (
    "systemd-sysv,systemd-resolved,dbus,udev,linux-image-cloud-amd64,initramfs-tools,cloud-init,"
    "cloud-guest-utils,netplan.io,python3,openssh-server,sudo,iproute2,ca-certificates,tzdata,"
    "e2fsprogs,parted,fdisk,passwd,procps,kmod,systemd-timesyncd,locales"
)
HOST = "10.0.2.100"  # where the guest finds the ports that are let through
DISK_SIZE = 4096 * MIB
BOOT_SIZE = 512 * MIB
ROOT_SIZE = 2200 * MIB
MEMORY_MIB = 1024
SEED_FROM_BOOT = """\
# As Raspberry Pi OS Trixie has it.
datasource_list: [ NoCloud, None ]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware
"""
# Raspberry Pi OS's own tools are not Debian's. These stand in for them: they do with Debian's means
# what the names say, so that the script that calls them is tried as a whole.
IMAGER_CUSTOM = """#!/bin/sh
set -e
what="$1"
shift
case "$what" in
    set_hostname) echo "$1" >/etc/hostname; hostname "$1" ;;
    set_timezone) ln -sf "/usr/share/zoneinfo/$1" /etc/localtime ;;
    enable_ssh) [ "$1" != -d ] || systemctl disable ssh ;;
    *) echo "unknown: $what" >&2; exit 1 ;;
esac
"""
USERCONF = """#!/bin/sh
getent passwd "$1" >/dev/null || useradd --create-home --uid 1000 "$1"
"""
RELAY = """
import socket, sys, threading
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := far.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    sys.stdout.close()
threading.Thread(target=back, daemon=True).start()
while data := sys.stdin.buffer.raw.read(65536):
    far.sendall(data)
far.shutdown(socket.SHUT_WR)
"""


def cannot(why: str) -> None:
    """Skip, with the part of the path that has not been run."""
    pytest.skip(f"NOT RUN: the first start of a prepared card: {why}")


def need() -> None:
    """Skip where no virtual machine can be had."""
    need_root()
    if not shutil.which("qemu-system-x86_64"):
        cannot("apt-get install --no-install-recommends qemu-system-x86")


def need_root() -> None:
    """Skip where no system can be unpacked."""
    layouts.need_tools()
    if os.geteuid() != 0:
        cannot("needs root, to unpack a system")
    if not shutil.which("mmdebstrap"):
        cannot("apt-get install --no-install-recommends mmdebstrap")


def accelerator() -> str:
    """KVM where the processor can virtualise; some machines have /dev/kvm without that."""
    flags = set(Path("/proc/cpuinfo").read_text().split())
    has_kvm = flags & {"vmx", "svm"} and os.access("/dev/kvm", os.R_OK | os.W_OK)
    return "kvm" if has_kvm else "tcg,thread=multi"


def archive_address() -> str:
    """The Debian archive that this machine's apt is set to use."""
    wanted = ("Identifier: Packages", "Origin: Debian", "Label: Debian", "Component: main")
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        cannot("apt has no list of a Debian archive; apt-get update brings it")
    return done.stdout.splitlines()[0]


def base_root(suite: str) -> Path:
    """The root folder of a Debian, made once."""
    root = CACHE / f"{suite}-amd64"
    made = root / "etc" / "camwatch-made"
    if made.is_file() and made.read_text() == PACKAGES:
        return root
    shutil.rmtree(root, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    building = CACHE / "building"
    if any(os.path.ismount(building / name) for name in ("dev", "proc", "sys")):
        cannot(f"something is mounted in {building}: unmount it, then remove the folder")
    shutil.rmtree(building, ignore_errors=True)
    # What it mounts, /dev among it, is seen by nobody else and is gone with it, whatever happens.
    command = ["unshare", "--mount", "mmdebstrap", "--quiet", "--variant=minbase"]
    command.append(f"--include={PACKAGES}")
    line = f"deb {archive_address()} {suite} main"
    done = subprocess.run(
        [*command, suite, str(building), line], capture_output=True, text=True, check=False
    )
    if done.returncode:
        cannot(f"mmdebstrap: {done.stderr.strip()[-300:]}")
    (building / "etc" / "camwatch-made").write_text(PACKAGES)
    building.rename(root)
    return root


@dataclass
class SystemImage:
    """A disk image with a whole Debian, laid out as one of the kinds is."""

    kind: str
    path: Path
    kernel: Path
    initrd: Path


def build(kind: str, folder: Path) -> SystemImage:
    """Make the image that an installer would download."""
    base = base_root(SUITES[kind])
    root = folder / "root"
    run("cp", "-al", base, root)
    has_boot = kind != "cidata"
    files = {
        "etc/fstab": _fstab(has_boot=has_boot),
        "etc/machine-id": "",
        "etc/hostname": "image\n",
    }
    files["etc/cloud/cloud.cfg.d/98_quick.cfg"] = "ssh_genkeytypes: [ed25519]\n"
    if kind == "boot-seed":
        files["etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg"] = SEED_FROM_BOOT
    if kind == "firstrun":
        files["usr/lib/raspberrypi-sys-mods/imager_custom"] = IMAGER_CUSTOM
        files["usr/lib/userconf-pi/userconf"] = USERCONF
        (root / "usr/bin/cloud-init").unlink()
        files["etc/cloud/cloud-init.disabled"] = ""
        files["etc/systemd/network/any.network"] = "[Match]\nType=ether\n[Network]\nDHCP=yes\n"
        wants = root / "etc/systemd/system/multi-user.target.wants"
        (wants / "systemd-networkd.service").symlink_to(
            "/lib/systemd/system/systemd-networkd.service"
        )
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)  # a hard link into the cache
        place.write_text(text)
        place.chmod(0o755 if text.startswith("#!") else 0o644)
    (root / "boot/firmware").mkdir(exist_ok=True)
    path = folder / "system.img"
    _lay_out(path, root, has_boot=has_boot)
    kernel, initrd = (folder / name for name in ("vmlinuz", "initrd"))
    shutil.copy(next((base / "boot").glob("vmlinuz-*")), kernel)
    shutil.copy(next((base / "boot").glob("initrd.img-*")), initrd)
    shutil.rmtree(root)
    return SystemImage(kind, path, kernel, initrd)


def _fstab(*, has_boot: bool) -> str:
    boot = "PARTUUID=041bba91-01 /boot/firmware vfat defaults 0 2\n" if has_boot else ""
    return f"LABEL=rootfs / ext4 defaults,noatime 0 1\n{boot}"


# On a busy machine an emulated timer may come too late for the kernel's own test of it.
FOR_QEMU = "console=ttyS0 no_timer_check panic=5"
CMDLINE = "console=ttyS0 root=LABEL=rootfs rootfstype=ext4 fsck.repair=yes rootwait"


def _lay_out(path: Path, root: Path, *, has_boot: bool) -> None:
    start = 8 * MIB + (BOOT_SIZE if has_boot else 0)
    with path.open("wb") as file:
        file.truncate(start + ROOT_SIZE + MIB)
    if has_boot:
        table = (
            "label: dos\nlabel-id: 0x041bba91\n"
            f"start={8 * MIB // 512}, size={BOOT_SIZE // 512}, type=c\n"
            f"start={start // 512}, size={ROOT_SIZE // 512}, type=83\n"
        )
    else:
        table = f"label: gpt\n1: start={start // 512}, size={ROOT_SIZE // 512}, type=linux\n"
    run("sfdisk", "--quiet", path, given=table.encode())
    options = ("-L", "rootfs", "-E", f"offset={start}", "-d", str(root))
    run("mkfs.ext4", "-q", "-F", *options, path, f"{ROOT_SIZE // 1024}k")
    if has_boot:
        sectors, blocks = 8 * MIB // 512, BOOT_SIZE // 1024
        run("mkfs.vfat", "-F", "32", "-n", "bootfs", f"--offset={sectors}", path, str(blocks))
        files = {"config.txt": "", "cmdline.txt": CMDLINE, "issue.txt": "", "meta-data": "{}\n"}
        for name, text in files.items():
            run("mcopy", "-i", f"{path}@@{8 * MIB}", "-", f"::{name}", given=text.encode())


def holds(path: Path, secret: str) -> bool:
    """Whether the bytes lie anywhere in a file."""
    wanted, kept = secret.encode(), b""
    with path.open("rb") as file:
        while block := file.read(16 * MIB):
            if wanted in kept + block:
                return True
            kept = block[-len(wanted) :]
    return False


@dataclass
class Machine:
    """A virtual machine with one disk."""

    image: SystemImage
    disk: Path
    folder: Path
    ports: Mapping[int, int] = field(default_factory=dict)  # of HOST: of this machine's loopback
    _child: subprocess.Popen[bytes] | None = None

    @property
    def console(self) -> Path:
        """What it printed, over all its starts."""
        return self.folder / "console.txt"

    @property
    def _serial(self) -> Path:
        return self.folder / "serial.txt"

    def _cmdline(self) -> str:
        line = CMDLINE
        if self.image.kind != "cidata":
            line = layouts.on_fat(self.disk, 8 * MIB, "cmdline.txt").decode().strip()
        return f"{line} {FOR_QEMU}"

    def power_on(self) -> None:
        """Start it from its disk."""
        self._serial.unlink(missing_ok=True)
        relay = self.folder / "relay.py"
        relay.write_text(RELAY)
        forwards = "".join(
            f",guestfwd=tcp:{HOST}:{guest}-cmd:{sys.executable} {relay} 127.0.0.1 {host}"
            for guest, host in self.ports.items()
        )
        command = [
            "qemu-system-x86_64", "-machine", "q35", "-accel", accelerator(), "-cpu", "max",
            "-smp", "2", "-m", str(MEMORY_MIB), "-no-reboot", "-display", "none",
            "-monitor", "none", "-serial", f"file:{self._serial}",
            "-drive", f"file={self.disk},if=virtio,format=raw,cache=writeback",
            "-netdev", f"user,id=net,restrict=on{forwards}", "-device", "virtio-net-pci,netdev=net",
            "-device", "virtio-rng-pci", "-kernel", str(self.image.kernel),
            "-initrd", str(self.image.initrd), "-append", self._cmdline(),
        ]  # fmt: skip
        with (self.folder / "qemu.txt").open("ab") as errors:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
            )

    def power_off(self) -> None:
        """The cable is pulled."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
            self._keep_console()

    def _keep_console(self) -> None:
        with contextlib.suppress(OSError), self.console.open("ab") as kept:
            kept.write(b"\n--- power-on ---\n" + self._serial.read_bytes())

    def said(self) -> str:
        """What it printed since it was last powered on."""
        with contextlib.suppress(OSError):
            return self._serial.read_bytes().decode("utf-8", "replace")
        return ""

    def wait_for(self, is_done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Until `is_done`; a machine that restarts is started again, as a real one would be."""
        limit_s = time.monotonic() + max(timeout_s, PATIENCE_S)
        while not is_done():
            assert time.monotonic() < limit_s, f"not within {timeout_s:g} s: {what}\n{self.end()}"
            assert self._child is not None
            if self._child.poll() is not None:
                errors = (self.folder / "qemu.txt").read_text()
                assert self._child.returncode == 0, errors
                self._keep_console()
                self.power_on()
            time.sleep(0.2)

    def wait_for_words(self, words: str, timeout_s: float) -> None:
        """Until it prints them."""
        self.wait_for(lambda: words in self.said(), timeout_s, words)

    def on_card(self) -> tuple[list[str], str]:
        """The names in camwatch/ on the card, and its status.txt."""
        start = 8 * MIB
        if self.image.kind == "cidata":
            dump = run("sfdisk", "--dump", self.disk).decode()
            start = max(int(each) for each in re.findall(r"start= *(\d+)", dump)) * 512
        names = run("mdir", "-b", "-i", f"{self.disk}@@{start}", "::/camwatch").decode().split()
        text = layouts.on_fat(self.disk, start, "/camwatch/status.txt").decode()
        return [name.rpartition("/")[2] for name in names], text

    def holds(self, secret: str) -> bool:
        """Whether the bytes lie anywhere on the disk, in files or between them."""
        return holds(self.disk, secret)

    def end(self) -> str:
        """The last of what it printed."""
        return self.said()[-6000:]
