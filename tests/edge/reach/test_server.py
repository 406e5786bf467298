"""How far a server is reached, with real sockets and certificates on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.base.findings import Finding
from edge.reach import server
from edge.reach.server import Server
from tests.harness.broker import free_port
from tests.harness.credentials import Authority

HOST = "127.0.0.1"


@contextlib.contextmanager
def tls_server(authority: Authority) -> Iterator[int]:
    """Greets everybody who comes; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.cert_file, authority.key_file)
    listening = socket.create_server((HOST, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def reached(port: int, ca_file: Path | None, *, host: str = HOST) -> dict[str, Finding]:
    """What is said of a server for TLS, by check."""
    given = Server("hub", host, port, True, None if ca_file is None else str(ca_file), "hub.ca")
    return {each.check: each for each in server.reach(given, datetime.now(UTC))}


@pytest.mark.parametrize(("days", "outcome"), [(300, "pass"), (5, "warn"), (-0.5, "fail")])
def test_a_certificates_end_is_told_before_it_comes(
    tmp_path: Path, days: float, outcome: str
) -> None:
    """Good, soon over, over."""
    authority = Authority(tmp_path, server_days=days)
    with tls_server(authority) as port:
        found = reached(port, authority.ca_file)
    assert found["hub.tls"].outcome == outcome
    if outcome == "fail":
        assert "expired" in found["hub.tls"].text
        assert "clock" in found["hub.tls"].remedy


def test_an_authority_that_ends_soon_is_told(tmp_path: Path) -> None:
    """The harness's own lasts two days."""
    authority = Authority(tmp_path)
    with tls_server(authority) as port:
        assert reached(port, authority.ca_file)["hub.ca"].outcome == "warn"


def test_a_certificate_of_another_authority_names_the_setting(tmp_path: Path) -> None:
    """Before anything is sent."""
    with tls_server(Authority(tmp_path / "one")) as port:
        found = reached(port, Authority(tmp_path / "other").ca_file)["hub.tls"]
    assert found.outcome == "fail"
    assert "hub.ca" in found.remedy


def test_a_certificate_for_another_name_is_told(tmp_path: Path) -> None:
    """127.0.0.2 is the same machine, and not in it."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.cert_file, authority.key_file)
    with socket.create_server(("127.0.0.2", 0)) as listening:
        port = int(listening.getsockname()[1])

        def greet() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        found = reached(port, authority.ca_file, host="127.0.0.2")["hub.tls"]
        thread.join()
    assert found.outcome == "fail"
    assert "name" in found.remedy


def test_a_shut_port_and_a_name_that_is_none_are_told_apart() -> None:
    """Where the way ends is the cause; nothing is said of what lies behind."""
    shut = reached(free_port(), None)
    assert [(each.check, each.outcome) for each in shut.values()] == [
        ("hub.name", "pass"), ("hub.tcp", "fail"),
    ]  # fmt: skip
    (unknown,) = reached(1, None, host="no-such-host.invalid").values()
    assert (unknown.check, unknown.outcome) == ("hub.name", "fail")


def test_a_ca_file_that_is_none_names_the_setting(tmp_path: Path) -> None:
    """And the file."""
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    with tls_server(Authority(tmp_path / "one")) as port:
        found = reached(port, tmp_path / "ca.pem")["hub.tls"]
    assert found.outcome == "fail"
    assert "hub.ca" in found.text


def test_a_server_that_speaks_no_tls_is_told() -> None:
    """It hangs up at the greeting."""
    with socket.create_server((HOST, 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        found = reached(int(listening.getsockname()[1]), None)["hub.tls"]
        thread.join()
    assert found.outcome == "fail"
    assert "port" in found.remedy


@pytest.mark.parametrize(
    ("host", "outcome"), [("localhost", "pass"), ("127.0.0.1", "pass"), ("hub.example", "fail")]
)
def test_a_certificate_is_held_against_the_name_that_people_use(
    tmp_path: Path, host: str, outcome: str
) -> None:
    """By its alternative names, as browsers do."""
    authority = Authority(tmp_path)
    assert server.named("http", str(authority.cert_file), host).outcome == outcome
