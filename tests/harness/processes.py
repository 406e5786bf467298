"""The product's own processes as a user starts them: `camwatch-edge run` and `camwatch-hub run`.

Each has a folder with its settings file, its state and its captured output, which a failing test
leaves behind to be read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from edge.keys import PublicKey
from tests.harness.broker import Broker
from tests.harness.child import STOP_TIMEOUT_S, Child, HarnessError
from tests.harness.credentials import Authority
from tests.harness.link import BrokerAddress
from tests.harness.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
COMMAND_TIMEOUT_S = PATIENCE_S
READY_TIMEOUT_S = PATIENCE_S

Settings = Mapping[str, object]


@dataclass(frozen=True)
class Enrolment:
    """What a node needs from its hub: where it is, and what each proves itself with."""

    mqtt: BrokerAddress
    upload_url: str
    secret_file: Path
    public_key_file: Path
    upload_ca_file: Path | None = None

    @property
    def secret(self) -> str:
        """The node's password at the broker and for uploads."""
        return self.secret_file.read_text(encoding="utf-8").strip()

    @property
    def hub_key(self) -> PublicKey:
        """Verifies the hub's acknowledgements."""
        return PublicKey.from_text(self.public_key_file.read_text(encoding="ascii"))


class ProductProcess(Child):
    """A node or a hub under test. `settings` may be changed between a stop and a start."""

    def __init__(self, name: str, module: str, folder: Path, settings: Settings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.settings = dict(settings)
        self.config_file = folder / f"{name}.yaml"
        self.state_dir = folder / "state"
        self._module = module
        self._notify: socket.socket | None = None
        self._was_ready = False
        self._beats = 0
        argv = [sys.executable, "-m", module, "run", "--config", str(self.config_file)]
        self._notify_name = f"camwatch-harness-{secrets.token_hex(8)}"
        env = _environment() | {"NOTIFY_SOCKET": f"@{self._notify_name}"}
        super().__init__(name, argv, folder, env=env, cwd=ROOT)

    def start(self) -> None:
        """Write the settings file and start. Raises HarnessError."""
        if self.is_running:
            raise HarnessError(f"{self.name} runs already")
        self.write_settings()
        self._close_notify()
        self._was_ready, self._beats = False, 0
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(f"\0{self._notify_name}")
        self._notify.setblocking(False)
        super().start()

    def start_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start and wait until it tells its supervisor READY=1. Raises HarnessError."""
        self.start_until(lambda: self.is_ready, timeout_s)

    @property
    def is_ready(self) -> bool:
        """Whether it has said READY=1 since its last start."""
        self._listen()
        return self._was_ready

    @property
    def beats(self) -> int:
        """How often it has told its supervisor WATCHDOG=1 since its last start."""
        self._listen()
        return self._beats

    def _listen(self) -> None:
        while self._notify is not None:
            try:
                said = self._notify.recv(4096).split(b"\n")
            except BlockingIOError:
                break
            self._was_ready |= b"READY=1" in said
            self._beats += said.count(b"WATCHDOG=1")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
        """SIGTERM, and SIGKILL after `timeout_s`; the exit status, None if it never ran."""
        status = super().stop(timeout_s)
        self._close_notify()
        return status

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        super().kill()
        self._close_notify()

    def _close_notify(self) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None

    def start_until(self, is_ready: Callable[[], bool], timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start and wait for what the test calls ready. Raises HarnessError, with the log's end."""
        self.start()
        self.wait_until(is_ready, timeout_s)

    def restart(self) -> None:
        """Stop in good order and start again."""
        self.stop()
        self.start()

    def write_settings(self) -> None:
        """Write the settings file alone, for commands that are not `run`."""
        text = yaml.safe_dump(self.settings, sort_keys=False, allow_unicode=True)
        self.config_file.write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another of its commands with these settings, as a user would; never raises."""
        self.write_settings()
        return run_command(self._module, [*arguments, "--config", str(self.config_file)])

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Another of its commands, while it runs; killed at the end. Its output is let go."""
        self.write_settings()
        argv = [sys.executable, "-m", self._module, *arguments, "--config", str(self.config_file)]
        process = subprocess.Popen(
            argv, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def log_text(self) -> str:
        """All it logged so far, over every start."""
        return self.err_path.read_text(encoding="utf-8") if self.err_path.exists() else ""


class NodeProcess(ProductProcess):
    """`camwatch-edge run`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        enrolment: Enrolment,
        cameras: Sequence[Settings],
        *,
        more: Settings | None = None,
    ) -> None:
        """`more` is merged over the settings file's top level."""
        mqtt: dict[str, object] = {"host": enrolment.mqtt.host, "port": enrolment.mqtt.port}
        if enrolment.mqtt.ca_file is not None:
            mqtt["ca_file"] = str(enrolment.mqtt.ca_file)
        hub: dict[str, object] = {
            "mqtt": mqtt,
            "upload_url": enrolment.upload_url,
            "secret_file": str(enrolment.secret_file),
            "public_key_file": str(enrolment.public_key_file),
        }
        if enrolment.upload_ca_file is not None:
            hub["upload_ca_file"] = str(enrolment.upload_ca_file)
        settings = {
            "node": name,
            "state_dir": str(folder / "state"),
            "log_level": "info",
            "hub": hub,
            "cameras": [dict(camera) for camera in cameras],
        }
        super().__init__(f"node-{name}", "edge.cli", folder, settings | dict(more or {}))


class HubProcess(ProductProcess):
    """`camwatch-hub run`, with its HTTP server on `http_port` of the loopback."""

    def __init__(
        self,
        folder: Path,
        mqtt: BrokerAddress,
        http_port: int,
        *,
        secret_file: Path | None = None,
        authority: Authority | None = None,
        more: Settings | None = None,
    ) -> None:
        """Without `secret_file` the hub uses the one it makes. `more` is merged at top level."""
        broker: dict[str, object] = {"host": mqtt.host, "port": mqtt.port}
        if secret_file is not None:
            broker["secret_file"] = str(secret_file)
        if mqtt.ca_file is not None:
            broker["ca_file"] = str(mqtt.ca_file)
        http: dict[str, object] = {"host": HOST, "port": http_port}
        if authority is not None:
            http |= {"cert_file": str(authority.cert_file), "key_file": str(authority.key_file)}
        settings = {
            "state_dir": str(folder / "state"),
            "log_level": "info",
            "mqtt": broker,
            "http": http,
        }
        self._scheme = "http" if authority is None else "https"
        self.ca_file = None if authority is None else authority.ca_file
        self._http_port = http_port
        super().__init__("hub", "hub.cli", folder, settings | dict(more or {}))

    @property
    def url(self) -> str:
        """Where its HTTP server answers."""
        return f"{self._scheme}://{HOST}:{self._http_port}"

    @property
    def passwd_file(self) -> Path:
        """The broker's password file as the hub writes it."""
        return self.state_dir / "broker" / "passwd"

    @property
    def acl_file(self) -> Path:
        """The broker's ACL file as the hub writes it."""
        return self.state_dir / "broker" / "acl"

    def public_key_file(self) -> Path:
        """A file with the hub's public key, as `camwatch-hub key` prints it."""
        result = self.command("key")
        if result.returncode != 0:
            raise HarnessError(f"key: {result.stderr.strip()}")
        path = self.folder / "hub.pub"
        path.write_text(result.stdout, encoding="ascii")
        return path

    def add_node(self, name: str) -> Path:
        """`node add --secret-to`; the file with the node's secret. Raises HarnessError."""
        secret_file = self.folder / f"{name}.secret"
        result = self.command("node", "add", name, "--secret-to", str(secret_file))
        if result.returncode != 0:
            raise HarnessError(f"node add {name}: {result.stderr.strip()}")
        return secret_file


def enrol(hub: HubProcess, broker: Broker, name: str) -> Enrolment:
    """Add a node to the hub, and have the broker take the hub's users and rights.

    The hub may run or not. Raises HarnessError.
    """
    secret_file = hub.add_node(name)
    broker.adopt(hub.passwd_file, hub.acl_file)
    return Enrolment(broker.address, hub.url, secret_file, hub.public_key_file(), hub.ca_file)


def run_command(module: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` to its end, within COMMAND_TIMEOUT_S."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def _environment() -> dict[str, str]:
    """Ours, with the repository importable and Python's output not held back."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
