"""Throw-away secrets for tests: passwords in Mosquitto's form, a certificate authority."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ITERATIONS = 101  # what mosquitto_passwd 2.0 uses for its $7$ form, PBKDF2 with HMAC-SHA-512
SALT_BYTES = 12
KEY_BYTES = 64
VALID_DAYS = 2


def new_password() -> str:
    """A random one, safe in URLs and files."""
    return secrets.token_urlsafe(18)


def password_line(user: str, password: str) -> str:
    """One line of Mosquitto's password file."""
    salt = os.urandom(SALT_BYTES)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, KEY_BYTES)
    parts = (base64.b64encode(part).decode("ascii") for part in (salt, key))
    return f"{user}:$7${ITERATIONS}$" + "$".join(parts)


class Authority:
    """A certificate authority of this test run, and a server certificate for the loopback."""

    def __init__(
        self, folder: Path, *, server_days: float = VALID_DAYS, addresses: Sequence[str] = ()
    ) -> None:
        """Make keys and certificates in `folder`. The server's lasts for `server_days` from now;
        below 0 it has ended. It is good for the loopback and for `addresses`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self.cert_file = folder / "server.pem"
        self.key_file = folder / "server.key"
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca_name = _name("Harness test authority")
        ca = _certificate(ca_name, ca_name, ca_key.public_key(), ca_key.public_key())
        self.ca_file.write_bytes(_pem(ca.sign(ca_key, hashes.SHA256())))
        key = ec.generate_private_key(ec.SECP256R1())
        server = _certificate(
            _name("localhost"), ca_name, key.public_key(), ca_key.public_key(), days=server_days
        )
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        names += [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", *addresses)]
        server = server.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.cert_file.write_bytes(_pem(server.sign(ca_key, hashes.SHA256())))
        self.key_file.touch(mode=0o600)
        self.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    *,
    days: float = VALID_DAYS,
) -> x509.CertificateBuilder:
    """With the extensions of RFC 5280 section 4.2.1, which Python 3.13 insists on."""
    now_utc = datetime.now(UTC)
    is_authority = subject == issuer
    usage = x509.KeyUsage(
        digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now_utc - timedelta(days=1))
        .not_valid_after(now_utc + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
