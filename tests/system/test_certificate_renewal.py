"""Renewed certificates are served at once by broker and hub, and nobody is disconnected."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.harness.credentials import Authority
from tests.harness.patience import PATIENCE_S
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("doctor")]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Stage]:
    """A hub with TLS that runs, and its broker."""
    with stage.stage(tmp_path / "town", has_tls=True) as made:
        made.enrol("gate-1")
        made.hub.start_ready()
        yield made


def port_of(town: Stage) -> int:
    """Of the hub's HTTPS server."""
    port = urlsplit(town.hub.url).port
    assert port is not None
    return port


def served(port: int) -> str:
    """The certificate that a new connection is shown."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=PATIENCE_S)


def renew(town: Stage, name: str) -> None:
    """Another certificate in the files of before."""
    new = Authority(town.folder / "new")
    (town.folder / name / "server.key").write_bytes(new.key_file.read_bytes())
    (town.folder / name / "server.pem").write_bytes(new.cert_file.read_bytes())


def test_the_hub_serves_a_renewed_certificate_and_keeps_its_connections(town: Stage) -> None:
    """SIGHUP, as systemctl reload sends it. A request on an old connection is answered after."""
    port = port_of(town)
    before = served(port)
    context = ssl.create_default_context(cafile=town.folder / "hub-tls" / "ca.pem")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    held = connection.sock
    renew(town, "hub-tls")
    town.hub.reload()
    town.hub.wait_until(lambda: served(port) != before, PATIENCE_S)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    assert connection.sock is held
    connection.close()
    assert town.hub.is_running
    assert town.hub.log_text.count("connected to the broker") == 1


def test_a_certificate_that_cannot_be_used_leaves_the_one_of_before(town: Stage) -> None:
    """And the log says so, with the file's name."""
    port = port_of(town)
    before = served(port)
    (town.folder / "hub-tls" / "server.key").write_text("rubbish", encoding="ascii")
    town.hub.reload()
    town.hub.wait_until(
        lambda: "still serving with the certificate of before" in town.hub.log_text, PATIENCE_S
    )
    assert served(port) == before


def test_the_broker_serves_a_renewed_certificate_and_keeps_its_connections(town: Stage) -> None:
    """Mosquitto reads its listeners' certificates again on SIGHUP."""
    port = town.broker.address.port
    before = served(port)
    renew(town, "broker/tls")
    town.broker.child.reload()
    town.hub.wait_until(lambda: served(port) != before, PATIENCE_S)
    assert town.hub.log_text.count("connected to the broker") == 1
