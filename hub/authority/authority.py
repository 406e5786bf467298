"""What is done with the authority: make it, keep its certificates fresh, succeed it, give it up.

Each step is safe to repeat and to be cut off; see files.py for what a reader may find meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509

from edge.base import durable
from hub.authority import certificates, files
from hub.authority.certificates import Pair, Use
from hub.authority.errors import AuthorityError
from hub.authority.files import Places
from hub.authority.names import Names


def make(places: Places, names: Names, now: datetime) -> list[str]:
    """An authority where there is none, and certificates for `names`. What was made, in words.

    Raises AuthorityError, StorageError.
    """
    made = []
    durable.make_dirs(places.folder)
    authority = files.read_pair(places.authority)
    if authority is None:
        authority = certificates.make_authority(names, now)
        files.write_pair(places.authority, authority)
        made.append(f"a new authority, until {authority.certificate.not_valid_after_utc:%Y-%m-%d}")
    if not certificates.is_allowed(authority.certificate, names):
        raise AuthorityError(
            f"this hub's authority may not speak for all of {', '.join(names.all)}",
            hint="nodes know it for the names it was made with; camwatch-hub ca next --name ..."
            " makes a successor",
        )
    files.write_names(places, names)
    return made + renew(places, now)


def renew(places: Places, now: datetime, *, is_forced: bool = False) -> list[str]:
    """Issue what is missing, does not fit or ends soon. What was issued, in words.

    Nothing where certificates are given by others. Raises AuthorityError, StorageError.
    """
    names = files.read_names(places)
    if names is None:
        return []
    authority = files.read_pair(places.authority)
    if authority is None:
        raise AuthorityError(
            f"there is no authority in {places.folder}", hint="restore that folder from a backup"
        )
    issued = []
    durable.make_dirs(places.public, mode=0o755)
    files.write_if_changed(places.trusted, files.pem(_trusted(places, authority)))
    for use in files.USES:
        if is_forced or _is_due(places, use, authority, names, now):
            certificate = _issue(places, use, authority, names, now)
            ends = certificate.not_valid_after_utc
            issued.append(f"{use}: a certificate for {', '.join(names.all)}, until {ends:%Y-%m-%d}")
        files.own_key(places, use)
    return issued


def is_reload_due(places: Places) -> bool:
    """Whether the servers must be told of a new certificate."""
    return places.reload_due.exists()


def reloaded(places: Places) -> None:
    """They were told."""
    durable.remove(places.reload_due)


def prepare_successor(places: Places, names: Names, now: datetime) -> list[str]:
    """Make the next authority, and let all trust it who get hub-ca.pem from now on. In words."""
    authority = files.read_pair(places.authority)
    if authority is None:
        raise AuthorityError("there is no authority to succeed", hint="camwatch-hub ca make")
    following = files.read_pair(places.successor)
    if following is None:
        following = certificates.make_authority(names, now)
        files.write_pair(places.successor, following)
    files.write_if_changed(places.trusted, files.pem(_trusted(places, authority)))
    return [f"{places.trusted} holds the authority and its successor; nodes need it"]


def succeed(places: Places, now: datetime) -> list[str]:
    """The successor signs from now on. Nodes that do not know it are lost. In words."""
    following = files.read_pair(places.successor)
    if following is None:
        raise AuthorityError("there is no successor", hint="camwatch-hub ca next, then wait")
    names = files.read_names(places)
    if names is not None and not certificates.is_allowed(following.certificate, names):
        raise AuthorityError(
            f"the successor may not speak for all of {', '.join(names.all)}",
            hint="camwatch-hub ca make --name ... with names that both may speak for",
        )
    durable.rename(places.successor, places.authority)
    return renew(places, now)


def _trusted(places: Places, authority: Pair) -> list[x509.Certificate]:
    following = files.read_pair(places.successor)
    found = [authority.certificate]
    if following is not None and following.certificate != authority.certificate:
        found.append(following.certificate)
    return found


def _is_due(places: Places, use: Use, authority: Pair, names: Names, now: datetime) -> bool:
    certificate = files.read_certificate(places.certificate(use))
    return certificate is None or any(_faults(places, use, certificate, authority, names, now))


def _faults(
    places: Places,
    use: Use,
    certificate: x509.Certificate,
    authority: Pair,
    names: Names,
    now: datetime,
) -> Iterator[bool]:
    yield certificate.not_valid_after_utc < now + certificates.RENEW_LEFT
    yield certificates.names_of(certificate) != names
    yield not certificates.is_by(certificate, authority.certificate)
    key = files.read_server_key(places.key(use))
    yield key is None or key.public_key() != certificate.public_key()


def _issue(
    places: Places, use: Use, authority: Pair, names: Names, now: datetime
) -> x509.Certificate:
    files.write_if_changed(places.reload_due, b"", mode=durable.PRIVATE_MODE)
    key = files.read_server_key(places.key(use))
    if key is None:
        key = certificates.new_key()
        files.write_key(places, use, files.key_pem(key))
    certificate = certificates.issue(authority, names, key, use, now)
    files.write_if_changed(places.certificate(use), files.pem([certificate]))
    return certificate
