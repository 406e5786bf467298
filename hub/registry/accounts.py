"""Accounts of nodes and readers. A secret is 256 random bits, shown once and kept as hashes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.contract import names
from hub.archive import Archive
from hub.archive.values import Credential, Role
from hub.registry.passwd import mqtt_hash

SECRET_BYTES = 32


class AccountError(CamwatchError):
    """An account cannot be made as asked."""


def add(
    archive: Archive, name: str, role: Role, clock: Clock, *, is_replacing: bool = False
) -> str:
    """Make the account and return its secret, which is not kept anywhere.

    Replacing gives a new secret and lets a node bring a new key. Raises AccountError.
    """
    if not re.fullmatch(names.NODE_PATTERN, name):
        raise AccountError(
            f"{name[:60]!r} cannot be a name: lower-case letters, digits and -, at most 32"
        )
    before = archive.credential(name)
    if before is not None and not is_replacing:
        raise AccountError(
            f"{name} has an account already",
            hint="--replace gives it a new secret and accepts a new key",
        )
    if before is None and is_replacing:
        raise AccountError(f"there is no account {name} to replace")
    if before is not None and before.role != role:
        raise AccountError(f"{name} is a {before.role}, not a {role}")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    account = Credential(name, role, digest_of(secret), mqtt_hash(name, secret), clock.utc())
    if before is not None:
        archive.unpin_key(name, clock.utc())
    archive.put_credential(account)
    return secret


def is_node_secret(archive: Archive, name: str, secret: str) -> bool:
    """Whether `secret` is that of the node `name`. Raises StorageError."""
    account = archive.credential(name)
    known = b"\0" * 32 if account is None else account.secret_sha256
    is_equal = hmac.compare_digest(known, digest_of(secret))
    return is_equal and account is not None and account.role == "node"


def digest_of(secret: str) -> bytes:
    """What is kept of a secret for HTTP."""
    return hashlib.sha256(secret.encode()).digest()
