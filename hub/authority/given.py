"""Certificates that others made: tried as nodes will, then put where broker and hub take them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.errors import storage_error
from hub.authority import files
from hub.authority.errors import AuthorityError
from hub.authority.files import Places
from hub.authority.names import Names

STEPS = 8  # of a handshake in memory; TLS 1.3 needs three
SHOWN = 12


@dataclass(frozen=True)
class Given:
    """Three PEM files: a chain, its first certificate's key, and what nodes are to trust."""

    certificate: Path
    key: Path
    authority: Path


def use(places: Places, given: Given, names: Names) -> list[str]:
    """Have broker and hub serve with `given` from now on; in words.

    Raises AuthorityError where a node that trusts `given.authority` would not take it.
    """
    for name in names.all:
        _greet(given, name)
    certificate, key, authority = (
        _read(path) for path in (given.certificate, given.key, given.authority)
    )
    durable.make_dirs(places.folder)
    durable.make_dirs(places.public, mode=0o755)
    changed = files.write_if_changed(places.trusted, authority)
    for use_ in files.USES:
        if _read_or_none(places.certificate(use_)) != certificate:
            files.write_if_changed(places.reload_due, b"", mode=durable.PRIVATE_MODE)
            changed = True
        if _read_or_none(places.key(use_)) != key:
            files.write_key(places, use_, key)
        files.write_if_changed(places.certificate(use_), certificate)
        files.own_key(places, use_)
    # From now on nothing is renewed here. Cut off before, the next `renew` makes it the own
    # authority's again: broker and hub never stay with halves of both.
    durable.remove(places.names)
    return [f"broker and hub serve with {given.certificate}"] if changed else []


def _greet(given: Given, name: str) -> None:
    """A TLS handshake in memory, as a node makes it."""
    try:
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(given.certificate, given.key, password=_no_password)
    except (OSError, ValueError) as err:
        raise AuthorityError(
            f"{given.certificate} and {given.key} cannot be used: {err}",
            hint="both are PEM, the key without a password, and belong together",
        ) from err
    try:
        client_context = ssl.create_default_context(cafile=given.authority)
    except (OSError, ValueError) as err:
        raise AuthorityError(
            f"{given.authority} holds no certificate to trust: {err}", hint="it is PEM"
        ) from err
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for step in range(STEPS):
        try:
            (server if step % 2 else client).do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as err:
            raise AuthorityError(
                f"nodes would refuse {given.certificate} for {name}: {err.verify_message}",
                hint="give the whole chain, the right CA, and the names that are in it",
            ) from err
        except ssl.SSLError as err:
            raise AuthorityError(f"{given.certificate} cannot be served: {err.reason}") from err


def _no_password() -> str:
    raise ValueError("the key has a password")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err


def _read_or_none(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
