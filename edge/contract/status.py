"""A node's retained status: online with what it is, or offline (said by its Will)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.contract import documents, names


@dataclass(frozen=True)
class Status:
    """Whether a node is connected, and who it is."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    state: Literal["online", "offline"] = item("offline is what the Will says")
    boot: str = item("id of the boot that this agent runs in", pattern=names.BOOT_PATTERN)
    version: str = item("of the node's software", max_length=32)
    epoch: str = item("of the node's journal", pattern=names.EPOCH_PATTERN)
    key: str = item("the node's Ed25519 public key, base64", pattern=r"[A-Za-z0-9+/]{43}=")
    cameras: tuple[str, ...] = item(
        "the cameras it is set to watch", max_items=64, pattern=names.CAMERA_PATTERN
    )


def encode(status: Status) -> bytes:
    """The payload bytes. Raises ContractError for what `decode` would refuse."""
    return documents.dump(status, max_bytes=names.MAX_STATUS_BYTES)


def decode(payload: bytes) -> Status:
    """The status in `payload`. Raises ContractError."""
    return documents.load(Status, payload, max_bytes=names.MAX_STATUS_BYTES)
