"""A box and its hub: whom it trusts, with which clock, and what it makes of the answers."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.contract import enrolment, nodefile
from edge.contract.enrolment import Request, Taken
from edge.contract.nodefile import HubAddress, NodeFile
from edge.enrol.redeem import EnrolmentError, Redeemer, RefusedTokenError
from edge.keys import PrivateKey
from tests.harness.broker import free_port
from tests.harness.credentials import Authority

SECRET = "s" * 43
NOW = datetime.now(UTC)
Answer = Callable[[Request], tuple[int, bytes]]


class Times:
    """The box's clock, and when it is set."""

    def __init__(self, utc: datetime = NOW, *, looks_until_set: int | None = 0) -> None:
        self._utc = utc
        self._looks = looks_until_set
        self.slept: list[float] = []

    def utc(self) -> datetime:
        return self._utc

    def is_set(self) -> bool:
        return self._looks is not None and len(self.slept) >= self._looks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Hub:
    """Answers as a test says, over TLS."""

    def __init__(self, folder: Path, cert_file: Path, key_file: Path, ca_file: Path) -> None:
        self.key = PrivateKey(os.urandom(32))
        self.asked: list[Request] = []
        self.answer: Answer = self.take
        self._ca = ca_file.read_text(encoding="ascii")
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = enrolment.decode_request(body)
                hub.asked.append(request)
                status, told = hub.answer(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert_file, key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def take(self, asked: Request) -> tuple[int, bytes]:
        """An honest hub's yes."""
        said = enrolment.taken_bytes(asked.node, asked.token, asked.key)
        signature = base64.b64encode(self.key.sign(said)).decode()
        return 200, enrolment.encode(Taken(1, asked.node, asked.key, signature))

    def file(self, *, name: str = "localhost", ca: str | None = None) -> NodeFile:
        """A node file that leads here."""
        url = f"https://{name}:{self._server.server_port}"
        return NodeFile(
            nodefile.VERSION, "gate-3", HubAddress(name, 8883, url), self.key.public.text,
            "t" * 43, NOW + timedelta(days=1), (), ca or self._ca,
        )  # fmt: skip

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """With a certificate that is good."""
    authority = Authority(tmp_path / "tls")
    made = Hub(tmp_path, authority.cert_file, authority.key_file, authority.ca_file)
    yield made
    made.close()


def hub_valid(folder: Path, begins: datetime, ends: datetime) -> Hub:
    """With certificates of those dates, the authority's too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert_file, key_file = folder / "c.pem", folder / "k.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return Hub(folder, cert_file, key_file, cert_file)


def box(file: NodeFile, times: Times | None = None) -> Redeemer:
    times = times or Times()
    return Redeemer(file, PrivateKey(os.urandom(32)), SECRET, times, times.sleep)


def refused(file: NodeFile, times: Times | None = None, wait_s: float = 0) -> EnrolmentError:
    with pytest.raises(EnrolmentError) as caught:
        box(file, times).redeem(wait_s)
    assert file.token not in str(caught.value) + caught.value.hint
    assert SECRET not in str(caught.value)
    return caught.value


def test_the_hub_is_told_once_and_says_yes(hub: Hub) -> None:
    """With a signature that holds."""
    box(hub.file()).redeem(0)
    (asked,) = hub.asked
    assert (asked.node, asked.secret, asked.hub_key) == ("gate-3", SECRET, hub.key.public.text)


def test_a_yes_that_the_hub_did_not_sign_is_none(hub: Hub) -> None:
    """Whoever has a key of the same CA, such as the broker, cannot pass for the hub."""
    file = hub.file()
    hub.key = PrivateKey(os.urandom(32))
    assert "not the hub of this node file" in str(refused(file))


@pytest.mark.parametrize("body", [b"", b"{}", b"yes", b"\xff" * 6000])
def test_a_yes_that_is_no_document_is_none(hub: Hub, body: bytes) -> None:
    """A proxy's page, for one."""
    hub.answer = lambda _: (200, body)
    assert "signature is wrong" in str(refused(hub.file()))


def test_the_hubs_reason_and_remedy_are_shown(hub: Hub) -> None:
    """In its words, with nothing in them that could lead a terminal astray; not asked again."""
    told = b'{"error":"used","message":"another box has joined\\u001b[2J;it did; revoke it"}'
    hub.answer = lambda _: (403, told)
    err = refused(hub.file(), wait_s=60)
    assert str(err).endswith("says: another box has joined[2J;it did")
    assert err.hint == "revoke it"
    assert len(hub.asked) == 1


def test_a_token_that_the_hub_refuses_is_refused_for_good(hub: Hub) -> None:
    """Whatever its word for it is."""
    hub.answer = lambda _: (403, b'{"error":"expired","message":"it ended; make a new one"}')
    assert isinstance(refused(hub.file()), RefusedTokenError)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"<html>blocked</html>"),
        (403, b'{"message":"not from this network"}'),
        (404, b'{"error":"not_found","message":"nothing is here"}'),
        (429, b'{"error":"too_many","message":"wait 300 s"}'),
        (503, b'{"error":"broker","message":"the broker is behind; ask again"}'),
    ],
)
def test_what_is_no_word_on_the_token_is_not_the_last(hub: Hub, status: int, body: bytes) -> None:
    """A proxy's 403, a hub that is being set up, one that is asked too often."""
    hub.answer = lambda _: (status, body)
    assert not isinstance(refused(hub.file()), RefusedTokenError)


