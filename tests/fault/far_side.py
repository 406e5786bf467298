"""A node's own network: a namespace, a pair of virtual Ethernet ends, and faults between the two.

Inside, `localhost` is the other end of the wire, whose traffic is handed to the loopback of this
side, where broker and hub listen. So the node needs no other settings, and real TCP stands between.
Needs root, iproute2 and nftables.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.child import Child

HOSTS_DIR = Path("/etc/netns")  # ip-netns(8): bound over /etc inside
RAW_PRIORITY, DNAT_PRIORITY = -300, -100
SEARCHED = "/usr/sbin:/sbin:/usr/bin:/bin"


class FarSide:
    """One namespace and the wire to it."""

    def __init__(self) -> None:
        tag = secrets.token_hex(3)
        self.name = f"cw{tag}"
        self._near, self._far = f"cwa{tag}", f"cwb{tag}"
        third, fourth = (
            random.SystemRandom().randrange(256),
            random.SystemRandom().randrange(64) * 4,
        )
        self._near_ip, self._far_ip = (f"10.213.{third}.{fourth + each}" for each in (1, 2))

    def open(self) -> None:
        """Make both ends. Raises CalledProcessError where the system does not let us."""
        _run("ip", "netns", "add", self.name)
        _run(
            "ip",
            "link",
            "add",
            self._near,
            "type",
            "veth",
            "peer",
            "name",
            self._far,
            "netns",
            self.name,
        )
        _run("ip", "addr", "add", f"{self._near_ip}/30", "dev", self._near)
        _run("ip", "link", "set", self._near, "up")
        self._inside("ip", "addr", "add", f"{self._far_ip}/30", "dev", self._far)
        for device in ("lo", self._far):
            self._inside("ip", "link", "set", device, "up")
        Path(f"/proc/sys/net/ipv4/conf/{self._near}/route_localnet").write_text("1")
        hosts = HOSTS_DIR / self.name / "hosts"
        hosts.parent.mkdir(parents=True)
        hosts.write_text(f"{self._near_ip} localhost\n", encoding="ascii")
        rule = f'iifname "{self._near}" ip daddr {self._near_ip} dnat to 127.0.0.1'
        self._rules("nat", f"type nat hook prerouting priority {DNAT_PRIORITY};", rule)

    def close(self) -> None:
        """Undo everything; harmless twice."""
        for table in ("nat", "faults"):
            with contextlib.suppress(subprocess.CalledProcessError):
                _run("nft", "delete", "table", "ip", f"{self.name}_{table}")
        with contextlib.suppress(subprocess.CalledProcessError):
            _run("ip", "netns", "delete", self.name)  # its end of the wire goes with it
        shutil.rmtree(HOSTS_DIR / self.name, ignore_errors=True)
        with contextlib.suppress(OSError):
            HOSTS_DIR.rmdir()

    def move(self, child: Child) -> None:
        """Start `child` inside from now on; it keeps its process id, but has no READY to give."""
        child.argv = ["ip", "netns", "exec", self.name, *child.argv]

    def lose(self, percent: int) -> None:
        """Drop so many of a hundred packets, at random, in each direction; 100 is a black hole."""
        self.heal()
        what = "drop" if percent >= 100 else f"numgen random mod 100 < {percent} drop"
        hook = f"type filter hook prerouting priority {RAW_PRIORITY};"
        self._rules("faults", hook, f'iifname "{self._near}" {what}')
        self._rules("faults", hook, f'iifname "{self._far}" {what}', is_inside=True)

    def heal(self) -> None:
        """Let every packet pass."""
        for inside in ((), ("ip", "netns", "exec", self.name)):
            with contextlib.suppress(subprocess.CalledProcessError):
                _run(*inside, "nft", "delete", "table", "ip", f"{self.name}_faults")

    def unplug(self) -> None:
        """Take the wire out: the far end has no carrier."""
        _run("ip", "link", "set", self._near, "down")

    def plug(self) -> None:
        """Put it back."""
        _run("ip", "link", "set", self._near, "up")

    def _inside(self, *argv: str) -> None:
        _run("ip", "netns", "exec", self.name, *argv)

    def _rules(self, table: str, hook: str, rule: str, *, is_inside: bool = False) -> None:
        text = f"table ip {self.name}_{table} {{\n chain c {{\n {hook}\n {rule}\n }}\n}}\n"
        prefix = ("ip", "netns", "exec", self.name) if is_inside else ()
        _run(*prefix, "nft", "-f", "-", text=text)


@contextlib.contextmanager
def far_side() -> Iterator[FarSide]:
    """A far side; the test is skipped where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for tool in ("ip", "nft"):
        if shutil.which(tool, path=SEARCHED) is None:
            pytest.skip(f"no {tool} on this machine: apt-get install iproute2 nftables")
    made = FarSide()
    try:
        try:
            made.open()
            made.lose(50)
            made.heal()
        except (subprocess.CalledProcessError, OSError) as err:
            said = getattr(err, "stderr", "") or str(err)
            pytest.skip(f"this system gives no namespaces or packet filters: {said.strip()}")
        yield made
    finally:
        made.close()


def _run(*argv: str, text: str | None = None) -> None:
    env = os.environ | {"PATH": SEARCHED}
    subprocess.run(argv, input=text, env=env, check=True, capture_output=True, text=True)
