"""Nodes log in with HTTP Basic: their name and the secret of their account."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from hub.archive import Archive
from hub.registry import accounts
from hub.web.answers import HttpError

MAX_HEADER_CHARS = 512
MAX_ENDED = 10_000  # pairs remembered; requests under way are few


@dataclass(frozen=True)
class Caller:
    """A node that makes a request, and what it showed."""

    name: str
    secret_sha256: bytes


class NodeGate:
    """Lets nodes in, and knows whose account has ended since. Used in the event loop, `refresh` in
    a worker thread."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: set[Caller] = set()
        self._ended: dict[Caller, None] = {}

    async def admit(self, request: Request) -> Caller:
        """The node that makes the request. Raises HttpError 401, StorageError."""
        name, secret = _basic(request.headers.get("authorization", ""))
        if not await run_in_threadpool(accounts.is_node_secret, self._archive, name, secret):
            raise stranger()
        caller = Caller(name, accounts.digest_of(secret))
        self._known.add(caller)
        return caller

    def is_out(self, caller: Caller) -> bool:
        """Whether the account that the caller showed has ended while its request goes on."""
        return caller in self._ended

    def refresh(self) -> set[str]:
        """Look at the accounts again; the names of those that ended or got another secret. Blocks.

        Raises StorageError.
        """
        now = {
            Caller(each.name, each.secret_sha256)
            for each in self._archive.credentials()
            if each.role == "node"
        }
        ended = self._known - now
        self._known -= ended
        self._known |= now
        kept = {each: None for each in self._ended if each not in now}
        kept |= dict.fromkeys(ended)
        self._ended = dict(list(kept.items())[-MAX_ENDED:])
        return {each.name for each in ended}


def stranger() -> HttpError:
    """The answer to who has no account, or not any more."""
    return HttpError(
        401,
        "unauthorised",
        "a node's name and secret are needed",
        headers={"WWW-Authenticate": 'Basic realm="camwatch", charset="UTF-8"'},
    )


def _basic(header: str) -> tuple[str, str]:
    """User and password of a Basic header, RFC 7617; empty where there are none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > MAX_HEADER_CHARS:
        return "", ""
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, secret