def test_what_may_pass_is_asked_again_with_longer_waits(hub: Hub) -> None:
    """A busy hub, a broker that is behind; the same question each time."""
    replies = [(503, b"{}"), (429, b"{}"), (502, b"<html>")]
    hub.answer = lambda asked: replies.pop(0) if replies else hub.take(asked)
    times = Times()
    box(hub.file(), times).redeem(600)
    assert len({each.signature for each in hub.asked}) == 1
    assert len(hub.asked) == 4
    assert len(times.slept) == 3


def test_who_is_not_there_is_told_with_the_address() -> None:
    """And what to look at."""
    port = free_port()
    hub_file = NodeFile(
        nodefile.VERSION, "gate-3", HubAddress("127.0.0.1", 1883, f"http://127.0.0.1:{port}"),
        PrivateKey(os.urandom(32)).public.text, "t" * 43, NOW,
    )  # fmt: skip
    err = refused(hub_file)
    assert f"127.0.0.1:{port}" in str(err)
    assert "network" in err.hint


def test_another_authority_is_not_trusted(hub: Hub, tmp_path: Path) -> None:
    """Nothing is sent to a server that the node file does not vouch for."""
    other = Authority(tmp_path / "other").ca_file.read_text(encoding="ascii")
    for times in (Times(), Times(NOW - timedelta(days=9000), looks_until_set=None)):
        assert "certificate" in str(refused(hub.file(ca=other), times))
    assert hub.asked == []


def test_another_name_is_not_trusted(hub: Hub) -> None:
    """127.0.0.2 is the same machine, and not in the certificate."""
    file = hub.file()
    address = HubAddress("h", 1, file.hub.url.replace("localhost", "127.0.0.2"))
    with socket.create_server(("127.0.0.2", 0)):
        err = refused(NodeFile(**vars(file) | {"hub": address}))
    assert hub.asked == []
    assert str(err)


def test_a_box_without_the_time_waits_for_it(tmp_path: Path) -> None:
    """No clock battery: to it, the certificate begins in years. Then the time comes."""
    hub = hub_valid(tmp_path, NOW + timedelta(days=1), NOW + timedelta(days=9))
    try:
        times = Times(NOW, looks_until_set=3)
        err = refused(hub.file(), times)  # set now, and still before its begin: refused
        assert times.slept == [1.0, 1.0, 1.0]
        assert "not yet valid" in str(err)
        assert hub.asked == []
    finally:
        hub.close()


def test_where_no_time_comes_the_node_files_authority_is_enough(tmp_path: Path) -> None:
    """A town without the internet: the box joins, by the CA alone."""
    hub = hub_valid(tmp_path, NOW + timedelta(days=1), NOW + timedelta(days=9))
    try:
        times = Times(NOW, looks_until_set=None)
        box(hub.file(), times).redeem(0)
        assert len(hub.asked) == 1
        assert sum(times.slept) == 60
    finally:
        hub.close()


def test_a_set_clock_is_believed(tmp_path: Path) -> None:
    """Then a certificate of the future is a fault, and nothing is waited for."""
    hub = hub_valid(tmp_path, NOW + timedelta(days=1), NOW + timedelta(days=9))
    try:
        times = Times(NOW)
        assert "not yet valid" in str(refused(hub.file(), times))
        assert times.slept == []
    finally:
        hub.close()


@pytest.mark.parametrize("looks", [0, None], ids=["set", "unset"])
def test_a_certificate_that_has_ended_is_never_taken(tmp_path: Path, looks: int | None) -> None:
    """An unset clock is behind: what has ended for it has ended."""
    hub = hub_valid(tmp_path, NOW - timedelta(days=9), NOW - timedelta(days=1))
    try:
        assert "expired" in str(refused(hub.file(), Times(NOW, looks_until_set=looks)))
        assert hub.asked == []
    finally:
        hub.close()


def test_without_a_begin_the_end_still_counts(tmp_path: Path) -> None:
    """Where dates are not checked by TLS, the end is checked by us."""
    hub = hub_valid(tmp_path, NOW + timedelta(days=1), NOW + timedelta(days=2))
    try:
        later = Times(NOW + timedelta(days=3), looks_until_set=None)
        assert "ended on" in str(refused(hub.file(), later))
        assert hub.asked == []
    finally:
        hub.close()
