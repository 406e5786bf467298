"""The hub's acknowledgement: what it has committed, so what a node may free.

Sent at QoS 0 and repeated; a lost one is harmless. Signed by the hub over the payload bytes, the
signature in the same user property as a record's.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.base.schema import item
from edge.contract import documents, names

MAX_ITEMS = 500


@dataclass(frozen=True)
class Ack:
    """All records up to `upto` and those in `also` are committed in the hub's archive."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the node it is for", pattern=names.NODE_PATTERN)
    epoch: str = item("the journal it speaks of", pattern=names.EPOCH_PATTERN)
    upto: int = item("every seq up to this one is committed; 0 for none", min=0, max=names.MAX_SEQ)
    head: str = item(
        "SHA-256 of record `upto`'s payload; zeros for none", pattern=names.HASH_PATTERN
    )
    also: tuple[int, ...] = item(
        "seqs beyond `upto` that are committed too",
        (),
        max_items=MAX_ITEMS,
        min=1,
        max=names.MAX_SEQ,
    )
    clips: tuple[str, ...] = item(
        "clips stored and verified, each <event>.<part>",
        (),
        max_items=MAX_ITEMS,
        pattern=names.CLIP_PATTERN,
    )
    snapshots: tuple[str, ...] = item(
        "SHA-256 of snapshots stored", (), max_items=MAX_ITEMS, pattern=names.HASH_PATTERN
    )


def encode(ack: Ack) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError if `decode` would."""
    return documents.dump(ack, max_bytes=names.MAX_ACK_BYTES)


def decode(payload: bytes) -> Ack:
    """The acknowledgement in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(Ack, payload, max_bytes=names.MAX_ACK_BYTES)


def clip_id(event: str, part: int) -> str:
    """How an acknowledgement and an upload name one part of an event's clip."""
    return f"{event}.{part}"
