"""The same first start in a container: a minute, where a virtual machine without KVM takes a
quarter of an hour. systemd, cloud-init and the card's root are real; the kernel is this machine's,
there is no firmware, and the boot partition is a folder with its files, as not every kernel knows
FAT. Only for a boot partition that cloud-init reads: a container has no devices, so no partition
CIDATA, and no kernel command line.

The container has a network of its own with nothing on it but the ports that are named.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.patience import PATIENCE_S
from tests.scripts.flash import vm
from tests.scripts.flash.layouts import MIB, run
from tests.units.container import entering, own_cgroups

GUEST = "10.0.2.15"
# What QEMU's DHCP server gives the virtual machine, a container has by this file.
NETWORK = f"[Match]\nName=host0\n[Network]\nAddress={GUEST}/24\nLinkLocalAddressing=no\n"


def need() -> None:
    """Skip where no container can be had."""
    vm.need_root()
    if shutil.which("systemd-nspawn") is None:
        vm.cannot("apt-get install --no-install-recommends systemd-container")
    if not Path("/dev/loop-control").exists():
        vm.cannot("no loop devices can be had here")


class _Relay:
    """A port of vm.HOST, passed on to the same port of the loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stack = contextlib.ExitStack()  # of all sockets
        self._listener = self._stack.enter_context(socket.create_server((vm.HOST, port)))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, run: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=run, args=arguments, name=f"relay {self._port}")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # `close`
            while True:
                near, _ = self._listener.accept()
                self._stack.enter_context(near)
                try:
                    far = socket.create_connection(("127.0.0.1", self._port))
                except OSError:
                    near.shutdown(socket.SHUT_RDWR)
                    continue
                self._stack.enter_context(far)
                self._sockets += [near, far]
                self._start(_pump, near, far)
                self._start(_pump, far, near)

    def close(self) -> None:
        """End all connections."""
        for each in (self._listener, *self._sockets):
            _end(each)
        for thread in self._threads:
            thread.join()
        self._stack.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _end(source)
    _end(target)


def _end(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


@dataclass
class Container:
    """A machine without a kernel of its own; used as `vm.Machine` is."""

    image: vm.SystemImage
    disk: Path
    folder: Path
    ports: Mapping[int, int] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = None
    _relays: list[_Relay] = field(default_factory=list)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def _serial(self) -> Path:
        return self.folder / "serial.txt"

    @property
    def _name(self) -> str:
        return f"cam{os.getpid()}"

    @property
    def boot(self) -> Path:
        """What is on the boot partition."""
        return self.folder / "boot"

    def _take_boot_out(self) -> None:
        """Its files into the folder; the partition holds nothing after that."""
        self.boot.mkdir()
        run("mcopy", "-s", "-i", f"{self.disk}@@{8 * MIB}", "::/", self.boot)
        run("fallocate", "--punch-hole", "-o", str(8 * MIB), "-l", str(vm.BOOT_SIZE), self.disk)

    def power_on(self) -> None:
        """Start it from its disk."""
        if not self.boot.exists():
            self._take_boot_out()
        self._serial.unlink(missing_ok=True)
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        start, size = 8 * MIB + vm.BOOT_SIZE, vm.ROOT_SIZE
        run("mount", "-o", f"loop,offset={start},sizelimit={size}", self.disk, root)
        (root / "etc/systemd/network").mkdir(exist_ok=True)
        (root / "etc/systemd/network/10-host0.network").write_text(NETWORK)
        command = [
            "systemd-nspawn", "--quiet", "-D", str(root), f"--bind={self.boot}:/boot/firmware",
            "--register=no", "--keep-unit", "--network-veth", "-M", self._name, "--boot",
        ]  # fmt: skip
        folders = self._stack.enter_context(own_cgroups(self._name))
        with self._serial.open("wb") as serial:
            self._child = subprocess.Popen(
                [*entering(folders), *command],
                stdin=subprocess.DEVNULL,
                stdout=serial,
                stderr=serial,
            )
        self._connect(f"ve-{self._name}")

    def _connect(self, interface: str) -> None:
        limit_s = time.monotonic() + PATIENCE_S
        while not (Path("/sys/class/net") / interface).exists():
            assert time.monotonic() < limit_s, f"no {interface}: {self.end()}"
            time.sleep(0.1)
        run("ip", "address", "replace", f"{vm.HOST}/24", "dev", interface)
        run("ip", "link", "set", interface, "up")
        self._relays = [_Relay(port) for port in self.ports.values()]

    def power_off(self) -> None:
        """Killed without a word, as when the cable is pulled."""
        if self._child is None:
            return
        inside = _children(self._child.pid)
        for pid in inside:  # it outlives systemd-nspawn, once it has executed itself anew
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._child.kill()
        self._child.wait()
        self._child = None
        limit_s = time.monotonic() + PATIENCE_S
        while any(map(_is_alive, inside)):
            assert time.monotonic() < limit_s, "the container outlives its end"
            time.sleep(0.1)
        self._stack.close()
        for relay in self._relays:
            relay.close()
        link = ["ip", "link", "delete", f"ve-{self._name}"]  # it may outlive the container
        subprocess.run(link, capture_output=True, check=False)
        _unmount(self.folder / "root")

    def said(self) -> str:
        """What it printed since it was last powered on."""
        with contextlib.suppress(OSError):
            return self._serial.read_bytes().decode("utf-8", "replace")
        return ""

    def wait_for(self, is_done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Until `is_done`."""
        limit_s = time.monotonic() + max(timeout_s, PATIENCE_S)
        while not is_done():
            assert time.monotonic() < limit_s, f"not within {timeout_s:g} s: {what}\n{self.end()}"
            assert self._child is not None
            assert self._child.poll() is None, self.end()
            time.sleep(0.2)

    def wait_for_words(self, words: str, timeout_s: float) -> None:
        """Until it prints them."""
        self.wait_for(lambda: words in self.said(), timeout_s, words)

    def on_card(self) -> tuple[list[str], str]:
        """The names in camwatch/ on the card, and its status.txt."""
        folder = self.boot / "camwatch"
        return [path.name for path in folder.iterdir()], (folder / "status.txt").read_text()

    def holds(self, secret: str) -> bool:
        """Whether the bytes lie anywhere on the card."""
        files = [path for path in self.boot.rglob("*") if path.is_file()]  # none before power-on
        return any(vm.holds(path, secret) for path in (self.disk, *files))

    def end(self) -> str:
        """The last of what it printed."""
        return self.said()[-6000:]


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []  # it has ended by itself
    return [int(each) for each in text.split()]


def _is_alive(pid: int) -> bool:
    """Whether it runs; what nobody has waited for yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def _unmount(place: Path) -> None:
    """Once the processes in it have died."""
    limit_s = time.monotonic() + PATIENCE_S
    while subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        assert time.monotonic() < limit_s, f"{place} stays busy"
        time.sleep(0.2)
