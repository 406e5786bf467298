"""What became of a command, signed by the node; one reply a command.

A command that the hub did not sign, that is retained, or that came before is not answered at all.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.contract import documents, names

PROOF_PREFIX = "camwatch prove.key 1"


@dataclass(frozen=True)
class PictureRef:
    """A picture on the topic reply/<command>."""

    sha256: str = item("of the JPEG", pattern=names.HASH_PATTERN)
    size_bytes: int = item("of the JPEG", min=1, max=names.MAX_SNAPSHOT_BYTES)
    width: int = item("pixels", min=1, max=65535)
    height: int = item("pixels", min=1, max=65535)


@dataclass(frozen=True)
class Reply:
    """The one answer to a command."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("who answers", pattern=names.NODE_PATTERN)
    id: str = item("the command's", pattern=names.RANDOM_PATTERN)
    status: Literal["ok", "refused", "failed"] = item(
        "done or begun; not even tried; tried in vain"
    )
    nonce: str | None = item("for the next command", None, pattern=names.RANDOM_PATTERN)
    reason: str | None = item(
        "why not, for programs: nonce, unknown, argument, camera, busy, no_picture, "
        "unsupervised, failed, ...", None, pattern=r"[a-z_]{1,32}",
    )  # fmt: skip
    detail: str | None = item("why not, for people", None, max_length=names.MAX_REPLY_CHARS)
    picture: PictureRef | None = item("of snapshot.now", None)
    proof: str | None = item(
        f"of prove.key: base64 of the Ed25519 signature over the ASCII text '{PROOF_PREFIX}', the"
        " node's name and the challenge, each followed by a line feed", None,
        pattern=r"[A-Za-z0-9+/]{86}==",
    )  # fmt: skip


def proof_bytes(node: str, challenge: str) -> bytes:
    """What a node signs to prove its key.

    It is no JSON, so that no challenge can make it sign a record or a reply.
    """
    return f"{PROOF_PREFIX}\n{node}\n{challenge}\n".encode("ascii")


def proof_signature(proof: str) -> bytes:
    """The signature in a reply's `proof`."""
    return base64.b64decode(proof)


def encode(reply: Reply) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError if `decode` would."""
    return documents.dump(reply, max_bytes=names.MAX_REPLY_BYTES)


def decode(payload: bytes) -> Reply:
    """The reply in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(Reply, payload, max_bytes=names.MAX_REPLY_BYTES)
