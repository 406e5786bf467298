"""Nodes log in with HTTP Basic: their name and the secret of their account."""

from __future__ import annotations

import base64
import binascii

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from hub.api.answers import HttpError
from hub.archive import Archive
from hub.registry import accounts

MAX_HEADER_CHARS = 512


async def node_of(request: Request, archive: Archive) -> str:
    """The node that makes the request. Raises HttpError 401, StorageError."""
    name, secret = _basic(request.headers.get("authorization", ""))
    if not await run_in_threadpool(accounts.is_node_secret, archive, name, secret):
        raise HttpError(
            401,
            "unauthorised",
            "a node's name and secret are needed",
            headers={"WWW-Authenticate": 'Basic realm="camwatch", charset="UTF-8"'},
        )
    return name


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
