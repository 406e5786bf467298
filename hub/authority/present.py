"""How the authority and its certificates are shown."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hub.authority import files
from hub.authority.certificates import names_of
from hub.authority.files import Places


def lines(places: Places) -> tuple[list[str], bool]:
    """What there is, a line each, and whether broker and hub have all that they need."""
    pair = files.read_pair(places.authority)
    following = files.read_pair(places.successor)
    if files.read_names(places) is None:
        found = ["authority  none here; the certificates are given by others, and renewed by them"]
    elif pair is None:
        found = [f"authority  missing in {places.folder}"]
    else:
        found = [f"authority  {_text(pair.certificate)}"]
    if following is not None:
        found.append(f"successor  {_text(following.certificate)}")
    certificates = {use: files.read_certificate(places.certificate(use)) for use in files.USES}
    for use, certificate in certificates.items():
        text = f"missing: {places.certificate(use)}" if certificate is None else _for(certificate)
        found.append(f"{use:<9}  {text}")
    if places.reload_due.exists():
        found.append("reload     due: systemctl reload mosquitto camwatch-hub")
    return found, all(certificates.values())


def _for(certificate: x509.Certificate) -> str:
    return f"{_text(certificate)}, for {', '.join(names_of(certificate).all)}"


def _text(certificate: x509.Certificate) -> str:
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":")[:23].upper()
    return (
        f"until {certificate.not_valid_after_utc:%Y-%m-%d},"
        f" SHA-256 {fingerprint}..., {certificate.subject.rfc4514_string()}"
    )
