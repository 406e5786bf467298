"""A hub as it is installed, with TLS and a broker that it lets nodes into by itself, and boxes that
join by their node files."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from edge.contract import nodefile
from edge.contract.nodefile import NodeFile
from edge.keys import PrivateKey, load_or_make
from tests.harness.broker import find_mosquitto, free_port
from tests.harness.child import HarnessError
from tests.harness.credentials import Authority
from tests.harness.hub_broker import HubBroker
from tests.harness.link import Account, BrokerAddress, Link
from tests.harness.processes import HubProcess, run_command

CAMERA = "gate=rtsp://viewer:geheim5@192.0.2.10/stream1"


@dataclass(frozen=True)
class Box:
    """A box's folders: what /etc/camwatch and /var/lib/camwatch-edge would be."""

    folder: Path

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "etc" / "edge.yaml"

    @property
    def state_dir(self) -> Path:
        """Where its key is."""
        return self.folder / "state"

    @property
    def key(self) -> PrivateKey:
        """Its key, made here if it has none."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        return load_or_make(self.state_dir / "node.key")

    def enrol(self, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
        """`camwatch-edge enrol`, as the installer or the first start runs it."""
        return run_command("edge.cli", ["enrol", str(file), *self._where, *more])

    @property
    def _where(self) -> list[str]:
        return ["--config", str(self.config), "--state-dir", str(self.state_dir)]

    def check_config(self) -> subprocess.CompletedProcess[str]:
        """`camwatch-edge check-config`."""
        return run_command("edge.cli", ["check-config", "--config", str(self.config)])

    def doctor(self) -> dict[str, dict[str, str]]:
        """`camwatch-edge doctor` without its cameras; the findings by check."""
        options = ["--json", "--no-cameras", "--config", str(self.config)]
        said = json.loads(run_command("edge.cli", ["doctor", *options]).stdout)
        return {each["check"]: each for each in said["findings"]}

    def account(self, name: str) -> Account:
        """What it logs in with."""
        settings = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        secret = Path(settings["hub"]["secret_file"]).read_text(encoding="ascii").strip()
        return Account(name, secret)


class Place:
    """Hub and broker; started, unless a test wants otherwise."""

    def __init__(self, folder: Path, *, address: str | None = None) -> None:
        """`address` is an IP address by which boxes reach this machine; none: the loopback."""
        try:
            find_mosquitto()
        except HarnessError as err:
            pytest.skip(f"{err} ({err.hint})")
        self.folder = folder
        self.authority = Authority(folder / "tls", addresses=[address] if address else [])
        host = address or "localhost"
        self.broker = HubBroker(folder / "broker", self.authority, folder / "hub/state/broker")
        port = free_port()
        mqtt = BrokerAddress("127.0.0.1", self.broker.hub_port)
        self.hub = HubProcess(
            folder / "hub", mqtt, port, authority=self.authority,
            more={
                "mqtt": {
                    "host": "127.0.0.1", "port": self.broker.hub_port,
                    "reload_pid_file": str(self.broker.pid_file),
                },
                "nodes": {
                    "url": f"https://{host}:{port}", "mqtt_host": host,
                    "mqtt_port": self.broker.node_port, "ca_file": str(self.authority.ca_file),
                },
                "time_zone": "Asia/Ho_Chi_Minh",
            },
        )  # fmt: skip

    def start(self) -> None:
        """The hub writes the broker's files; then the broker can start."""
        self.hub.start()
        passwd = self.hub.passwd_file
        self.hub.wait_until(passwd.exists, 120)
        self.broker.start()
        self.hub.wait_until(lambda: self.hub.is_ready, 120)

    def box(self, name: str) -> Box:
        """A blank box."""
        folder = self.folder / name
        folder.mkdir()
        return Box(folder)

    def command(self, *arguments: str, status: int = 0) -> str:
        """`camwatch-hub ...`; what it printed."""
        done = self.hub.command(*arguments)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    def add(self, name: str, *arguments: str) -> Path:
        """`camwatch-hub node add`; the node file."""
        return self._file("add", name, *(arguments or ("--camera", CAMERA)))

    def replace(self, name: str, *arguments: str) -> Path:
        """`camwatch-hub node replace`; the node file."""
        return self._file("replace", name, *arguments)

    def _file(self, action: str, name: str, *arguments: str) -> Path:
        number = len(list(self.folder.glob("*.node")))
        path = self.folder / f"{name}-{number}.node"
        self.command("node", action, name, "--to", str(path), *arguments)
        return path

    def join(self, name: str) -> Box:
        """A box that has joined."""
        box = self.box(f"box-{name}")
        done = box.enrol(self.add(name))
        assert done.returncode == 0, done.stderr
        return box

    def connect(self, account: Account) -> Link:
        """A connection to the nodes' port. Raises HarnessError where it is refused."""
        return Link(self.broker.nodes, account)

    def is_let_in(self, account: Account) -> bool:
        """Whether the broker takes that account."""
        try:
            self.connect(account).close()
        except HarnessError:
            return False
        return True

    def audit(self, action: str) -> list[dict[str, object]]:
        """The newest entries of that action, newest first."""
        lines = self.command("audit", "--action", action, "--json").splitlines()
        return [json.loads(line) for line in lines]

    def node(self, name: str) -> dict[str, object]:
        """What `camwatch-hub nodes --json` says of it."""
        rows = map(json.loads, self.command("nodes", "--json").splitlines())
        found: dict[str, object] = next(row for row in rows if row["node"] == name)
        return found


def read(path: Path) -> NodeFile:
    """The node file."""
    return nodefile.decode(path.read_bytes())


@contextlib.contextmanager
def place(folder: Path, *, address: str | None = None) -> Iterator[Place]:
    """A place that runs; all its processes are ended when it is left."""
    made = Place(folder, address=address)
    try:
        made.start()
        yield made
    finally:
        made.hub.stop()
        made.broker.stop()
