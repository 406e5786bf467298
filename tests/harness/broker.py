"""A private Mosquitto on a free port of the loopback, with its own users, ACL and, if asked, TLS.

Its configuration is made afresh in a folder of its own: no anonymous users, nothing persistent,
MQTT 5, each node held to its own subtree. Nothing of a system-wide Mosquitto is read or touched.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
from pathlib import Path

from edge.contract import topics
from tests.harness.child import Child, HarnessError
from tests.harness.credentials import Authority, new_password, password_line
from tests.harness.link import Account, BrokerAddress, Link
from tests.harness.patience import PATIENCE_S

HOST = "127.0.0.1"
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
HUB = "_hub"
OBSERVER = "_observer"
READY_TIMEOUT_S = PATIENCE_S
PROBE_TIMEOUT_S = 5.0  # then another one: one in some thousands gets no answer
START_ATTEMPTS = 5
MAX_PACKET_BYTES = 512 * 1024  # a snapshot of 256 KiB and its properties, with room to spare
SEARCHED = "/usr/sbin:/usr/local/sbin"  # where distributions put it, outside a user's PATH

NODE_WRITES = (
    topics.STATUS,
    topics.RECORD,
    f"{topics.SNAPSHOT}/+",
    topics.HEALTH,
    f"{topics.CAMERA}/+/motion",
    f"{topics.CAMERA}/+/tamper",
    f"{topics.CAMERA}/+/status",
    "config/applied",
    topics.REPLY,
    f"{topics.REPLY}/+",
)
OBSERVER_ACL = f"\nuser {OBSERVER}\ntopic read #\n"
NODE_READS = (topics.ACK, "config/wanted", topics.COMMAND)


class Broker:
    """One Mosquitto; users may be added while it runs. Used from one thread."""

    def __init__(self, folder: Path, *, has_tls: bool = False) -> None:
        """`folder` takes its files and is made if absent. Raises HarnessError without Mosquitto."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._passwords: dict[str, str] = {}
        self._adopted: tuple[Path, Path] | None = None
        self._authority = Authority(folder / "tls") if has_tls else None
        self.port = 0
        self.config_file = folder / "mosquitto.conf"
        argv = [find_mosquitto(), "-c", str(self.config_file)]
        self.child = Child("mosquitto", argv, folder)
        self._probe = Account("_probe", new_password())
        for user in (HUB, OBSERVER):
            self.add_user(user)

    @property
    def address(self) -> BrokerAddress:
        """Where it listens, once started."""
        ca_file = self._authority.ca_file if self._authority else None
        return BrokerAddress(HOST, self.port, ca_file)

    def account(self, user: str) -> Account:
        """What `user` logs in with. Raises KeyError for one who was not added."""
        return Account(user, self._passwords[user])

    def secret_file(self, user: str) -> Path:
        """A file of mode 0600 with nothing but that user's password. Raises KeyError."""
        path = self._folder / f"{user}.secret"
        path.touch(mode=0o600)
        path.write_text(self._passwords[user] + "\n", encoding="ascii")
        return path

    def add_user(self, user: str, password: str | None = None) -> str:
        """Let `user` in, from now on and over restarts; the password, a fresh one by default.

        A name that does not start with `_` is a node's, and gets a node's rights.
        """
        self._passwords[user] = password or new_password()
        self._apply_users()
        return self._passwords[user]

    def adopt(self, passwd_file: Path, acl_file: Path) -> None:
        """Take users and rights from a hub's own files from now on; the observer stays.

        Call it again after the hub changed them. Users of `add_user` then keep their rights only
        if those files give them any.
        """
        self._adopted = (passwd_file, acl_file)
        self._apply_users()

    def start(self) -> None:
        """Listen on the port it had before, or on a free one. Raises HarnessError."""
        is_new = self.port == 0
        for attempt in range(START_ATTEMPTS if is_new else 1):
            if is_new:
                self.port = free_port()
            self._write_config()
            self.child.start()
            try:
                self._wait_ready()
            except HarnessError:
                self.child.stop()
                if attempt + 1 == (START_ATTEMPTS if is_new else 1):
                    raise
            else:
                return

    def stop(self) -> None:
        """SIGTERM; clients see their connection close."""
        self.child.stop()

    def kill(self) -> None:
        """SIGKILL; whatever it held in memory is gone."""
        self.child.kill()

    def restart(self) -> None:
        """Stop and start on the same port; all sessions and retained messages are gone."""
        self.stop()
        self.start()

    def _wait_ready(self) -> None:
        self.child.wait_until(self._knows_probe, READY_TIMEOUT_S)

    def _knows_probe(self) -> bool:
        try:
            Link(self.address, self._probe, connack_timeout_s=PROBE_TIMEOUT_S).close()
        except HarnessError:
            return False
        return self.child.is_running

    def _apply_users(self) -> None:
        """Write the users, and wait until a running broker has read them.

        A probe user, new each time, is the proof: nobody else knows its password either, so that
        a stranger who took our port cannot pass for our broker.
        """
        self._probe = Account(f"_probe-{new_password()}", new_password())
        self._write_users()
        if self.child.is_running:
            self.child.reload()
            self._wait_ready()

    def _write_users(self) -> None:
        lines = [password_line(user, secret) for user, secret in self._passwords.items()]
        lines.append(password_line(self._probe.user, self._probe.password))
        acl = acl_text()
        if self._adopted is not None:
            passwd_file, acl_file = self._adopted
            adopted = passwd_file.read_text(encoding="utf-8").splitlines()
            theirs = {line.partition(":")[0] for line in adopted}
            lines = [line for line in lines if line.partition(":")[0] not in theirs] + adopted
            acl = acl_file.read_text(encoding="utf-8") + OBSERVER_ACL
        _write_private(self._folder / "passwd", "\n".join(lines) + "\n")
        _write_private(self._folder / "acl", acl)

    def _write_config(self) -> None:
        lines = [
            f"listener {self.port} {HOST}",
            "protocol mqtt",
            "allow_anonymous false",
            f"password_file {self._folder / 'passwd'}",
            f"acl_file {self._folder / 'acl'}",
            "persistence false",
            f"max_packet_size {MAX_PACKET_BYTES}",
            "max_inflight_messages 100",
            "max_queued_messages 10000",
            "set_tcp_nodelay true",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",  # as root it would change to another one
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
        ]
        if self._authority is not None:
            lines += [
                f"certfile {self._authority.cert_file}",
                f"keyfile {self._authority.key_file}",
            ]
        self.config_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def acl_text() -> str:
    """Who may do what: the hub everything of ours, a node its own subtree, the observer reads."""
    own = f"{topics.ROOT}/%u"
    return "\n".join(
        [
            f"user {HUB}",
            f"topic readwrite {topics.ROOT}/#",
            "topic readwrite homeassistant/#",
            *(f"pattern write {own}/{leaf}" for leaf in NODE_WRITES),
            *(f"pattern read {own}/{leaf}" for leaf in NODE_READS),
            OBSERVER_ACL,
        ]
    )


def find_mosquitto() -> str:
    """The broker's executable. Raises HarnessError where there is none."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=SEARCHED)
    if found is None:
        raise HarnessError("no mosquitto on this machine", hint="apt-get install mosquitto")
    return found


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now, and no connection will come upon.

    Below the ports that the kernel gives to outgoing connections: one of those could take it before
    its server does, which happens where many tests run beside each other.
    """
    first_given = int(PORT_RANGE.read_text(encoding="ascii").split()[0])
    while True:
        port = random.SystemRandom().randrange(10_000, max(first_given, 20_000))
        with socket.socket() as sock:
            try:
                sock.bind((HOST, port))
            except OSError:
                continue
        return port


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
