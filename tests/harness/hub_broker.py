"""A private Mosquitto set up as an installed hub's: it reads the hub's own files, and the hub has
it read them again.

`Broker` has users of its own and serves tests of nodes; this one serves tests of who may do what.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
from pathlib import Path

from tests.harness.broker import HOST, find_mosquitto, free_port
from tests.harness.child import Child, HarnessError
from tests.harness.credentials import Authority
from tests.harness.link import BrokerAddress
from tests.harness.patience import PATIENCE_S


class HubBroker:
    """TLS for nodes on `node_port`, plain for the hub on `hub_port`, both of the loopback."""

    def __init__(self, folder: Path, authority: Authority, files: Path) -> None:
        """`files` is the folder in which the hub writes `passwd` and `acl`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._files = files
        self._authority = authority
        self.hub_port, self.node_port = free_port(), free_port()
        self.pid_file = folder / "mosquitto.pid"
        self._config = folder / "mosquitto.conf"
        self.child = Child("mosquitto", [find_mosquitto(), "-c", str(self._config)], folder)

    @property
    def nodes(self) -> BrokerAddress:
        """Where nodes connect."""
        return BrokerAddress(HOST, self.node_port, self._authority.ca_file)

    def start(self) -> None:
        """Listen; the hub's files have to be there. Raises HarnessError."""
        self._config.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")
        while True:
            self.child.start()
            try:
                self.child.wait_until(self._listens, PATIENCE_S)
            except HarnessError:
                # Mosquitto writes its process id before it takes SIGHUP as an order to read again;
                # what the hub sends in between ends it, and a supervisor would start it anew.
                if self.child.exit_status != -signal.SIGHUP:
                    raise
            else:
                return

    def stop(self) -> None:
        """SIGTERM; clients see their connection close."""
        self.child.stop()

    def _listens(self) -> bool:
        try:
            socket.create_connection((HOST, self.hub_port), 1.0).close()
        except OSError:
            return False
        return self.pid_file.exists()

    def _lines(self) -> list[str]:
        """As config/mosquitto/mosquitto.example.conf, on other ports and with a process id file."""
        return [
            f"listener {self.node_port} {HOST}",
            f"certfile {self._authority.cert_file}",
            f"keyfile {self._authority.key_file}",
            "tls_version tlsv1.2",
            "use_username_as_clientid true",
            f"listener {self.hub_port} {HOST}",
            "use_username_as_clientid true",
            "allow_anonymous false",
            f"password_file {self._files / 'passwd'}",
            f"acl_file {self._files / 'acl'}",
            "persistence false",
            "max_packet_size 327680",
            f"pid_file {self.pid_file}",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",  # as root it would change to another one
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
        ]
