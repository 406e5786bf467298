"""How a blank box joins its hub: POST /enrol with the token of its node file.

The node makes its Ed25519 key and its secret itself and keeps both before it asks, so that asking
again after a lost answer is the same question: the hub takes the same token again from the same key
while it lasts, and from no other. By its signature the node proves that it holds the key, by its
own the hub that it is the one that the node file names.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from edge.base.schema import item
from edge.contract import documents, names, nodefile

PATH = "/enrol"
MAX_BYTES = 4 * 1024
MAX_REFUSAL_CHARS = 600
SECRET_PATTERN = r"[A-Za-z0-9_-]{43}"  # noqa: S105 - 256 random bits in base64url
SIGNATURE_PATTERN = r"[A-Za-z0-9+/]{86}=="
ASK_PREFIX = "camwatch enrol 1"
TAKEN_PREFIX = "camwatch enrolled 1"


@dataclass(frozen=True)
class Request:
    """What a node asks with; `signature` is made with `key` over `asked_bytes`."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the name in the node file", pattern=names.NODE_PATTERN)
    token: str = item("the node file's", pattern=nodefile.TOKEN_PATTERN, is_secret=True)
    hub_key: str = item("the node file's", pattern=nodefile.KEY_PATTERN)
    key: str = item("the node's own public key, base64", pattern=nodefile.KEY_PATTERN)
    secret: str = item(
        "what it will log in with, at the broker and for uploads", pattern=SECRET_PATTERN,
        is_secret=True,
    )  # fmt: skip
    signature: str = item("base64", pattern=SIGNATURE_PATTERN)


@dataclass(frozen=True)
class Taken:
    """The hub's yes; `signature` is made with the hub's key over `taken_bytes`."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("who is enrolled", pattern=names.NODE_PATTERN)
    key: str = item("the key that its records will be checked by", pattern=nodefile.KEY_PATTERN)
    signature: str = item("base64", pattern=SIGNATURE_PATTERN)


def asked_bytes(node: str, token: str, hub_key: str, key: str, secret: str) -> bytes:
    """What the node signs. It is no JSON, so that it is no other document either."""
    hidden = (hashlib.sha256(each.encode()).hexdigest() for each in (token, secret))
    return "\n".join((ASK_PREFIX, node, *hidden, hub_key, key, "")).encode("ascii")


def taken_bytes(node: str, token: str, key: str) -> bytes:
    """What the hub signs."""
    hidden = hashlib.sha256(token.encode()).hexdigest()
    return "\n".join((TAKEN_PREFIX, node, hidden, key, "")).encode("ascii")


def signature_of(document: Request | Taken) -> bytes:
    """The signature's 64 bytes."""
    return base64.b64decode(document.signature)


def encode(document: Request | Taken) -> bytes:
    """The body's bytes. Raises ContractError if decoding would."""
    return documents.dump(document, max_bytes=MAX_BYTES)


def decode_request(body: bytes) -> Request:
    """The request in `body`. Raises ContractError. Check the signature first."""
    return documents.load(Request, body, max_bytes=MAX_BYTES)


def decode_taken(body: bytes) -> Taken:
    """The answer in `body`. Raises ContractError. Check the signature first."""
    return documents.load(Taken, body, max_bytes=MAX_BYTES)
