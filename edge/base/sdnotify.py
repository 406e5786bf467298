"""Tell systemd that this process is ready, alive or stopping, sd_notify(3).

Does nothing where NOTIFY_SOCKET is not set.
"""

from __future__ import annotations

import os
import socket

SEND_TIMEOUT_S = 1.0  # a supervisor that does not read must not stop the one that tells it


def notify(message: str) -> bool:
    """Send one state line such as READY=1; true when a supervisor was there to take it."""
    return _send(message, SEND_TIMEOUT_S)


def alive() -> bool:
    """Feed the watchdog, as `notify` does but without any wait: the next one is as good, and the
    caller has others to serve."""
    return _send("WATCHDOG=1", 0.0)


def _send(message: str, timeout_s: float) -> bool:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(address)
            sock.sendall(message.encode())
        except OSError:
            return False
    return True


def watchdog_interval_s() -> float | None:
    """Half of what systemd allows between two WATCHDOG=1, in seconds; None when it watches not."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", "")
    if not (usec.isascii() and usec.isdigit() and int(usec)) or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2e6
