"""Certificates as values: the authority's own, and those that it issues. Pure but for randomness.

- P-256 and SHA-256 (RFC 5480): what every client of nodes and browsers takes, and cheap on a Pi.
- Valid from before any node's clock can be: a box without a clock battery starts at the date of
  its image, and must not take its hub for not yet valid. What browsers see too is valid for 825
  days in all, since Apple's refuse more (support.apple.com/en-us/103769).
- The authority is constrained (RFC 5280 section 4.2.1.10) to the hub's names, to private
  addresses and to the suffixes of local networks: who has its key, or trusts it in a browser, can
  be lied to about this hub alone.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.authority.names import Names

Key = ec.EllipticCurvePrivateKey
Use = Literal["broker", "hub"]

BEGIN_UTC = datetime(2023, 1, 1, tzinfo=UTC)  # before Debian 12, the oldest system of a node
CA_LIFE = timedelta(days=20 * 365)
LIFE = timedelta(days=397)
RENEW_LEFT = LIFE / 3
WEB_LONGEST = timedelta(days=825)
LOCAL_HOSTS = ("localhost", "local", "lan", "internal", "home.arpa")
LOCAL_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
    "100.64.0.0/10", "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Key


def new_key() -> Key:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(names: Names, now: datetime) -> Pair:
    """A new authority that can speak for `names`."""
    key = new_key()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Camwatch"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"Camwatch CA of {names.first}, {now:%Y-%m-%d}"[:64]
            ),
        ]
    )
    builder = (
        _builder(name, name, key.public_key())
        .not_valid_before(BEGIN_UTC)
        .not_valid_after(now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(_constraints(names), critical=True)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Pair, names: Names, key: Key, use: Use, now: datetime) -> x509.Certificate:
    """A server's certificate. `use` decides how far back it is valid."""
    ends = min(now + LIFE, authority.certificate.not_valid_after_utc)
    begins = authority.certificate.not_valid_before_utc
    if use == "hub":
        begins = max(begins, ends - WEB_LONGEST + timedelta(days=1))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Camwatch {use}")])
    alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in names.hosts]
    alternatives += [x509.IPAddress(each) for each in names.addresses]
    signer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return (
        _builder(subject, authority.certificate.subject, key.public_key())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer.value),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def names_of(certificate: x509.Certificate) -> Names:
    """Whom a certificate is for, by the names that clients look at."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names()
    addresses = found.get_values_for_type(x509.IPAddress)
    single = (ipaddress.IPv4Address, ipaddress.IPv6Address)
    return Names(
        tuple(each.lower() for each in found.get_values_for_type(x509.DNSName)),
        tuple(each for each in addresses if isinstance(each, single)),
    )


def is_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether `authority` signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_allowed(authority: x509.Certificate, names: Names) -> bool:
    """Whether clients would take these names from that authority."""
    try:
        found = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    permitted = found.permitted_subtrees or []
    hosts = [each.value for each in permitted if isinstance(each, x509.DNSName)]
    nets = [each.value for each in permitted if isinstance(each, x509.IPAddress)]
    return all(
        any(f".{host}".endswith(f".{each}") for each in hosts) for host in names.hosts
    ) and all(
        any(
            address in net
            for net in nets
            if isinstance(net, (ipaddress.IPv4Network, ipaddress.IPv6Network))
        )
        for address in names.addresses
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _constraints(names: Names) -> x509.NameConstraints:
    networks = [ipaddress.ip_network(each) for each in LOCAL_NETWORKS]
    own = [each for each in names.addresses if not any(each in net for net in networks)]
    permitted: list[x509.GeneralName] = [
        *(x509.DNSName(each) for each in dict.fromkeys((*names.hosts, *LOCAL_HOSTS))),
        *(x509.IPAddress(each) for each in networks),
        *(x509.IPAddress(ipaddress.ip_network(each)) for each in own),
    ]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
