"""Boots real systemd with our units in a throw-away copy of this machine's root, by systemd-nspawn.

The root is an overlay in memory over `/`, so nothing of it stays; the network is the container's
own, with nothing but loopback. Needs root, systemd-nspawn and a system Python that is of the same
version as the environment, whose packages it then loads from `/opt/camwatch`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path("/usr/bin/python3")
OPT = "opt/camwatch"
CURRENT = f"{OPT}/versions/test"
OUTPUT = "var/tmp/camwatch-said"
TIMEOUT_S = 900.0
CGROUPS = Path("/sys/fs/cgroup")
SIZE = "2G"
DONE = "camwatch-done"
NODE_SETTINGS = """
node: gate-3
hub:
  mqtt: {host: 127.0.0.1, port: 1883}
  upload_url: http://127.0.0.1:8443
  secret_file: /etc/camwatch/gate-3.secret
  public_key_file: /etc/camwatch/hub.pub
cameras:
  - name: gate
    source: "synthetic:?width=320&height=180&fps=10"
"""  # of a node beside its hub; what is added to it belongs to its camera
BRIEF = "    motion: {quiet_s: 1s}\n    clips: {pre_roll_s: 1s, post_roll_s: 1s}\n"

ENTRY = """#!/opt/camwatch/current/bin/python
import sys
from {module} import main
sys.exit(main())
"""
LAST = f"""[Unit]
Description=The test's own steps, and the end
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash /etc/camwatch-steps
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=append:/{OUTPUT}
StandardError=append:/{OUTPUT}
"""


class Container:
    """A root that can be changed and then booted, each time from the power button."""

    def __init__(self, root: Path, binds: Mapping[str, Path]) -> None:
        """`binds`: folders of this machine that it sees, read-only, by their place there."""
        self.root = root
        self._binds = binds

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """A file at `path` of the container."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def run(self, *command: str) -> None:
        """Run a program in the root, before it is booted."""
        subprocess.run(["chroot", str(self.root), *command], check=True, capture_output=True)

    def boot(self, steps: str, *, network: str | None = None, shared: Path | None = None) -> str:
        """Boot, carry out the shell script `steps`, end; what the steps printed.

        `network`: the name of a network namespace to be in. `shared`: a folder that is its /shared.
        """
        self.write("/etc/camwatch-steps", f"{steps}\necho {DONE}\n")
        self.write("/etc/systemd/system/camwatch-last.service", LAST)
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        last = wants / "camwatch-last.service"
        if not last.is_symlink():
            last.symlink_to("../camwatch-last.service")
        (self.root / OUTPUT).unlink(missing_ok=True)
        binds = [f"--bind-ro={source}:{place}" for place, source in self._binds.items()]
        if shared is not None:
            binds.append(f"--bind={shared}:/shared")
        net = "--private-network"
        if network is not None:
            net = f"--network-namespace-path=/run/netns/{network}"
        name = f"camwatch-{os.getpid()}-{secrets.token_hex(3)}"
        command = [
            "systemd-nspawn", "--quiet", "-D", str(self.root), "--register=no", "--keep-unit",
            net, "-M", name, *binds, "--boot",
        ]  # fmt: skip
        with own_cgroups(name) as folders:
            done = subprocess.run(
                [*entering(folders), *command],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False,
            )  # fmt: skip
        said = self.root / OUTPUT
        text = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
        log = (done.stdout + done.stderr).decode("utf-8", "replace")
        # Behind it systemctl may say that systemd went before it could answer.
        assert DONE in text.splitlines(), f"{text}\n{log[-3000:]}"
        return text


@contextlib.contextmanager
def own_cgroups(name: str) -> Iterator[list[Path]]:
    """Control groups of its own: two systemds in one would end each other's services."""
    hierarchies = [CGROUPS / "systemd", CGROUPS / "unified", CGROUPS]
    made = [each / name for each in hierarchies if (each / "cgroup.procs").exists()]
    for each in made:
        each.mkdir()
    try:
        yield made
    finally:
        for each in made:
            for folder in sorted(each.rglob("*/"), reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                each.rmdir()


def entering(folders: Sequence[Path]) -> list[str]:
    """What goes before a command that is to run in these control groups."""
    enter = "".join(f"echo $$ > {each}/cgroup.procs; " for each in folders)
    return ["/bin/sh", "-c", f'{enter}exec "$@"', "sh"]


@contextlib.contextmanager
def container(folder: Path) -> Iterator[Container]:
    """A root with the software and the users in it; skips the test where there can be none."""
    binds = {f"/{OPT}/packages": Path(sysconfig.get_paths()["purelib"])}
    binds |= {f"/{OPT}/src/{room}": ROOT / room for room in ("edge", "hub", "tests")}
    with bare_container(folder, binds) as made:
        _install(made)
        yield made


@contextlib.contextmanager
def bare_container(folder: Path, binds: Mapping[str, Path]) -> Iterator[Container]:
    """The same without the software: this machine's root, and `binds`."""
    _skip_where_impossible()
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        _mount(stack, folder, "-t", "tmpfs", "-o", f"size={SIZE}", "none")
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        root = folder / "root"
        layers = f"lowerdir=/,upperdir={folder / 'upper'},workdir={folder / 'work'}"
        _mount(stack, root, "-t", "overlay", "-o", layers, "overlay")
        for place in binds:
            (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        yield Container(root, binds)


def _skip_where_impossible() -> None:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("booting a container needs root on Linux")
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("no systemd-nspawn here: apt-get install systemd-container")
    if not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("no Mosquitto here: apt-get install mosquitto")
    asked = [str(PYTHON), "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.stdout.split() != [str(part) for part in sys.version_info[:2]]:
        pytest.skip(f"{PYTHON} is not Python {sys.version_info[0]}.{sys.version_info[1]}")


def _mount(stack: contextlib.ExitStack, target: Path, *arguments: str) -> None:
    done = subprocess.run(["mount", *arguments, str(target)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is refused here: {done.stderr.decode().strip()}")
    stack.callback(subprocess.run, ["umount", "--lazy", str(target)], check=False)


def _install(made: Container) -> None:
    """As scripts would: environment, commands, units, users, folders."""
    venv = made.root / CURRENT
    venv.parent.mkdir(parents=True)
    (made.root / OPT / "current").symlink_to("versions/test")
    making = [str(PYTHON), "-m", "venv", "--without-pip", str(venv)]
    subprocess.run(making, check=True)
    (packages,) = venv.glob("lib/python3*/site-packages")
    (packages / "camwatch.pth").write_text(f"/{OPT}/packages\n/{OPT}/src\n", encoding="ascii")
    for name, module in (("camwatch-edge", "edge.cli"), ("camwatch-hub", "hub.cli")):
        made.write(f"/{CURRENT}/bin/{name}", ENTRY.format(module=module), mode=0o755)
    units = made.root / "etc/systemd/system"
    for path in (ROOT / "systemd").glob("*.service"):
        shutil.copy(path, units)
    shutil.copytree(ROOT / "systemd/mosquitto.service.d", units / "mosquitto.service.d")
    for user in ("camwatch-edge", "camwatch-hub"):
        made.run("useradd", "--system", "--home-dir", f"/var/lib/{user}", user)
