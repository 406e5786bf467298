"""sd_notify over a real datagram socket."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base import sdnotify


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    """A datagram socket such as systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


def test_a_message_arrives_at_the_supervisor(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One datagram a message."""
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.getsockname())
    assert sdnotify.notify("READY=1\nSTATUS=đang xem")
    assert supervisor.recv(200) == "READY=1\nSTATUS=đang xem".encode()


def test_an_abstract_address_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd writes the leading NUL as @."""
    name = f"camwatch-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert sdnotify.notify("WATCHDOG=1")
        assert sock.recv(50) == b"WATCHDOG=1"


def test_without_a_supervisor_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run by hand, or with a supervisor that has gone."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not sdnotify.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not sdnotify.notify("READY=1")


def test_a_supervisor_that_does_not_read_stops_nobody(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its queue full, the send gives up."""
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.getsockname())
    monkeypatch.setattr(sdnotify, "SEND_TIMEOUT_S", 0.01)
    assert sdnotify.notify("WATCHDOG=1")
    assert any(not sdnotify.notify("WATCHDOG=1") for _ in range(10_000))


@pytest.mark.parametrize(
    ("usec", "interval_s"),
    [("30000000", 15.0), ("", None), ("0", None), ("soon", None), ("-5", None), ("²", None)],
)
def test_half_of_the_watchdog_time_is_the_interval(
    usec: str, interval_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd_watchdog_enabled(3) recommends half; 0 and nonsense mean no watchdog."""
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert sdnotify.watchdog_interval_s() == interval_s


def test_the_watchdog_of_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are inherited by children."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert sdnotify.watchdog_interval_s() is None
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert sdnotify.watchdog_interval_s() == 15.0


@pytest.mark.timeout(60)
def test_being_alive_is_not_waited_for(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is as good; requests and records are served meanwhile."""
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.getsockname())
    monkeypatch.setattr(sdnotify, "SEND_TIMEOUT_S", 3600.0)
    told = [sdnotify.alive() for _ in range(1000)]
    assert told[0] and not told[-1]
