"""Which release a node shall run, said by the hub; and how far the node has come, said by the node.

Both are retained, so that a node that was away finds its order when it comes back. An order is the
hub's wish; what may run on a node the maker's signature in it decides. Orders to one node are
numbered and rise: one that was recorded and is played back later does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.contract import documents, names, release
from edge.contract.version import PATTERN as VERSION_PATTERN

MAX_NUMBER = names.MAX_SEQ

Stage = Literal[
    "idle", "waiting", "downloading", "installing", "on_trial", "good", "returned", "refused",
    "failed",
]  # fmt: skip
ENDED = frozenset({"good", "returned", "refused", "failed"})


@dataclass(frozen=True)
class UpdateOrder:
    """Which release the node shall run."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the node it is for", pattern=names.NODE_PATTERN)
    number: int = item("rises with each order to this node", min=1, max=MAX_NUMBER)
    manifest: str | None = item(
        "the release's manifest as its maker signed it; absent: stay as you are", None,
        max_length=release.MAX_MANIFEST_BYTES,
    )  # fmt: skip
    signature: str | None = item(
        "base64 of the maker's Ed25519 signature over `camwatch release`, a line feed, and the"
        " manifest's bytes", None, pattern=r"[A-Za-z0-9+/]{86}==",
    )  # fmt: skip
    may_be_older: bool = item("whether an older version than that which runs is meant", False)


@dataclass(frozen=True)
class UpdateState:
    """How far a node has come with its order."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("who says it", pattern=names.NODE_PATTERN)
    version: str = item("that runs", max_length=32)
    arch: str = item("as `uname -m` says it", pattern=release.ARCH_PATTERN)
    python: str = item("version of Python that runs it", pattern=release.PYTHON_PATTERN)
    can_update: bool = item("whether it is installed so that it can update itself")
    number: int = item("of the order that this is about; 0: none came", min=0, max=MAX_NUMBER)
    stage: Stage = item(
        "idle, waiting (for room or a quieter line), downloading, installing (built and tested"
        " beside the one that runs), on_trial (it runs, and may be taken back), good, returned"
        " (the old version runs again), refused (never tried), failed (could not be tried)"
    )
    wanted: str | None = item("version that was ordered", None, pattern=VERSION_PATTERN)
    done_bytes: int | None = item("downloaded so far", None, min=0, max=release.MAX_BUNDLE_BYTES)
    reason: str | None = item(
        "why it was returned, refused, failed, or waits: a short word",
        None,
        pattern=r"[a-z_]{1,32}",
    )
    detail: str | None = item("the same for people", None, max_length=names.MAX_REPLY_CHARS)


def encode_order(order: UpdateOrder) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError."""
    return documents.dump(order, max_bytes=names.MAX_UPDATE_BYTES)


def decode_order(payload: bytes) -> UpdateOrder:
    """The order in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(UpdateOrder, payload, max_bytes=names.MAX_UPDATE_BYTES)


def encode_state(state: UpdateState) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError."""
    return documents.dump(state, max_bytes=names.MAX_UPDATE_BYTES)


def decode_state(payload: bytes) -> UpdateState:
    """The state in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(UpdateState, payload, max_bytes=names.MAX_UPDATE_BYTES)
