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
from hub.authority.names import Names, parse_mixed, require_one

NONE = Names()


def make(
    places: Places,
    names: Names,
    now: datetime,
    *,
    dropped: Names = NONE,
    needed: Names = NONE,
    is_own: bool = False,
) -> list[str]:
    """An authority where there is none, and certificates for `names` and those of before, but for
    `dropped`. What was made, in words.

    Raises AuthorityError, also where one of `needed` would not be among them, or where others made
    the certificates that are here, unless `is_own`; StorageError. Nothing is changed then.
    """
    made = []
    authority = files.read_pair(places.authority)
    if not is_own:
        _refuse_given(places, authority)
    names = _known(places).and_(names).without(dropped)
    require_one(names)
    if missing := needed.without(names).all:
        raise AuthorityError(
            f"nodes are told to call this hub {', '.join(missing)}, and no certificate would be"
            " for that",
            hint="add it with --name or --address; or first have hub.yaml tell them another"
            " (http.public_url, nodes.url, nodes.mqtt_host)",
        )
    durable.make_dirs(places.folder)
    if authority is None:
        authority = certificates.make_authority(names, now)
        files.write_pair(places.authority, authority)
        made.append(f"a new authority, until {authority.certificate.not_valid_after_utc:%Y-%m-%d}")
    if refused := _refused(authority, names):
        raise AuthorityError(
            f"this hub's authority may not speak for {', '.join(refused)}",
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
    _refuse_given(places, authority)
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
    if names is not None and (refused := _refused(following, names)):
        raise AuthorityError(
            f"the successor may not speak for {', '.join(refused)}",
            hint="camwatch-hub ca make --drop NAME, for each of them",
        )
    durable.rename(places.successor, places.authority)
    return renew(places, now)


def _known(places: Places) -> Names:
    """What the certificates were for until now; by one of them where names.json is damaged."""
    try:
        return files.read_names(places) or NONE
    except AuthorityError:
        certificate = files.read_certificate(places.certificate("hub"))
        return NONE if certificate is None else certificates.names_of(certificate)


def _refused(authority: Pair, names: Names) -> list[str]:
    """Those that clients would not take from it."""
    return [
        each
        for each in names.all
        if not certificates.is_allowed(authority.certificate, parse_mixed([each]))
    ]


def _refuse_given(places: Places, authority: Pair | None) -> None:
    """Keep certificates that others made: nodes trust those. Raises AuthorityError."""
    if places.names.exists():
        return
    for path in map(places.certificate, files.USES):
        found = files.read_certificate(path)
        is_ours = found and authority and certificates.is_by(found, authority.certificate)
        if path.exists() and not is_ours:
            raise AuthorityError(
                f"{path} was not made by this hub's authority, and nodes trust those who made it",
                hint="what they renewed is taken with --cert, --key and --ca. An authority of its"
                " own in place of theirs: --own; then every node needs a new node file",
            )


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
