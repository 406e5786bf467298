"""The way to a server: its name, the connection, TLS with the certificate's name and dates.

Each step is tried only when the one before it went well, so that what is said is the cause.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.base.findings import Finding, failed, passed, warned

CONNECT_LIMIT_S = 10.0
SOON = timedelta(days=21)
# Of OpenSSL's x509_vfy.h.
NOT_YET_VALID, EXPIRED, NAME_MISMATCH, ADDRESS_MISMATCH = 9, 10, 62, 64
UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})


@dataclass(frozen=True)
class Server:
    """Where it is and what proves it. `check` is the start of its findings' names.

    `name`: whose certificate it must show, where it is asked at another address than clients do.
    """

    check: str
    host: str
    port: int
    is_tls: bool
    ca_file: str | None
    ca_field: str
    name: str | None = None

    @property
    def known_as(self) -> str:
        """The name that its certificate must hold."""
        return self.name or self.host


def reach(server: Server, now: datetime) -> Iterator[Finding]:
    """Find, connect, greet. The last finding is no failure exactly when all went well."""
    address = f"{server.host} port {server.port}"
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is no name"
        yield failed(
            f"{server.check}.name", f"{server.host} is not found: {reason}",
            "check the name in the settings, and the DNS server that this box uses",
        )  # fmt: skip
        return
    places = sorted({str(each[4][0]) for each in found})
    yield passed(f"{server.check}.name", f"{server.host} is {', '.join(places[:4])}")
    try:
        connection = socket.create_connection((server.host, server.port), CONNECT_LIMIT_S)
    except OSError as err:
        yield failed(
            f"{server.check}.tcp", f"{address}: {err.strerror or err or 'no answer in time'}",
            "is it running, the port right, and open in every firewall between?",
        )  # fmt: skip
        return
    with connection:
        yield passed(f"{server.check}.tcp", f"{address} takes connections")
        if server.is_tls:
            yield from _greet(server, connection, now)


def _greet(server: Server, connection: socket.socket, now: datetime) -> Iterator[Finding]:
    check = f"{server.check}.tls"
    try:
        context = ssl.create_default_context(cafile=server.ca_file)
    except (OSError, ValueError) as err:
        yield failed(
            check, f"{server.ca_field}: {server.ca_file} cannot be used: {err}",
            "copy the CA certificate (PEM) there again",
        )  # fmt: skip
        return
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        with context.wrap_socket(connection, server_hostname=server.known_as) as secure:
            ends = _end_of(secure.getpeercert() or {})
            kind = secure.version()
    except ssl.SSLCertVerificationError as err:
        yield failed(check, *_refused(server, err, now))
        return
    except OSError as err:
        yield failed(
            check, f"no TLS with {server.host} port {server.port}: {err}",
            "is that the port for TLS?",
        )  # fmt: skip
        return
    yield _until(check, f"{kind}, certificate for {server.known_as}", ends, now)
    if server.ca_file is not None:
        yield from authority(f"{server.check}.ca", server.ca_file, now)


def _refused(server: Server, err: ssl.SSLCertVerificationError, now: datetime) -> tuple[str, str]:
    """What is wrong with a certificate, and what to do."""
    text = f"the certificate of {server.known_as} is refused: {err.verify_message}"
    code = err.verify_code
    if code in (NOT_YET_VALID, EXPIRED):
        return (
            f"{text}; it is {now:%Y-%m-%d %H:%M} UTC here",
            "set this box's clock, if that is wrong; else renew that certificate",
        )
    if code in (NAME_MISMATCH, ADDRESS_MISMATCH):
        return text, "use the name that is in the certificate, or make one with this name"
    if code in UNKNOWN_AUTHORITY:
        return text, f"copy that server's CA certificate to this box and set {server.ca_field}"
    return text, "have that certificate made anew"


def authority(check: str, path: str, now: datetime) -> Iterator[Finding]:
    """How long the certificates in a file last; nothing where they do."""
    from cryptography import x509  # takes memory and time that no running node has to spare

    try:
        certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError):
        return  # the TLS library took it, and knows better
    ends = min((each.not_valid_after_utc for each in certificates), default=None)
    if ends is not None and ends < now + SOON:
        yield _until(check, f"the certificate in {path}", ends, now)


def named(check: str, path: str, host: str) -> Finding:
    """Whether the first certificate in a file is for `host`, by the names that clients look at."""
    from cryptography import x509  # as above

    try:
        certificate = x509.load_pem_x509_certificates(Path(path).read_bytes())[0]
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except OSError as err:
        return failed(check, f"{path} cannot be read: {err.strerror}", "run this as the hub's user")
    except (ValueError, IndexError, x509.ExtensionNotFound):
        return failed(check, f"{path} holds no certificate with a name", "have it made anew")
    known = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    known |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    wild = f"*.{host.lower().partition('.')[2]}"
    if host.lower() in known or wild in known:
        return passed(check, f"it is for {host}")
    text = f"it is for {', '.join(sorted(known)[:4]) or 'nobody'}, not for {host}"
    return failed(check, text, "have one made with that name, or use a name that is in it")


def _until(check: str, what: str, ends: datetime | None, now: datetime) -> Finding:
    if ends is None:
        return passed(check, what)
    text = f"{what} lasts until {ends:%Y-%m-%d}"
    if ends < now:
        return failed(check, f"{what} ended on {ends:%Y-%m-%d}", "renew it")
    return warned(check, text, "renew it") if ends < now + SOON else passed(check, text)


def _end_of(certificate: Mapping[str, object]) -> datetime | None:
    text = certificate.get("notAfter")
    if not isinstance(text, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
