"""The settings that the hub wants a node to have: a numbered document, retained, signed by the hub.

The envelope is decoded here; what is in `settings` is checked by `edge.contract.settings`, so that
a node can say of which version it refuses what.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edge.base.schema import item
from edge.contract import documents, names

MAX_NOTE = 300
MAX_USER = 120


@dataclass(frozen=True)
class Wanted:
    """One version of a node's settings; the highest one that was signed for it counts."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the node it is for", pattern=names.NODE_PATTERN)
    version: int = item("rises with every change", min=1, max=names.MAX_SEQ)
    made_utc: datetime = item("when it was made, by the hub's clock")
    user: str = item("who made it", max_length=MAX_USER)
    settings: dict[str, object] = item("some settings; what is not given stays as edge.yaml has it")
    note: str | None = item("why", None, max_length=MAX_NOTE)


def encode(wanted: Wanted) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError if `decode` would."""
    return documents.dump(wanted, max_bytes=names.MAX_WANTED_BYTES)


def decode(payload: bytes) -> Wanted:
    """The version in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(Wanted, payload, max_bytes=names.MAX_WANTED_BYTES)
